"""Wishing for images: everything that can be refused is refused here, in one short transaction that holds the quota."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction

from billing import quota
from billing.amounts import Amounts
from billing.models import Subscription
from billing.plans import subscription_for
from imagery import inputs, palette, renders
from imagery.inputs import Input
from imagery.models import GeneratedImage
from wisqu.api import idempotency, jobs
from wisqu.api.ids import uuid7
from wisqu.api.problems import FieldError, Invalid, NotFound

MOST_AT_ONCE = 4
LARGEST_SEED = 2**31 - 1
# Tells whether a conversation, and a message of it, are a person's: `(owner_id, conversation_id, message_id)`.
Place = Callable[[uuid.UUID, uuid.UUID | None, uuid.UUID | None], bool]
_places: list[Place] = []
# Longer than any image waits and is made; settled or released long before, unless everything is gone.
HOLD = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is wished for. `input_image` is an id or a `data:` URL; the ids say where in the chat it belongs."""

    prompt: str
    model: str = ""
    aspect_ratio: str = ""
    n: int = 1
    seed: int | None = None
    input_image: str = ""
    conversation_id: uuid.UUID | None = None
    after_message_id: uuid.UUID | None = None


def register_place(place: Place) -> None:
    """Let an upper app say where an image may belong."""
    if place not in _places:
        _places.append(place)


def request(
    *, owner_id: uuid.UUID, wish: Wish, key: str | None = None, mark: str = ""
) -> list[GeneratedImage]:
    """Queue the images and return them; those that an earlier request with the same key made.

    Raises Invalid, NotFound (of the picture to start from, and of its place), ImagesDisabled, FeatureRequired,
    QuotaExceeded, and Problem for a key that was used otherwise.
    """
    plan = subscription_for(owner_id).plan
    palette.choose(
        plan=plan, name=wish.model, aspect_ratio=wish.aspect_ratio, has_input=bool(wish.input_image)
    )
    if not all(place(owner_id, wish.conversation_id, wish.after_message_id) for place in _places):
        raise NotFound
    # Before the transaction: it takes a moment, and a copy that gets no row is swept.
    given = inputs.take(owner_id=owner_id, wished=wish.input_image)
    return _queue(owner_id=owner_id, wish=wish, given=given, key=key, mark=mark)


def again(
    *, owner_id: uuid.UUID, image_id: uuid.UUID, key: str | None = None, mark: str = ""
) -> list[GeneratedImage]:
    """Queue an image of the same wish, with a seed of its own. Raises NotFound, and what `request` raises."""
    old = find(owner_id=owner_id, image_id=image_id)
    wish = Wish(
        prompt=old.prompt,
        model=old.model,
        aspect_ratio=old.aspect_ratio,
        conversation_id=old.conversation_id,
        after_message_id=old.after_message_id,
    )
    given = Input(old.input_key, old.input_id)
    return _queue(owner_id=owner_id, wish=wish, given=given, key=key, mark=mark)


def find(*, owner_id: uuid.UUID, image_id: uuid.UUID) -> GeneratedImage:
    """Return one image of a person. Raises NotFound."""
    image = GeneratedImage.objects.for_owner(owner_id).filter(id=image_id).first()
    if image is None:
        raise NotFound
    return image


def batch(*, owner_id: uuid.UUID, batch_id: uuid.UUID | None) -> list[GeneratedImage]:
    """Return the images that were wished for together, in their order. Raises NotFound where none is left."""
    rows = GeneratedImage.objects.for_owner(owner_id).order_by("id")
    found = list(rows.filter(batch_id=batch_id)) if batch_id else []
    if not found:
        raise NotFound
    return found


def _queue(
    *, owner_id: uuid.UUID, wish: Wish, given: Input, key: str | None, mark: str
) -> list[GeneratedImage]:
    first_id = uuid7()
    with transaction.atomic():
        known = key and idempotency.claim(owner_id=owner_id, key=key, mark=mark, reference=first_id)
        if known:
            return batch(owner_id=owner_id, batch_id=known.reference)
        subscription = subscription_for(owner_id)
        painter = palette.choose(
            plan=subscription.plan,
            name=wish.model,
            aspect_ratio=wish.aspect_ratio,
            has_input=bool(given.key),
        )
        images = _rows(owner_id, first_id, wish, given, painter)
        _hold(images, subscription)
        GeneratedImage.objects.bulk_create(images)
        for image in images:
            jobs.send_on_commit(renders.TASK, str(image.id))
    return images


def _rows(
    owner_id: uuid.UUID, first_id: uuid.UUID, wish: Wish, given: Input, painter: palette.Painter
) -> list[GeneratedImage]:
    """Return a row for each image of the wish; the first one names the batch. Raises Invalid."""
    return [
        GeneratedImage(
            id=uuid7() if place else first_id,
            owner_id=owner_id,
            batch_id=first_id,
            prompt=wish.prompt,
            model=painter.model.id,
            aspect_ratio=wish.aspect_ratio,
            seed=seed,
            input_key=given.key,
            input_id=given.id,
            conversation_id=wish.conversation_id,
            after_message_id=wish.after_message_id,
        )
        for place, seed in enumerate(_seeds(wish, painter))
    ]


def _hold(images: list[GeneratedImage], subscription: Subscription) -> None:
    """Hold one image each, so that each is settled or released by itself."""
    for image in images:
        quota.reserve(
            user_id=image.owner_id,
            amounts=Amounts(images=1),
            key=image.id,
            lifetime=HOLD,
            subscription=subscription,
        )


def _seeds(wish: Wish, painter: palette.Painter) -> list[int | None]:
    """Return a seed for each image: the wished one and those after it, else any, so that no two are the same."""
    if not painter.traits.takes_seed:
        if wish.seed is not None:
            detail = f"{painter.model.id} takes no seed."
            raise Invalid(detail=detail, errors=[FieldError("seed", "unsupported_seed", detail)])
        return [None] * wish.n
    if wish.seed is not None:
        return [(wish.seed + place) % (LARGEST_SEED + 1) for place in range(wish.n)]
    return [secrets.randbelow(LARGEST_SEED) for _ in range(wish.n)]

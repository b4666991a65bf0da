"""Making, changing, publishing and removing presets: every rule about them, for each door.

Values come in with the names of the columns and of the right kind; what they mean is judged here.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.text import slugify

from billing.models import Feature, PlanLimit, Subscription
from billing.plans import require_feature, subscription_for
from presets import catalogue, standing
from presets.choosing import as_id
from presets.models import DefaultPreset, ModelPreset
from wisqu.accounts.models import User
from wisqu.api.problems import FieldError, Invalid, NotFound, Problem

# What decides an answer: a change of one of these makes a new version.
DECISIVE = (
    "system_prompt",
    "model",
    "fallback_models",
    "routing_strategy",
    "temperature",
    "top_p",
    "max_tokens",
    "web_search",
    "web_search_options",
)
# What makes a preset the same somewhere else: copied, exported, imported.
PORTABLE = ("name", "description", *DECISIVE)


def may_publish(user: User) -> bool:
    """Tell whether somebody runs the house's presets: staff whose role may change them, at every door."""
    return user.is_staff and user.has_perm("presets.change_modelpreset")


class TooManyPresets(Problem):
    """The plan holds no more presets; the problem document carries `measure`, `limit` and `advice`."""

    status = 400
    code = "quota_exceeded"

    def __init__(self, *, plan: PlanLimit) -> None:
        super().__init__(
            detail=f"Preset limit reached ({plan.presets})",
            measure="presets",
            limit=plan.presets,
            remaining=0,
            advice="Delete one that you don't need. A larger plan holds more.",
        )


@transaction.atomic
def make(*, owner_id: uuid.UUID, values: Mapping[str, Any], is_public: bool = False) -> ModelPreset:
    """Make a preset of one's own, or one of the house at once; without a slug its name gives one.

    Raises TooManyPresets (400), Invalid (422: an unknown model, a taken slug), FeatureRequired (403).
    """
    plan = subscription_for(owner_id).plan if is_public else _plan_with_room(owner_id)
    judge(values, plan=plan)
    preset = ModelPreset(owner_id=None if is_public else owner_id, **_without_slug(values))
    preset.slug = _slug(preset.owner_id, values.get("slug") or "", name=preset.name)
    return _stored(preset)


@transaction.atomic
def change(preset: ModelPreset, *, values: Mapping[str, Any], plan: PlanLimit) -> ModelPreset:
    """Set these fields and return the row; other changes at the same time are kept.

    Raises Invalid and FeatureRequired for what is given, never for what stays as it was; NotFound when it is gone.
    """
    found = ModelPreset.objects.select_for_update(of=("self",)).filter(id=preset.id).first()
    if found is None:
        raise NotFound
    preset = found
    changed = {name: value for name, value in values.items() if getattr(preset, name) != value}
    judge(changed, plan=plan)
    if changed:
        preset.shipped_version = None
    for name, value in _without_slug(changed).items():
        setattr(preset, name, value)
    if "slug" in changed:
        preset.slug = _slug(preset.owner_id, changed["slug"], name=preset.name)
    if any(name in changed for name in DECISIVE):
        preset.version += 1
    return _stored(preset)


def duplicate(preset: ModelPreset, *, owner_id: uuid.UUID) -> ModelPreset:
    """Make a copy of one's own to go on from, under a name that one has not used. Raises what `make` does."""
    used = set(ModelPreset.objects.for_owner(owner_id).values_list("name", flat=True))
    stem = preset.name[: ModelPreset.LONGEST_NAME - 5]
    names = (preset.name, *(f"{stem} {number}" for number in range(2, 10_000)))
    name = next(name for name in names if name not in used)
    return make(owner_id=owner_id, values=portable(preset) | {"name": name})


def portable(preset: ModelPreset) -> dict[str, Any]:
    """Return what the preset is, without whose and where."""
    return {name: getattr(preset, name) for name in PORTABLE}


@transaction.atomic
def publish(preset: ModelPreset) -> ModelPreset:
    """Give it to the house: everybody may use it from now on, and staff edit it. It counts for nobody's plan."""
    preset.owner_id = None
    return _stored(preset)


@transaction.atomic
def withdraw(preset: ModelPreset, *, owner_id: uuid.UUID) -> ModelPreset:
    """Take it from the house: it is this person's alone; conversations that used it go on without. Raises as `make`."""
    _plan_with_room(owner_id)
    preset.owner_id = owner_id
    DefaultPreset.objects.filter(preset=preset).exclude(user_id=owner_id).delete()
    return _stored(preset)


def remove(preset: ModelPreset) -> None:
    """Delete it. Answers keep what they were made with; conversations go on without it."""
    preset.delete()
    standing.forget()


def begin_with(*, user_id: uuid.UUID, preset: ModelPreset | None) -> None:
    """Begin the person's new conversations with this preset; None: with the product's own."""
    if preset is None:
        DefaultPreset.objects.filter(user_id=user_id).delete()
    else:
        DefaultPreset.objects.update_or_create(user_id=user_id, defaults={"preset": preset})


def judge(values: Mapping[str, Any], *, plan: PlanLimit) -> None:
    """Refuse what the catalogue does not have and the plan does not allow."""
    if values.get("model"):
        catalogue.require(values["model"], plan=plan)
    for name in values.get("fallback_models") or ():
        catalogue.require(name, plan=plan, field_name="fallback_models")
    if values.get("web_search"):
        require_feature(plan, Feature.WEB_SEARCH)


def check_slug(slug: str) -> None:
    """Refuse what is no slug, and what would be taken for an id."""
    if slug != slugify(slug, allow_unicode=True) or as_id(slug):
        detail = "A slug has small letters, digits, hyphens and underscores, and is not an id."
        raise Invalid(errors=[FieldError("slug", "invalid", detail)])


def _plan_with_room(user_id: uuid.UUID) -> PlanLimit:
    """Return the plan, if it holds one more. The subscription stays locked: one at a time is counted and made."""
    plan = subscription_for(user_id).plan
    Subscription.objects.select_for_update(no_key=True).get(user_id=user_id)
    if plan.presets is not None and ModelPreset.objects.for_owner(user_id).count() >= plan.presets:
        raise TooManyPresets(plan=plan)
    return plan


def _without_slug(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != "slug"}


def _slug(owner_id: uuid.UUID | None, wish: str, *, name: str) -> str:
    """Return the slug that was wished for, or the first free one that the name gives."""
    if wish:
        check_slug(wish)
        return wish
    stem = slugify(name, allow_unicode=True)[: ModelPreset.LONGEST_SLUG - 5].strip("-_") or "preset"
    stem = f"preset-{stem}" if as_id(stem) else stem
    # Nor one of the house: a copy does not stand in its original's way unless somebody means it to.
    others = Q(owner_id=owner_id) | Q(owner=None)
    taken = set(ModelPreset.objects.filter(others, slug__startswith=stem).values_list("slug", flat=True))
    return next(slug for slug in (stem, *(f"{stem}-{n}" for n in range(2, 10_000))) if slug not in taken)


def _stored(preset: ModelPreset) -> ModelPreset:
    try:
        with transaction.atomic():
            preset.save()
    except IntegrityError:
        detail = f"There is a preset with the slug {preset.slug} already."
        raise Invalid(errors=[FieldError("slug", "slug_taken", detail)]) from None
    transaction.on_commit(standing.forget)
    standing.forget()
    return preset

"""Which models make images, for whom, and in which shapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings

from billing.errors import FeatureRequired
from billing.models import Feature, PlanLimit
from billing.plans import require_feature
from presets import catalogue
from presets.catalogue import NO_PRICE, Model
from wisqu.api.problems import FieldError, Forbidden, Invalid
from wisqu.openrouter.images import ImageTraits, image_traits


class ImagesDisabled(Forbidden):
    """The operator has switched images off."""

    code = "images_disabled"
    detail = "Images are not made on this site."


@dataclass(frozen=True, slots=True)
class Painter:
    """A model that makes images, with what it takes."""

    model: Model
    traits: ImageTraits

    @property
    def only_images(self) -> bool:
        """Whether it writes nothing beside the picture."""
        return "text" not in self.model.output_modalities and self.model.is_known

    def facts(self) -> dict[str, Any]:
        """Return what a page needs to offer it."""
        return {
            "id": self.model.id,
            "name": self.model.name or self.model.id,
            "ratios": list(self.traits.aspect_ratios),
            "takes_input": self.traits.takes_input,
        }


def painters(*, allow_advanced: bool = True) -> list[Painter]:
    """Return the models of IMAGE_GENERATION_MODELS that can be used, in their order; a retired one's successor."""
    found: dict[str, Painter] = {}
    for name in settings.IMAGE_GENERATION_MODELS:
        model = catalogue.get(name)
        if model is not None and _may_paint(model) and (allow_advanced or not model.advanced):
            found.setdefault(model.id, _painter(model))
    return list(found.values())


def painter_for(name: str) -> Painter | None:
    """Return the model under this name, dated name or former name, if it is among those that make images here."""
    model = catalogue.get(name)
    return next((each for each in painters() if model is not None and each.model.id == model.id), None)


def choose(*, plan: PlanLimit, name: str, aspect_ratio: str, has_input: bool) -> Painter:
    """Return the model to ask, the first one where none is named.

    Raises ImagesDisabled, FeatureRequired (403) for a plan without images or without advanced models, and Invalid
    (422) for a model that is not offered and a shape or an example that it does not take.
    """
    if not settings.IMAGE_GENERATION_ENABLED:
        raise ImagesDisabled
    require_feature(plan, Feature.IMAGE_GENERATION)
    painter = painter_for(name) if name else _first(plan)
    if painter is None:
        raise _refused(
            "model",
            "unknown_model",
            f"{name} makes no images here." if name else "No model makes images here.",
        )
    if painter.model.advanced and not plan.advanced_models:
        raise FeatureRequired(feature=Feature.ADVANCED_MODELS, plan=plan)
    ratios = painter.traits.aspect_ratios
    if aspect_ratio and aspect_ratio not in ratios:
        detail = f"{painter.model.id} makes images of {', '.join(ratios)}."
        raise _refused("aspect_ratio", "unsupported_aspect_ratio", detail)
    if has_input and not painter.traits.takes_input:
        raise _refused("input_image", "unsupported_input", f"{painter.model.id} starts from words alone.")
    return painter


def _first(plan: PlanLimit) -> Painter | None:
    usable = painters(allow_advanced=plan.advanced_models)
    return usable[0] if usable else None


def _may_paint(model: Model) -> bool:
    """Tell whether it can be asked. Images are paid for by the piece: it needs no price a token."""
    is_blocked = bool(model.blocked_reason) and model.blocked_reason != NO_PRICE
    makes_images = "image" in model.output_modalities or not model.is_known
    return model.is_listed and makes_images and not is_blocked


def _painter(model: Model) -> Painter:
    known = model.input_modalities if model.is_known else None
    traits = image_traits(model.id, output_modalities=model.output_modalities, input_modalities=known)
    return Painter(model, traits)


def _refused(field: str, code: str, detail: str) -> Invalid:
    return Invalid(detail=detail, errors=[FieldError(field, code, detail)])

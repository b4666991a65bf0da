"""The words that the scripts of images say, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext as _


def failures() -> dict[str, str]:
    """Return what to say for each code that an image can fail or be refused with."""
    busy = _("The model is asked by too many at the moment. Try again shortly.")
    return {
        "content_refused": _("The model's rules don't allow this image. Describe it in another way."),
        "model_unavailable": _("This model is not available. Please choose another one."),
        "upstream_misconfigured": _(
            "The model can't be reached. Those who run this site have to look into it."
        ),
        "upstream_rate_limited": busy,
        "upstream_unavailable": _("The model's provider is not answering. Try again in a moment."),
        "upstream_timeout": _("The model took too long to make this image."),
        "invalid_request": _("The model did not accept this wish. Try another shape, or another model."),
        "interrupted": _("The server stopped while this image was being made. Try again."),
        "no_worker": _("Nobody was there to make this image. Try again in a moment."),
        "bad_image": _("What the model sent is no picture. Try again."),
        "malformed_reply": _("What the model sent is no picture. Try again."),
        "no_image": _("The model answered without a picture. Describe what it should show."),
        "not_kept": _("The image could not be stored. Try again in a moment."),
        "canceled": _("This image was deleted before it was begun."),
        "internal_error": _("Something broke on our side. It has been noted."),
        "images_disabled": _("Images are not made on this site."),
        "plan_feature_required": _("Your plan has no images."),
        "quota_exceeded": _("All images of this month are used."),
        "unknown_model": _("There is no such model any more. Please choose another one."),
        "unsupported_aspect_ratio": _("This model does not make that shape."),
    }


def meter_text(meter: Mapping[str, int | None]) -> str:
    """Return what is left of the month's images."""
    used, limit, left = meter["used"], meter["limit"], meter["remaining"]
    return _used() % {"n": used} if limit is None else _left() % {"n": left, "limit": limit}


def _left() -> str:
    return _("%(n)s of %(limit)s left this month")


def _used() -> str:
    return _("%(n)s this month")


def words() -> dict[str, str | dict[str, str]]:
    """Return every word that a script may show."""
    return {
        "queued": _("Waiting its turn"),
        "running": _("Being made"),
        "failed": _("Not made"),
        "deleted": _("Deleted."),
        "undo": _("Undo"),
        "ready": _("An image is ready."),
        "open": _("Open the image"),
        "asIs": _("Any"),
        "anyShape": _("Any shape"),
        "describe": _("Describe an image"),
        "left": _left(),
        "used": _used(),
        "lost": _("The server can't be reached. Try again in a moment."),
        "signedOut": _("You are signed out. Sign in again to go on."),
        "started": _("It is being made."),
        "tooLarge": _("This picture is too large. Choose one of at most %(n)s MB."),
        "noPicture": _("This is no picture that can be read: PNG, JPEG, WebP or GIF."),
        "failures": failures(),
    }

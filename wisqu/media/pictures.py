"""`images.clean` as a job of `wisqu.media.worker`: plain values out, refusals as `FileRefused`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from wisqu.media import images
from wisqu.media.refusals import FileRefused, Why

_REASONS = {
    "not_an_image": Why.UNKNOWN_TYPE,
    "image_too_large": Why.TOO_MANY_PIXELS,
}


def clean(data: bytes, *, longest_side: int | None = None) -> dict[str, Any]:
    """Return the picture as `images.Picture` has it: `data`, `media_type`, `width`, `height`, `thumbnail`.

    Raises FileRefused.
    """
    try:
        return asdict(images.clean(data, longest_side=longest_side))
    except images.BadImage as bad:
        raise FileRefused(_REASONS.get(bad.code, Why.BROKEN), bad.detail) from bad

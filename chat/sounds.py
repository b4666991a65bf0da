"""Recordings as they are kept and sent: measured in a process that may die."""

from __future__ import annotations

import math
from dataclasses import dataclass

from django.conf import settings

from wisqu.media import sniffing, worker


@dataclass(frozen=True, slots=True)
class Sound:
    """A recording as it is kept and sent: its bytes, their kind, how long they last."""

    data: bytes
    kind: sniffing.Kind
    duration_ms: int

    @property
    def seconds(self) -> int:
        """What is counted: whole seconds, a begun one as one."""
        return math.ceil(self.duration_ms / 1000)


def measure(data: bytes) -> Sound:
    """Open a recording in a process of its own. Raises FileRefused. Blocks for up to two seconds."""
    found = worker.run(
        "audio:inspect", data, limits=worker.SOUND_LIMITS, max_seconds=settings.AUDIO_MAX_MINUTES * 60
    )
    kind = next(each for each in sniffing.RECORDINGS if each.media_type == found["media_type"])
    return Sound(found["data"] or data, kind, found["duration_ms"])

"""Recordings are measured by what is in them; what is none is refused in little time."""

from __future__ import annotations

import random

import pytest

from tests.media import sounds
from wisqu.media import audio, worker
from wisqu.media.refusals import FileRefused, Why

LONGEST_S = 600


def measured(data: bytes, **options: int) -> dict:
    return worker.run(
        "audio:inspect", data, limits=worker.SOUND_LIMITS, **{"max_seconds": LONGEST_S, **options}
    )


def refused(data: bytes, **options: int) -> Why:
    with pytest.raises(FileRefused) as found:
        measured(data, **options)
    return found.value.why


@pytest.mark.parametrize("ending", ["wav", "mp3", "m4a", "ogg", "flac"])
def test_every_kind_is_measured_to_the_frame(ending: str) -> None:
    found = audio.inspect(sounds.recording(ending, 2.5), max_seconds=LONGEST_S)
    assert found["duration_ms"] == pytest.approx(2500, abs=0 if ending in ("wav", "flac") else 120)
    assert (found["ending"], found["data"]) == (ending, None)


def test_what_a_browser_records_becomes_ogg_without_loss() -> None:
    found = measured(sounds.recording("webm", 2.0))
    assert (found["media_type"], found["data"][:4]) == ("audio/ogg", b"OggS")
    again = audio.inspect(found["data"], max_seconds=LONGEST_S)
    assert again["duration_ms"] == pytest.approx(found["duration_ms"], abs=25)


def test_a_head_that_lies_is_not_believed() -> None:
    assert measured(sounds.wav_that_claims(3))["duration_ms"] == 1000
    shorter = bytearray(sounds.recording("flac", 3.0))
    shorter[21:26] = bytes([shorter[21] & 0xF0, 0, 0, 1, 0])  # the count of samples in STREAMINFO
    assert audio.inspect(bytes(shorter), max_seconds=LONGEST_S)["duration_ms"] == 3000


def test_hours_of_silence_in_kilobytes_are_too_long() -> None:
    data = sounds.silence_for_hours(1)
    assert len(data) < 1_000_000
    assert refused(data) == Why.TOO_LONG


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", Why.BROKEN),
        (sounds.wav(0), Why.BROKEN),
        (b"ID3\x04\x00\x00\x00\x00\x00\x00" + b"<script>alert(1)</script>" * 40, Why.BROKEN),
        (b"OggS" + random.Random(1).randbytes(4000), Why.BROKEN),
        (b"fLaC" + random.Random(2).randbytes(4000), Why.BROKEN),
        (b"\x1a\x45\xdf\xa3" + random.Random(3).randbytes(4000), Why.BROKEN),
        (b"\x00\x00\x00\x18ftypM4A " + random.Random(4).randbytes(4000), Why.BROKEN),
        (b"%PDF-1.7\n", Why.UNKNOWN_TYPE),
    ],
)
def test_what_only_begins_like_a_recording_is_refused(data: bytes, why: Why) -> None:
    assert refused(data) == why


def test_a_film_is_no_recording() -> None:
    assert refused(sounds.video()) == Why.UNKNOWN_TYPE


def test_half_a_recording_is_measured_for_what_there_is() -> None:
    data = sounds.recording("mp3", 4.0)
    assert measured(data[: len(data) // 2])["duration_ms"] == pytest.approx(2000, abs=120)

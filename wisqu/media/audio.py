"""Recordings: how long they last, to the millisecond, by counting what is in them. Jobs of `wisqu.media.worker`.

A header may say anything; models hear packets, so packets are counted. What browsers record (Opus in WebM) is put into
an Ogg file, packet by packet and without loss: models take that, and not WebM.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from wisqu.media import sniffing
from wisqu.media.refusals import FileRefused, Why, broken

# The one reader of FFmpeg's that each kind is given to: none of its others ever sees a stranger's bytes.
_READERS = {
    sniffing.WAV: "wav",
    sniffing.MP3: "mp3",
    sniffing.M4A: "mov",
    sniffing.OGG: "ogg",
    sniffing.FLAC: "flac",
    sniffing.WEBM: "matroska",
}
_CODECS = {"mp3", "mp3float", "aac", "alac", "opus", "vorbis", "flac"}
_IN_OGG = {"opus", "vorbis"}
# So many frames are decoded, to see that it is sound and not something that begins like it.
_FRAMES_HEARD = 3
_MOST_CHANNELS, _LEAST_RATE, _MOST_RATE = 8, 4_000, 192_000


def inspect(data: bytes, *, max_seconds: int) -> dict[str, Any]:
    """Return `duration_ms`, `media_type`, `ending`, and `data` where other bytes are to be kept than came (else None).

    Raises FileRefused for what is no sound, holds a video, or lasts longer than `max_seconds`.
    """
    kind = sniffing.sniff(data)
    if kind not in _READERS:
        raise FileRefused(
            Why.UNKNOWN_TYPE, "This is no recording that is taken: WAV, MP3, M4A, Ogg, FLAC or WebM."
        )
    with _opened(data, kind) as container:
        stream = _sound_of(container)
        codec = stream.codec_context.name
        duration_ms = _duration_ms(container, stream, max_seconds)
    _hear(data, kind)
    kept = None
    if kind is sniffing.WEBM:
        if codec not in _IN_OGG:
            raise FileRefused(
                Why.UNKNOWN_TYPE, "The sound in this file is of a kind that can't be read here."
            )
        kept, kind = _as_ogg(data), sniffing.OGG
    return {"duration_ms": duration_ms, "media_type": kind.media_type, "ending": kind.ending, "data": kept}


@contextmanager
def _opened(data: bytes, kind: sniffing.Kind) -> Iterator[InputContainer]:
    av.logging.set_level(None)
    try:
        with av.open(io.BytesIO(data), mode="r", format=_READERS[kind]) as container:
            yield container
    except av.FFmpegError as error:
        raise broken("The recording is damaged; it can't be played.") from error


def _sound_of(container: InputContainer) -> AudioStream:
    pictures = [stream for stream in container.streams.video if not _is_cover(stream)]
    if pictures:
        raise FileRefused(Why.UNKNOWN_TYPE, "This is a video. Attach its sound alone.")
    if len(container.streams.audio) != 1:
        raise broken("The file holds no sound, or more than one recording.")
    stream = container.streams.audio[0]
    context = stream.codec_context
    is_sane = 1 <= context.channels <= _MOST_CHANNELS and _LEAST_RATE <= context.sample_rate <= _MOST_RATE
    if not is_sane or not (context.name in _CODECS or context.name.startswith("pcm_")):
        raise FileRefused(Why.UNKNOWN_TYPE, "The sound in this file is of a kind that can't be read here.")
    return stream


def _is_cover(stream: Any) -> bool:
    """Tell whether it is the picture that music carries along."""
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _duration_ms(container: InputContainer, stream: AudioStream, max_seconds: int) -> int:
    """Count the packets: how long they say they are, or how much sound the codec puts into so many."""
    count, ticks = 0, 0
    base, rate = float(stream.time_base or 0), stream.codec_context.sample_rate
    each = stream.codec_context.frame_size  # samples a packet, 0 where that differs
    for packet in container.demux(stream):
        if not packet.size:
            continue
        count += 1
        ticks += packet.duration or 0
        if max(ticks * base, count * each / rate) > max_seconds:
            minutes = max_seconds // 60
            raise FileRefused(
                Why.TOO_LONG, f"The recording is longer than {minutes} minutes. Attach a part of it."
            )
    said, heard = ticks * base, count * each / rate
    # A file whose packets are longer than it says would be heard for longer than it is counted.
    seconds = heard if heard > said * 1.05 + 0.1 else said
    if not count or seconds <= 0:
        raise broken("The recording is empty.")
    return max(1, round(seconds * 1000))


def _hear(data: bytes, kind: sniffing.Kind) -> None:
    with _opened(data, kind) as container:
        for heard, frame in enumerate(container.decode(audio=0), start=1):
            if frame.samples and heard >= _FRAMES_HEARD:
                break


def _as_ogg(data: bytes) -> bytes:
    written = io.BytesIO()
    with _opened(data, sniffing.WEBM) as source, av.open(written, mode="w", format="ogg") as target:
        stream = source.streams.audio[0]
        copy = target.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.dts is not None:
                packet.stream = copy
                target.mux(packet)
    return written.getvalue()

"""Small recordings of every kind, made on the spot: a quiet tone."""

from __future__ import annotations

import io
import math
import struct
import wave

import av

RATE = 16_000
# File format and codec of FFmpeg for each ending.
_WRITERS = {
    "mp3": ("mp3", "libmp3lame", 16_000),
    "m4a": ("ipod", "aac", 16_000),
    "ogg": ("ogg", "libopus", 48_000),
    "flac": ("flac", "flac", 16_000),
    "webm": ("webm", "libopus", 48_000),
}


def wav(seconds: float = 1.0, *, rate: int = RATE, hertz: int = 220) -> bytes:
    """A WAV file of one channel with 16 bits."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(_tone(round(seconds * rate), rate, hertz))
    return file.getvalue()


def _tone(samples: int, rate: int, hertz: int) -> bytes:
    period = max(1, rate // hertz)
    one = struct.pack(
        f"<{period}h", *(round(6000 * math.sin(2 * math.pi * n / period)) for n in range(period))
    )
    return (one * (samples // period + 1))[: samples * 2]


def recording(ending: str, seconds: float = 1.0) -> bytes:
    """The same in another kind of file: mp3, m4a, ogg, flac or webm."""
    if ending == "wav":
        return wav(seconds)
    kind, codec, rate = _WRITERS[ending]
    file = io.BytesIO()
    with av.open(file, "w", format=kind) as target, av.open(io.BytesIO(wav(seconds, rate=rate))) as source:
        stream = target.add_stream(codec, rate=rate, layout="mono")
        for frame in source.decode(audio=0):
            frame.pts = None
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return file.getvalue()


def video() -> bytes:
    """A film of a second without sound."""
    file = io.BytesIO()
    with av.open(file, "w", format="webm") as target:
        stream = target.add_stream("libvpx", rate=5)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for _ in range(5):
            target.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        target.mux(stream.encode(None))
    return file.getvalue()


def wav_that_claims(seconds: int) -> bytes:
    """A WAV file whose head promises more than there is."""
    data = bytearray(wav(1.0))
    data[40:44] = struct.pack("<I", min(seconds * RATE * 2, 2**32 - 1))
    return bytes(data)


def silence_for_hours(hours: int) -> bytes:
    """A FLAC file of kilobytes that would play for hours."""
    file = io.BytesIO()
    with av.open(file, "w", format="flac") as target:
        stream = target.add_stream("flac", rate=8_000, layout="mono")
        for _ in range(hours * 60):
            frame = av.AudioFrame(format="s16", layout="mono", samples=8_000 * 60)
            frame.planes[0].update(bytes(frame.planes[0].buffer_size))
            frame.rate = 8_000
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return file.getvalue()

"""Files made to do harm: each is refused with a reason, in little time and little memory."""

import resource

import pytest

from tests.media import files
from wisqu.media import worker
from wisqu.media.refusals import FileRefused, Why

_PDF = {"max_pages": 300, "most_characters": 100_000}
_PICTURE = {"longest_side": 2048}
_HOSTILE = {
    "a page of 500 MB": ("pdf:inspect", files.pdf_bomb, _PDF, None),
    "pages without end": ("pdf:inspect", files.pdf_with_endless_pages, _PDF, Why.BROKEN),
    "a locked file": ("pdf:inspect", files.locked_pdf, _PDF, Why.ENCRYPTED),
    "half a file": ("pdf:inspect", lambda: files.pdf("x" * 900)[:300], _PDF, Why.BROKEN),
    "a head and nothing": ("pdf:inspect", lambda: b"%PDF-1.7\n", _PDF, Why.BROKEN),
    "a second file behind": ("pdf:inspect", lambda: files.pdf("x") + files.PAGE * 40, _PDF, Why.BROKEN),
    "2,500 million pixels": (
        "pictures:clean", lambda: files.png_that_claims(50_000, 50_000), _PICTURE, Why.TOO_MANY_PIXELS),
    "a picture of gigabytes": ("pictures:clean", files.png_bomb, _PICTURE, None),
    "a script in a picture": ("pictures:clean", lambda: files.GIF_WITH_SCRIPT, _PICTURE, None),
    "half a picture": ("pictures:clean", lambda: files.png(400, 400)[:200], _PICTURE, Why.BROKEN),
}  # fmt: skip


@pytest.mark.parametrize("name", _HOSTILE)
def test_it_is_refused_or_harmless_within_time_and_memory(name):
    job, make, options, why = _HOSTILE[name]
    data = make()
    began = _child_seconds()
    found, refused = _outcome(job, data, options)
    assert why == refused.why if refused and why else why is None
    assert b"script" not in found.get("data", b"")
    # Seconds of work, of which a busy machine needs more; what is never done is ended by the clock.
    assert _child_seconds() - began < 4
    assert worker.LIMITS.memory <= 200 * 1024 * 1024  # of addresses: what is really taken is less


def _outcome(job, data, options):
    try:
        return worker.run(job, data, **options), None
    except FileRefused as refused:
        return {}, refused


def _child_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_what_hides_behind_a_picture_is_gone_when_it_is_kept():
    found = worker.run("pictures:clean", files.png() + files.PAGE, longest_side=2048)
    assert b"script" not in found["data"]
    assert (found["width"], found["height"]) == (8, 6)

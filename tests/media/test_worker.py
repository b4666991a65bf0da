"""Files are opened in a process that may die: the product only sees a result or a refusal."""

import subprocess
import sys
import time

import pytest

from tests.media import files
from wisqu.media import worker
from wisqu.media.refusals import FileRefused, Why


def refusal(
    job: str, data: bytes, *, limits: worker.Limits = worker.LIMITS, **options: object
) -> FileRefused:
    with pytest.raises(FileRefused) as refused:
        worker.run(job, data, limits=limits, **options)
    return refused.value


def test_a_job_gets_the_bytes_and_gives_its_result():
    found = worker.run("pdf:inspect", files.pdf("Peace"), max_pages=3, most_characters=100)
    assert found == {"pages": 1, "text": "Peace", "next_page": None}


def test_a_refusal_travels_with_its_reason():
    refused = refusal("pdf:inspect", files.pdf("a", "b"), max_pages=1, most_characters=100)
    assert refused.why == Why.TOO_MANY_PAGES
    assert "2 pages" in refused.detail


def test_a_job_that_breaks_is_a_damaged_file():
    assert refusal("pdf:inspect", b"not a pdf", max_pages=1, most_characters=9).why == Why.BROKEN
    assert refusal("pdf:no_such_job", b"").why == Why.BROKEN


def test_a_job_that_takes_too_long_is_ended():
    slow = worker.Limits(cpu_s=0.01)
    assert refusal("pdf:inspect", files.pdf("a"), limits=slow, max_pages=1, most_characters=9).why == (
        Why.TOO_EXPENSIVE
    )


def test_a_job_that_only_waits_is_ended_by_the_clock():
    assert refusal("pdf:inspect", b"", limits=worker.Limits(clock_s=0.01)).why == Why.TOO_EXPENSIVE


@pytest.mark.parametrize(
    ("code", "output"),
    [
        ("import time; time.sleep(60)", None),
        ("import time\nwhile time.process_time() < 0.6: pass\nprint(1)", b"1\n"),
    ],
)
def test_a_process_that_stands_still_is_not_waited_for_and_one_that_works_is(code, output):
    began, limits = time.monotonic(), worker.Limits(still_s=0.2)
    with subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1) as process:
        assert worker._awaited(process, b"", limits) == output
        process.kill()
    assert time.monotonic() - began < 50


def test_a_job_that_wants_too_much_memory_is_refused():
    tight, data = worker.Limits(memory=100 * 1024 * 1024), bytes(60 * 1024 * 1024)
    assert refusal("pdf:inspect", data, limits=tight, max_pages=1, most_characters=9).why == Why.TOO_EXPENSIVE


def test_a_result_of_monstrous_size_is_no_result():
    small = worker.Limits(result=10)
    assert refusal("pdf:inspect", files.pdf("a"), limits=small, max_pages=1, most_characters=9).why == (
        Why.TOO_EXPENSIVE
    )


def test_the_process_sees_nothing_of_the_environment_and_no_django(monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "not for files")
    loaded = "import sys; from wisqu.media import worker, pdf, pictures; assert 'django' not in sys.modules"
    subprocess.run([sys.executable, "-c", loaded], check=True)
    seen = {}
    monkeypatch.setattr(worker.subprocess, "Popen", lambda command, **options: seen.update(options) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        worker.run("pdf:inspect", b"")
    assert seen["env"].keys() == {"LC_ALL", "MALLOC_ARENA_MAX"}
    assert seen["cwd"] == "/"

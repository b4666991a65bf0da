import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.sandbox.asking import Sandbox, body, events_of, text_of

KEY = {"Authorization": "Bearer sk-or-sandbox"}


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "wisqu.sandbox", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
        yield started
        started.kill()


def address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    found = re.fullmatch(
        r"OpenRouter sandbox ready on (http://127\.0\.0\.1:\d+/api/v1)\n", process.stdout.readline()
    )
    assert found
    return found[1]


def test_it_says_in_one_line_where_it_listens(process: subprocess.Popen[str]) -> None:
    assert httpx.get(f"{address(process)}/key", headers=KEY, trust_env=False).status_code == 200


def test_it_ends_soon_when_told_so_even_with_a_reader(process: subprocess.Popen[str]) -> None:
    url = f"{address(process)}/chat/completions"
    request = body("[[fault:stall-comments]]", stream=True)
    with httpx.stream("POST", url, json=request, headers=KEY, trust_env=False) as response:
        next(response.iter_raw())
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)  # the reader is still there, and would be for ever


def test_a_scripted_cut_leaves_no_complaint_behind(process: subprocess.Popen[str]) -> None:
    url = f"{address(process)}/chat/completions"
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.post(url, json=body("[[words:9]] [[fault:cut]]", stream=True), headers=KEY, trust_env=False)
    process.terminate()
    _, complaints = process.communicate(timeout=60)
    assert complaints == ""


def test_parallel_requests_do_not_mix(box: Sandbox) -> None:
    def ask(number: int) -> tuple[int, str]:
        if number % 3 == 0:
            return box.post(f"[[fault:503 times=1 key=k{number}]]").status_code, ""
        response = box.post(f"[[words:{number}]]", stream=True, user=f"u{number}")
        return response.status_code, text_of(events_of(response.content)).split()[-1]

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(ask, range(1, 61)))
    assert found == [(503, "") if number % 3 == 0 else (200, f"w{number}") for number in range(1, 61)]
    assert len(box.ledger(status="200")) == 40

"""Counters: right with several processes, through restarts and kills, with few series."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from tests.servers import free_port
from wisqu.telemetry import metrics, serving
from wisqu.telemetry.slots import Slots

ROOT = Path(__file__).resolve().parents[2]
COUNTING = """
import os, sys
from wisqu.telemetry import metrics
metrics.RATE_REFUSALS.inc(3)
metrics.SOCKETS_OPEN.inc(2)
print("counted", flush=True)
sys.stdin.readline()
os._exit(9)
"""
TELLING = """
from wisqu.telemetry import metrics
values = {s["name"]: s["value"] for m in metrics.as_values() for s in m["samples"] if not s["labels"]}
print(int(values["wisqu_rate_refusals_total"]), int(values.get("wisqu_sockets_open", 0)))
"""


def start(program: str, folder: Path) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    env = {"WISQU_VAR": str(folder), "PATH": ""}
    return subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, env=env, stdin=pipe, stdout=pipe, text=True
    )


def told(folder: Path) -> str:
    return start(TELLING, folder).communicate(timeout=30)[0].strip()


def test_processes_add_up_and_dead_ones_keep_what_they_counted(tmp_path: Path) -> None:
    first, second = (start(COUNTING, tmp_path) for _ in range(2))
    assert [each.stdout.readline() for each in (first, second)] == ["counted\n"] * 2
    assert told(tmp_path) == "6 4"

    first.communicate("die\n")  # its sockets died with it, what it counted has happened
    assert told(tmp_path) == "6 2"

    third = start(COUNTING, tmp_path)
    third.stdout.readline()
    assert told(tmp_path) == "9 4"
    for each in (second, third):
        each.communicate("die\n")
    assert (
        len(list((tmp_path / "metrics").glob("counter_*.db"))) == 3
    )  # the third one went on in the first's file


def test_a_number_is_free_again_when_its_process_lets_go(tmp_path: Path) -> None:
    one, other = Slots(tmp_path), Slots(tmp_path)
    assert (one.mine(), other.mine(), one.mine()) == (0, 1, 0)
    assert other.is_taken(0)
    assert not other.is_taken(2)


def test_models_beyond_the_limit_share_a_series(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_models", set())
    monkeypatch.setattr(metrics, "MOST_MODELS", 2)
    assert [metrics.model_label(name) for name in ("a", "b", "c", "a")] == ["a", "b", "other", "a"]


def test_what_never_happened_has_its_name_and_meaning() -> None:
    text = metrics.as_text().decode()
    for name in ("turns_total", "fallbacks_total", "quota_refusals_total", "breaker_open", "streams_open"):
        assert f"# HELP wisqu_{name} " in text


def test_money_that_caching_lost_is_no_negative_count() -> None:
    def values() -> dict[str, float]:
        samples = [each for metric in metrics.as_values() for each in metric["samples"]]
        return {each["name"]: each["value"] for each in samples if not each["labels"]}

    before = values()
    metrics.booked(kind="chat", tokens={}, cost=None, savings=Decimal("-0.5"))
    after = values()
    assert after["wisqu_cache_losses_usd_total"] - before["wisqu_cache_losses_usd_total"] == pytest.approx(
        0.5
    )
    assert after["wisqu_cache_savings_usd_total"] == before["wisqu_cache_savings_usd_total"]


Asking = Callable[..., httpx.Response]


@pytest.fixture
def at_a_worker() -> Iterator[Asking]:
    port = free_port()
    end = serving.serve(host="127.0.0.1", port=port, token="a-token-of-some-length")
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        yield client.get
    end()


def test_a_worker_tells_its_figures_to_whoever_shows_the_token(at_a_worker: Asking) -> None:
    metrics.JOBS.labels("chat.tasks.make_title", "success").inc()
    answer = at_a_worker("/metrics", headers={"Authorization": "Bearer a-token-of-some-length"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, metrics.TEXT)
    assert 'wisqu_jobs_total{state="success",task="chat.tasks.make_title"}' in answer.text
    for wrong in ({}, {"Authorization": "Bearer another-token"}, {"Authorization": "a-token-of-some-length"}):
        assert (at_a_worker("/metrics", headers=wrong).status_code, at_a_worker("/").status_code) == (
            401,
            404,
        )


def test_a_worker_without_a_token_tells_its_figures_to_anybody() -> None:
    port = free_port()
    end = serving.serve(host="127.0.0.1", port=port, token="")
    assert httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).status_code == 200
    end()

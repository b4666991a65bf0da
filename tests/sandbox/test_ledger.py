import time
from decimal import Decimal

import httpx
import pytest

from tests.sandbox.asking import CLAUDE, Sandbox, body


def leave_after(box: Sandbox, text: str, lines: int, **fields: object) -> None:
    """Read so many lines of a stream and go."""
    with box.client.stream("POST", "/chat/completions", json=body(text, stream=True, **fields)) as response:
        for index, _ in enumerate(response.iter_lines()):
            if index >= lines:
                break


def test_an_entry_tells_who_asked_what_and_what_it_cost(box: Sandbox) -> None:
    box.post("[[words:7]]", model=CLAUDE, user="u1", session_id="s1", surprise=1)
    entry = box.last()
    assert (entry["user"], entry["session"], entry["model_requested"]) == ("u1", "s1", CLAUDE)
    assert (entry["completion_tokens"], entry["status"], entry["outcome"]) == (7, 200, "done")
    assert entry["unknown_fields"] == ["surprise"]
    assert entry["request"]["surprise"] == 1
    assert entry["cost"] > 0


def test_attribution_headers_are_noted(box: Sandbox) -> None:
    headers = {"HTTP-Referer": "https://wisqu.example", "X-OpenRouter-Title": "WisQu"}
    box.client.post("/chat/completions", json=body("[[words:1]]"), headers=headers)
    assert box.last()["headers"]["http-referer"] == "https://wisqu.example"
    assert box.last()["headers"]["x-openrouter-title"] == "WisQu"


def test_filters_narrow_the_ledger(box: Sandbox) -> None:
    box.post("[[words:1]]", user="u1", session_id="a")
    box.post("[[words:1]]", user="u2", session_id="b")
    box.post("[[fault:500]]", user="u2", session_id="b")
    assert len(box.ledger(user="u2")) == 2
    assert len(box.ledger(user="u2", outcome="failed")) == 1
    assert len(box.ledger(status="200")) == 2
    assert len(box.ledger(session="a", model="openai/gpt-4o-mini")) == 1


def test_an_unknown_filter_is_refused(box: Sandbox) -> None:
    assert box.client.get(f"{box.root}/sandbox/ledger?usr=1").status_code == 400


def test_reset_forgets_everything(box: Sandbox) -> None:
    box.post("[[words:1]]")
    box.reset()
    assert box.ledger() == []


def test_the_clock_moves_forward_only(box: Sandbox) -> None:
    for wrong in ({"advance": -1}, {}, [], {"advance": "x"}):
        assert box.client.post(f"{box.root}/sandbox/clock", json=wrong).status_code == 400


def test_a_reader_who_leaves_stops_the_generation(box: Sandbox) -> None:
    leave_after(box, "[[words:5000]] [[pace:2ms]]", 20, user="gone")
    entry = box.settled(user="gone")
    assert entry["outcome"] == "aborted"
    assert entry["aborted_at"] is not None
    assert 5 <= entry["completion_tokens"] < 1000


def test_what_was_generated_before_leaving_is_charged(box: Sandbox) -> None:
    leave_after(box, "[[words:5000]] [[pace:2ms]]", 20, user="gone")
    entry = box.settled(user="gone")
    expected = entry["prompt_tokens"] * Decimal("0.00000015") + entry["completion_tokens"] * Decimal(
        "0.0000006"
    )
    found = box.client.get("/generation", params={"id": entry["id"]}).json()["data"]
    assert Decimal(str(entry["cost"])) == Decimal(str(found["total_cost"])) == expected
    assert found["cancelled"] is True


def test_leaving_before_the_first_token_costs_nothing(box: Sandbox) -> None:
    leave_after(box, "[[fault:stall-comments]]", 0, user="gone")
    entry = box.settled(user="gone")
    assert (entry["outcome"], entry["completion_tokens"], entry["cost"]) == ("aborted", 0, 0)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("fault", ["stall-first", "stall-mid"])
def test_leaving_is_seen_during_a_stall_and_by_whole_answers(box: Sandbox, stream: bool, fault: str) -> None:
    request = body(f"[[fault:{fault}]]", user="gone", stream=stream)
    with pytest.raises(httpx.ReadTimeout):
        box.client.post("/chat/completions", json=request, timeout=0.6)
    assert box.settled(user="gone")["outcome"] == "aborted"


def test_endless_output_stops_when_nobody_reads(box: Sandbox) -> None:
    leave_after(box, "[[words:1]] [[fault:endless]]", 50, user="gone")
    tokens = box.settled(user="gone")["completion_tokens"]
    time.sleep(0.05)
    assert box.settled(user="gone")["completion_tokens"] == tokens


def test_a_stream_that_runs_is_counted_as_running(box: Sandbox) -> None:
    request = body("[[words:500]] [[pace:20ms]]", stream=True)
    with box.client.stream("POST", "/chat/completions", json=request):
        assert box.client.get(f"{box.root}/sandbox/ledger").json()["running"] == 1


def test_long_strings_are_shortened_in_the_ledger(box: Sandbox) -> None:
    box.post("x" * 50_000)
    assert len(box.last()["request"]["messages"][0]["content"]) < 1000

import json
import re
from pathlib import Path

import httpx
import pytest

from tests.sandbox.asking import MODEL, Sandbox, body, events_of, text_of
from wisqu.sandbox.faults import ALL_FAULTS, HTTP_FAULTS

DOCUMENT = Path(__file__).parents[2] / "docs" / "sandbox.md"


def finishes(raw: bytes) -> list[str | None]:
    return [c["finish_reason"] for event in events_of(raw) for c in event.get("choices", [])]


@pytest.mark.parametrize("name", sorted(HTTP_FAULTS))
def test_a_failure_before_the_answer_has_its_status_and_error_type(box: Sandbox, name: str) -> None:
    response = box.post(f"[[fault:{name}]]")
    error = response.json()["error"]
    assert response.status_code == error["code"] == int(name[:3])
    assert error["metadata"]["error_type"] == HTTP_FAULTS[name].error_type
    assert box.last()["outcome"] == "failed"
    assert box.last()["cost"] == 0


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("402", "openrouter_credits"),
        ("402-key", "openrouter_key_limit"),
        ("402-in-flight", "openrouter_in_flight_budget"),
    ],
)
def test_a_402_names_its_source(box: Sandbox, name: str, source: str) -> None:
    response = box.post(f"[[fault:{name}]]")
    assert response.json()["error"]["metadata"]["limit_source"] == source
    assert ("retry-after" in response.headers) == (name == "402-in-flight")


def test_moderation_says_what_was_flagged(box: Sandbox) -> None:
    metadata = box.post("[[fault:403]]").json()["error"]["metadata"]
    assert set(metadata) >= {"reasons", "flagged_input", "provider_name", "model_slug"}


@pytest.mark.parametrize(("word", "header"), [("429", "1"), ("429-bare", None), ("429 retry_after=7", "7")])
def test_a_429_comes_with_and_without_retry_after(box: Sandbox, word: str, header: str | None) -> None:
    assert box.post(f"[[fault:{word}]]").headers.get("retry-after") == header


def test_a_fault_with_times_happens_so_often_and_then_no_more(box: Sandbox) -> None:
    statuses = [box.post("[[fault:503 times=2 key=a]] [[words:1]]").status_code for _ in range(3)]
    assert statuses == [503, 503, 200]


def test_counted_faults_of_different_keys_do_not_mix(box: Sandbox) -> None:
    box.post("[[fault:503 times=1 key=a]]")
    assert box.post("[[fault:503 times=1 key=b]]").status_code == 503
    assert box.post("[[fault:503 times=1 key=a]]").status_code == 200


def test_a_fault_may_be_a_models(box: Sandbox) -> None:
    assert box.post("hi", model="sandbox/fault-503").status_code == 503
    assert box.post(f"[[fault:503 model={MODEL}]]").status_code == 503
    assert box.post("[[fault:503 model=openai/gpt-4o]]").status_code == 200


def test_a_fault_may_be_a_keys(box: Sandbox) -> None:
    headers = {"Authorization": "Bearer sk-or-fault-429"}
    assert box.client.get("/models", headers=headers).status_code == 429


def test_an_unknown_fault_is_refused(box: Sandbox) -> None:
    response = box.post("[[fault:nonsense]]")
    assert response.status_code == 400
    assert "nonsense" in response.json()["error"]["message"]


def test_a_fault_word_in_an_older_question_does_nothing(box: Sandbox) -> None:
    older = [{"role": "user", "content": "[[fault:500]]"}, {"role": "assistant", "content": "no"}]
    assert box.post([*older, {"role": "user", "content": "[[pace:fast]]"}]).status_code == 200


def test_a_200_may_hold_an_error(box: Sandbox) -> None:
    response = box.post("[[fault:200-error]]")
    assert response.status_code == 200
    assert response.json()["error"]["code"] == 502


def test_a_200_may_be_html_or_empty_or_have_no_choices(box: Sandbox) -> None:
    assert box.post("[[fault:200-html]]").headers["content-type"].startswith("text/html")
    assert box.post("[[fault:200-empty]]").content == b""
    assert box.post("[[fault:200-null-choices]]").json()["choices"] is None
    assert box.post("[[fault:200-choice-error]]").json()["choices"][0]["error"]["code"] == 502


def test_an_error_in_the_middle_keeps_200_and_brings_usage(box: Sandbox) -> None:
    raw = box.raw("[[words:20]] [[fault:error-mid after=3]]")
    last = events_of(raw)[-1]
    assert text_of(events_of(raw)) == "w1 w2 w3"
    assert last["error"]["code"] == 502
    assert last["choices"][0]["finish_reason"] == "error"
    assert last["usage"]["completion_tokens"] == 3
    assert b"[DONE]" not in raw


def test_an_error_in_the_middle_may_lack_a_finish_and_be_followed_by_done(box: Sandbox) -> None:
    raw = box.raw("[[words:20]] [[fault:error-mid-null]]")
    assert events_of(raw)[-1]["choices"][0]["finish_reason"] is None
    assert raw.endswith(b"[DONE]\n\n")


def test_errors_come_bare_with_a_string_code_and_first(box: Sandbox) -> None:
    assert "choices" not in events_of(box.raw("[[words:20]] [[fault:error-bare]]"))[-1]
    assert (
        events_of(box.raw("[[words:20]] [[fault:error-mid-string]]"))[-1]["error"]["code"] == "server_error"
    )
    (only,) = events_of(box.raw("[[fault:error-first]]"))
    assert only["error"]["code"] == 502


def until_cut(box: Sandbox, text: str) -> tuple[bytes, bool]:
    """What arrives, and whether the connection broke."""
    got = b""
    with box.client.stream("POST", "/chat/completions", json=body(text, stream=True)) as response:
        try:
            for piece in response.iter_raw():
                got += piece
        except httpx.RemoteProtocolError:
            return got, True
    return got, False


@pytest.mark.parametrize(("name", "text"), [("cut after=3", "w1 w2 w3"), ("cut-first", "")])
def test_a_cut_breaks_the_connection(box: Sandbox, name: str, text: str) -> None:
    got, broke = until_cut(box, f"[[words:20]] [[fault:{name}]]")
    assert broke
    assert text_of(events_of(got)) == text


def test_a_silent_end_has_neither_finish_nor_done(box: Sandbox) -> None:
    raw = box.raw("[[words:20]] [[fault:silent-end after=3]]")
    assert text_of(events_of(raw)) == "w1 w2 w3"
    assert set(finishes(raw)) == {None}
    assert b"[DONE]" not in raw


def test_done_and_finish_can_each_be_missing(box: Sandbox) -> None:
    without_done = box.raw("[[words:3]] [[fault:no-done]]")
    assert "stop" in finishes(without_done)
    assert b"[DONE]" not in without_done
    without_finish = box.raw("[[words:3]] [[fault:no-finish]]")
    assert set(finishes(without_finish)) == {None}
    assert without_finish.endswith(b"[DONE]\n\n")


def test_an_empty_answer_finishes_without_a_word(box: Sandbox) -> None:
    raw = box.raw("[[words:3]] [[fault:empty]]")
    assert text_of(events_of(raw)) == ""
    assert "stop" in finishes(raw)


def test_broken_json_and_bad_utf8_are_really_broken(box: Sandbox) -> None:
    with pytest.raises(json.JSONDecodeError):
        events_of(box.raw("[[words:20]] [[fault:broken-json]]"))
    with pytest.raises(UnicodeDecodeError):
        box.raw("[[words:20]] [[fault:bad-utf8]]").decode()


@pytest.mark.parametrize(("name", "reason"), [("length", "length"), ("content-filter", "content_filter")])
def test_other_finish_reasons_can_be_had(box: Sandbox, name: str, reason: str) -> None:
    assert reason in finishes(box.raw(f"[[words:3]] [[fault:{name}]]"))
    assert box.complete(f"[[words:3]] [[fault:{name}]]")["choices"][0]["finish_reason"] == reason


def first_read(box: Sandbox, text: str, wait: float = 0.4) -> bytes:
    """What arrives before `wait` seconds of silence."""
    got = b""
    request = body(text, stream=True)
    try:
        with box.client.stream("POST", "/chat/completions", json=request, timeout=wait) as response:
            for piece in response.iter_raw():
                got += piece
    except httpx.ReadTimeout:
        return got
    raise AssertionError("it did not stall")


def test_a_stall_before_the_first_byte_sends_not_even_headers(box: Sandbox) -> None:
    assert first_read(box, "[[fault:stall-first]]") == b""


def test_a_stall_after_the_headers_sends_one_comment(box: Sandbox) -> None:
    assert first_read(box, "[[fault:stall-headers]]") == b": OPENROUTER PROCESSING\n\n"


def test_a_stall_in_the_middle_is_silent(box: Sandbox) -> None:
    assert text_of(events_of(first_read(box, "[[words:9]] [[fault:stall-mid after=2]]"))) == "w1 w2"


def test_a_stall_can_be_kept_alive_by_comments_and_then_go_on(box: Sandbox) -> None:
    raw = box.raw("[[words:9]] [[fault:stall-mid-comments after=2 seconds=1]]")
    assert raw.count(b": OPENROUTER PROCESSING") >= 4
    assert text_of(events_of(raw)).endswith("w9")


def test_slow_bytes_come_one_by_one(box: Sandbox) -> None:
    assert len(first_read(box, "[[fault:slow-bytes]]", wait=0.5)) == 1


def test_endless_output_does_not_end(box: Sandbox) -> None:
    got = 0
    request = body("[[words:1]] [[fault:endless]]", stream=True)
    with box.client.stream("POST", "/chat/completions", json=request) as response:
        for piece in response.iter_raw():
            got += len(piece)
            if got > 2_000_000:
                break
    assert got > 2_000_000


def test_whole_answers_fail_too(box: Sandbox) -> None:
    assert box.post("[[fault:error-mid]]").json()["choices"][0]["error"]["code"] == 502
    assert box.post("[[fault:error-bare]]").json()["error"]["code"] == 502
    with pytest.raises(json.JSONDecodeError):
        box.post("[[fault:broken-json]]").json()
    with pytest.raises(httpx.RemoteProtocolError):
        box.post("[[fault:cut]]")


def test_every_fault_is_listed_and_documented(box: Sandbox) -> None:
    listed = box.client.get(f"{box.root}/sandbox/").json()["faults"]
    written = set(re.findall(r"`([\w-]+)`", DOCUMENT.read_text(encoding="utf-8")))
    assert listed == sorted(ALL_FAULTS)
    assert set(listed) <= written

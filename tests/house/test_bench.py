"""The benchmarks can be run: every question imports, and their upstream speaks as the client expects."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import uvloop

from bench import __main__ as bench
from bench import aftermath, leaving, ledgers, load, mixed, unreliable
from bench.upstream import Answering, question


async def ask(tokens: int, *, stamped: bool = False) -> load.Answer:
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        target = load.Upstream("upstream", port, "/api/v1/chat/completions")
        answers = await load.stream(
            target, question(tokens=tokens, pause_ms=1, stamped=stamped), readers=1, spread_s=0
        )
    return answers[0]


def test_the_upstream_sends_every_token_once_and_says_what_it_cost() -> None:
    answer = uvloop.run(ask(30))
    assert load.whole([answer], 30) == 1
    assert answer.events()[-1][1]["usage"]["completion_tokens"] == 30


def test_a_stamped_token_tells_how_long_it_was_under_way() -> None:
    lags = load.lags_ms([uvloop.run(ask(5, stamped=True))])
    assert len(lags) == 5
    assert all(0 <= lag < 5000 for lag in lags)


def test_a_cut_answer_is_not_whole() -> None:
    assert load.whole([uvloop.run(ask(9))], 10) == 0


def test_an_unknown_question_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["bench", "weather"])
    with pytest.raises(SystemExit):
        bench.main()


def test_the_unreliable_upstream_goes_on_with_what_was_begun() -> None:
    pieces = unreliable.answer(5, 12)
    asked = {"role": "user", "content": unreliable.question(5, 12)}
    begun = {"role": "assistant", "content": "".join(pieces[:4])}
    assert pieces == unreliable.answer(5, 12) != unreliable.answer(6, 12)
    assert unreliable.Answering()._rest([asked]) == pieces
    assert unreliable.Answering()._rest([asked, begun]) == pieces[4:]


def test_one_try_in_ten_fails_in_three_ways_alike() -> None:
    chance = unreliable.Chance(0.1, 7)
    drawn = [chance.draw() for _ in range(20_000)]
    assert 0.09 < chance.failures / chance.tries < 0.11
    assert 0.3 < drawn.count(unreliable.BEFORE) / chance.failures < 0.37


def theirs(name: str, cost: str) -> dict[str, Any]:
    counts = dict.fromkeys(("prompt_tokens", "completion_tokens", "cached_tokens", "cache_write_tokens"), 3)
    return {"id": name, "cost": Decimal(cost), "outcome": "done", **counts}


def ours(name: str, cost: str, **facts: Any) -> dict[str, Any]:
    counts = dict.fromkeys(
        ("prompt_tokens", "completion_tokens", "cached_tokens_read", "cached_tokens_written"), 3
    )
    entry = {"generation_id": name, "cost_usd": Decimal(cost), "kind": "chat", "cost_source": "upstream"}
    return entry | counts | facts


def test_ledgers_that_say_the_same_agree() -> None:
    found = ledgers.compare([theirs("a", "0.1"), theirs("free", "0")], [ours("a", "0.10")])
    assert (found["charged"], found["difference"], found["disagreements"]) == (1, "0E-12", {})


@pytest.mark.parametrize(
    ("entries", "complaint"),
    [
        ([], "charged, but not booked"),
        ([ours("a", "0.1000000001")], "cost"),
        ([ours("a", "0.1", prompt_tokens=4)], "prompt tokens"),
        ([ours("a", "0.1", cached_tokens_written=None)], "tokens written to cache"),
        ([ours("a", "0.1"), ours("a", "0.1")], "booked twice"),
        ([ours("a", "0.1"), ours("", "0.2")], "booked, but unknown to the sandbox"),
    ],
)
def test_every_way_to_disagree_is_counted(entries: list[dict[str, Any]], complaint: str) -> None:
    assert ledgers.compare([theirs("a", "0.1")], entries)["disagreements"] == {complaint: 1}


def test_the_mixed_turns_are_the_same_each_time_and_hold_every_kind() -> None:
    turns = [mixed.wish(number) for number in range(500)]
    assert turns == [mixed.wish(number) for number in range(500)]
    assert {turn.door for turn in turns} == {"json", "sse", "socket", "structured"}
    assert {turn.reader for turn in turns} == {"reads", "leaves", "stops"}
    assert 150 < sum(bool(turn.fault) for turn in turns) < 350


SEEN = {"question": "Why?", "words": 4, "text": "w1 w2", "ended": "", "told": ""}
STORED = {"question": "Why?", "content": "w1 w2 w3 w4", "status": "done", "error_code": ""}
CUT = {"content": "w1", "status": "failed", "error_code": "interrupted"}


@pytest.mark.parametrize(
    ("seen", "stored", "fault"),
    [
        ({}, {}, ""),
        ({}, CUT, ""),
        ({}, {"question": "What?"}, "a question that was accepted is not stored"),
        ({"text": "w1 w3"}, {}, "a reader saw words lost, twice or out of order"),
        ({}, {"content": "w1 w2"}, "an answer that is called whole is not"),
        ({}, {"status": "streaming"}, "an answer has no end"),
        ({"ended": "done"}, {}, "a reader was told of an end without the words before it"),
        ({}, CUT | {"error_code": "internal_error"}, "an answer failed as internal_error"),
        ({}, CUT | {"content": "w2"}, "an answer that is failed has other words"),
        ({"ended": "failed", "told": ""}, CUT, "a reader was told of another end than is stored"),
    ],
)
def test_an_answer_that_is_stored_otherwise_than_it_was_seen_is_found(seen, stored, fault) -> None:
    assert aftermath.judge(SEEN | seen, STORED | stored) == fault


def test_what_was_seen_and_not_kept_is_measured_in_seconds() -> None:
    assert aftermath.unkept_s(SEEN, STORED | CUT) == 0.05
    assert aftermath.unkept_s(SEEN, STORED) == 0


def test_a_job_is_timed_from_its_beginning_or_the_last_kill_before_its_end() -> None:
    began, ended = (datetime(2026, 11, 23, 12, minute, tzinfo=UTC) for minute in (0, 2))
    kills = [began.timestamp() + each for each in (-9, 50, 130)]
    assert aftermath.undisturbed_s(began, ended, kills) == 70
    assert aftermath.undisturbed_s(began, ended, []) == 120


@pytest.mark.parametrize(
    ("entries", "wrong"),
    [
        ([ours("a", "0.1000001")], {}),
        ([], {"missing": 1}),
        ([ours("a", "0.1"), ours("a", "0")], {"twice": 1, "other_cost": 1}),
        ([ours("a", "0.2")], {"other_cost": 1}),
        ([ours("a", "0.1"), ours("b", "0.1")], {"unknown": 1}),
    ],
)
def test_a_generation_is_booked_once_at_its_cost_or_counted(entries, wrong) -> None:
    found = aftermath.booked([theirs("a", "0.1"), theirs("free", "0")], entries)
    names = ("missing", "twice", "other_cost", "unknown")
    assert {name: found[name] for name in names if found[name]} == wrong


def test_what_was_asked_twice_is_found_and_titles_are_no_questions() -> None:
    question = {"messages": [{"role": "user", "content": "[[words:3]] Question 1-2."}]}
    title = {"messages": [{"role": "system", "content": "Write a title"}, *question["messages"]]}
    picture = {"prompt": "Picture 1-2."}
    sent = [{"request": each} for each in (question, title, picture, None)]
    assert aftermath.asked_twice(sent) == []
    assert aftermath.asked_twice([*sent, {"request": picture}]) == ["Picture 1-2."]


def test_readers_leave_at_every_moment_through_both_doors() -> None:
    found = leaving.leavers(80, 7)
    assert found == leaving.leavers(80, 7) != leaving.leavers(80, 8)
    assert {(each.door, each.moment) for each in found} == {
        (door, moment) for door in leaving.DOORS for moment in leaving.MOMENTS
    }

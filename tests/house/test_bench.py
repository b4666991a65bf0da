"""The benchmarks can be run: every question imports, and their upstream speaks as the client expects."""

import asyncio

import pytest
import uvloop

from bench import __main__ as bench
from bench import load, unreliable
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

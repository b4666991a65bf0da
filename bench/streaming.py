"""What does passing a token on cost, and how late does the first one come?

Readers begin evenly spread, so that first tokens are met while others stream. The cost holds everything: signing in,
the quota, opening and closing the turn, and storing it.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench import load, sockets
from bench.load import Target
from bench.machine import cpu_seconds
from bench.product import POSTGRES, SQLITE
from bench.report import Row, at_least, at_most, row
from bench.stage import Scale, Stage
from bench.upstream import question


@dataclass(frozen=True)
class Run:
    """One run against one target."""

    tokens_per_cpu_s: float
    first_ms: list[float]
    lags_ms: list[float]
    answers: int
    whole: int


async def run(
    target: Target, *, readers: int, tokens: int, pause_ms: int, rounds: int = 1, stamped: bool = False
) -> Run:
    """Stream to so many readers and weigh the server."""
    before = cpu_seconds(target.pid)
    answers = await load.stream(
        target,
        question(tokens=tokens, pause_ms=pause_ms, stamped=stamped),
        readers=readers,
        rounds=rounds,
        spread_s=tokens * pause_ms / 1000,
    )
    spent = cpu_seconds(target.pid) - before
    return Run(
        tokens_per_cpu_s=tokens * len(answers) / max(spent, 0.01),
        first_ms=load.first_token_ms(answers),
        lags_ms=load.lags_ms(answers),
        answers=len(answers),
        whole=load.whole(answers, tokens),
    )


async def costs(stage: Stage, scale: Scale) -> list[Row]:
    """Tokens per CPU second at 50 streams, beside FastAPI with the SDK and beside a bare proxy."""
    opponents = [(stage.fastapi, 2.5, "{:.2f} x"), (stage.proxy, 0.2, "{:.0%}")]
    if stage.litellm:
        opponents.append((stage.litellm, 7.0, "{:.1f} x"))
    if stage.open_webui:
        opponents.append((stage.open_webui, 1.5, "{:.1f} x"))
    ours = [stage.product(database).chat(50) for database in scale.databases]
    targets = [*(opponent for opponent, _, _ in opponents), *ours]
    for target in targets:
        await run(target, readers=5, tokens=20, pause_ms=10)
    found: dict[str, list[float]] = {target.name: [] for target in targets}
    for _ in range(scale.runs):
        for target in targets:
            one = await run(target, readers=50, tokens=scale.tokens, pause_ms=10)
            if one.whole != one.answers:
                raise RuntimeError(
                    f"{target.name} lost or doubled text: {one.whole} of {one.answers} are whole"
                )
            found[target.name].append(one.tokens_per_cpu_s)
    rows = [row(f"tokens per CPU s, 50 streams: {name}", runs) for name, runs in found.items()]
    for target in ours:
        for opponent, goal, form in opponents:
            pairs = zip(found[target.name], found[opponent.name], strict=True)
            rows.append(
                row(
                    f"  {target.name} / {opponent.name}",
                    [mine / theirs for mine, theirs in pairs],
                    form,
                    goal=f">= {form.format(goal)}",
                    holds=at_least(goal),
                )
            )
    return rows


async def delays(stage: Stage, scale: Scale) -> list[Row]:
    """The first token's delay over asking the upstream directly, and how long each later one is under way.

    200 streams get a chunk each 40 ms: as many tokens a second as 50 streams with one each 10 ms, in answers as long.
    The usual design (FastAPI + SDK) meets the same crowd, since milliseconds are the machine's and ratios are not.
    """
    database = POSTGRES if POSTGRES in scale.databases else SQLITE
    ours, usual = stage.product(database).chat(200), stage.fastapi
    for target in (ours, usual):
        await run(target, readers=10, tokens=20, pause_ms=10)
    rows = []
    for readers, pause_ms, most in ((50, 10, 15.0), (200, 40, 20.0))[: scale.crowds]:
        sizes = {"readers": readers, "tokens": scale.tokens, "pause_ms": pause_ms}
        found: list[tuple[Run, Run, Run]] = []
        for _ in range(scale.runs):
            bare, product = [await run(each, **sizes, stamped=True) for each in (stage.upstream, ours)]
            found.append((bare, product, await run(usual, **sizes, stamped=True)))
        rows += _delay_rows(found, f"{readers} streams, {database}", readers=readers, most=most)
    return rows


def _delay_rows(found: list[tuple[Run, Run, Run]], name: str, *, readers: int, most: float) -> list[Row]:
    def added(share: int) -> list[float]:
        return [_first(ours, share) - _first(bare, share) for bare, ours, _ in found]

    ratios = [
        (_first(ours, 95) - _first(bare, 95)) / (_first(usual, 95) - _first(bare, 95))
        for bare, ours, usual in found
    ]
    lags = [load.percentile(ours.lags_ms, 95) for _, ours, _ in found]
    goal = {"goal": "<= 5 ms", "holds": at_most(5.0)} if readers == 200 else {}
    return [
        row(f"first token added, {name}, p50", added(50), "{:.1f} ms"),
        row(
            f"first token added, {name}, p95",
            added(95),
            "{:.1f} ms",
            goal=f"<= {most:.0f} ms",
            holds=at_most(most),
        ),
        row("  of what FastAPI + SDK adds, p95", ratios, "{:.1%}"),
        row(f"delivery lag, {name}, p95", lags, "{:.1f} ms", **goal),
    ]


def _first(one: Run, share: int) -> float:
    return load.percentile(one.first_ms, share)


async def socket(stage: Stage, scale: Scale) -> list[Row]:
    """The same over the websocket."""
    target = stage.product(SQLITE).chat(50)
    found = []
    for _ in range(scale.runs):
        before = cpu_seconds(target.pid)
        message = question(tokens=scale.tokens, pause_ms=10)
        answers = await sockets.stream(target, message, readers=50, spread_s=scale.tokens / 100)
        found.append(scale.tokens * len(answers) / max(cpu_seconds(target.pid) - before, 0.01))
        if not all(text == load.expected(scale.tokens) for text in answers):
            raise RuntimeError("the websocket lost or doubled text")
    return [row("tokens per CPU s, 50 streams: websocket, SQLite", found)]

"""What does passing a token on cost, how late does the first one come, how late each one?"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median, quantiles

from bench import load
from bench.load import Answer, Target
from bench.machine import cpu_seconds
from bench.upstream import question


@dataclass(frozen=True)
class Run:
    """One run against one target."""

    tokens_per_cpu_s: float
    first_ms: list[float]
    lags_ms: list[float]
    answers: int
    whole: int


def percentile(values: list[float], share: float) -> float:
    """Return the value that `share` of them do not exceed."""
    return quantiles(values, n=100, method="inclusive")[round(share * 100) - 1] if len(values) > 1 else values[0]


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

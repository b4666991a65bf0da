"""What does it cost to save the text of running turns each second, beside saving it at the end?"""

from __future__ import annotations

from bench.report import Row, at_most, row
from bench.stage import Scale, Stage
from bench.streaming import run

NEVER_S = 3600.0


async def ask(stage: Stage, scale: Scale) -> list[Row]:
    """Stream with both rhythms, one after the other."""
    rows = []
    for database in scale.databases:
        dearer = []
        with (
            stage.another(database, save_s=1) as often,
            stage.another(database, save_s=NEVER_S) as once,
        ):
            targets = [often.chat(50), once.chat(50)]
            for target in targets:
                await run(target, readers=5, tokens=20, pause_ms=10)
            for _ in range(scale.runs):
                each, end = [
                    await run(target, readers=50, tokens=scale.tokens, pause_ms=10) for target in targets
                ]
                dearer.append(end.tokens_per_cpu_s / each.tokens_per_cpu_s - 1)
        name = f"saving the text each second, {database}: dearer than at the end by"
        rows.append(row(name, dearer, "{:.0%}", goal="<= 20%", holds=at_most(0.2)))
    return rows

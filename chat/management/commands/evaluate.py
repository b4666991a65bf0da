"""`manage.py evaluate [FILE]`: how a model, or a preset, answers questions of which the answer's shape is known."""

from __future__ import annotations

import json
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from chat import evaluating, expectations


class Command(BaseCommand):
    """Prints a table, and every question that was not answered as expected."""

    help = "Ask a model or a preset a file of questions with expectations, and print how it did."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare who is asked what."""
        parser.add_argument("file", type=Path, nargs="?", default=expectations.SHIPPED)
        parser.add_argument("--model", default="", help="such as anthropic/claude-sonnet-4.6")
        parser.add_argument("--preset", default="", help="slug of a preset of the house")
        parser.add_argument("--only", default="", help="ids that begin with this, such as fa or en-ruling")
        parser.add_argument("--at-once", type=_at_least_one, default=4, help="questions at the same time")
        parser.add_argument("--json", type=Path, help="write answers and judgements there")
        parser.add_argument(
            "--at-least", type=float, default=0.0, help="percent that have to be as expected, else it fails"
        )

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        """Ask, print, and fail when too few answers were as expected."""
        questions = [one for one in _read(file) if one.id.startswith(options["only"])]
        if not questions:
            raise CommandError("There is no such question.")
        try:
            how = evaluating.way(model=options["model"], preset=options["preset"])
        except evaluating.NobodyToAsk as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{len(questions)} questions for {how.model}\n")
        outcomes = evaluating.evaluate(questions, how, at_once=options["at_once"], seen=self._show)
        self.stdout.write(f"\n{expectations.table([(each.question, each.met) for each in outcomes])}")
        self._sum_up(outcomes)
        if options["json"]:
            _write(options["json"], how, outcomes)
        share = 100 * sum(each.is_met for each in outcomes) / len(outcomes)
        if share < options["at_least"]:
            raise CommandError(f"{share:.1f} % were as expected, and {options['at_least']:g} % had to be.")

    def _show(self, outcome: evaluating.Outcome) -> None:
        if not outcome.is_met:
            missed = ", ".join(name for name, is_met in outcome.met.items() if not is_met)
            self.stdout.write(f"  {outcome.question.id}: {outcome.error or missed}")

    def _sum_up(self, outcomes: list[evaluating.Outcome]) -> None:
        failed = sum(bool(each.error) for each in outcomes)
        costs = [each.cost for each in outcomes if each.cost is not None]
        told = f"${sum(costs):.4f}" if costs else "not told"
        self.stdout.write(f"\nNot answered at all: {failed}. Cost: {told}.")


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ArgumentTypeError("it takes a number from 1 on")
    return int(text)


def _read(file: Path) -> list[expectations.Question]:
    try:
        return expectations.read(file)
    except OSError as error:
        raise CommandError(f"{file} can't be read: {error.strerror}.") from error
    except expectations.BadQuestions as error:
        raise CommandError(str(error)) from error


def _write(path: Path, how: evaluating.Way, outcomes: list[evaluating.Outcome]) -> None:
    rows = [
        {"id": each.question.id, "met": each.met, "answer": each.answer, "error": each.error}
        for each in outcomes
    ]
    path.write_text(json.dumps({"model": how.model, "outcomes": rows}, ensure_ascii=False, indent=1) + "\n")

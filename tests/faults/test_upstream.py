"""Every kind of trouble that OpenRouter can make, through the whole product: each ends as it should, and is free."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from billing.models import LedgerEntry
from chat.models import Message, OwedGeneration
from tests.clients import Api, text_of
from tests.live import Sandbox, Web, end_running_turns
from tests.people import make_user
from wisqu.sandbox import faults

WORDS, AFTER, AT_ONCE = 12, 5, 10
# How a question ends, by the trouble that it meets before its first word ...
BEFORE = {
    "invalid_request": "400 422",
    "context_too_long": "400-context 413",
    "content_refused": "400-policy 403",
    "model_unavailable": "400-model 403-region 404 404-deprecated",
    "upstream_misconfigured": "401 402 402-key",
    "upstream_rate_limited": "402-in-flight 429 429-bare 429-platform 429-capacity",
    "upstream_unavailable": "500 502 503 529 200-error 200-choice-error 200-null-choices cut-first error-first",
    "upstream_timeout": "408 504 524 stall-first stall-headers stall-comments slow-bytes",
    "malformed_reply": "200-html 200-empty",
    "empty_answer": "empty",
}
# ... or after some words, which are kept.
AMID = {
    "interrupted": "cut silent-end error-bare error-mid error-mid-null error-mid-string",
    "malformed_reply": "bad-utf8 broken-json wrong-shape",
    "upstream_timeout": "stall-mid stall-mid-comments endless",
}
# And what is an answer all the same.
WHOLE = "length content-filter no-done no-finish huge-line"
SLOW = ("endless", "stall-first", "stall-headers", "stall-comments", "slow-bytes")


def by_name(table: dict[str, str]) -> dict[str, str]:
    return {name: code for code, names in table.items() for name in names.split()}


@pytest.fixture
def hurried(transactional_db: None, sandbox: Sandbox) -> Iterator[Web]:
    server = Web(sandbox=sandbox, app="tests.faults.hurried:application")
    yield server
    end_running_turns()
    server.stop()


def ask(api: Api, name: str) -> tuple[str, int, str]:
    """Return how the question ended, how many words were read, and whether they are what is kept."""
    pace = "20ms" if name == "endless" else "fast"
    seconds = " seconds=0.2" if name == "slow-bytes" else ""
    question = f"{name} [[words:{WORDS}]] [[fault:{name} after={AFTER}{seconds}]] [[pace:{pace}]]"
    events = api.stream(question, model="openai/gpt-4o-mini", fallback_models=[])
    end, text = events[-1], text_of(events)
    kept = "kept" if end["message"]["content"] == text else "lost"
    return end.get("code", end["type"]), len(text.split()), kept


def test_each_trouble_ends_as_it_should_and_costs_nobody(hurried: Web, sandbox: Sandbox) -> None:
    api = Api(hurried, make_user(plan="enterprise"))
    names = sorted(
        faults.ALL_FAULTS - faults.STRUCTURE_FAULTS - faults.LOOKUP_FAULTS, key=lambda name: name not in SLOW
    )
    with ThreadPoolExecutor(AT_ONCE) as pool:
        seen = dict(zip(names, pool.map(lambda name: ask(api, name), names), strict=True))
    more = max(AFTER + 1, seen["endless"][1])
    wanted = {name: (code, 0, "kept") for name, code in by_name(BEFORE).items()}
    wanted |= {name: (code, AFTER, "kept") for name, code in by_name(AMID).items()}
    wanted |= dict.fromkeys(WHOLE.split(), ("done", WORDS, "kept"))
    wanted["endless"] = ("upstream_timeout", more, "kept")
    wanted["huge-line"] = ("done", seen["huge-line"][1], "kept")
    assert seen == wanted

    done = Message.objects.filter(role="assistant", status="done")
    usage = api.usage()
    assert usage["messages"]["used"] == len(WHOLE.split()) == done.count()
    assert usage["tokens"]["used"] == sum(done.values_list("total_tokens", flat=True))
    # Each generation that had begun stands in the ledger once, or is still to be asked.
    booked = list(LedgerEntry.objects.values_list("generation_id", flat=True))
    owed = list(OwedGeneration.objects.values_list("generation_id", flat=True))
    assert len(set(booked + owed)) == len(booked + owed)
    assert "Traceback" not in hurried.log()
    assert api.ask("hello [[pace:fast]]").status_code == 200

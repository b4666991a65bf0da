"""What is left when it is over: rows, files, counters and the ledger, compared with what people and the sandbox saw.

`python -m bench.aftermath ADDRESS FILE` waits until nothing is under way and nothing is owed, sweeps the files, and
prints what it found as JSON. FILE holds what `bench.persistent` has seen; ADDRESS is the sandbox's.
"""

from __future__ import annotations

import json
import re
import sys
import time
import urllib.request
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import django

from bench.persistent import FIRST_MS, PACE_MS

SETTLES_WITHIN_S = 240.0
# Money is compared to a millionth of a dollar.
NEAR_USD = Decimal("1e-6")
_EXAMPLES = 5
_NEEDED = ("worker", "Redis", "PostgreSQL")  # by an image
_TAG = re.compile(r"(?:Question|Picture) [0-9]+-[0-9]+\.")


def answer_of(words: int) -> str:
    """Return what the sandbox says in so many words."""
    return " ".join(f"w{number}" for number in range(1, words + 1))


def judge(seen: dict[str, Any], stored: dict[str, Any] | None) -> str:
    """Return what is wrong with an answer as it is stored, by what its reader saw; empty for nothing.

    `stored` has `content`, `status`, `error_code` and the `question`. Of an answer that is whole every word has to be
    there; one that is interrupted has to say so, and to have the text that its end told.
    """
    if stored is None or stored["question"] != seen["question"]:
        return "a question that was accepted is not stored"
    whole, content = answer_of(seen["words"]), stored["content"]
    if not whole.startswith(seen["text"]):
        return "a reader saw words lost, twice or out of order"
    if stored["status"] == "streaming":
        return "an answer has no end"
    if stored["status"] == "done" and content != whole:
        return "an answer that is called whole is not"
    if stored["status"] == "done" and seen["ended"] == "done" and seen["text"] != whole:
        return "a reader was told of an end without the words before it"
    if stored["status"] == "failed" and stored["error_code"] != "interrupted":
        return f"an answer failed as {stored['error_code']}"
    if not whole.startswith(content) or stored["status"] not in ("done", "failed"):
        return f"an answer that is {stored['status']} has other words"
    if seen["ended"] in ("done", "failed") and (seen["ended"], seen["told"]) != (stored["status"], content):
        return "a reader was told of another end than is stored"
    return ""


def unkept_s(seen: dict[str, Any], stored: dict[str, Any]) -> float:
    """Return how many seconds of an interrupted answer its reader saw that were not stored."""
    missing = len(seen["text"].split()) - len(stored["content"].split())
    return max(0, missing) * PACE_MS / 1000


def undisturbed_s(began: datetime, ended: datetime, kills: list[float]) -> float:
    """Return how long a job took from its beginning, or from the last of the kills (seconds since 1970) meanwhile."""
    return ended.timestamp() - max([began.timestamp(), *(at for at in kills if at < ended.timestamp())])


def booked(theirs: list[dict[str, Any]], ours: list[dict[str, Any]]) -> dict[str, Any]:
    """Compare the sandbox's generations with the entries of the ledger: how often each is booked, and at what cost."""
    known = {each["id"]: each for each in theirs}
    count = Counter(each["generation_id"] for each in ours if each["generation_id"])
    costs = {each["generation_id"]: each["cost_usd"] or Decimal(0) for each in ours}
    charged = {name: each["cost"] for name, each in known.items() if each["cost"]}
    missing = [known[name] for name in charged if name not in count]
    other = [name for name, cost in charged.items() if name in count and abs(costs[name] - cost) > NEAR_USD]
    unknown = [each for each in ours if each["cost_usd"] and each["generation_id"] not in known]
    sums = [sum(charged.values(), Decimal(0)), sum((each["cost_usd"] or 0 for each in ours), Decimal(0))]
    return {
        "generations": len(known),
        "charged": len(charged),
        "missing": len(missing),
        "twice": sum(each > 1 for each in count.values()),
        "other_cost": len(other),
        "unknown": len(unknown),
        "difference": str(abs(sums[0] - sums[1])),
        "examples": [*missing[:_EXAMPLES], *other[:_EXAMPLES], *unknown[:_EXAMPLES]],
    }


def asked_twice(theirs: list[dict[str, Any]]) -> list[str]:
    """Return the questions and wishes that the sandbox was sent more than once; titles quote them, and don't count."""
    found = Counter(tag for each in theirs for tag in _tags_in(each["request"]))
    return [tag for tag, count in found.items() if count > 1]


def _tags_in(request: dict[str, Any] | None) -> set[str]:
    if request is None:
        return set()
    messages = request.get("messages") or [{"role": "user", "content": request.get("prompt", "")}]
    if "Write a title" in json.dumps(messages[0]):
        return set()
    return set(_TAG.findall(json.dumps(messages[-1]["content"])))


# --- In the product's database ----------------------------------------------------------------------


def main(root: str, path: str) -> None:
    """Wait, compare and print."""
    django.setup()
    seen = json.loads(Path(path).read_text())
    waited, waiting = _wait()
    theirs = _sandbox(root)
    found = {
        **_turns(seen["turns"]),
        **_images(seen["pictures"], seen.get("kills", [])),
        **_files(),
        **_counters(),
        "settled_after_s": waited,
        "still_waiting": waiting,
        "asked_twice": asked_twice(theirs),
        "ledger": booked(theirs, _ledger()),
    }
    print(json.dumps(found, default=str))


def _wait() -> tuple[float, list[int]]:
    """Return how long it took until nothing was under way and nothing owed, and what is left."""
    from chat.models import OwedGeneration, TitleJob, Turn
    from imagery.models import GeneratedImage

    began = time.monotonic()
    while True:
        waiting = [
            Turn.objects.filter(status=Turn.Status.RUNNING).count(),
            GeneratedImage.objects.open().count(),
            OwedGeneration.objects.count(),
            GeneratedImage.objects.exclude(owed_until=None).count(),
            TitleJob.objects.filter(status__in=(TitleJob.Status.QUEUED, TitleJob.Status.RUNNING)).count(),
        ]
        took = time.monotonic() - began
        if not any(waiting) or took > SETTLES_WITHIN_S:
            return took, waiting
        time.sleep(1)


def _sandbox(root: str) -> list[dict[str, Any]]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{root}/sandbox/ledger", timeout=120) as response:
        entries: list[dict[str, Any]] = json.loads(response.read(), parse_float=Decimal)["entries"]
    for each in entries:
        each["cost"] = Decimal(str(each["cost"]))
    return entries


def _ledger() -> list[dict[str, Any]]:
    from billing.models import LedgerEntry

    fields = ("generation_id", "kind", "cost_usd", "cost_source", "reference")
    return list(LedgerEntry.objects.order_by("id").values(*fields))


def _turns(turns: list[dict[str, Any]]) -> dict[str, Any]:
    from chat.models import Turn

    accepted = [each for each in turns if each["turn_id"]]
    known = Turn.objects.select_related("answer", "question").filter(id__in=[e["turn_id"] for e in accepted])
    rows = {str(row.id): row for row in known}
    wrong: Counter[str] = Counter()
    examples: dict[str, Any] = {}
    unkept, longest = 0.0, 0.0
    for each in accepted:
        row = rows.get(each["turn_id"])
        stored = _stored(row) if row else None
        if fault := judge(each, stored):
            wrong[fault] += 1
            examples.setdefault(fault, [each, stored])
        if row is None or stored is None:
            continue
        if stored["status"] == "failed":
            unkept = max(unkept, unkept_s(each, stored))
        if row.ended_at is not None:
            took = (row.ended_at - row.started_at).total_seconds()
            longest = max(longest, took - (FIRST_MS + each["words"] * PACE_MS) / 1000)
    return {
        "turns": len(accepted),
        "never_accepted": len(turns) - len(accepted),
        "turn_ends": Counter(row.status for row in Turn.objects.all()),
        "turns_open": Turn.objects.filter(status=Turn.Status.RUNNING).count(),
        "wrong": wrong,
        "wrong_examples": examples,
        "unkept_s": unkept,
        "turn_over_s": longest,
    }


def _stored(row: Any) -> dict[str, Any]:
    answer = row.answer
    return {
        "question": row.question.content,
        "content": answer.content,
        "status": answer.status,
        "error_code": answer.error_code,
        "began": str(row.started_at),
        "ended": str(row.ended_at),
    }


def _images(pictures: list[dict[str, Any]], kills: list[tuple[str, float]]) -> dict[str, Any]:
    from django.core.files.storage import default_storage

    from imagery.models import GeneratedImage

    rows = list(GeneratedImage.objects.all())
    known = {str(row.id) for row in rows}
    hits = [at for name, at in kills if name.startswith(_NEEDED)]
    ended = [row for row in rows if row.ended_at is not None]
    files = [(row, key) for row in rows for key in (row.key, row.thumbnail_key) if key]
    return {
        "images": len(rows),
        "images_lost": sum(bool(each["image_id"]) and each["image_id"] not in known for each in pictures),
        "image_ends": Counter(f"{row.status} {row.error_code}".strip() for row in rows),
        "images_open": len(rows) - len(ended),
        "image_s": max((row.ended_at - row.created_at).total_seconds() for row in ended) if ended else 0.0,
        "image_after_s": max(
            (undisturbed_s(row.created_at, row.ended_at, hits) for row in ended), default=0.0
        ),
        "image_tries": Counter(row.tries for row in rows),
        "files_missing": sum(not default_storage.exists(key) for _, key in files),
    }


def _files() -> dict[str, Any]:
    """Sweep as the clock does every hour, and count the files that no row knows before and after."""
    from imagery import sweeping
    from imagery.inputs import FOLDER
    from wisqu.files import storage

    storage.UNCLAIMED_AFTER = timedelta(0)
    before = _orphans(storage, sweeping, FOLDER)
    swept = sweeping.sweep_files()
    return {"orphans": before, "swept": swept, "orphans_left": _orphans(storage, sweeping, FOLDER)}


def _orphans(storage: Any, sweeping: Any, folder: str) -> int:
    from django.utils import timezone

    keys = list(storage._keys(folder, before=timezone.now()))
    return len(set(keys) - set(sweeping._known(keys)))


def _counters() -> dict[str, Any]:
    from billing import reconcile
    from billing.amounts import MEASURES
    from billing.models import MonthlyUsageQuota, Reservation

    held = [f"held_{measure}" for measure in MEASURES]
    result = reconcile.reconcile(repairs=False, made_by="bench")
    return {
        "held": sum(sum(row) for row in MonthlyUsageQuota.objects.values_list(*held)),
        "holds": Reservation.objects.filter(state=Reservation.State.HELD).count(),
        "counters_wrong": [str(each) for each in result.differences],
    }


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Times quota decisions in a process of its own: `python -m bench.decisions COUNT` prints milliseconds as JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import timedelta

import django

PEOPLE = 50
WARM_UP = 100


def measure(count: int) -> dict[str, list[float]]:
    """Return how long each decision about a message took, and each count of a request against its minute."""
    from django.db import connection, transaction

    from billing import quota
    from billing.plans import subscription_for
    from wisqu.accounts.models import User
    from wisqu.api import throttling
    from wisqu.api.ids import uuid7

    people = [subscription_for(pk) for pk in User.objects.values_list("pk", flat=True)[:PEOPLE]]
    amounts, least = quota.Amounts(messages=1, tokens=4_296), quota.Amounts(messages=1, tokens=400)
    found: dict[str, list[float]] = {"decided": [], "counted": []}
    for number in range(count + WARM_UP):
        person, key = people[number % len(people)], uuid7()
        found["counted"].append(timed(lambda person=person: throttling.admit(person.user_id)))
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1")  # the transaction is the turn's own, and under way in any case
            hold = {"key": key, "lifetime": timedelta(minutes=15), "amounts": amounts, "at_least": least}
            found["decided"].append(
                timed(
                    lambda person=person, hold=hold: quota.reserve(
                        user_id=person.user_id, subscription=person, **hold
                    )
                )
            )
        with transaction.atomic():
            quota.release(key=key)
    return {name: times[WARM_UP:] for name, times in found.items()}


def timed(work: Callable[[], object]) -> float:
    """Return how many milliseconds the work took."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    django.setup()
    print(json.dumps(measure(int(sys.argv[1]))))

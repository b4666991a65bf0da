"""However many are made at once: exactly as many presets as the plan holds."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, transaction

from billing.models import PlanLimit
from presets import keeping, standing
from presets.models import ModelPreset
from tests.people import make_user
from wisqu.accounts.models import User

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 12


@pytest.fixture
def alice() -> User:
    standing.forget()
    return make_user()


def at_once(work: Callable[[int], Any], times: int) -> list[Any]:
    def run(number: int) -> Any:
        try:
            return work(number)
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(run, range(times)))


@pytest.mark.parametrize(("limit", "times"), [(1, 24), (7, 48)])
def test_exactly_as_many_are_made_as_the_plan_holds(alice: User, limit: int, times: int) -> None:
    PlanLimit.objects.filter(slug="free").update(presets=limit)
    results = at_once(lambda _: keeping.make(owner_id=alice.id, values={"name": "Same"}), times)
    made = [each for each in results if isinstance(each, ModelPreset)]
    refused = [each for each in results if isinstance(each, keeping.TooManyPresets)]
    assert (len(made), len(refused)) == (limit, times - limit)
    assert len({preset.slug for preset in made}) == ModelPreset.objects.for_owner(alice.id).count() == limit


@pytest.mark.postgres
def test_counting_without_the_lock_would_admit_more(alice: User) -> None:
    everybody_has_counted = Barrier(THREADS)

    def unguarded(number: int) -> None:
        with transaction.atomic():
            kept = ModelPreset.objects.for_owner(alice.id).count()
            everybody_has_counted.wait(10)
            if kept < 3:
                ModelPreset.objects.create(owner=alice, name="x", slug=f"x{number}")

    at_once(unguarded, THREADS)
    assert ModelPreset.objects.for_owner(alice.id).count() > 3


def test_changes_of_different_fields_at_once_are_all_kept(alice: User) -> None:
    preset = keeping.make(owner_id=alice.id, values={"name": "Mine"})
    fields = [("temperature", 0.5), ("top_p", 0.5), ("max_tokens", 9), ("description", "x")]
    plan = PlanLimit.objects.get(slug="free")
    at_once(lambda number: keeping.change(preset, values=dict([fields[number]]), plan=plan), len(fields))
    preset.refresh_from_db()
    assert [getattr(preset, name) for name, _ in fields] == [value for _, value in fields]
    assert preset.version == 4

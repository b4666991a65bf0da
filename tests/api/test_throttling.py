"""How often a person may ask: counted over all credentials, in the store that all processes share."""

from __future__ import annotations

import subprocess
import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import time_machine

from billing import plans, rates
from billing.models import PlanLimit, Subscription
from tests.billing.held import limit_to
from tests.people import make_user, signed_in
from wisqu.accounts.credentials import make_key
from wisqu.accounts.models import User
from wisqu.accounts.tokens import open_family
from wisqu.api import counting, throttling
from wisqu.api.throttling import Allowance, TooManyRequests, headers

pytestmark = pytest.mark.django_db
USAGE = "/api/v1/subscriptions/usage"
REDIS_THAT_IS_DOWN = "redis://127.0.0.1:9/0"


def someone(per_minute: int, email: str = "alice@example.org") -> User:
    limit_to("free", requests_per_minute=per_minute)
    return make_user(email, "free")


def bearers(user: User) -> list[dict[str, str]]:
    """Return two credentials of one person, as headers: an access token and an API key."""
    key = make_key(user=user, name="script", scopes=["read", "write"])[1]
    return [{"Authorization": f"Bearer {secret}"} for secret in (open_family(user).access, key)]


def test_all_credentials_of_a_person_share_one_limit(client) -> None:
    token, key = bearers(someone(3))
    codes = [client.get(USAGE, headers=each).status_code for each in (token, key, token, key, token)]

    assert codes == [200, 200, 200, 429, 429]


def test_what_the_pages_change_counts_with_them_and_what_they_read_does_not() -> None:
    alice = someone(2)
    page = signed_in(alice)
    reads = [page.get(USAGE) for _ in range(5)]
    change = [page.patch("/api/v1/auth/me", {"name": "A"}, "application/json").status_code for _ in range(3)]

    assert {read.status_code for read in reads} == {200}
    assert reads[-1]["RateLimit"].startswith('"page-reads";r=295;t=')
    assert change == [200, 200, 429]


def test_every_answer_says_what_is_left(client) -> None:
    (token, _) = bearers(someone(10))
    answers = [client.get(path, headers=token) for path in (USAGE, f"/api/v1/conversations/{uuid.uuid4()}")]

    assert [answer.status_code for answer in answers] == [200, 404]
    assert [answer["RateLimit-Policy"] for answer in answers] == ['"requests";q=10;w=60'] * 2
    assert [answer["RateLimit"].split(";t=")[0] for answer in answers] == ['"requests";r=9', '"requests";r=8']


def test_a_refusal_says_when_to_come_back(client) -> None:
    (token, _) = bearers(someone(1))
    client.get(USAGE, headers=token)
    refused = client.get(USAGE, headers=token)
    problem = refused.json()

    assert (refused.status_code, problem["code"], problem["limit"]) == (429, "rate_limited", 1)
    assert refused["Content-Type"] == "application/problem+json"
    assert 1 <= int(refused["Retry-After"]) == problem["retry_after"] <= 60
    assert refused["RateLimit"] == f'"requests";r=0;t={refused["Retry-After"]}'


def test_charlie_is_not_slowed_by_alice(client) -> None:
    alice, charlie = someone(1), make_user("charlie@example.org", "free")
    for _ in range(3):
        client.get(USAGE, headers=bearers(alice)[0])

    assert client.get(USAGE, headers=bearers(charlie)[0]).status_code == 200


def test_strangers_are_told_nothing(client) -> None:
    assert not client.get(USAGE).has_header("RateLimit")
    assert not client.get("/api/v1/subscriptions/plans").has_header("RateLimit")


def test_a_larger_plan_holds_at_once() -> None:
    alice = someone(1)
    throttling.admit(alice.pk)
    with pytest.raises(TooManyRequests):
        throttling.admit(alice.pk)
    plans.put_on(user_id=alice.pk, plan=PlanLimit.objects.get(slug="premium"))

    assert throttling.admit(alice.pk).quota == PlanLimit.objects.get(slug="premium").requests_per_minute


def test_a_plan_bought_in_another_process_holds_where_it_would_refuse() -> None:
    alice = someone(1)
    throttling.admit(alice.pk)
    rate, known_at = rates._known[alice.pk]
    rates._known[alice.pk] = rate, known_at - throttling.REFUSES_FRESH_S
    limit_to("free", requests_per_minute=5)

    assert throttling.admit(alice.pk).left == 3


def test_the_plan_is_known_without_a_query(django_assert_num_queries) -> None:
    alice = someone(9)
    with django_assert_num_queries(0):
        assert rates.requests_per_minute(alice.pk) == 9
    with django_assert_num_queries(1):
        assert rates.requests_per_minute(alice.pk, max_age_s=0) == 9


def test_a_look_at_the_limit_starts_no_subscription() -> None:
    dave = User.objects.create_user("dave@example.org")

    assert rates.requests_per_minute(dave.pk) == PlanLimit.objects.get(slug="free").requests_per_minute
    assert not hasattr(dave, "subscription")


def test_a_plan_that_has_ended_gives_the_requests_of_free() -> None:
    alice = make_user("alice@example.org", "premium")
    limit_to("free", requests_per_minute=4)
    Subscription.objects.update(status=Subscription.Status.EXPIRED)

    assert rates.requests_per_minute(alice.pk, max_age_s=0) == 4


def test_two_quotas_are_two_items_of_each_header() -> None:
    month = Allowance(name="messages", quota=100, left=7, window_s=2_678_400, resets_in_s=9)
    minute = Allowance(name="requests", quota=10, left=9, window_s=60, resets_in_s=31)

    assert headers([minute, month]) == {
        "RateLimit-Policy": '"requests";q=10;w=60, "messages";q=100;w=2678400',
        "RateLimit": '"requests";r=9;t=31, "messages";r=7;t=9',
    }
    assert headers([]) == {}


# --- The stores -----------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def stores_are_asked() -> None:
    counting._resting.until = 0.0


def test_a_window_begins_with_its_first_count_and_ends_after_its_length(settings) -> None:
    settings.REDIS_URL = ""
    key = uuid.uuid4().hex
    with time_machine.travel(1_000_000.0, tick=False) as clock:
        first = counting.count(key, window_s=60)
        clock.shift(59.0)
        second = counting.count(key, window_s=60)
        clock.shift(1.0)
        third = counting.count(key, window_s=60)

    assert (first, second, third) == ((1, 60.0), (2, 1.0), (1, 60.0))


def test_threads_never_count_the_same_number_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "ANSWERS_WITHIN_S", 60.0)  # a busy disk is another matter
    key = uuid.uuid4().hex
    with ThreadPoolExecutor(8) as threads:
        numbers = list(threads.map(lambda _: counting.count(key, window_s=60).number, range(200)))

    assert sorted(numbers) == list(range(1, 201))


COUNTING = """
import pathlib, sys
from django.conf import settings
settings.configure(REDIS_URL="", VAR_DIR=pathlib.Path(sys.argv[1]))
from wisqu.api import counting
counting.ANSWERS_WITHIN_S = 60.0
print(*(counting.count("alice", window_s=60).number for _ in range(100)))
"""


def test_processes_without_redis_share_one_count(tmp_path: Path) -> None:
    command = [sys.executable, "-c", COUNTING, str(tmp_path)]
    others = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    numbers = [int(word) for other in others for word in other.communicate(timeout=60)[0].split()]

    assert sorted(numbers) == list(range(1, 201))


def test_without_redis_each_process_counts_for_itself_and_nobody_waits(settings) -> None:
    settings.REDIS_URL = REDIS_THAT_IS_DOWN
    key = uuid.uuid4().hex

    assert [counting.count(key, window_s=60).number for _ in range(3)] == [1, 2, 3]
    assert counting._resting.until > 0


def test_a_folder_that_takes_no_file_stops_nobody(settings) -> None:
    settings.REDIS_URL, settings.VAR_DIR = "", Path("/proc/nowhere")

    assert counting.count(uuid.uuid4().hex, window_s=60).number == 1


def test_counts_in_memory_are_exact_and_forgotten(monkeypatch) -> None:
    monkeypatch.setattr(counting, "_MOST_IN_MEMORY", 2)
    monkeypatch.setattr(counting, "_windows", {"old": (0.0, 4), "older": (0.0, 9)})
    barrier, numbers = threading.Barrier(4), []

    def work() -> None:
        barrier.wait()
        numbers.extend(counting._in_memory("new", 60).number for _ in range(50))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(numbers) == list(range(1, 201))
    assert set(counting._windows) == {"new"}

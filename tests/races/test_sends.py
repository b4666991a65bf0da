"""However many ask at once, over whatever door: exactly what the plan holds reaches OpenRouter."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from billing.models import LedgerEntry, MonthlyUsageQuota, PlanLimit
from tests.clients import Api
from tests.live import Sandbox, Web
from tests.people import make_user

QUICK = "[[pace:fast]] [[words:3]]"


def send_by_json(api: Api) -> bool:
    return api.ask(f"json {QUICK}").status_code == 200


def send_by_stream(api: Api) -> bool:
    body = {"message": f"stream {QUICK}", "stream": True}
    response = api.http.post("/chat", json=body)
    return response.status_code == 200 and '"type":"done"' in response.text


def send_by_socket(api: Api) -> bool:
    with api.socket() as socket:
        socket.send(type="send", ref="r", message=f"socket {QUICK}")
        return socket.until("done", "error", "rejected")[-1]["type"] == "done"


DOORS = (send_by_json, send_by_stream, send_by_socket)


@pytest.mark.parametrize(("limit", "sends"), [(1, 2), (1, 50), (7, 64)])
def test_exactly_as_many_get_through_as_the_plan_holds(
    live_pair: tuple[Web, Web], sandbox: Sandbox, limit: int, sends: int
) -> None:
    PlanLimit.objects.filter(slug="premium").update(messages=limit)
    user = make_user(plan="premium")
    apis = [Api(web, user) for web in live_pair]
    with ThreadPoolExecutor(16) as pool:
        done = list(pool.map(lambda n: DOORS[n % 3](apis[n % 2]), range(sends)))
    quota = MonthlyUsageQuota.objects.get()
    generations = list(LedgerEntry.objects.values_list("generation_id", flat=True))
    assert done.count(True) == min(limit, sends)
    assert len(set(generations)) == len(generations) == min(limit, sends)
    assert (quota.used_messages, quota.held_messages, quota.held_tokens) == (min(limit, sends), 0, 0)


def test_a_spent_quota_is_refused_with_its_figures(live: Web) -> None:
    PlanLimit.objects.filter(slug="free").update(messages=1)
    api = Api(live, make_user(plan="free"))
    api.ask(f"one {QUICK}")
    problem = api.ask(f"two {QUICK}").json()
    assert (problem["status"], problem["code"]) == (400, "quota_exceeded")
    assert problem["detail"].startswith("Monthly message limit reached (1)")


def test_thirty_two_writers_never_meet_a_locked_database(live_pair: tuple[Web, Web]) -> None:
    user = make_user(plan="unlimited")
    apis = [Api(web, user) for web in live_pair]
    with ThreadPoolExecutor(32) as pool:
        codes = list(pool.map(lambda n: apis[n % 2].ask(f"write {n} {QUICK}").status_code, range(160)))
    assert set(codes) == {200}

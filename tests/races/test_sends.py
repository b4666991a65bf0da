"""However many ask at once, over whatever door: exactly what the plan holds reaches OpenRouter."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from billing.models import LedgerEntry, MonthlyUsageQuota, PlanLimit
from billing.reconcile import reconcile
from chat.upstream import pseudonym
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


@pytest.mark.parametrize(("limit", "sends"), [(1, 2), (1, 50), (7, 64), (20, 200)])
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
    assert len(sandbox.ledger(user=pseudonym(user.pk))) == min(limit, sends)
    assert (quota.used_messages, quota.held_messages, quota.held_tokens) == (min(limit, sends), 0, 0)


def test_exactly_as_many_requests_a_minute_get_through_whatever_the_door(live_pair: tuple[Web, Web]) -> None:
    PlanLimit.objects.filter(slug="premium").update(requests_per_minute=8)
    user = make_user(plan="premium")
    apis = [Api(web, user) for web in live_pair]
    with ThreadPoolExecutor(12) as pool:
        done = list(pool.map(lambda n: DOORS[n % 3](apis[n % 2]), range(36)))
    refused = apis[0].get("/conversations")
    assert done.count(True) == 8
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert MonthlyUsageQuota.objects.get().used_messages == 8


def test_every_door_tells_what_is_left(live: Web) -> None:
    PlanLimit.objects.filter(slug="premium").update(requests_per_minute=50, messages=9)
    api = Api(live, make_user(plan="premium"))
    whole = api.ask(f"one {QUICK}")
    stream = api.http.post("/chat", json={"message": f"two {QUICK}", "stream": True})
    with api.socket() as socket:
        socket.send(type="send", ref="r", message=f"three {QUICK}")
        (accepted, *_, quota) = socket.until("quota")
    used = api.usage()["tokens"]["remaining"]
    assert left(whole) == {"requests": 49, "messages": 8, "tokens": left(whole)["tokens"]}
    assert {name: left(stream)[name] for name in ("requests", "messages")} == {"requests": 48, "messages": 7}
    assert (accepted["rate_limit"]["limit"], accepted["rate_limit"]["remaining"]) == (50, 47)
    assert (quota["messages"]["remaining"], quota["tokens"]["remaining"]) == (6, used)
    assert left(whole)["tokens"] > used


def left(response: httpx.Response) -> dict[str, int]:
    """Return what is left of each quota that the headers name."""
    return {
        name: int(number)
        for name, number in re.findall(r'"([a-z-]+)";r=(\d+);t=\d+', response.headers["RateLimit"])
    }


def test_stopping_an_answer_is_never_refused(live: Web) -> None:
    PlanLimit.objects.filter(slug="premium").update(requests_per_minute=1)
    api = Api(live, make_user(plan="premium"))
    with api.streaming("slow [[pace:slow]] [[words:400]]") as events:
        turn_id = next(events)["turn_id"]
        assert api.get("/conversations").status_code == 429
        assert api.post(f"/chat/turns/{turn_id}/stop").status_code == 200
        assert [event["type"] for event in events][-1] == "done"


def test_without_redis_everything_is_counted_all_the_same(start_live: Callable[..., Web]) -> None:
    PlanLimit.objects.filter(slug="premium").update(requests_per_minute=3, messages=2)
    api = Api(start_live(REDIS_URL="redis://127.0.0.1:9/0"), make_user(plan="premium"))
    codes = [api.ask(f"{number} {QUICK}").status_code for number in range(4)]
    assert codes == [200, 200, 400, 429]
    assert reconcile(repairs=False, made_by="").differences == []


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

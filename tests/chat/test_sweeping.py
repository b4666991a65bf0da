"""A process dies in the middle: its turns are closed, with their text and their cost."""

from __future__ import annotations

import time
from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

from billing.models import LedgerEntry, MonthlyUsageQuota
from chat import owed, sweeping
from chat.models import Message, OwedGeneration, Turn
from chat.sweeping import DEAD_AFTER, close_abandoned_turns
from tests.clients import Api, text_of
from tests.live import Sandbox, Web
from tests.people import make_user
from wisqu.accounts.erasure import erase
from wisqu.api.vigil import Vigil

SLOW = "Die [[words:3000]] [[pace:10ms]]"


def die_in_the_middle(web: Web, api: Api) -> list[dict]:
    """Ask, read until text was certainly saved once, and kill the server."""
    seen = []
    with api.streaming(SLOW) as events:
        for event in events:
            seen.append(event)
            if len(seen) > 1 and Message.objects.filter(role="assistant").exclude(content="").exists():
                web.kill()
                break
    return seen


def age_the_turn() -> None:
    Turn.objects.update(heartbeat_at=timezone.now() - DEAD_AFTER - timedelta(seconds=1))


def test_a_dead_turn_is_closed_with_its_text_and_its_cost(start_live, sandbox: Sandbox) -> None:
    web, user = start_live(), make_user(plan="premium")
    die_in_the_middle(web, Api(web, user))
    kept = Message.objects.get(role="assistant").content
    age_the_turn()
    close_abandoned_turns(Vigil(for_s=0))  # or a web process that lives, which looks every few seconds
    answer = Message.objects.get(role="assistant")
    entry = LedgerEntry.objects.get()
    assert (answer.status, answer.error_code, answer.content) == ("failed", "interrupted", kept)
    assert (entry.messages, entry.cost_source) == (0, "lookup")
    (upstream,) = sandbox.ledger(session=str(answer.conversation_id))
    assert entry.cost_usd == Decimal(str(upstream["cost"]))


def test_nothing_stays_held_by_a_dead_turn(start_live) -> None:
    web, user = start_live(), make_user(plan="premium")
    die_in_the_middle(web, Api(web, user))
    age_the_turn()
    close_abandoned_turns(Vigil(for_s=0))
    quota = MonthlyUsageQuota.objects.get()
    assert (quota.held_messages, quota.held_tokens, quota.used_messages) == (0, 0, 0)


def test_a_reader_of_a_dead_turn_gets_its_end_from_another_process(start_live) -> None:
    web, user = start_live(), make_user(plan="premium")
    seen = die_in_the_middle(web, Api(web, user))
    other = Api(start_live(), user)
    age_the_turn()
    close_abandoned_turns(Vigil(for_s=0))
    rest = other.join(seen[0]["turn_id"], after=seen[-1]["seq"])
    assert rest[-1]["type"] == "error"
    assert rest[-1]["code"] == "interrupted"
    assert (text_of(seen) + text_of(rest)).startswith(rest[-1]["message"]["content"])
    assert (
        other.http.get(
            f"/chat/turns/{seen[0]['turn_id']}/events", headers={"Last-Event-ID": str(rest[-1]["seq"])}
        ).status_code
        == 204
    )


def test_a_living_turn_is_left_alone(alice: Api) -> None:
    with alice.streaming("Long [[words:200]] [[pace:20ms]]") as events:
        next(events)
        assert close_abandoned_turns(Vigil(for_s=0)) == 0
        assert list(events)[-1]["type"] == "done"


def test_a_turn_closed_twice_is_charged_once(alice: Api) -> None:
    with alice.streaming("Late [[words:100]] [[pace:20ms]]") as events:
        next(events)
        assert sweeping._close(Turn.objects.select_related("answer").get())
        last = list(events)[-1]
    for row in OwedGeneration.objects.all():  # what it cost was not known yet
        row.tries = owed._MOST_TRIES
        owed._pay(row, None, None)
    quota = MonthlyUsageQuota.objects.get()
    assert last["message"]["status"] == "failed"
    assert (quota.used_messages, quota.held_messages) == (0, 0)
    assert LedgerEntry.objects.count() <= 1


def test_the_text_is_kept_every_second(alice: Api) -> None:
    with alice.streaming("Keep [[words:300]] [[pace:20ms]]") as events:
        while not Message.objects.filter(role="assistant").exclude(content="").exists():
            assert next(events)["type"] != "done"


def test_a_server_that_can_hand_nothing_on_keeps_what_its_turns_have_when_it_ends(start_live) -> None:
    web, user = start_live(REDIS_URL=""), make_user(plan="premium")
    api = Api(web, user)
    with api.streaming(SLOW) as events:
        while next(events)["type"] != "content":
            pass
        web.stop()
    turn = Turn.objects.select_related("answer").get()
    assert (turn.status, turn.answer.error_code) == ("failed", "interrupted")
    assert turn.answer.content != ""
    assert MonthlyUsageQuota.objects.get().held_messages == 0


def test_a_web_process_closes_what_another_left(start_live) -> None:
    web, user = start_live(), make_user(plan="premium")
    die_in_the_middle(web, Api(web, user))
    start_live()
    age_the_turn()
    began = time.monotonic()
    while Turn.objects.get().status == "running":
        assert time.monotonic() - began < 60
        time.sleep(0.2)
    assert Turn.objects.get().status == "failed"


def test_a_deleted_conversation_ends_its_turn_and_is_charged(alice: Api, sandbox: Sandbox) -> None:
    with alice.streaming("Delete [[words:1000]] [[pace:10ms]]") as events:
        start = next(events)
        while next(events)["type"] != "content":
            pass
        assert alice.http.delete(f"/conversations/{start['conversation_id']}").status_code == 204
        last = list(events)[-1]
    (upstream,) = sandbox.ledger(session=start["conversation_id"])
    quota, entry = MonthlyUsageQuota.objects.get(), LedgerEntry.objects.get()
    assert (last["type"], last["code"]) == ("error", "conversation_deleted")
    assert upstream["aborted_at"] is not None
    assert (quota.used_messages, quota.held_messages, quota.held_tokens) == (1, 0, 0)
    assert entry.cost_usd == Decimal(str(upstream["cost"]))


def test_an_account_deleted_during_its_answer_leaves_its_cost_in_the_ledger(
    live: Web, sandbox: Sandbox
) -> None:
    user = make_user(plan="premium")
    with Api(live, user).streaming("Erase [[words:1000]] [[pace:10ms]]") as events:
        start = next(events)
        while next(events)["type"] != "content":
            pass
        erase(user)
        list(events)
    (upstream,) = sandbox.ledger(session=start["conversation_id"])
    wait_for(lambda: LedgerEntry.objects.exists())
    assert LedgerEntry.objects.get().generation_id == upstream["id"]


def wait_for(condition) -> None:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < 60
        time.sleep(0.1)

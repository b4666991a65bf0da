"""What answers quote is checked at their end, told before it, kept with them, and mended once where that is allowed."""

from __future__ import annotations

from typing import Any

import pytest

from billing.models import LedgerEntry, MonthlyUsageQuota, PlanLimit
from chat.checking import Findings, find
from chat.models import Message, OwedGeneration
from tests.clients import Api
from tests.live import Sandbox, Web
from wisqu.accounts.models import User

SABR = "إن الله مع الصابرين"
ALTERED = "قال الله تعالى: ﴿إن الله مع الظالمين يا قوم﴾ والله أعلم"
TEXT = f"Allah says: ﴿{SABR}﴾ (2:153). See also Quran 2:300."


def reply(text: str) -> str:
    return f"Quote it [[reply:{text}]] [[pace:fast]]"


def events_of(api: Api, question: str, **fields: Any) -> list[dict[str, Any]]:
    with api.streaming(question, **fields) as events:
        return list(events)


def no_repair() -> None:
    PlanLimit.objects.update(quotation_repair=False)


def test_findings_come_right_before_the_end_and_stay_with_the_message(alice: Api) -> None:
    no_repair()
    *_, told, done = events_of(alice, reply(TEXT))
    assert (told["type"], done["type"]) == ("quotations", "done")
    (quotation,) = told["quotations"]
    assert TEXT[quotation["start"] : quotation["end"]] == SABR
    assert [each["state"] for each in told["references"]] == ["real", "impossible"]
    assert done["message"]["quotations"] == told["quotations"]
    stored = Message.objects.get(role="assistant")
    assert (stored.quotations, stored.references) == (told["quotations"], told["references"])


def test_an_answer_that_quotes_nothing_has_no_such_event(alice: Api) -> None:
    kinds = [event["type"] for event in events_of(alice, reply("Peace be upon you."))]
    assert "quotations" not in kinds


def test_who_joins_late_is_told_them_too(alice: Api, live_pair: tuple[Web, Web]) -> None:
    no_repair()
    first = events_of(alice, reply(TEXT))
    turn_id, whole = first[0]["turn_id"], "".join(e["content"] for e in first if e["type"] == "content")
    elsewhere = Api(live_pair[1], User.objects.get())
    told = elsewhere.join(turn_id)
    assert [event["type"] for event in told] == ["start", "content", "quotations", "done"]
    assert told[1]["content"] == whole
    assert [event["type"] for event in elsewhere.join(turn_id, after=len(first) - 2)] == [
        "quotations",
        "done",
    ]


def test_the_export_carries_them(alice: Api) -> None:
    no_repair()
    done = events_of(alice, reply(TEXT))[-1]["message"]
    path = f"/conversations/{done['conversation_id']}/export"
    messages = alice.http.get(path, params={"format": "json"}).json()["messages"]
    assert messages[1]["quotations"] == done["quotations"]
    text = alice.http.get(path, params={"format": "md"}).text
    assert "2:153" in text.split("Quotations", 1)[1]
    assert "There is no such verse" in text


def test_a_false_quotation_is_mended_once_and_the_first_version_stays(alice: Api, sandbox: Sandbox) -> None:
    done = events_of(alice, reply(ALTERED))[-1]["message"]
    repair = LedgerEntry.objects.get(kind="repair")
    chat = LedgerEntry.objects.get(kind="chat")
    asked = sandbox.ledger(session=done["conversation_id"])
    assert len(asked) == 2
    assert "not what the Qur'an says" in asked[1]["request"]["messages"][-1]["content"]
    assert done["repair"]["state"] == "mended"
    assert [each["verdict"] for each in done["quotations"]] == ["genuine"]
    first, second = Message.objects.filter(role="assistant").order_by("id")
    assert (first.content, str(first.id)) == (ALTERED, done["repair"]["first_version_id"])
    assert (second.content, str(second.id), second.repair) == (done["content"], done["id"], done["repair"])
    assert (repair.messages, repair.tokens, str(repair.reference)) == (0, 0, done["id"])
    assert (chat.messages, chat.tokens) == (1, done["usage"]["total_tokens"])
    assert not OwedGeneration.objects.exists()
    assert MonthlyUsageQuota.objects.get().used_messages == 1


@pytest.mark.parametrize("off", ["plan", "nothing wrong"])
def test_nobody_is_asked_again_where_that_is_off_or_nothing_is_wrong(alice: Api, off: str) -> None:
    if off == "plan":
        no_repair()
    text = ALTERED if off == "plan" else f"﴿{SABR}﴾"
    done = events_of(alice, reply(text))[-1]["message"]
    assert done["repair"] is None
    assert not LedgerEntry.objects.filter(kind="repair").exists()


def test_a_text_without_arabic_or_figures_is_not_even_read() -> None:
    assert find("No letters of it here.") == Findings()

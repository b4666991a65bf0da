"""The pages as the server makes them: readable without scripts, and only by their owner."""

import json
import re
import uuid
from decimal import Decimal

import pytest
from django.http import HttpResponse
from django.test import Client, override_settings
from django.utils import timezone

from chat.models import Conversation, Message, Turn
from tests.people import make_alice, make_charlie
from wisqu.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    return make_alice(name="Alice Munro")


@pytest.fixture
def page(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def talk(owner: User, exchanges: int = 1, **answer: object) -> Conversation:
    """A conversation of questions q0, q1 … and answers a0, a1 …; `answer` describes the last answer."""
    conversation = Conversation.objects.create(owner=owner, title="About bees")
    last = None
    for number in range(exchanges):
        depth = number * 2
        question = Message.objects.create(
            conversation=conversation, parent=last, role="user", content=f"q{number}", depth=depth
        )
        last = Message.objects.create(
            conversation=conversation,
            parent=question,
            role="assistant",
            content=f"**a{number}**",
            depth=depth + 1,
        )
    for name, value in answer.items():
        setattr(last, name, value)
    last.save()
    conversation.head = last
    conversation.save()
    return conversation


def html(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def without_nonces(response: HttpResponse) -> str:
    return re.sub(r'nonce="[^"]*"', "", response.content.decode())


def test_somebody_who_is_not_signed_in_is_sent_to_sign_in(client: Client) -> None:
    assert client.get("/").url.startswith("/accounts/login/")


def test_the_empty_page_greets_by_name(page: Client) -> None:
    assert "Peace be upon you, <bdi>Alice</bdi>" in html(page, "/")


def test_it_greets_in_the_persons_language_and_direction(page: Client, alice: User) -> None:
    User.objects.update(language="ar", theme="dark")
    text = html(page, "/")

    assert '<html lang="ar" dir="rtl" data-theme="dark">' in text
    assert "السلام عليكم" in text


def test_history_is_rendered_on_the_server(page: Client, alice: User) -> None:
    text = html(page, f"/c/{talk(alice).id}")

    assert "<strong>a0</strong>" in text
    assert '<h1 data-title dir="auto">About bees</h1>' in text


@override_settings(DEBUG=True)
def test_a_foreign_conversation_and_a_missing_one_are_the_same_nothing(page: Client) -> None:
    foreign = page.get(f"/c/{talk(make_charlie()).id}")
    missing = page.get(f"/c/{uuid.uuid4()}")

    assert (foreign.status_code, missing.status_code) == (404, 404)
    assert "There is nothing here" in foreign.content.decode()
    assert without_nonces(foreign) == without_nonces(missing)


@pytest.mark.parametrize("path", ["/nowhere", "/c/nonsense", "/nowhere/at/all/"])
@override_settings(DEBUG=True)
def test_an_unknown_address_has_the_products_own_words(client: Client, path: str) -> None:
    response = client.get(path)

    assert response.status_code == 404
    assert "There is nothing here" in response.content.decode()


@pytest.mark.parametrize(("finish_reason", "told"), [("length", True), ("stop", False)])
def test_an_answer_at_its_limit_says_so(page: Client, alice: User, finish_reason: str, told: bool) -> None:
    text = html(page, f"/c/{talk(alice, finish_reason=finish_reason).id}")
    answer = text.partition("<template")[0]

    assert ('<p class="remark" data-cut-short>The answer reached its length limit.' in answer) is told


def test_what_did_not_fit_is_told_under_the_answer(page: Client, alice: User) -> None:
    text = html(page, f"/c/{talk(alice, history_messages_cut=3).id}")

    assert "3 earlier messages did not fit and were not read." in text


@pytest.mark.parametrize("code", ["empty_answer", "conversation_deleted"])
def test_a_failure_is_told_in_the_readers_language(page: Client, alice: User, code: str) -> None:
    User.objects.update(language="ar")
    text = html(page, f"/c/{talk(alice, status='failed', error_code=code, error_detail='English').id}")
    told = re.search(r'<div class="failure" data-failure>.*<p data-failure-text dir="auto">(.*?)</p>', text)

    assert re.match("[\u0600-\u06ff]", told.group(1))
    assert "data-retry" in text


def test_a_question_is_never_read_as_markup(page: Client, alice: User) -> None:
    conversation = talk(alice)
    Message.objects.filter(role="user").update(content="<b>**q**</b>")

    assert "&lt;b&gt;**q**&lt;/b&gt;" in html(page, f"/c/{conversation.id}")


def test_a_title_with_markup_is_text_everywhere(page: Client, alice: User) -> None:
    conversation = talk(alice)
    Conversation.objects.update(title="</script><script>alert(1)</script>")

    assert "<script>alert" not in html(page, f"/c/{conversation.id}")


def test_a_long_conversation_shows_its_end_and_the_way_back(page: Client, alice: User) -> None:
    conversation = talk(alice, exchanges=40)
    text = html(page, f"/c/{conversation.id}")
    earlier = re.search(r'data-earlier="([^"]+)"', text).group(1).replace("&amp;", "&")
    before = html(page, earlier)

    assert "<strong>a39</strong>" in text
    assert "<strong>a14</strong>" not in text
    assert "<strong>a14</strong>" in before
    assert "<strong>a15</strong>" not in before
    assert "<html" not in before


def test_a_message_of_another_conversation_shows_nothing(page: Client, alice: User) -> None:
    foreign = talk(make_charlie())

    assert "<strong>a0</strong>" not in html(page, f"/c/{talk(alice).id}?until={foreign.head_id}")


def test_an_address_that_makes_no_sense_is_not_found(page: Client, alice: User) -> None:
    assert page.get(f"/c/{talk(alice).id}?until=nonsense").status_code == 404


def test_a_running_answer_names_its_turn_and_length(page: Client, alice: User) -> None:
    conversation = talk(alice, status="streaming", content="سلام 🌍")
    head = conversation.head
    turn = Turn.objects.create(owner=alice, conversation=conversation, question=head.parent, answer=head)
    text = html(page, f"/c/{conversation.id}")

    assert f'data-status="streaming" data-turn="{turn.id}" data-length="7"' in text


def test_a_receipt_tells_model_tokens_cost_and_time(page: Client, alice: User) -> None:
    conversation = talk(
        alice,
        model="anthropic/claude-sonnet-4.5",
        total_tokens=1284,
        cost_usd=Decimal("0.0041"),
        total_ms=2140,
    )
    line = re.search(r"<summary title=\"How[^>]*>(.*?)</summary>", html(page, f"/c/{conversation.id}")).group(
        1
    )

    assert re.findall(r"<bdi>(.*?)</bdi>", line) == ["claude-sonnet-4.5", "1,284 tokens", "$0.0041", "2.1 s"]


def test_a_failed_answer_says_what_happened(page: Client, alice: User) -> None:
    conversation = talk(alice, status="failed", error_code="upstream_timeout", error_detail="x")

    assert "The model took too long to answer." in html(page, f"/c/{conversation.id}")


def test_a_spent_quota_is_said_at_the_composer(page: Client, alice: User) -> None:
    from billing.models import MonthlyUsageQuota
    from billing.plans import subscription_for

    period = subscription_for(alice.id).period(timezone.now())
    MonthlyUsageQuota.objects.create(
        user=alice, period_start=period.start, period_end=period.end, used_messages=2000
    )

    assert "All 2,000 messages of this month are used." in html(page, "/")


def test_the_sandbox_is_marked_and_a_real_server_is_not(page: Client, settings) -> None:
    assert "Sandbox model" in html(page, "/")
    settings.OPENROUTER_API_KEY = "sk-or-v1-real"
    assert "Sandbox model" not in html(page, "/")


def test_nothing_on_the_page_needs_an_inline_script_or_style(page: Client, alice: User) -> None:
    text = html(page, f"/c/{talk(alice).id}")

    assert " style=" not in text
    assert "<style" not in text
    assert not re.search(r"\son\w+=", text)
    assert not re.search(r"<script(?![^>]*(?:src=|application/json))", text)


def test_the_words_of_the_scripts_are_in_the_persons_language(page: Client, alice: User) -> None:
    User.objects.update(language="ar")
    words = json.loads(re.search(r'id="words"[^>]*>(.*?)</script>', html(page, "/")).group(1))

    assert words["deleted"] == "حُذفت."
    assert words["tokens"]["few"] == "%(n)s رموز"


def test_a_page_costs_few_queries_however_long_the_list(
    page: Client, alice: User, django_assert_max_num_queries
) -> None:
    for _ in range(5):
        conversation = talk(alice, exchanges=10)
    with django_assert_max_num_queries(15):
        page.get(f"/c/{conversation.id}")

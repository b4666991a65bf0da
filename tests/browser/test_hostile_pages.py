"""Hostile text on every page that shows somebody's words: shared talks, presets, the account, the desks of staff."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

from django.contrib import admin
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page

from billing.plans import subscription_for
from chat import enclosing, sharing
from chat.filemodels import Attachment
from chat.models import Conversation, Feedback, Folder, Message
from imagery.models import GeneratedImage
from presets.models import ModelPreset
from support import tickets
from support.models import Ticket
from tests.browser.chatting import bring_session
from tests.browser.test_chat_safety import HOSTILE, Watch
from tests.live import Web
from tests.people import make_alice, make_user, signed_in
from wisqu.accounts.credentials import make_key
from wisqu.accounts.models import User

SHORT = "\"'></title></textarea></script><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}"
LINE = f"{SHORT} https://tracker.example/x.png"
# What a page would hold if any of it had been taken for markup.
FOREIGN = "img[src='x'], iframe, [onerror], [onload], [onfocus], a[href^='javascript:'], a[href^='data:']"


def fill(owner: User) -> str:
    """Put hostile text wherever a person can write; return the path of what they shared."""
    owner.name = SHORT[:100]
    owner.save()
    folder = Folder.objects.create(owner=owner, name=SHORT[:60])
    talk = Conversation.objects.create(owner=owner, title=LINE[:200], folder=folder)
    file = Attachment.objects.create(
        owner=owner, sha256="0" * 64, name=LINE[:200], family="text", media_type="text/plain", size=9,
        key="attachments/gone.txt", text=HOSTILE,
    )  # fmt: skip
    question = Message.objects.create(
        conversation=talk, role="user", content=HOSTILE, attached=[enclosing.facts(file)]
    )
    GeneratedImage.objects.create(
        owner=owner, batch_id=uuid4(), status="failed", ended_at=timezone.now(), prompt=HOSTILE, model=SHORT[:80],
        error_code="refused", error_detail=LINE[:300],
    )  # fmt: skip
    facts = {"model": SHORT[:80], "final_model_used": SHORT[:80], "error_detail": SHORT, "reasoning": HOSTILE}
    answer = Message.objects.create(
        conversation=talk, role="assistant", parent=question, depth=1, content=HOSTILE, status="done", **facts,
        citations=[{"url": "javascript:alert(3)", "title": SHORT, "start": 0, "end": 3}],
    )  # fmt: skip
    talk.head = answer
    talk.save()
    Feedback.objects.create(message=answer, rating="down", note=HOSTILE)
    for publisher in (owner, None):
        ModelPreset.objects.create(
            owner=publisher, name=SHORT[:80], slug="hostile", description=LINE[:200], system_prompt=HOSTILE
        )
    make_key(user=owner, name=SHORT[:100], scopes=["read"])
    ticket = tickets.open_ticket(user=owner, via="api", subject=SHORT[:120], text=HOSTILE, topic="other")
    assert ticket
    subscription_for(owner.pk)
    return reverse("shared", args=[sharing.share(owner_id=owner.pk, conversation_id=talk.id).token])


def assert_inert(page: Page, live: Web, paths: Iterator[str] | list[str]) -> None:
    watch = Watch(page, live)
    for path in paths:
        response = page.goto(live.url + path)
        assert response is not None
        assert response.status == 200, path
        assert page.locator(FOREIGN).count() == 0, path
    assert watch.seen == []


def test_pages_of_people_take_no_word_for_markup(browser_page: Page, live: Web) -> None:
    alice = make_alice()
    shared = fill(alice)
    assert_inert(browser_page, live, [shared])
    bring_session(browser_page.context, live, alice)
    paths = [
        "/presets",
        "/accounts/profile/",
        "/accounts/keys/",
        "/billing/usage",
        "/support",
        "/?q=" + "%3Csvg/onload=alert(9)%3E",
        "/quran?q=" + "%3Csvg/onload=alert(9)%3E",
        f"/c/{Conversation.objects.get(owner=alice).id}",
        f"/presets/{ModelPreset.objects.get(owner=alice).id}",
        f"/support/{Ticket.objects.get().id}",
        "/images",
    ]
    assert_inert(browser_page, live, paths)


def desks() -> Iterator[str]:
    """Yield the list of each model that staff see, and the page of its first row."""
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield reverse(f"{name}_changelist")
        row = model._default_manager.first()
        if row is not None:
            yield reverse(f"{name}_change", args=[row.pk])


def consoles(staff: User) -> Iterator[str]:
    """Yield the pages about a person, an answer and, opened with a reason, a conversation."""
    talk = Conversation.objects.get()
    yield reverse("admin:accounts_user_desk", args=[talk.owner_id])
    yield reverse("admin:console_answer", args=[talk.head_id])
    yield reverse("admin:console_find") + "?q=%22%3E%3Csvg/onload=alert(9)%3E"
    opening = reverse("admin:console_open", args=[talk.id])
    yield signed_in(staff).post(opening, {"why": SHORT}).url


def test_desks_of_staff_take_no_word_for_markup(browser_page: Page, live: Web) -> None:
    fill(make_alice())
    staff = make_user("staff@example.org", is_staff=True, is_superuser=True)
    bring_session(browser_page.context, live, staff)
    assert_inert(browser_page, live, [reverse("admin:index"), *consoles(staff), *desks()])

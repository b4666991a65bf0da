"""Mail that comes in becomes part of its ticket, from the right people only."""

from __future__ import annotations

import io
from email.message import EmailMessage
from types import SimpleNamespace

import pytest
from django.core import mail
from django.core.management import CommandError, call_command

from support import tickets
from support.mailbox import Refused, receive
from support.models import Ticket
from tests.people import make_alice, make_charlie, make_user
from tests.support.asking import ask
from wisqu.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _has_an_address(settings) -> None:
    settings.SUPPORT_EMAIL = "help@example.org"


@pytest.fixture
def alice() -> User:
    return make_alice()


@pytest.fixture
def staff() -> User:
    return make_user("staff@example.org", is_staff=True, is_superuser=True)


@pytest.fixture
def sent(django_capture_on_commit_callbacks):
    """Does something and returns the id of the one mail that it sent."""

    def do(verb, **arguments) -> str:
        before = len(mail.outbox)
        with django_capture_on_commit_callbacks(execute=True):
            verb(**arguments)
        assert len(mail.outbox) == before + 1
        return mail.outbox[-1].extra_headers["Message-ID"]

    return do


def reply(sender: str, quoted: str, text: str = "A reply", **headers: str) -> bytes:
    written = EmailMessage()
    written["From"], written["To"], written["In-Reply-To"] = (
        f"Somebody <{sender}>",
        "help@example.org",
        quoted,
    )
    for name, value in headers.items():
        written[name.replace("_", "-")] = value
    written.set_content(text)
    return written.as_bytes()


def test_staff_answer_by_mail(alice: User, staff: User, sent) -> None:
    quoted = sent(ask, user=alice)
    note = receive(reply("Staff@example.org", quoted, "It is fixed."))

    assert note is not None
    assert (note.from_staff, note.author, note.text, note.via) == (True, staff, "It is fixed.", "mail")
    assert Ticket.objects.get().status == "answered"


def test_the_user_writes_back_by_mail(alice: User, staff: User, sent) -> None:
    ticket = ask(alice)
    quoted = sent(tickets.answer, ticket=ticket, staff=staff, text="Done?", via="admin")
    note = receive(reply(alice.email, quoted, "Not yet."))

    assert note is not None
    assert (note.from_staff, Ticket.objects.get().status) == (False, "waiting")


def test_what_is_quoted_and_signed_stays_out(alice: User, staff: User, sent) -> None:
    quoted = sent(ask, user=alice)
    text = "It is fixed.\n\n> Yes?\nYes.\n\n-- \nStaff\n\nOn Monday Alice wrote:\n> It broke off.\n> Yes?\n"
    note = receive(reply(staff.email, quoted, text))

    assert note is not None
    assert note.text == "It is fixed.\n\n> Yes?\nYes."


def test_a_mail_delivered_twice_is_one_note(alice: User, staff: User, sent) -> None:
    quoted = sent(ask, user=alice)
    raw = reply(staff.email, quoted, Message_ID="<once@example.org>")

    assert receive(raw)
    assert receive(raw) is None
    assert Ticket.objects.get().notes.count() == 2


def test_the_mail_to_the_user_makes_nobody_staff(alice: User, staff: User, sent) -> None:
    quoted = sent(tickets.answer, ticket=ask(alice), staff=staff, text="Done?", via="admin")

    with pytest.raises(Refused):
        receive(reply(staff.email, quoted, "Forged from the user's mail"))


@pytest.mark.parametrize("sender", ["charlie@example.org", "alice@example.org", "nobody@example.org"])
def test_who_is_no_staff_answers_nothing(alice: User, sent, sender: str) -> None:
    make_charlie()
    quoted = sent(ask, user=alice)

    with pytest.raises(Refused):
        receive(reply(sender, quoted))
    assert Ticket.objects.get().notes.count() == 1


def test_an_id_that_was_not_signed_opens_nothing(alice: User, staff: User, sent) -> None:
    quoted = sent(ask, user=alice)
    for forged in (quoted.replace("<s", "<u"), quoted.replace("@", "x@"), "<s1.2@wisqu.local>", ""):
        with pytest.raises(Refused):
            receive(reply(staff.email, forged))


@pytest.mark.parametrize("mark", [{"Auto_Submitted": "auto-replied"}, {"Precedence": "bulk"}])
def test_machines_are_not_answered(alice: User, staff: User, sent, mark: dict[str, str]) -> None:
    quoted = sent(ask, user=alice)
    assert receive(reply(staff.email, quoted, **mark)) is None
    assert Ticket.objects.get().notes.count() == 1


def test_the_command_takes_a_mail_and_refuses_with_a_status(
    alice: User, staff: User, sent, monkeypatch
) -> None:
    quoted = sent(ask, user=alice)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(reply(staff.email, quoted))))
    call_command("receive_support_mail")
    assert Ticket.objects.get().status == "answered"

    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"\xff\x00 nonsense")))
    with pytest.raises(CommandError) as refusal:
        call_command("receive_support_mail")
    assert refusal.value.returncode == 65

"""One's own account: reading, changing, taking along, erasing."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.db import connection, transaction

from billing import quota
from billing.amounts import Amounts
from billing.models import LedgerEntry
from chat.models import Attachment, Conversation, Message
from tests.accounts.clients import Api, make_verified, problem, sign_in
from tests.people import PASSWORD
from wisqu.accounts import exports
from wisqu.accounts.credentials import make_key
from wisqu.accounts.models import User
from wisqu.files import storage

pytestmark = pytest.mark.django_db
CANARY = "canaryx7q"


@pytest.fixture
def alice():
    return make_verified()


@pytest.fixture
def api(alice):
    return Api(sign_in()["access"])


def test_nobody_is_asked_to_sign_in():
    answer = Api().send("GET", "/auth/me")
    assert problem(answer) == (401, "not_authenticated")
    assert answer["WWW-Authenticate"] == 'Bearer realm="wisqu"'


def test_me_tells_what_there_is(api, alice):
    me = api.send("GET", "/auth/me").json()
    assert me["id"] == str(alice.pk)
    assert me["email_verified"] is True
    assert "password" not in me


def test_preferences_change(api, alice):
    body = {"name": "ليلى", "language": "ar", "theme": "dark", "time_zone": "Asia/Tehran"}
    answer = api.send("PATCH", "/auth/me", body)
    assert answer.status_code == 200
    alice.refresh_from_db()
    assert {field: getattr(alice, field) for field in body} == body


@pytest.mark.parametrize(
    "body",
    [
        {"language": "xx"},
        {"theme": "pink"},
        {"time_zone": "Mars/Olympus"},
        {"name": "x" * 101},
        {"email": "other@example.org"},
        {"is_staff": True},
        {"is_superuser": True},
        {"id": "01890000-0000-7000-8000-000000000000"},
        {"password": "x"},
        {"credential_epoch": 0},
    ],
)
def test_what_may_not_change_is_refused(api, alice, body):
    before = User.objects.filter(pk=alice.pk).values().get()
    assert problem(api.send("PATCH", "/auth/me", body)) == (422, "invalid_input")
    assert User.objects.filter(pk=alice.pk).values().get() == before


def test_the_export_holds_the_account_and_no_secret(api, alice):
    make_key(user=alice, name="robot", scopes=["read"])
    answer = api.send("GET", "/auth/me/export")
    assert answer["Content-Disposition"].startswith("attachment")
    account = answer.json()["account"]
    assert (account["email"], account["api_keys"][0]["name"]) == ("alice@example.org", "robot")
    assert "hash" not in answer.content.decode()
    assert alice.password not in answer.content.decode()


def test_the_archive_holds_the_export_and_the_files_it_tells_of(api, alice):
    file = b"what the file says"
    key = storage.save(folder="attachments", ending="txt", data=file)
    row = Attachment.objects.create(
        owner=alice,
        sha256="0" * 64,
        name="a.txt",
        family="text",
        media_type="text/plain",
        size=len(file),
        key=key,
    )
    answer = api.send("GET", "/auth/me/export?files=true")
    assert answer["Content-Type"] == "application/zip"
    packed = zipfile.ZipFile(io.BytesIO(b"".join(answer)))
    told = json.loads(packed.read("export.json"))
    assert [each["id"] for each in told["attachments"]] == [str(row.id)]
    assert packed.read(f"attachments/{row.id}.txt") == file


def test_the_import_reads_the_export(api, alice):
    talk = Conversation.objects.create(owner=alice, title="Zakat")
    question = Message.objects.create(conversation=talk, role="user", content="How much?")
    talk.head = Message.objects.create(
        conversation=talk, parent=question, role="assistant", content="2.5 %", depth=1
    )
    talk.save()
    export = api.send("GET", "/auth/me/export").json()
    taken = api.send("POST", "/conversations/import", export).json()
    copy = Conversation.objects.get(id=taken["conversations"][0])
    assert (copy.title, list(copy.messages.order_by("depth").values_list("content", flat=True))) == (
        "Zakat", ["How much?", "2.5 %"])  # fmt: skip


def test_the_ledger_of_an_erased_account_stays_without_a_name(api, alice):
    with transaction.atomic():
        entry = quota.record(
            user_id=alice.pk,
            charge=Amounts(tokens=5),
            entry=quota.EntryFacts(kind=LedgerEntry.Kind.CHAT, model="x/y"),
        )
    assert api.send("DELETE", "/auth/me", {"password": PASSWORD}).status_code == 204
    left = LedgerEntry.objects.filter(pk=entry.pk).values().get()
    assert (left["user_id"], left["tokens"]) == (alice.pk, 5)
    # The number is all that is left, and it leads to nobody.
    assert not User.objects.filter(pk=alice.pk).exists()
    assert "alice@example.org" not in everything()


def test_upper_apps_add_their_part_to_the_export(api, monkeypatch):
    monkeypatch.setattr(exports, "_parts", dict(exports._parts))
    exports.register("diary", lambda user: [user.name])
    assert api.send("GET", "/auth/me/export").json()["diary"] == [""]


def test_two_apps_cannot_claim_one_part():
    with pytest.raises(ValueError, match="account"):
        exports.register("account", lambda user: None)


def test_erasing_asks_for_the_password(api):
    assert problem(api.send("DELETE", "/auth/me", {"password": "wrong"})) == (422, "invalid_input")
    assert problem(api.send("DELETE", "/auth/me", {})) == (422, "invalid_input")
    assert User.objects.exists()


def everything() -> str:
    """Return every row of every table as text."""
    with connection.cursor() as cursor:
        rows = []
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')
            rows.append(f"{table}: {cursor.fetchall()}")
    return "\n".join(rows)


def test_an_erased_account_leaves_no_trace(client):
    user = make_verified(f"{CANARY}@example.org", name=CANARY)
    make_key(user=user, name=CANARY, scopes=["read"])
    admin = User.objects.create_superuser("admin@example.org", "x")
    LogEntry.objects.log_actions(admin.pk, [user], 2, change_message=f"Changed {CANARY}.")
    client.force_login(user)
    api = Api(sign_in(user.email)["access"])
    assert CANARY in everything()
    assert api.send("DELETE", "/auth/me", {"password": PASSWORD}).status_code == 204
    assert CANARY not in everything()
    assert str(user.pk) not in str(list(apps.get_model("accounts.Session").objects.values()))


def test_an_erased_account_cannot_go_on(client):
    user = make_verified()
    _, key = make_key(user=user, name="robot", scopes=["read"])
    client.force_login(user)
    api = Api(sign_in()["access"])
    api.send("DELETE", "/auth/me", {"password": PASSWORD})
    assert api.send("GET", "/auth/me").status_code == 401
    assert Api(key).send("GET", "/auth/me").status_code == 401
    assert client.get("/accounts/profile/").status_code == 302


def test_erasing_one_account_leaves_the_others(api):
    bob = make_verified("bob@example.org")
    api.send("DELETE", "/auth/me", {"password": PASSWORD})
    assert list(User.objects.all()) == [bob]

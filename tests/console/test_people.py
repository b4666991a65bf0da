"""One person's desk, and what staff may do there."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from django.test import Client

from billing.models import QuotaGrant, Subscription
from billing.plans import usage
from console.models import AuditEntry
from tests.accounts.clients import Api, make_verified, sign_in
from tests.console.staff import SECRET, answered, boss, desk_of, member, shown
from tests.people import make_alice, make_bob, make_charlie, make_user, signed_in
from wisqu.accounts.models import User

pytestmark = pytest.mark.django_db


def act(desk: Client, user: User, name: str, **values: object):
    prefix = {"plan": "changeplan", "extra": "giveextra", "link": "sendlink", "sign-out": "signout",
              "restore": "restore", "factor": "removefactor", "suspend": "suspend"}[name]  # fmt: skip
    values = {"why": "They asked us to", **values}
    return desk.post(desk_of(user, name), {f"{prefix}-{key}": value for key, value in values.items()})


def test_a_desk_tells_usage_answers_and_why_they_failed() -> None:
    alice = make_alice()
    answered(alice, status="failed", error_code="upstream_timeout")
    page = shown(boss().get(desk_of(alice)))
    assert "The model took too long to answer." in page
    assert "0 / 2,000" in page
    assert SECRET not in page


def test_a_desk_asks_no_more_for_many_answers(django_assert_max_num_queries) -> None:
    alice, desk = make_alice(), boss()
    for _ in range(8):
        answered(alice)
    desk.get(desk_of(alice))
    with django_assert_max_num_queries(26):
        desk.get(desk_of(alice))


def test_a_stranger_meets_no_desk() -> None:
    alice, charlie = make_alice(), signed_in(make_charlie())
    assert charlie.get(desk_of(alice)).status_code == 302
    assert act(charlie, alice, "suspend").status_code == 302
    assert User.objects.get(pk=alice.pk).is_active


def test_a_plan_is_changed_with_a_reason_in_both_logs() -> None:
    alice = make_user("alice@example.org", "free")
    act(boss(), alice, "plan", plan="premium", why="Won a year")
    subscription = Subscription.objects.get(user=alice)
    assert subscription.plan_id == "premium"
    entry = AuditEntry.objects.get(verb="plan_changed")
    assert (entry.why, entry.person_id, entry.facts["plan"]) == ("Won a year", alice.pk, ["free", "premium"])
    assert alice.subscription_changes.get(why="Won a year").by == "staff"


def test_nothing_happens_without_a_reason() -> None:
    alice = make_user("alice@example.org", "free")
    for name, values in (
        ("plan", {"plan": "premium"}),
        ("extra", {"measure": "messages", "amount": 5}),
        ("suspend", {}),
    ):
        assert act(boss_again(), alice, name, why=" ", **values).status_code == 422
    alice.refresh_from_db()
    assert alice.is_active
    assert not AuditEntry.objects.exists()
    assert Subscription.objects.get(user=alice).plan_id == "free"


def boss_again() -> Client:
    known = User.objects.filter(email="boss@example.org").first()
    return signed_in(known) if known else boss()


def test_extra_quota_holds_and_is_noted() -> None:
    alice = make_user("alice@example.org", "free")
    act(member("support"), alice, "extra", measure="audio_seconds", amount=3, why="An outage")
    assert usage(alice.pk)["audio_minutes"]["limit"] == 8
    assert QuotaGrant.objects.get().amount == 180
    assert AuditEntry.objects.get(verb="extra_granted").facts == {"measure": "audio_seconds", "amount": 3}


def test_taking_back_more_than_was_given_is_refused_in_words() -> None:
    alice = make_alice()
    answer = boss().post(
        desk_of(alice, "extra"),
        {"giveextra-measure": "messages", "giveextra-amount": -5, "giveextra-why": "A slip"},
        follow=True,
    )
    assert "more than there is to take back" in shown(answer)
    assert not AuditEntry.objects.exists()


def test_suspending_ends_every_sign_in_and_letting_in_again_opens() -> None:
    alice = make_verified()
    pair, desk = sign_in(), boss()
    act(desk, alice, "suspend", why="Spam")
    assert Api(pair["access"]).send("GET", "/auth/me").status_code == 401
    act(desk, alice, "restore", why="A mistake")
    assert sign_in()["access"]
    assert list(AuditEntry.objects.values_list("verb", flat=True)) == ["restored", "suspended"]


def test_nobody_suspends_themselves() -> None:
    desk = boss()
    act(desk, User.objects.get(email="boss@example.org"), "suspend")
    assert User.objects.get(email="boss@example.org").is_active


def test_a_sign_in_link_works_once_and_staff_do_not_see_it() -> None:
    alice = make_alice()
    answer = boss().post(desk_of(alice, "link"), {"sendlink-why": "Lost her password"}, follow=True)
    address = re.search(r"http://testserver(/accounts/sign-in-link/\S+)", mail.outbox[0].body)[1]
    assert mail.outbox[0].to == [alice.email]
    assert address not in shown(answer)
    browser = Client()
    assert "alice@example.org" in shown(browser.get(address))
    assert browser.post(address).status_code == 302
    assert browser.get("/accounts/profile/").status_code == 200
    assert Client().post(address).status_code == 410


@pytest.mark.parametrize("change", [{"is_active": False}, {"credential_epoch": 9}])
def test_a_link_ends_with_the_account_and_with_its_sign_ins(change) -> None:
    from wisqu.accounts import signinlinks

    alice = make_alice()
    token = signinlinks.make(alice)
    User.objects.filter(pk=alice.pk).update(**change)
    assert Client().post(f"/accounts/sign-in-link/{token}/").status_code == 410
    assert Client().get("/accounts/sign-in-link/x:y:z/").status_code == 410


def test_support_neither_touches_staff_nor_makes_any() -> None:
    bob, support = make_bob(is_staff=True), member("support")
    assert act(support, bob, "suspend").status_code == 403
    address = f"/admin/accounts/user/{User.objects.get(email='support@example.org').pk}/change/"
    assert support.post(address, {"is_superuser": "on", "is_staff": "on"}).status_code == 403
    alice = make_alice()
    change = f"/admin/accounts/user/{alice.pk}/change/"
    support.post(change, {"name": "A", "language": "en", "theme": "system", "time_zone": "UTC", "is_staff": "on",
                          "is_superuser": "on", "email": "mine@example.org"})  # fmt: skip
    alice.refresh_from_db()
    assert (alice.is_staff, alice.is_superuser, alice.email, alice.name) == (
        False,
        False,
        "alice@example.org",
        "A",
    )
    assert support.get(f"/admin/accounts/user/{alice.pk}/password/").status_code == 403


def test_a_role_of_admin_makes_staff_but_no_superuser() -> None:
    alice, desk = make_alice(), member("admin")
    values = {
        "name": "",
        "email": alice.email,
        "language": "en",
        "theme": "system",
        "time_zone": "UTC",
        "is_active": "on",
    }
    desk.post(f"/admin/accounts/user/{alice.pk}/change/", {**values, "is_staff": "on", "is_superuser": "on"})
    alice.refresh_from_db()
    assert (alice.is_staff, alice.is_superuser) == (True, False)


def test_no_member_of_staff_gives_an_account_another_address_past_its_form() -> None:
    victim, desk = User.objects.create_superuser("root@example.org", "a long password"), member("admin")
    sent = {"user": str(victim.pk), "email": "mine@example.org", "verified": "on", "primary": "on"}
    assert desk.post("/admin/account/emailaddress/add/", sent).status_code == 403
    assert not victim.addresses.filter(email="mine@example.org").exists()
    assert desk.get("/admin/account/emailaddress/").status_code == 200

"""Warnings at 80 and 100 %: once a period for each measure, on the page and by mail."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone, translation

from billing import tasks, warnings
from billing.models import Subscription, UsageWarning
from billing.plans import usage
from billing.quota import Amounts
from tests.billing.held import hold, limit_to, record, settle
from tests.people import make_user, signed_in
from wisqu.accounts.models import User
from wisqu.api import jobs

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/subscriptions/warnings"


@pytest.fixture
def alice() -> User:
    limit_to("free", messages=10, tokens=100, images=0, audio_minutes=5)
    return make_user("alice@example.org", "free", name="Alice Liddell")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """The jobs that left."""
    found: list[tuple[Any, ...]] = []
    monkeypatch.setattr(jobs, "send_on_commit", lambda *job: found.append(job))
    return found


def use(user: User, times: int = 1, **amounts: int) -> None:
    for _ in range(times):
        settle(hold(user), Amounts(**amounts))


def told() -> list[tuple[str, int]]:
    return sorted(UsageWarning.objects.values_list("measure", "percent"))


def test_each_share_is_told_once_a_period(alice: User, sent: list[Any]) -> None:
    use(alice, 7, messages=1)
    assert told() == []
    use(alice, messages=1)
    use(alice, messages=1)
    assert told() == [("messages", 80)]
    use(alice, messages=1)
    record(alice, Amounts(messages=3))

    assert told() == [("messages", 80), ("messages", 100)]
    assert [job[0] for job in sent] == ["billing.tasks.mail_usage_warning"] * 2


def test_an_answer_that_passes_both_shares_at_once_gives_one_warning(alice: User, sent: list[Any]) -> None:
    use(alice, tokens=130)

    assert told() == [("tokens", 100)]
    assert len(sent) == 1


def test_each_measure_is_told_by_itself_and_audio_by_the_second(alice: User, sent: list[Any]) -> None:
    use(alice, tokens=80, audio_seconds=240)
    use(alice, tokens=1, audio_seconds=59)

    assert told() == [("audio_seconds", 80), ("tokens", 80)]


@pytest.mark.parametrize("limit", [None, 0])
def test_what_has_no_limit_or_no_room_is_no_news(alice: User, limit: int | None) -> None:
    limit_to("free", tokens=limit)
    record(alice, Amounts(tokens=500))

    assert told() == []


def test_a_new_period_warns_anew(alice: User, sent: list[Any]) -> None:
    use(alice, 8, messages=1)
    Subscription.objects.update(started_at=timezone.now() - timedelta(days=40))
    use(alice, 8, messages=1)

    assert told() == [("messages", 80)] * 2


def test_below_the_share_no_statement_is_added(alice: User, django_assert_num_queries) -> None:
    key = hold(alice)
    with django_assert_num_queries(4 + 2):  # and a savepoint
        settle(key, Amounts(messages=1))


def test_a_refused_or_released_send_warns_of_nothing(alice: User) -> None:
    hold(alice, Amounts(messages=10))

    assert told() == []


def test_the_mail_speaks_the_language_of_the_person(alice: User, sent: list[Any]) -> None:
    use(alice, 8, messages=1)
    (_, warning_id) = sent[0]

    assert tasks.mail_usage_warning(warning_id) is True
    (letter,) = mail.outbox
    assert letter.to == ["alice@example.org"]
    assert "Messages" in letter.subject
    assert "Hello Alice" in letter.body
    assert "8 of 10" in letter.body


def test_a_mail_is_sent_once_however_often_the_job_runs(alice: User, sent: list[Any]) -> None:
    use(alice, 8, messages=1)

    assert [tasks.mail_usage_warning(sent[0][1]) for _ in range(3)] == [True, False, False]
    assert len(mail.outbox) == 1


def test_who_has_bought_a_larger_plan_meanwhile_gets_no_mail(alice: User, sent: list[Any]) -> None:
    use(alice, 8, messages=1)
    Subscription.objects.update(plan_id="premium")

    assert tasks.mail_usage_warning(sent[0][1]) is False
    assert mail.outbox == []


def test_a_mail_that_could_not_be_sent_is_sent_later(alice: User, sent: list[Any], settings) -> None:
    use(alice, 8, messages=1)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    warning = UsageWarning.objects.get()
    with pytest.raises(OSError, match="refused"):
        warnings.mail(warning.pk)
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

    assert warnings.mail(warning.pk) is True


def test_a_mail_whose_job_got_lost_is_found(alice: User, sent: list[Any]) -> None:
    use(alice, 8, messages=1)
    assert tasks.mail_lost_usage_warnings() == 0  # its job may still be on its way
    UsageWarning.objects.update(created_at=timezone.now() - timedelta(minutes=2))

    assert tasks.mail_lost_usage_warnings() == 1
    assert tasks.mail_lost_usage_warnings() == 0


def test_the_page_learns_of_it_until_it_is_dismissed(alice: User, sent: list[Any]) -> None:
    use(alice, 8, messages=1)
    client = signed_in(alice)
    (warning,) = client.get(ADDRESS).json()["results"]

    assert (warning["measure"], warning["percent"], warning["used"], warning["limit"]) == (
        "messages",
        80,
        8,
        10,
    )
    assert warning["text"].startswith("Messages: 8 of 10 are used.")
    assert [client.delete(f"{ADDRESS}/{warning['id']}").status_code for _ in range(2)] == [204, 204]
    assert client.get(ADDRESS).json() == {"results": [], "next": None, "previous": None}


def test_charlie_can_neither_see_nor_dismiss_it(alice: User, sent: list[Any]) -> None:
    use(alice, 8, messages=1)
    charlie = signed_in(make_user("charlie@example.org", "free"))

    assert charlie.get(ADDRESS).json()["results"] == []
    assert charlie.delete(f"{ADDRESS}/{UsageWarning.objects.get().pk}").status_code == 404
    assert warnings.unseen(alice.pk)


def test_the_socket_is_told_in_the_language_of_the_person(alice: User, sent: list[Any]) -> None:
    use(alice, 10, messages=1)
    User.objects.update(language="fr")
    report = warnings.usage_and_warnings(alice.pk)

    assert report["messages"] == {"used": 10, "limit": 10, "remaining": 0}
    assert [(each["measure"], each["percent"]) for each in report["warnings"]] == [("messages", 100)]
    assert translation.get_language() == "en"


def test_with_room_left_the_socket_costs_no_more_than_the_report(
    alice: User, django_assert_num_queries
) -> None:
    use(alice, messages=1)
    with django_assert_num_queries(2):
        assert warnings.usage_and_warnings(alice.pk)["warnings"] == []


def test_the_usage_page_shows_what_is_nearly_used_whoever_dismissed_it(alice: User, sent: list[Any]) -> None:
    use(alice, 8, messages=1)
    warnings.dismiss(alice.pk, UsageWarning.objects.get().pk)

    assert [(each.measure, each.is_spent) for each in warnings.standing(usage(alice.pk))] == [
        ("messages", False)
    ]

"""Usage periods: monthly anniversaries of the subscription."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.periods import period

BOUNDS = {"min_value": datetime(2000, 1, 1), "max_value": datetime(2200, 1, 1)}  # noqa: DTZ001 - as hypothesis wants
MOMENTS = st.datetimes(**BOUNDS, timezones=st.just(UTC))
DAY_31 = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "start", "end"),
    [
        ("2026-01-31T09:30", "2026-01-31T09:30", "2026-02-28T09:30"),
        ("2026-02-28T09:29:59", "2026-01-31T09:30", "2026-02-28T09:30"),
        ("2026-02-28T09:30", "2026-02-28T09:30", "2026-03-31T09:30"),
        ("2026-04-30T09:30", "2026-04-30T09:30", "2026-05-31T09:30"),
        ("2026-12-31T23:59", "2026-12-31T09:30", "2027-01-31T09:30"),
        ("2028-02-29T09:30", "2028-02-29T09:30", "2028-03-31T09:30"),
    ],
)
def test_it_clamps_the_31st_and_never_loses_it(now: str, start: str, end: str) -> None:
    found = period(DAY_31, datetime.fromisoformat(now).replace(tzinfo=UTC))

    assert found.start == datetime.fromisoformat(start).replace(tzinfo=UTC)
    assert found.end == datetime.fromisoformat(end).replace(tzinfo=UTC)


@given(anchor=MOMENTS, wait=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=40_000)))
def test_every_moment_lies_in_the_period_that_it_is_given(anchor: datetime, wait: timedelta) -> None:
    found = period(anchor, anchor + wait)

    assert found.start <= anchor + wait < found.end
    assert timedelta(days=28) <= found.end - found.start <= timedelta(days=31)


@given(anchor=MOMENTS, wait=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=4_000)))
def test_the_end_of_a_period_is_the_start_of_the_next(anchor: datetime, wait: timedelta) -> None:
    found = period(anchor, anchor + wait)

    assert period(anchor, found.end).start == found.end
    assert period(anchor, found.end - timedelta(microseconds=1)) == found


def test_a_clock_before_the_anchor_opens_no_period_of_its_own() -> None:
    early = period(DAY_31, DAY_31 - timedelta(hours=1))

    assert early == period(DAY_31, DAY_31)


def test_the_zone_of_the_clock_does_not_matter() -> None:
    tehran = timezone(timedelta(hours=3, minutes=30))
    now = datetime(2026, 2, 28, 12, 59, tzinfo=tehran)  # 09:29 in UTC, just before the anniversary

    assert period(DAY_31, now).start == DAY_31

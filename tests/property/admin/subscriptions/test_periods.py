"""Periods of subscriptions: no gap, no overlap, always on the anchor, over month ends and leap years."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.subscriptions.periods import Schedule, SubscriptionPeriod, Unit
from wallet.domain.limits import DAY_US

TIMES = st.integers(365 * DAY_US, 220 * 365 * DAY_US)
"""From 1971 to 2190."""
MONTHLY = st.builds(
    Schedule,
    st.just(Unit.MONTH),
    st.integers(1, 36),
    TIMES,
    st.integers(1, 31),
    st.integers(1, 500),
)
OTHERS = st.builds(Schedule, st.sampled_from([Unit.DAY, Unit.WEEK]), st.integers(1, 120), TIMES)


def micros(time: datetime) -> int:
    """Return a time in microseconds since the epoch, exact."""
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def parse_time(text: str) -> int:
    """Return a UTC time such as "2028-02-29" or "2028-02-29T12:30" in microseconds since the epoch."""
    return micros(datetime.fromisoformat(text).replace(tzinfo=UTC))


def day(time: int) -> str:
    """Return the date of a time."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time)).strftime("%Y-%m-%d")


def starts(schedule: Schedule, count: int) -> list[str]:
    """Return the dates on which the first `count` periods begin."""
    return [day(schedule.period(schedule.first + place).starts_at) for place in range(count)]


@given(st.one_of(MONTHLY, OTHERS), st.integers(0, 400))
def test_periods_have_no_gap_and_no_overlap(schedule: Schedule, place: int) -> None:
    this, following = (schedule.period(schedule.first + number) for number in (place, place + 1))
    assert this.starts_at < this.ends_at == following.starts_at
    assert schedule.period(schedule.first).starts_at == schedule.origin_at
    assert this.ends_at - this.starts_at <= this.whole
    assert not (this.cut and place), "only the first may be cut short"


@given(MONTHLY, st.integers(1, 400))
def test_monthly_periods_begin_on_the_anchor_day_or_the_last(schedule: Schedule, place: int) -> None:
    time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=schedule.period(schedule.first + place).starts_at)
    assert time.day == min(schedule.anchor_day, monthrange(time.year, time.month)[1])
    assert micros(time) % DAY_US == schedule.origin_at % DAY_US
    before, this = (schedule.period(schedule.first + number).starts_at for number in (place, place + 1))
    months = [
        time.year * 12 + time.month
        for time in (datetime.fromtimestamp(each // 1_000_000, UTC) for each in (before, this))
    ]
    assert months[1] - months[0] == schedule.count, "no month is skipped, and none has two"


@given(OTHERS, st.integers(0, 400))
def test_days_and_weeks_have_one_length(schedule: Schedule, place: int) -> None:
    period = schedule.period(schedule.first + place)
    days = schedule.count * (7 if schedule.unit is Unit.WEEK else 1)
    assert period == SubscriptionPeriod(
        schedule.origin_at + place * days * DAY_US, schedule.origin_at + (place + 1) * days * DAY_US, days * DAY_US
    )


@pytest.mark.parametrize(
    ("origin", "anchor_day", "count", "expected"),
    [
        ("2027-01-31", 31, 1, ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31"]),
        ("2028-01-31", 31, 1, ["2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30", "2028-05-31"]),
        ("2027-01-29", 29, 1, ["2027-01-29", "2027-02-28", "2027-03-29", "2027-04-29", "2027-05-29"]),
        ("2028-01-29", 29, 1, ["2028-01-29", "2028-02-29", "2028-03-29", "2028-04-29", "2028-05-29"]),
        ("2027-11-30", 30, 1, ["2027-11-30", "2027-12-30", "2028-01-30", "2028-02-29", "2028-03-30"]),
        ("2027-02-28", 31, 1, ["2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31", "2027-06-30"]),
        ("2028-02-29", 29, 12, ["2028-02-29", "2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]),
        ("2027-08-31", 31, 3, ["2027-08-31", "2027-11-30", "2028-02-29", "2028-05-31", "2028-08-31"]),
        ("2027-12-15", 1, 1, ["2027-12-15", "2028-01-01", "2028-02-01", "2028-03-01", "2028-04-01"]),
        ("2027-12-15", 31, 3, ["2027-12-15", "2027-12-31", "2028-03-31", "2028-06-30", "2028-09-30"]),
    ],
)
def test_month_ends_and_leap_years(origin: str, anchor_day: int, count: int, expected: list[str]) -> None:
    assert starts(Schedule(Unit.MONTH, count, parse_time(f"{origin}T23:59"), anchor_day), len(expected)) == expected


@pytest.mark.parametrize("origin", ["2027-03-28", "2027-10-31", "2027-03-14", "2027-11-07"])
def test_daylight_saving_moves_no_period(origin: str) -> None:
    """Days on which Berlin and New York put their clocks forward and back."""
    schedule = Schedule(Unit.DAY, 1, parse_time(f"{origin}T01:30"))
    assert [schedule.period(number).starts_at % DAY_US for number in (1, 2, 3)] == [90 * 60 * 1_000_000] * 3
    assert schedule.period(2).starts_at - schedule.period(1).starts_at == DAY_US


def test_a_cut_period_knows_its_whole_length() -> None:
    first = Schedule(Unit.MONTH, 1, parse_time("2027-12-22"), 1).period(1)
    assert (first.cut, first.ends_at - first.starts_at, first.whole) == (True, 10 * DAY_US, 31 * DAY_US)
    assert not Schedule(Unit.MONTH, 1, parse_time("2027-12-01"), 1).period(1).cut

"""Times as people write them: read as they are meant, or refused."""

import pytest

from admin.time_text import UnreadableTime, format_time, parse_time

HALF_PAST_EIGHT = "2026-11-01T08:30:00Z"


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-01T08:30Z",
        "2026-11-01 08:30",
        "2026-11-01 08:30:00 Z",
        "2026-11-01T10:30:00+02:00",
        "1.11.2026 08:30",
        " 01.11.2026 8:30:00 ",
    ],
)
def test_spellings_of_one_time(text: str) -> None:
    assert format_time(parse_time(text)) == HALF_PAST_EIGHT


@pytest.mark.parametrize("text", ["20261101", "2026-W45", "2026-11-01T08", "2026-11-01_08:30", "soon", ""])
def test_a_slip_is_not_taken_for_another_day(text: str) -> None:
    with pytest.raises(UnreadableTime, match="is not a date"):
        parse_time(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("01/11/2026", "may be day/month or month/day"),
        ("2026-02-30", "is not a valid date"),
        ("1969-12-31", "is not between the years 1970 and 9999"),
    ],
)
def test_what_cannot_be_a_time(text: str, problem: str) -> None:
    with pytest.raises(UnreadableTime, match=problem):
        parse_time(text)

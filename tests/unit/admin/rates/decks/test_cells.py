"""Cells of decks: prices, prefixes, increments and dates are parsed exactly, and ambiguous ones are refused."""

from calendar import timegm

import pytest

from admin.rates.decks.reader import DeckSettings
from tests.support.deck_texts import rate, read, refusal
from wallet.domain.rates import QUANTITY_MAX, UNIT_PRICE_MAX
from wallet.domain.usage import Channel


def micros(*date: int) -> int:
    """Return a time in UTC, year first, in microseconds since the epoch."""
    return timegm((*date, 0, 0, 0)[:6]) * 1_000_000


@pytest.mark.parametrize(
    ("cell", "increments"),
    [("60/60", (60, 60)), ("30/6", (30, 6)), ("1 / 1", (1, 1)), ("0/6", (0, 6)), ("6", (6, 6)), ("", (0, 1))],
)
def test_increments_may_be_in_one_column(cell: str, increments: tuple[int, int]) -> None:
    one = rate(f"49,0.0125,{cell}", "prefix,rate,billing increment")
    assert (one.first_increment, one.next_increment) == increments


@pytest.mark.parametrize(
    ("row", "destination"),
    [("*,,1", ""), (",*,1", ""), (",DE,1", "DE"), ("+49,,1", "+49"), ("49,Germany,1", "+49"), ("*,DE,1", "")],
)
def test_a_destination_is_a_prefix_a_country_or_everywhere(row: str, destination: str) -> None:
    assert rate(row, "prefix,country,rate").destination == destination


@pytest.mark.parametrize(
    ("cell", "amount"),
    [
        ("0", 0),
        ("1", 1_000_000),
        ("0.000001", 1),
        ("0.00000100000", 1),
        ("000.5", 500_000),
        (".5", 500_000),
        ("9000000", UNIT_PRICE_MAX),
        ('"9000000,000000"', UNIT_PRICE_MAX),
        ('"1,234"', 1_234_000),
    ],
)
def test_prices_are_exact(cell: str, amount: int) -> None:
    assert rate(f"49,{cell}").unit_price == amount


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("", "is empty"),
        ("0.0000001", "more than 6 decimals"),
        ("9000000.000001", "more than 9000000"),
        ("9" * 5_000, "more than 9000000"),
        ('"1,234.5"', "thousands separators"),
        ("1.234.567", "thousands separators"),
        ("1 234.5", "thousands separators"),
        ("1'234", "thousands separators"),
        ("-1", "negative"),
        ("(1)", "negative"),
        ("1e-3", "exponent"),
        ("1.2E+3", "exponent"),
        ("NaN", "is not an amount"),
        ("inf", "is not an amount"),
        ("$1", "is not an amount"),
        ("1.", "is not an amount"),
        (".", "is not an amount"),
        ("\u0661", "is not an amount"),
        ("n/a", "is not an amount"),
    ],
)
def test_an_ambiguous_price_is_refused(cell: str, why: str) -> None:
    bad = refusal(f"prefix,Rate\n49,{cell}\n")
    assert (bad.line, bad.column) == (2, "Rate")
    assert why in bad.description
    assert len(bad.description) < 200


def test_decimal_commas_and_points_do_not_mix() -> None:
    deck = read("prefix;rate;connect fee\n1;1;0\n2;0,5;0\n3;1;0.5\n4;0,5;0\n5;0.7;0,1\n")
    assert [(bad.line, bad.column) for bad in deck.bad_rows] == [(4, "connect fee"), (6, "rate")]
    why = 'has a decimal point, where rows before it have a decimal comma, such as "0,5"'
    assert why in deck.bad_rows[0].description


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("", "write * for everywhere else"),
        ("0049", "without 00"),
        ("+0049", "without 00"),
        ("011", "begins with 0"),
        ("4.9E+12", "spreadsheet has shortened"),
        ("4E12", "spreadsheet has shortened"),
        ('"1201, 1202"', "row of its own"),
        ("1201;1202", "row of its own"),
        ("1201/1202", "row of its own"),
        ("1 201", "nothing between"),
        ("1-201", "nothing between"),
        ("1201-1205", "nothing between"),
        ("1234567890123456", "1 to 15 digits"),
        ("Germany", "1 to 15 digits"),
        ("'49", "1 to 15 digits"),
        ("\u0661", "1 to 15 digits"),
    ],
)
def test_an_ambiguous_prefix_is_refused(cell: str, why: str) -> None:
    bad = refusal(f"Code,rate\n{cell},1\n")
    assert (bad.line, bad.column) == (2, "Code")
    assert why in bad.description


@pytest.mark.parametrize(
    ("headers", "row", "column", "why"),
    [
        ("country,rate", "Germany,1", "country", "two letters, such as DE"),
        ("country,rate", "XX,1", "country", "not a country of ISO 3166-1"),
        ("country,rate", ",1", "country", "write * for everywhere else"),
        ("prefix,country,rate", ",,1", "prefix", "write * for everywhere else"),
        ("prefix,rate,channel", "49,1,fax", "channel", "sms, whatsapp, voice or phone_number"),
        ("prefix,rate,channel", "49,1,sms", "channel", "the import is for another channel"),
        ("prefix,rate,variant", "49,1,a..b", "variant", "single dots"),
        ("prefix,rate,variant", "49,1,Template", "variant", "a-z 0-9"),
        ("prefix,rate,variant", f"49,1,{'a' * 65}", "variant", "at most 64"),
        ("prefix,rate,minimum", "49,1,1.5", "minimum", "whole number"),
        ("prefix,rate,minimum", "49,1,-1", "minimum", "whole number"),
        ("prefix,rate,interval 1", f"49,1,{QUANTITY_MAX + 1}", "interval 1", f"more than {QUANTITY_MAX}"),
        ("prefix,rate,interval n", f"49,1,{'9' * 5000}", "interval n", f"more than {QUANTITY_MAX}"),
        ("prefix,rate,increments", "49,1,60/60/60", "increments", "such as 30/6"),
        ("prefix,rate,increments", "49,1,60-60", "increments", "such as 30/6"),
        ("prefix,rate,description", f"49,1,{'x' * 201}", "description", "at most 200"),
        ("prefix,rate,description", "49,1,a\x07b", "description", "control characters"),
        ("prefix,rate", "49,1,2", "", "has 3 cells, where the header has 2"),
        ("prefix,rate", "49", "", "has 1 cells, where the header has 2"),
        ("prefix,rate,start,end", "49,1,2027-01-01,2027-01-01", "end", "ends before it begins"),
        ("prefix,rate,end", "49,1,2020-01-01", "end", "ends before it begins"),
        ("prefix,rate,end", "49,1,1970-01-01", "end", "leave it empty"),
    ],
)
def test_a_bad_cell_is_reported_by_its_column(headers: str, row: str, column: str, why: str) -> None:
    bad = refusal(f"{headers}\n{row}\n")
    assert (bad.line, bad.column) == (2, column)
    assert why in bad.description


@pytest.mark.parametrize(
    ("cell", "date_format", "expected"),
    [
        ("2027-03-04", "", micros(2027, 3, 4)),
        ("2027-03-04T05:06", "", micros(2027, 3, 4, 5, 6)),
        ("2027-03-04 05:06:07", "", micros(2027, 3, 4, 5, 6, 7)),
        ("2027-03-04T05:06:07Z", "", micros(2027, 3, 4, 5, 6, 7)),
        ("2027-03-04 05:06:07 Z", "", micros(2027, 3, 4, 5, 6, 7)),
        ("2027-03-04T05:06:07.000008Z", "", micros(2027, 3, 4, 5, 6, 7) + 8),
        ("2027-03-04T05:06:07+02:00", "", micros(2027, 3, 4, 3, 6, 7)),
        ("2027-03-04T05:06:07-0230", "", micros(2027, 3, 4, 7, 36, 7)),
        ("04.03.2027", "", micros(2027, 3, 4)),
        ("4.3.2027 5:06", "", micros(2027, 3, 4, 5, 6)),
        ("04/03/2027", "%d/%m/%Y", micros(2027, 3, 4)),
        ("03/04/2027", "%m/%d/%Y", micros(2027, 3, 4)),
        ("2027-03-04", "%m/%d/%Y", micros(2027, 3, 4)),
        ("2027-04-03", "%Y-%d-%m", micros(2027, 3, 4)),
        ("04.03.2027", "%m.%d.%Y", micros(2027, 4, 3)),
        ("1970-01-01", "", 0),
    ],
)
def test_dates_without_an_offset_are_in_utc(cell: str, date_format: str, expected: int) -> None:
    settings = DeckSettings(channel=Channel.VOICE, date_format=date_format)
    assert rate(f"49,1,{cell}", "prefix,rate,effective", settings).effective_at == expected


@pytest.mark.parametrize(
    ("cell", "date_format", "why"),
    [
        ("04/03/2027", "", "day/month or month/day: say which by date_format"),
        ("2027-02-30", "", "is not a valid date"),
        ("2027-01-01T25:00", "", "is not a valid date"),
        ("30.02.2027", "", "is not a valid date"),
        ("1.1.27", "", "write it as in 2026-12-31"),
        ("46000", "", "write it as in 2026-12-31"),
        ("tomorrow", "", "write it as in 2026-12-31"),
        ("1969-12-31", "", "between the years 1970 and 9999"),
        ("9999-12-31T23:59:59-01:00", "", "between the years 1970 and 9999"),
        ("04.03.2027", "%d/%m/%Y", 'neither written as "%d/%m/%Y" says'),
        ("04/03/2027", "%Q", 'neither written as "%Q" says'),
    ],
)
def test_an_ambiguous_date_is_refused(cell: str, date_format: str, why: str) -> None:
    settings = DeckSettings(channel=Channel.VOICE, date_format=date_format)
    bad = refusal(f"prefix,rate,From Date\n49,1,{cell}\n", settings)
    assert (bad.line, bad.column) == (2, "From Date")
    assert why in bad.description

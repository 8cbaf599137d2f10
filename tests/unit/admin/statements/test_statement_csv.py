"""The lines of a statement in CSV, its filters, and the days of a summary."""

import csv
import io
from datetime import date
from decimal import Decimal

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import example, given
from hypothesis import strategies as st

from admin.spreadsheets import line_writer, text_cell, text_in_cell
from admin.statements.domain import EVERYTHING, EntryFilter, StatementNotReconciled, StatementPeriod
from admin.statements.filters import filter_of, token_scope
from admin.statements.messages import DAYS_MAX, days_of
from admin.statements.statement_csv import COLUMNS, UNITS, StatementCsv
from admin.statements.usage import Days
from server.rejections import InvalidRequest
from veloconnect.admin.v1 import transaction_pb2
from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain.commands import Kind
from wallet.domain.entries import Entry
from wallet.domain.money import MICROS_MAX, decimal, format_money
from wallet.domain.pricing import Price
from wallet.domain.usage import Channel, Usage

NOON = 1_790_078_400_000_000
"""2026-09-22T12:00:00Z."""
FAR_FUTURE = 2 * NOON
TODAY = date(2026, 11, 25)


def entry(number: int, amount: int, balance_after: int, **fields: object) -> Entry:
    """Return an entry of acme."""
    values = {
        "company": "acme",
        "kind": Kind.CHARGE if amount < 0 else Kind.TOP_UP,
        "held_delta": 0,
        "held_after": 0,
        "floor": 0,
        "idempotency_key": f"key-{number}",
        "created_at": NOON + number,
        "currency": "EUR",
        **fields,
    }
    return Entry(number=number, amount=amount, balance_after=balance_after, **values)  # type: ignore[arg-type]


def read(text: str) -> list[dict[str, str]]:
    """Return lines as dicts by column."""
    return list(csv.DictReader(io.StringIO(text)))


def test_a_line_has_usage_amount_and_explanation() -> None:
    price = Price("standard", 3, "voice.+49", 0, 24_000, used=205, billed=210, unit=60, first=30, next=6)
    called = entry(
        18,
        -84_000,
        16_000,
        kind=Kind.CAPTURE,
        authorization="call-7",
        held_delta=-100_000,
        usage=Usage(Channel.VOICE, "", "DE", 205, "spring", "c-1"),
        price=price,
    )
    statement = StatementCsv(StatementPeriod("acme", "EUR", 18, 18, 100_000, 16_000), EVERYTHING)
    text = statement.opening() + statement.entries([called]) + statement.closing(FAR_FUTURE)
    opening, line, closing = read(text)
    assert opening["explanation"] == "balance after transaction 17"
    assert line == {
        **dict.fromkeys(COLUMNS, ""),
        "number": "18",
        "date": "2026-09-22",
        "time": "12:00:00.000018",
        "kind": "CAPTURE",
        "channel": "VOICE",
        "country": "DE",
        "used": "205",
        "billed": "210",
        "unit": "seconds",
        "amount": "-0.084",
        "balance": "0.016",
        "listed_total": "-0.084",
        "currency": "EUR",
        "campaign": "spring",
        "contact": "c-1",
        "authorization": "call-7",
        "held_change": "-0.10",
        "held": "0.00",
        "idempotency_key": "key-18",
        "explanation": "210 s billed (205 s used, 30/6) at 0.024 EUR a minute = 0.084 EUR",
    }
    assert (closing["date"], closing["time"], closing["balance"]) == ("2026-09-22", "12:00:00.000018", "0.016")


def test_a_requested_amount_is_not_explained_by_the_pinned_rate() -> None:
    """The rate of an authorization is pinned for its capture, and does not explain an amount in the request."""
    price = Price("standard", 3, "voice.+49", 0, 24_000, used=1, billed=30, unit=60, first=30, next=6, by_request=True)
    usage = Usage(Channel.VOICE, "", "DE", 60)
    held = entry(1, 0, 0, kind=Kind.AUTHORIZATION, held_delta=5, held_after=5, usage=usage, price=price)
    statement = StatementCsv(StatementPeriod("acme", "EUR", 1, 1, 0, 0), EVERYTHING)
    _, line = read(statement.opening().splitlines(keepends=True)[0] + 2 * statement.entries([held]))
    assert (line["used"], line["billed"], line["explanation"]) == ("60", "60", "")


def test_unlisted_transactions_are_summed_up() -> None:
    where = EntryFilter(kinds=frozenset({Kind.TOP_UP}), start_at=NOON, end_at=NOON + 100)
    statement = StatementCsv(StatementPeriod("acme", "EUR", 1, 3, 0, 350), where)
    text = statement.opening() + statement.entries([entry(1, 400, 400)]) + statement.closing(NOON + 100)
    opening, _, left_out, closing = read(text)
    assert opening["time"] == "12:00:00.000000"
    assert (left_out["kind"], left_out["amount"], left_out["listed_total"]) == ("NOT_LISTED", "-0.00005", "0.0004")
    assert left_out["explanation"] == "2 transactions that the filter leaves out"
    assert (closing["balance"], closing["listed_total"], closing["time"]) == ("0.00035", "0.0004", "12:00:00.000100")


@pytest.mark.parametrize("listed", [[], [entry(1, 400, 400)], [entry(1, 400, 400), entry(2, -1, 399)]])
def test_a_statement_that_does_not_reconcile_fails(listed: list[Entry]) -> None:
    statement = StatementCsv(StatementPeriod("acme", "EUR", 1, 2, 0, 350), EVERYTHING)
    statement.entries(listed)
    with pytest.raises(StatementNotReconciled, match="acme"):
        statement.closing(FAR_FUTURE)


def test_a_future_end_time_has_no_balance_yet() -> None:
    statement = StatementCsv(StatementPeriod("acme", "EUR", 1, 1, 0, 1), EntryFilter(end_at=NOON + 1000))
    statement.entries([entry(1, 1, 1)])
    (closing,) = csv.reader([statement.closing(NOON + 999)])
    assert closing[COLUMNS.index("time")] == "12:00:00.000001", "that of the last row"


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])))
@example("=1+1")
@example(" =1+1")
@example("'=1+1")
@example("＋1")
def test_no_text_is_a_formula_and_escaping_is_reversible(text: str) -> None:
    cell = text_cell(text)
    assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))
    assert text_in_cell(cell) == text
    line = line_writer()(["before", cell, "after"])
    assert next(csv.reader(io.StringIO(line, newline=""))) == ["before", cell, "after"]


@given(st.integers(-MICROS_MAX, MICROS_MAX))
def test_an_amount_is_exact_in_units(micros: int) -> None:
    assert Decimal(decimal(micros)) * 1_000_000 == micros
    assert len(decimal(micros).partition(".")[2]) >= 2
    assert format_money(micros, "EUR") == decimal(micros) + " EUR"


def test_every_channel_has_a_unit() -> None:
    assert UNITS.keys() == set(Channel)


def test_token_scopes_are_equal_only_for_equal_filters() -> None:
    filters = [
        {},
        {"country_code": "DE"},
        {"campaign_id": "DE"},
        {"kinds": [wallet_pb2.Transaction.KIND_CHARGE]},
        {"min_amount_micros": 0},
        {"max_amount_micros": 0},
        {"start_time": Timestamp(seconds=1)},
        {"end_time": Timestamp(seconds=1)},
    ]
    wheres = [filter_of(transaction_pb2.TransactionFilter(**fields)) for fields in filters]  # type: ignore[arg-type]
    names = [token_scope("companies/acme", where) for where in wheres]
    assert names[0] == "companies/acme"
    assert len({*names, *(token_scope("companies/other", where) for where in wheres)}) == 2 * len(filters)
    kinds = [wallet_pb2.Transaction.KIND_CHARGE, wallet_pb2.Transaction.KIND_REFUND]
    reordered = [filter_of(transaction_pb2.TransactionFilter(kinds=order)) for order in (kinds, kinds[::-1])]
    assert token_scope("companies/acme", reordered[0]) == token_scope("companies/acme", reordered[1])
    assert all(" " not in name for name in names)


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        ("", "", Days(TODAY, TODAY)),
        ("2026-11-01", "", Days(date(2026, 11, 1), TODAY)),
        ("", "2026-11-01", Days(date(2026, 11, 1), date(2026, 11, 1))),
        ("2024-02-29", "2024-03-01", Days(date(2024, 2, 29), date(2024, 3, 1))),
    ],
)
def test_days_of_a_request(start: str, end: str, days: Days) -> None:
    request = transaction_pb2.GetUsageSummaryRequest(start_date=start, end_date=end)
    assert days_of(request, today=TODAY) == days


def test_a_summary_covers_a_year_at_most() -> None:
    year = transaction_pb2.GetUsageSummaryRequest(start_date="2024-01-01", end_date="2024-12-31")
    days = days_of(year, today=TODAY)
    assert (days.last - days.first).days + 1 == DAYS_MAX, "a leap year is a year"
    year.end_date = "2025-01-01"
    with pytest.raises(InvalidRequest):
        days_of(year, today=TODAY)

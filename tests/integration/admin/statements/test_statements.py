"""Statements: filters, pages during concurrent charges, and exports that reconcile."""

import asyncio
import csv
import io
import random
import tracemalloc
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest

import admin.statements.store as adapter
from admin.statements.domain import EVERYTHING, EntryFilter, EntryPage, StatementNotReconciled
from admin.statements.statement_csv import COLUMNS, StatementCsv
from benchmarks.isolated.filling import fill
from tests.support.builders import (
    authorize,
    capture,
    charge,
    command,
    make_company,
    refund,
    top_up,
    void,
)
from tests.support.wallets import Wallets
from wallet.domain.commands import Kind
from wallet.domain.entries import Entry
from wallet.domain.errors import CompanyNotFound
from wallet.domain.money import decimal
from wallet.domain.usage import Channel, Usage
from wallet.settings import WalletSettings

SEED = 5
HOUR = 3_600_000_000
BEGAN = 1_790_000_000_000_000
ENTRIES = 400
FORMULA = "=HYPERLINK(1)"


@pytest.fixture
async def acme(wallets: Wallets, database: asyncpg.Connection) -> Wallets:
    """A company with entries of all kinds, some at the same microsecond, and another company."""
    draw = random.Random(SEED)
    for company in ("acme", "other"):
        await make_company(database, company, floor=-1_000_000)
        await wallets.engine.submit(top_up(1_000_000, company=company, reference="wire 1"))
    charges: list[int] = []
    for number in range(ENTRIES):
        usage = Usage(
            draw.choice(list(Channel)),
            country=draw.choice(["DE", "FR", ""]),
            quantity=draw.randint(1, 9),
            campaign_id=draw.choice(["", "spring", FORMULA]),
            contact_id=draw.choice(["", "c-1", "c-2"]),
        )
        match draw.randrange(8):
            case 0 if charges:
                outcome = await wallets.engine.submit(refund(1, charges.pop(), reference="ticket 7"))
            case 1:
                outcome = await wallets.engine.submit(top_up(draw.randint(1, 99), reference="wire 2"))
            case 2:
                await wallets.engine.submit(authorize(50, f"call-{number}", usage=usage))
                outcome = await wallets.engine.submit(capture(draw.randint(1, 50), f"call-{number}", usage=usage))
            case 3:
                await wallets.engine.submit(authorize(50, f"call-{number}", usage=usage))
                outcome = await wallets.engine.submit(void(f"call-{number}"))
            case 4:
                outcome = await wallets.engine.submit(command(Kind.ADJUSTMENT, draw.randint(-9, 9) or 1))
            case _:
                outcome = await wallets.engine.submit(charge(draw.randint(1, 99), usage=usage))
                charges.append(outcome.entry.number)
    await database.execute("UPDATE entries SET created_at = $1::bigint + number / 3 * $2::bigint", BEGAN, HOUR)
    return wallets


def random_filter(draw: random.Random) -> EntryFilter:
    """Return a random filter that often matches some entries."""

    def sometimes(value: Callable[[], Any], otherwise: Any) -> Any:
        return value() if draw.random() < 0.3 else otherwise

    return EntryFilter(
        start_at=sometimes(lambda: BEGAN + draw.randint(-5, 200) * HOUR + draw.randint(-1, 1), None),
        end_at=sometimes(lambda: BEGAN + draw.randint(-5, 200) * HOUR + draw.randint(-1, 1), None),
        kinds=sometimes(lambda: frozenset(draw.sample(list(Kind), draw.randint(1, 4))), frozenset()),
        channel=sometimes(lambda: draw.choice(list(Channel)), None),
        country=sometimes(lambda: draw.choice(["DE", "FR", "US"]), ""),
        campaign_id=sometimes(lambda: draw.choice(["spring", FORMULA]), ""),
        contact_id=sometimes(lambda: "c-1", ""),
        amount_min=sometimes(lambda: draw.randint(0, 60), None),
        amount_max=sometimes(lambda: draw.randint(0, 99), None),
        reference=sometimes(lambda: draw.choice(["wire 2", "ticket 7"]), ""),
    )


def matches(entry: Entry, where: EntryFilter) -> bool:
    """Return whether an entry matches: the simplest implementation of the filter."""
    usage = entry.usage
    return (
        (where.start_at is None or entry.created_at >= where.start_at)
        and (where.end_at is None or entry.created_at < where.end_at)
        and (not where.kinds or entry.kind in where.kinds)
        and (where.channel is None or (usage is not None and usage.channel == where.channel))
        and (not where.country or (usage is not None and usage.country == where.country))
        and (not where.campaign_id or (usage is not None and usage.campaign_id == where.campaign_id))
        and (not where.contact_id or (usage is not None and usage.contact_id == where.contact_id))
        and (where.amount_min is None or abs(entry.amount) >= where.amount_min)
        and (where.amount_max is None or abs(entry.amount) <= where.amount_max)
        and (not where.reference or entry.reference == where.reference)
    )


async def list_all(wallets: Wallets, where: EntryFilter, limit: int, company: str = "acme") -> list[Entry]:
    """Return the entries of all pages."""
    found: list[Entry] = []
    before = None
    while True:
        page = await wallets.statements.list_entries(company, where, before=before, limit=limit)
        assert len(page.entries) <= limit
        found += page.entries
        if page.next_before is None:
            return found
        assert before is None or page.next_before < before, "each page advances, also an empty one"
        before = page.next_before


async def export(wallets: Wallets, where: EntryFilter, company: str = "acme") -> list[dict[str, str]]:
    """Return the lines of an export by column, read by the csv module."""
    period = await wallets.statements.period(company, where)
    statement = StatementCsv(period, where)
    text = statement.opening()
    async for entries in wallets.statements.entries(period, where):
        assert entries
        text += statement.entries(entries)
    text += statement.closing(BEGAN + 10**6 * HOUR)
    header, *rows = csv.reader(io.StringIO(text))
    assert tuple(header) == COLUMNS
    return [dict(zip(header, row, strict=True)) for row in rows]


def micros(text: str) -> int:
    """Return the micros of an amount; "" is 0."""
    units, _, decimals = text.removeprefix("-").partition(".")
    value = int(units or "0") * 1_000_000 + int(decimals.ljust(6, "0"))
    return -value if text.startswith("-") else value


async def test_filters_match_the_simplest_implementation(acme: Wallets, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists and exports agree with `matches`, for any size of pages, slices and bounds."""
    draw = random.Random(SEED)
    everything = await acme.reader.entries("acme", before=None, limit=10_000)
    listed_count = 0
    for _ in range(80):
        where = random_filter(draw)
        monkeypatch.setattr(adapter, "PAGE_ENTRIES_READ_MAX", draw.choice([7, 100, 50_000]))
        monkeypatch.setattr(adapter, "PAGE_SECONDS_MAX", draw.choice([-1.0, 1.0]))
        monkeypatch.setattr(adapter, "PAGE_SLICE", draw.choice([10, 5_000]))
        monkeypatch.setattr(adapter, "EXPORT_SLICE", draw.choice([50, 1_000]))
        expected = [entry for entry in everything if matches(entry, where)]
        assert await list_all(acme, where, draw.choice([3, 10, 1_000])) == expected, where
        lines = await export(acme, where)
        assert_reconciles(lines, where, expected[::-1], everything)
        listed_count += len(expected)
    assert listed_count > 500, "the filters match entries"


def assert_reconciles(
    lines: list[dict[str, str]], where: EntryFilter, listed: list[Entry], everything: list[Entry]
) -> None:
    """Assert that opening + amounts = closing, and that the balances are the sums of all entries before the times."""
    opening, *between, closing = lines
    assert (opening["kind"], closing["kind"]) == ("OPENING_BALANCE", "CLOSING_BALANCE")
    assert opening["amount"] == closing["amount"] == ""
    assert micros(opening["balance"]) + sum(micros(line["amount"]) for line in between) == micros(closing["balance"])
    until = [e for e in everything if where.end_at is None or e.created_at < where.end_at]
    earlier = [e for e in until if where.start_at is not None and e.created_at < where.start_at]
    assert micros(opening["balance"]) == sum(e.amount for e in earlier)
    assert micros(closing["balance"]) == sum(e.amount for e in until)
    if not where.by_time_only:
        left_out = between.pop()
        assert left_out["kind"] == "NOT_LISTED"
    assert [int(line["number"]) for line in between] == [entry.number for entry in listed]
    total = 0
    for line, entry in zip(between, listed, strict=True):
        total += entry.amount
        assert (micros(line["amount"]), micros(line["listed_total"])) == (entry.amount, total)
        assert micros(line["balance"]) == entry.balance_after
        assert line["kind"] == entry.kind.name
    assert micros(closing["listed_total"]) == total


async def test_pages_are_stable_during_concurrent_charges(acme: Wallets) -> None:
    where = EntryFilter(kinds=frozenset({Kind.CHARGE, Kind.REFUND}))
    everything = await acme.reader.entries("acme", before=None, limit=10_000)
    expected = [entry for entry in everything if matches(entry, where)]
    stop = asyncio.Event()
    charged = 0

    async def charge_continuously() -> None:
        nonlocal charged
        while not stop.is_set():
            await acme.engine.submit_many([charge(1) for _ in range(20)])
            charged += 20

    charging = asyncio.create_task(charge_continuously())
    first = await acme.statements.list_entries("acme", EVERYTHING, before=None, limit=1)
    found: list[Entry] = []
    # Begin at a row that existed before, as a caller does whose first page was just before the charges.
    before: int | None = everything[0].number + 1
    while before is not None:
        page = await acme.statements.list_entries("acme", where, before=before, limit=7)
        found += page.entries
        before = page.next_before
    period = await acme.statements.period("acme", EVERYTHING)
    slices = [entries async for entries in acme.statements.entries(period, EVERYTHING)]
    stop.set()
    await charging
    assert found == expected
    assert charged > 20
    assert first.entries[0].number >= everything[0].number
    numbers = [entry.number for entries in slices for entry in entries]
    assert numbers == list(range(1, period.last + 1))
    assert slices[-1][-1].balance_after == period.closing


async def test_a_future_start_time_lists_nothing(acme: Wallets) -> None:
    where = EntryFilter(start_at=BEGAN + 10**6 * HOUR)
    period = await acme.statements.period("acme", where)
    assert period.last == period.first - 1
    assert period.opening == period.closing
    lines = await export(acme, where)
    assert [line["kind"] for line in lines] == ["OPENING_BALANCE", "CLOSING_BALANCE"]
    assert not await list_all(acme, where, 10)


async def test_an_empty_and_a_missing_company(wallets: Wallets, database: asyncpg.Connection) -> None:
    await make_company(database, "new")
    opening, closing = await export(wallets, EVERYTHING, "new")
    assert opening["balance"] == closing["balance"] == decimal(0)
    assert closing["explanation"] == "balance before the first transaction"
    assert await wallets.statements.list_entries("new", EVERYTHING, before=None, limit=1) == EntryPage([], None)
    with pytest.raises(CompanyNotFound):
        await wallets.statements.list_entries("nobody", EVERYTHING, before=None, limit=1)
    with pytest.raises(CompanyNotFound):
        await wallets.statements.period("nobody", EVERYTHING)


async def test_no_cell_is_a_formula(acme: Wallets) -> None:
    await acme.engine.submit(top_up(1, reference="+1 234"))
    lines = await export(acme, EVERYTHING)
    campaigns = {line["campaign"] for line in lines}
    assert "'" + FORMULA in campaigns
    assert lines[-2]["reference"] == "'+1 234"
    amounts = {"amount", "balance", "listed_total", "held_change", "held"}
    assert not [
        (column, cell)
        for line in lines
        for column, cell in line.items()
        if column not in amounts and cell.lstrip().startswith(("=", "+", "-", "@"))
    ]


async def test_memory_of_an_export_does_not_grow_with_its_rows(wallets: Wallets, settings: WalletSettings) -> None:
    """The peak for 30 000 rows is about that for 1 000 rows: one slice."""
    fill(settings.database_url, companies=1, entries=30_000)
    company = (await wallets.companies.list("", 1))[0].id
    few = EntryFilter(end_at=(await wallets.reader.entry(company, 1_001)).created_at)
    peaks = []
    for where in (few, EVERYTHING):
        period = await wallets.statements.period(company, where)
        statement = StatementCsv(period, where)
        tracemalloc.start()
        try:
            size = len(statement.opening())
            async for entries in wallets.statements.entries(period, where):
                size += len(statement.entries(entries))
            size += len(statement.closing(BEGAN * 2))
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
        print(f"{period.last} rows, {size} characters: {peaks[-1]} bytes at the peak")
    assert size > 3_000_000
    assert peaks[1] < 1.2 * peaks[0] < 3_000_000


async def test_an_export_that_does_not_reconcile_fails(acme: Wallets, database: asyncpg.Connection) -> None:
    """Rows are never deleted. If one were missing, no statement would look complete."""
    await database.execute("DELETE FROM entries WHERE company_id = 'acme' AND number = 17")
    with pytest.raises(StatementNotReconciled, match="1 rows"):
        await export(acme, EVERYTHING)

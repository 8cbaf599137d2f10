"""Monthly statements match a plain recount of the entries, and reconcile at any moment."""

import asyncio
import random
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

import admin.documents.monthly_store as adapter
import admin.statements.usage_store as usage_adapter
from admin.documents.monthly import LATE_MICROSECONDS_MAX, MoneyLine, MonthlyStatement
from admin.documents.monthly_store import MonthlyStatements
from admin.documents.months import Month
from admin.statements.domain import StatementNotReconciled
from admin.statements.usage import UsageLine
from admin.statements.usage_store import UsageDays
from tests.support.builders import (
    adjustment,
    authorize,
    capture,
    charge,
    make_company,
    refund,
    top_up,
    void,
)
from tests.support.wallets import Wallets
from wallet.domain.commands import Kind
from wallet.domain.entries import Entry
from wallet.domain.errors import CompanyNotFound
from wallet.domain.usage import Channel, Usage

SEED = 21
ENTRIES = 200
MONTHS = [Month.parse(text) for text in ("2027-12", "2028-01", "2028-02", "2028-03", "2028-04")]
DAY = 86_400_000_000


@pytest.fixture
async def acme(wallets: Wallets, database: asyncpg.Connection) -> Wallets:
    """A company with entries of all kinds from December 2027 to March 2028, some at the ends of months."""
    draw = random.Random(SEED)
    await make_company(database, floor=-1_000_000)
    await make_entries(wallets, draw, ENTRIES)
    last = await database.fetchval("SELECT last_number FROM wallets")
    times = [draw.randrange(MONTHS[0].starts_at + 20 * DAY, MONTHS[3].ends_at - 9 * DAY) for _ in range(last - 8)]
    for month in MONTHS[1:4]:
        times += [month.starts_at - 1, month.starts_at]
    times += [MONTHS[2].ends_at - 1, MONTHS[2].ends_at]
    for number, at in enumerate(sorted(times), 1):
        await database.execute("UPDATE entries SET created_at = $2 WHERE number = $1", number, at)
    await database.execute("UPDATE wallets SET last_at = $1", max(times))
    return wallets


async def make_entries(wallets: Wallets, draw: random.Random, entries: int) -> None:
    """Do random operations of all kinds."""
    charges: list[int] = []
    for _ in range(entries):
        usage = Usage(draw.choice(list(Channel)), country=draw.choice(["DE", "FR", ""]), quantity=draw.randint(1, 9))
        name = f"call-{draw.random()}"
        match draw.randrange(8):
            case 0 if charges:
                await wallets.engine.submit(refund(1, charges.pop()))
            case 1:
                await wallets.engine.submit(top_up(draw.randint(1, 99)))
            case 2:
                await wallets.engine.submit(authorize(50, name, usage=usage))
                await wallets.engine.submit(capture(draw.randint(1, 50), name, usage=usage))
            case 3:
                await wallets.engine.submit(authorize(50, name, usage=usage))
                if draw.random() < 0.5:
                    await wallets.engine.submit(void(name))
            case 4:
                reason = draw.choice(["", "CHARGEBACK", "TOP_UP_REFUND"])
                await wallets.engine.submit(adjustment(draw.randint(-9, 9) or 1, reason=reason))
            case _:
                outcome = await wallets.engine.submit(charge(draw.randint(2, 99), usage=usage))
                charges.append(outcome.entry.number)


def month_of(entry: Entry) -> Month:
    """Return the month of an entry."""
    at = datetime.fromtimestamp(entry.created_at // 1_000_000, UTC)
    return Month(at.year, at.month)


def sums_of(statement: MonthlyStatement) -> tuple[int, ...]:
    """Return the sums of a statement: top-ups, adjustments, charges, refunds."""
    return statement.top_ups.amount, statement.adjusted, statement.charged, statement.refunded


async def test_each_month_matches_a_recount_and_continues_the_last(acme: Wallets) -> None:
    entries = (await acme.reader.entries("acme", before=None, limit=10_000))[::-1]
    balance, held, seen = 0, 0, 0
    for month in MONTHS:
        statement = await acme.monthly_statements.read("acme", month)
        own = [entry for entry in entries if month_of(entry) == month]
        kinds = [Kind.TOP_UP], [Kind.ADJUSTMENT], [Kind.CHARGE, Kind.CAPTURE], [Kind.REFUND]
        sums = [sum(entry.amount for entry in own if entry.kind in of) for of in kinds]
        assert sums_of(statement) == (sums[0], sums[1], -sums[2], sums[3])
        assert (statement.opening, statement.held_opening) == (balance, held)
        balance += sum(entry.amount for entry in own)
        held += sum(entry.held_delta for entry in own)
        assert (statement.closing, statement.held_closing) == (balance, held)
        assert (statement.first_number, statement.last_number) == (seen + 1, seen + len(own))
        seen += len(own)
        by_reason = {entry.reason: 0 for entry in own if entry.kind is Kind.ADJUSTMENT}
        for entry in own:
            if entry.kind is Kind.ADJUSTMENT:
                by_reason[entry.reason] += entry.amount
        assert {line.reason: line.amount for line in statement.adjustments} == by_reason
        assert statement.top_ups.count == sum(entry.kind is Kind.TOP_UP for entry in own)
        assert sum(line.transactions for line in statement.usage) == sum(entry.kind in kinds[2] for entry in own)
    assert seen == len(entries)
    with pytest.raises(CompanyNotFound):
        await acme.monthly_statements.read("nobody", MONTHS[0])


async def test_a_month_is_provisional_until_it_is_complete(acme: Wallets, database: asyncpg.Connection) -> None:
    february, march = MONTHS[2], MONTHS[3]
    read = acme.monthly_statements.read
    assert not (await read("acme", february, now=february.starts_at)).provisional, "the wallet has a later entry"
    assert (await read("acme", march, now=march.ends_at)).provisional, "a late entry is still possible"
    assert not (await read("acme", march, now=march.ends_at + LATE_MICROSECONDS_MAX)).provisional
    assert (await read("acme", march, now=march.ends_at - 1)).provisional


async def test_a_statement_reconciles_while_entries_are_uncounted(
    acme: Wallets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counting may stop in the middle of a month, or before it begins."""
    monkeypatch.setattr(usage_adapter, "CATCH_UP_SECONDS_MAX", -1.0)
    usage = UsageDays(acme.pool, slice_entries=7)
    statements = MonthlyStatements(acme.pool, usage)
    provisional = 0
    while await usage.count_slice("acme"):
        for month in MONTHS[:3]:
            provisional += (await statements.read("acme", month)).provisional
    assert provisional > 20
    whole = [await statements.read("acme", month) for month in MONTHS[:3]]
    assert not any(statement.provisional for statement in whole)


async def test_a_statement_reconciles_during_concurrent_charges(acme: Wallets, database: asyncpg.Connection) -> None:
    await database.execute("UPDATE entries SET created_at = 1")
    await database.execute("UPDATE wallets SET last_at = 1")
    now = datetime.now(UTC)
    month = Month(now.year, now.month)
    writing = asyncio.create_task(make_entries(acme, random.Random(SEED + 1), 60))
    statements = []
    while not writing.done():
        statements.append(await acme.monthly_statements.read("acme", month))
    await writing
    assert len({statement.last_number for statement in statements}) > 2
    assert all(statement.provisional for statement in statements)


async def test_a_statement_that_does_not_reconcile_fails(acme: Wallets, database: asyncpg.Connection) -> None:
    await acme.monthly_statements.read("acme", MONTHS[1])
    await database.execute("UPDATE usage_days SET spent = spent + 1 WHERE day = '2028-01-15'")
    with pytest.raises(StatementNotReconciled, match="2028-01"):
        await acme.monthly_statements.read("acme", MONTHS[1])


async def test_a_company_without_entries_has_an_empty_statement(wallets: Wallets, database: asyncpg.Connection) -> None:
    await make_company(database)
    statement = await wallets.monthly_statements.read("acme", MONTHS[0], now=MONTHS[1].ends_at)
    assert (statement.opening, statement.closing, statement.usage) == (0, 0, [])
    assert (statement.top_ups, statement.adjustments, statement.provisional) == (MoneyLine("", 0, 0), [], False)


async def test_top_ups_and_adjustments_are_read_by_index(acme: Wallets, database: asyncpg.Connection) -> None:
    await database.execute("SET enable_seqscan = off; ANALYZE entries")
    query = adapter._SQL["money"].replace("$1", "'acme'").replace("$2", "1").replace("$3", "9999")
    plan = "\n".join(row[0] for row in await database.fetch(f"EXPLAIN {query}"))
    assert "entries_money" in plan, plan


async def test_a_statement_is_read_in_one_snapshot(acme: Wallets, monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries that are charged and counted during the reading are not in it."""
    read = usage_adapter.read_by_country

    async def read_late(*arguments: Any) -> list[UsageLine]:
        await acme.engine.submit(charge(7))
        assert await acme.usage_days.catch_up("acme")
        return await read(*arguments)

    month = MONTHS[3]  # No entry is earlier than the last one.
    before = await acme.monthly_statements.read("acme", month)
    monkeypatch.setattr(adapter, "read_by_country", read_late)
    assert (await acme.monthly_statements.read("acme", month)).charged == before.charged
    monkeypatch.undo()
    assert (await acme.monthly_statements.read("acme", month)).charged == before.charged + 7

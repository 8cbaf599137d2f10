"""Usage by day: each entry is counted once and on its day, by concurrent processes and through crashes."""

import asyncio
import random
from collections import Counter
from datetime import UTC, date, datetime

import asyncpg
import pytest

import admin.statements.usage_store as adapter
from admin.statements.usage import Days, UsageLine, total
from admin.statements.usage_store import MissingEntries, UsageDays
from admin.statements.worker import UsageWorker
from tests.conftest import OpenWallets
from tests.support.builders import (
    authorize,
    capture,
    charge,
    fresh,
    make_company,
    refund,
    top_up,
    void,
)
from tests.support.statements import kill_connection_at
from tests.support.wallets import Wallets
from wallet.domain.commands import Kind
from wallet.domain.entries import Entry
from wallet.domain.errors import CompanyNotFound, LedgerUnavailable
from wallet.domain.pricing import Price
from wallet.domain.usage import Channel, Usage
from wallet.verification.problems import Check

SEED = 11
SLICE = 7
ALWAYS = Days(date(1970, 1, 1), date(2999, 12, 31))
MIDNIGHT = 1_790_035_200_000_000
"""2026-09-22T00:00:00Z."""
STEPS = ("begin", "lock", "count", "advance")

Key = tuple[date, Channel | None, str]


@pytest.fixture
async def acme(wallets: Wallets, database: asyncpg.Connection) -> Wallets:
    """Two companies with entries of all kinds, around a midnight."""
    for company in ("acme", "other"):
        await make_company(database, company)
        await wallets.engine.submit(top_up(1_000_000, company=company))
        await make_entries(wallets, company)
    await database.execute("UPDATE entries SET created_at = $1::bigint + (number - 60) * 1000000", MIDNIGHT)
    return wallets


async def make_entries(wallets: Wallets, company: str, entries: int = 80) -> None:
    """Charge, capture, refund and void, with and without a price and a channel of their own."""
    draw = random.Random(SEED)
    charged: list[int] = []
    for _ in range(entries):
        usage = Usage(draw.choice(list(Channel)), country=draw.choice(["DE", "FR", ""]), quantity=draw.randint(1, 9))
        name = fresh()
        match draw.randrange(6):
            case 0 if charged:
                outcome = await wallets.engine.submit(refund(1, charged.pop(), company=company))
                continue
            case 1:
                await wallets.engine.submit(authorize(50, name, usage=usage, company=company))
                outcome = await wallets.engine.submit(capture(9, name, company=company))
            case 2:
                await wallets.engine.submit(authorize(50, name, usage=usage, company=company))
                await wallets.engine.submit(void(name, company=company))
                continue
            case 3:
                price = Price("standard", 1, "sms.+49", 0, 5, used=usage.quantity, billed=usage.quantity + 3)
                outcome = await wallets.engine.submit(charge(price.amount, usage=usage, price=price, company=company))
            case _:
                outcome = await wallets.engine.submit(charge(draw.randint(1, 99), usage=usage, company=company))
        charged.append(outcome.entry.number)


async def recount(wallets: Wallets, company: str) -> dict[Key, tuple[int, ...]]:
    """Count a company's entries one by one: transactions, used, billed, spent, refunds, refunded."""
    entries = await wallets.reader.entries(company, before=None, limit=100_000)
    by_number = {entry.number: entry for entry in entries}
    sums: dict[Key, Counter[int]] = {}
    for entry in entries:
        if entry.kind not in (Kind.CHARGE, Kind.CAPTURE, Kind.REFUND):
            continue
        usage = await usage_of(wallets, by_number.get(entry.refunded_number, entry))
        day = datetime.fromtimestamp(entry.created_at // 1_000_000, UTC).date()
        key = (day, usage.channel if usage else None, usage.country if usage else "")
        own = entry.usage.quantity if entry.usage else 0
        used, billed = (entry.price.used, entry.price.billed) if entry.price else (own, own)
        counts = (0, 0, 0, 0, 1, entry.amount) if entry.refunded_number else (1, used, billed, -entry.amount, 0, 0)
        sums.setdefault(key, Counter()).update(dict(enumerate(counts)))
    return {key: tuple(found[place] for place in range(6)) for key, found in sums.items()}


async def usage_of(wallets: Wallets, entry: Entry) -> Usage | None:
    """Return the usage of an entry, or that of its authorization."""
    if entry.usage is None and entry.authorization:
        return (await wallets.reader.authorization(entry.company, entry.authorization)).usage
    return entry.usage


async def counted(database: asyncpg.Connection, company: str) -> dict[Key, tuple[int, ...]]:
    """Return the counted usage of a company."""
    rows = await database.fetch("SELECT * FROM usage_days WHERE company_id = $1", company)
    return {
        (row["day"], Channel(row["channel"]) if row["channel"] else None, row["country"]): tuple(row.values())[4:]
        for row in rows
    }


async def test_counted_usage_matches_a_recount_around_midnight(acme: Wallets, database: asyncpg.Connection) -> None:
    assert await UsageWorker(acme.usage_days).run_once() > 100
    for company in ("acme", "other"):
        found = await counted(database, company)
        assert found == await recount(acme, company)
        assert {day for day, _, _ in found} == {date(2026, 9, 21), date(2026, 9, 22)}
        assert await database.fetchval("SELECT number FROM rollups WHERE company_id = $1", company) == (
            await database.fetchval("SELECT last_number FROM wallets WHERE company_id = $1", company)
        )
    assert await UsageWorker(acme.usage_days).run_once() == 0


async def test_a_day_ends_with_its_last_microsecond(wallets: Wallets, database: asyncpg.Connection) -> None:
    await make_company(database)
    await wallets.engine.submit(top_up(1_000))
    number = (await wallets.engine.submit(charge(10))).entry.number
    await wallets.engine.submit(charge(200))
    await wallets.engine.submit(refund(3, number))
    await database.execute("UPDATE entries SET created_at = $1::bigint + number - 3", MIDNIGHT)
    assert await wallets.usage_days.catch_up("acme")
    usage = await wallets.usage_days.read("acme", ALWAYS)
    assert [(line.day, line.spent, line.refunds, line.refunded) for line in usage.by_day] == [
        (date(2026, 9, 21), 10, 0, 0),
        (date(2026, 9, 22), 200, 1, 3),
    ]
    (german,) = usage.by_country
    assert (german.channel, german.country, german.spent, german.refunded) == (Channel.SMS, "DE", 210, 3)


@pytest.mark.parametrize("step", STEPS)
async def test_a_crash_at_any_step_counts_each_entry_once(
    acme: Wallets, database: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The connection ends in the middle of the second slice, as it does when its process is killed."""
    usage = UsageDays(acme.pool, slice_entries=SLICE)
    assert await usage.count_slice("acme") == SLICE
    with monkeypatch.context() as patch:
        others = "".join(f", ${n}::bigint" for n in range(2, parameters(step) + 1))
        kill_connection_at(patch, adapter._SQL, step, "$1::text" + others)
        with pytest.raises(LedgerUnavailable):
            await usage.count_slice("acme")
    assert await database.fetchval("SELECT number FROM rollups WHERE company_id = 'acme'") == SLICE
    await UsageWorker(usage).run_once()
    assert await counted(database, "acme") == await recount(acme, "acme")


def parameters(step: str) -> int:
    """Return how many parameters a statement has."""
    return max(n for n in range(1, 9) if f"${n}" in adapter._SQL[step])


async def test_concurrent_counting_counts_each_entry_once(
    acme: Wallets, open_more: OpenWallets, database: asyncpg.Connection
) -> None:
    """Workers and readers of two processes count while entries are written."""
    beside = await open_more()
    slices = [UsageDays(each.pool, slice_entries=SLICE) for each in (acme, beside)]
    workers = [UsageWorker(usage) for usage in slices]
    writing = asyncio.create_task(make_entries(acme, "acme", 60))
    while not writing.done():
        await asyncio.gather(
            *(worker.run_once() for worker in workers),
            *(usage.catch_up(company) for usage in slices for company in ("acme", "other")),
        )
    await writing
    assert await slices[1].catch_up("acme")
    for company in ("acme", "other"):
        assert await counted(database, company) == await recount(acme, company)


async def test_a_summary_includes_the_latest_charge(acme: Wallets) -> None:
    today = datetime.now(UTC).date()
    for number in range(1, 4):
        await acme.engine.submit(charge(number, usage=Usage(Channel.VOICE, country="US", quantity=60)))
        assert await acme.usage_days.catch_up("acme")
        usage = await acme.usage_days.read("acme", Days(today, today), channel=Channel.VOICE, country="US")
        whole = UsageLine(Channel.VOICE, None, "US", number, 60 * number, 60 * number, number * (number + 1) // 2)
        assert usage.by_country == [whole]
        assert total(usage.by_country).spent == whole.spent


async def test_sums_by_channel_and_country_match_the_lines(acme: Wallets) -> None:
    await acme.usage_days.catch_up("acme")
    expected = await recount(acme, "acme")
    for channel in (None, Channel.SMS):
        for country in ("", "DE"):
            usage = await acme.usage_days.read("acme", ALWAYS, channel=channel, country=country)
            chosen = [
                counts
                for (_, of, where), counts in expected.items()
                if channel in (None, of) and country in ("", where)
            ]
            for lines in (usage.by_day, usage.by_country):
                found = [
                    (line.transactions, line.used, line.billed, line.spent, line.refunds, line.refunded)
                    for line in lines
                ]
                assert [sum(column) for column in zip(*found, strict=True)] == [
                    sum(column) for column in zip(*chosen, strict=True)
                ]
    one_day = await acme.usage_days.read("acme", Days(date(2026, 9, 21), date(2026, 9, 21)))
    assert {line.day for line in one_day.by_day} == {date(2026, 9, 21)}


async def test_a_long_backlog_is_incomplete(acme: Wallets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "CATCH_UP_SECONDS_MAX", -1.0)
    assert not await acme.usage_days.catch_up("acme")
    assert (await acme.usage_days.read("acme", ALWAYS)).last_number == 0
    with pytest.raises(CompanyNotFound):
        await acme.usage_days.catch_up("nobody")
    with pytest.raises(CompanyNotFound):
        await acme.usage_days.read("nobody", ALWAYS)


async def test_a_broken_company_does_not_delay_the_others(acme: Wallets, database: asyncpg.Connection) -> None:
    await database.execute("DELETE FROM entries WHERE company_id = 'acme' AND number = 5")
    worker = UsageWorker(acme.usage_days)
    with pytest.raises(MissingEntries, match="companies/acme"):
        await worker.run_once()
    assert await worker.run_once() > 50
    assert await counted(database, "other") == await recount(acme, "other")
    assert await counted(database, "acme") == {}


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE usage_days SET spent = spent + 1 WHERE company_id = 'acme' AND channel = 1 AND day = '2026-09-21'",
        "UPDATE usage_days SET refunds = refunds + 1 WHERE company_id = 'acme'",
        "DELETE FROM usage_days WHERE company_id = 'acme' AND country = 'DE'",
        "INSERT INTO usage_days VALUES ('acme', '2020-01-01', 1, 'DE', 1, 1, 1, 1, 0, 0)",
        "UPDATE rollups SET number = number - 20 WHERE company_id = 'acme'",
        "UPDATE rollups SET number = number + 1 WHERE company_id = 'acme'",
    ],
)
async def test_verify_ledger_finds_wrong_counts(acme: Wallets, database: asyncpg.Connection, tampering: str) -> None:
    """The procedure of docs/guides/operations.md repairs them."""
    await UsageDays(acme.pool, slice_entries=50).count_slice("acme")
    assert await problems(acme) == set(), "uncounted entries are no problem"
    await UsageWorker(acme.usage_days).run_once()
    assert await problems(acme) == set()
    await database.execute(tampering)
    assert await problems(acme) == {"acme"}
    async with database.transaction():
        await database.execute("DELETE FROM rollups WHERE company_id = 'acme'")
        await database.execute("DELETE FROM usage_days WHERE company_id = 'acme'")
    await UsageWorker(acme.usage_days).run_once()
    assert await problems(acme) == set()


async def problems(wallets: Wallets) -> set[str]:
    """Return the companies with problems of usage, by VerifyLedger."""
    return {problem.company for problem in (await wallets.verify()).problems if problem.check is Check.USAGE}


async def test_counting_and_charging_do_not_block_each_other(acme: Wallets, database: asyncpg.Connection) -> None:
    """Counting does not wait for the lock of a wallet's row, which charges hold, nor charges for that of counting."""
    async with database.transaction():
        await database.execute("SELECT FROM wallets WHERE company_id = 'acme' FOR UPDATE")
        assert await acme.usage_days.count_slice("acme") > 50
    async with database.transaction():
        await database.execute("SELECT FROM rollups WHERE company_id = 'acme' FOR UPDATE")
        assert (await acme.engine.submit(charge(1))).entry.amount == -1

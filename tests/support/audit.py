"""The promises as queries over the whole ledger, written independently of the product's own verification."""

import asyncio
from collections import Counter

import asyncpg

from tests.support.wallets import Wallets
from wallet.domain.limits import Window, window_start

REST_SECONDS_MAX = 10.0
POLL_SECONDS = 0.005

QUERIES = {
    "P1: a checked entry took the available balance below the floor": """
        SELECT company_id, number FROM entries
        WHERE checked AND amount - held_delta < 0 AND balance_after - held_after < floor
    """,
    "P2: a key has two entries": """
        SELECT company_id, idempotency_key FROM entries GROUP BY 1, 2 HAVING count(*) > 1
    """,
    "P4: numbers have gaps, or balance_after and held_after are not the running sums": """
        SELECT company_id, number FROM (
            SELECT *, row_number() OVER w AS place, sum(amount) OVER w AS balance, sum(held_delta) OVER w AS holds
            FROM entries WINDOW w AS (PARTITION BY company_id ORDER BY number)) e
        WHERE number <> place OR balance_after <> balance OR held_after <> holds
    """,
    "P4: a wallet is not the sum of its entries and open authorizations": """
        SELECT w.company_id FROM wallets w
        LEFT JOIN (SELECT company_id, count(*) AS count, sum(amount) AS amount, sum(held_delta) AS held
                   FROM entries GROUP BY 1) e USING (company_id)
        LEFT JOIN (SELECT company_id, sum(held) AS held FROM authorizations WHERE state = 1 GROUP BY 1) h
            USING (company_id)
        WHERE w.balance <> coalesce(e.amount, 0) OR w.held <> coalesce(e.held, 0) OR w.held <> coalesce(h.held, 0)
            OR w.last_number <> coalesce(e.count, 0)
    """,
    "P4: an authorization is not the sum of its entries, or a closed one holds": """
        SELECT a.company_id, a.authorization_id FROM authorizations a
        JOIN (SELECT company_id, authorization_id, sum(held_delta) AS held, -sum(amount) AS captured
              FROM entries WHERE authorization_id IS NOT NULL GROUP BY 1, 2) e USING (company_id, authorization_id)
        WHERE a.held <> e.held OR a.captured <> e.captured OR (a.state <> 1 AND a.held <> 0)
            OR (a.state = 1 AND a.amount <> a.held + a.captured)
    """,
    "P6: refunds add up to more than their charge, or the original is no charge": """
        SELECT r.company_id, r.refunded_number FROM entries r
        LEFT JOIN entries c ON c.company_id = r.company_id AND c.number = r.refunded_number AND c.kind IN (1, 7)
        WHERE r.refunded_number IS NOT NULL
        GROUP BY 1, 2, c.amount HAVING c.amount IS NULL OR sum(r.amount) > -c.amount
    """,
    "P4: time goes back": """
        SELECT company_id, number FROM (
            SELECT *, lag(created_at) OVER (PARTITION BY company_id ORDER BY number) AS earlier FROM entries) e
        WHERE created_at < earlier
    """,
}


SPENDING = """
    SELECT e.company_id, e.kind, e.late, e.channel, e.country, e.created_at, e.number, e.amount, e.held_delta,
        a.channel AS hold_channel, a.country AS hold_country, a.created_at AS hold_at
    FROM entries e LEFT JOIN authorizations a USING (company_id, authorization_id)
    WHERE company_id IN (SELECT company_id FROM spend_limits) AND company_id = coalesce($1, company_id)
"""
CREDITS = (2, 3, 4)


async def faults_of_ledger(database: asyncpg.Connection, company: str | None = None) -> list[str]:
    """Return a line for each row that breaks a promise, of one company or of all."""
    faults = [
        f"{promise}: {tuple(row.values())}"
        for promise, query in QUERIES.items()
        for row in await database.fetch(
            f"SELECT * FROM ({query}) broken WHERE company_id = coalesce($1, company_id)", company
        )
    ]
    return faults + await faults_of_counters(database, company)


async def faults_of_counters(database: asyncpg.Connection, company: str | None = None) -> list[str]:
    """Return a line for each counter of a spend limit that differs from the sum of its entries."""
    where = "WHERE company_id = coalesce($1, company_id)"
    limits = await database.fetch(f"SELECT * FROM spend_limits {where}", company)
    expected: Counter[tuple[str, str, int]] = Counter()
    for entry in await database.fetch(SPENDING, company) if limits else ():
        if entry["kind"] in CREDITS:
            continue
        for limit in limits:
            if limit["company_id"] == entry["company_id"]:
                at, spent = _counted(limit, entry)
                starts_at = window_start(Window(limit["time_window"]), at)
                expected[entry["company_id"], limit["limit_id"], starts_at] += spent
    found = {
        (row["company_id"], row["limit_id"], row["starts_at"]): row["spent"]
        for row in await database.fetch(f"SELECT * FROM spend_counters {where}", company)
    }
    return [
        f"P8: the counter {counter} is {found.get(counter, 0)}, its entries make {expected[counter]}"
        for counter in sorted(found.keys() | expected.keys())
        if found.get(counter, 0) != expected[counter]
    ]


def _counted(limit: asyncpg.Record, entry: asyncpg.Record) -> tuple[int, int]:
    """Return the time at which an entry counts for a limit, and the amount: nothing from before the limit."""

    def is_counted(channel: int | None, country: str | None) -> bool:
        return limit["channel"] in (None, channel) and limit["country"] in (None, country)

    charged = -entry["amount"]
    if entry["hold_at"] is None or entry["late"]:
        counts = entry["created_at"] >= limit["counts_from"] and is_counted(entry["channel"], entry["country"])
        return entry["created_at"], charged if counts else 0
    held_as = entry["hold_channel"], entry["hold_country"]
    charged_as = held_as if entry["channel"] is None else (entry["channel"], entry["country"])
    # An authorization that is older than the limit counts with its hold at that time, and its captures from then on.
    older = entry["hold_at"] < limit["counts_from"]
    spent = entry["held_delta"] if is_counted(*held_as) else 0
    if is_counted(*charged_as) and (not older or entry["number"] > limit["made_at"]):
        spent += charged
    return max(entry["hold_at"], limit["counts_from"]), spent


async def faults_of_hot(wallets: Wallets, database: asyncpg.Connection, company: str | None = None) -> list[str]:
    """Return a line for each warm wallet of the ledger's epoch that differs from the ledger. All must be settled."""
    faults = []
    for row in await database.fetch("SELECT * FROM wallets WHERE company_id = coalesce($1, company_id)", company):
        peek = await wallets.hot.peek(row["company_id"])
        if not peek.warm or peek.position.epoch != row["epoch"]:
            continue
        hot = (peek.balance, peek.held, peek.floor, peek.state, peek.blocked, len(peek.journal))
        ledger = (row["balance"], row["held"], row["floor"], row["state"], row["blocked"], 0)
        if hot != ledger:
            faults.append(f"P4: {row['company_id']}: Redis has {hot}, the ledger {ledger}")
        counters = await database.fetch("SELECT * FROM spend_counters WHERE company_id = $1", row["company_id"])
        spent = {f"spent {counter['limit_id']} {counter['starts_at']}": counter["spent"] for counter in counters}
        faults += [
            f"P8: {row['company_id']}: Redis has {field}: {found}, the ledger {spent.get(field, 0)}"
            for field, found in peek.counters.items()
            if found != spent.get(field, 0)
        ]
    return faults


async def at_rest(wallets: Wallets) -> None:
    """Return when all journals are empty: an idle flush carries the last clean-ups."""
    deadline = asyncio.get_running_loop().time() + REST_SECONDS_MAX
    while left := [attempt.name for journal in await wallets.hot.journals() for attempt in journal.attempts]:
        assert asyncio.get_running_loop().time() < deadline, f"journals do not empty: {left}"
        await asyncio.sleep(POLL_SECONDS)


async def assert_clean(wallets: Wallets, database: asyncpg.Connection) -> None:
    """Assert every promise over the whole ledger and Redis, by these queries and by the product's verification."""
    await at_rest(wallets)
    faults = [*await faults_of_ledger(database), *await faults_of_hot(wallets, database)]
    assert not faults, faults
    problems = (await wallets.verify()).problems
    assert not problems, problems

"""The promises as plain queries over the whole ledger: written apart from the product's own verification on purpose."""

import asyncio

import asyncpg

from wallet.runtime import Wallets

REST_SECONDS_MAX = 10.0
POLL_SECONDS = 0.005

QUERIES = {
    "P1: an entry that is checked took what is available below the floor": """
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


async def faults_of_ledger(database: asyncpg.Connection, company: str | None = None) -> list[str]:
    """Return a line for each row that breaks a promise, of one company or of all."""
    return [
        f"{promise}: {tuple(row.values())}"
        for promise, query in QUERIES.items()
        for row in await database.fetch(
            f"SELECT * FROM ({query}) broken WHERE company_id = coalesce($1, company_id)", company
        )
    ]


async def faults_of_hot(wallets: Wallets, database: asyncpg.Connection, company: str | None = None) -> list[str]:
    """Return a line for each warm wallet of the ledger's epoch that differs from the ledger. Only when all is quiet."""
    faults = []
    for row in await database.fetch("SELECT * FROM wallets WHERE company_id = coalesce($1, company_id)", company):
        peek = await wallets.hot.peek(row["company_id"])
        if not peek.warm or peek.position.epoch != row["epoch"]:
            continue
        hot = (peek.balance, peek.held, peek.floor, peek.state, len(peek.journal))
        ledger = (row["balance"], row["held"], row["floor"], row["state"], 0)
        if hot != ledger:
            faults.append(f"P4: {row['company_id']}: Redis has {hot}, the ledger {ledger}")
    return faults


async def at_rest(wallets: Wallets) -> None:
    """Return when nothing is left in a journal: clean-ups ride on an idle flush."""
    deadline = asyncio.get_running_loop().time() + REST_SECONDS_MAX
    while left := [attempt.name for journal in await wallets.hot.journals() for attempt in journal.attempts]:
        assert asyncio.get_running_loop().time() < deadline, f"journals do not empty: {left}"
        await asyncio.sleep(POLL_SECONDS)


async def assert_clean(wallets: Wallets, database: asyncpg.Connection) -> None:
    """Every promise holds, over the whole ledger and the hot state, by these queries and by the product's own."""
    await at_rest(wallets)
    faults = [*await faults_of_ledger(database), *await faults_of_hot(wallets, database)]
    assert not faults, faults
    problems = (await wallets.verify()).problems
    assert not problems, problems

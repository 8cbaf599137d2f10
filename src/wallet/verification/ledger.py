"""Check the ledger against itself.

Each promise concerns one company, and each check is one statement that sees one snapshot. So the ledger is checked
range by range of companies and check by check, and no snapshot grows old. One snapshot over all of it would keep
Postgres from removing the versions that each commit leaves of a wallet's row: measured, a busy wallet then makes a
quarter of the commits after a minute, and ever fewer.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import asyncpg

from wallet.domain.commands import Kind
from wallet.domain.entries import AuthorizationState
from wallet.ledger.pool import Connection
from wallet.ledger.queries import Codes, load
from wallet.ledger.transactions import reading
from wallet.verification.problems import PROBLEMS_LISTED_MAX, Check, Findings, Problem

RANGE_ENTRIES_MAX = 250_000
"""Entries that one statement checks; a company with more is still checked by one statement."""
RANGE_WALLETS_MAX = 20_000
STATEMENT_SECONDS_MAX = 3600.0
"""How long one check of a range may take. Only the check of a single huge company takes more than seconds."""

_SQL = load(__name__, AuthorizationState, Kind)


class LedgerCheck(NamedTuple):
    """A statement that finds broken promises in the ledger.

    Its parameters are a range of companies: after $1, up to $2 (NULL: all the rest). Its rows are `company_id`, `place`
    (which sorts the problems of a company) and `detail`.
    """

    check: Check
    sql: str


def checks_of(module: str, promises: Mapping[str, Check], *codes: Codes) -> list[LedgerCheck]:
    """Return the checks in the SQL file beside `module` (its `__name__`); `promises` maps each block to its promise.

    `codes` are the enums that the statements name, as for `load`.
    """
    statements = load(module, *codes)
    assert statements.keys() == promises.keys(), f"{module}: each block of SQL needs its promise"
    return [LedgerCheck(check, statements[name]) for name, check in promises.items()]


_ENGINE_CHECKS = {
    "steps": Check.CONSERVED,
    "changes": Check.CONSERVED,
    "wallets": Check.CONSERVED,
    "holds": Check.CONSERVED,
    "authorizations": Check.CONSERVED,
    "floor": Check.FLOOR,
    "keys": Check.ONCE,
    "attempts": Check.ONCE,
    "refunds": Check.REFUNDS,
    "prices": Check.PRICES,
    "limits": Check.LIMITS,
}
"""Block of SQL → the engine's promise that it checks; features add checks of their own tables."""
ENGINE_CHECKS = [LedgerCheck(check, _SQL[name]) for name, check in _ENGINE_CHECKS.items()]


class LedgerVerifier:
    """Runs every check over the whole ledger."""

    def __init__(self, pool: asyncpg.Pool, checks: Sequence[LedgerCheck], findings: Findings) -> None:
        """Run the engine's own checks and `checks`; add what is found to `findings`."""
        self._pool = pool
        self._findings = findings
        self._checks = [
            LedgerCheck(check, _SQL["listed"].replace("/* check */", sql)) for check, sql in (*ENGINE_CHECKS, *checks)
        ]

    async def run(self) -> tuple[int, int]:
        """Check range after range of companies; return the numbers of wallets and entries. Raises LedgerUnavailable."""
        wallets = entries = 0
        async with reading(self._pool) as connection:
            after, end = "", ""
            while end is not None:
                end = await connection.fetchval(_SQL["range_end"], after, RANGE_ENTRIES_MAX, RANGE_WALLETS_MAX)
                async with connection.transaction(isolation="read_committed", readonly=True):
                    counts = await self._check_range(connection, after, end)
                wallets += counts["wallets"]
                entries += counts["entries"]
                after = end
        return wallets, entries

    async def _check_range(self, connection: Connection, after: str, end: str | None) -> asyncpg.Record:
        """Check companies after `after` up to `end` (None: all the rest); each statement sees a snapshot of its own."""
        await connection.execute(_SQL["range_settings"], str(int(STATEMENT_SECONDS_MAX * 1000)))
        for check, sql in self._checks:
            rows = await connection.fetch(sql, after, end, PROBLEMS_LISTED_MAX, timeout=STATEMENT_SECONDS_MAX)
            problems = [Problem(row["company_id"], check, row["detail"]) for row in rows]
            self._findings.add(problems, rows[0]["found"] if rows else 0)
        counts = await connection.fetchrow(_SQL["range_counts"], after, end, timeout=STATEMENT_SECONDS_MAX)
        assert counts is not None
        return counts

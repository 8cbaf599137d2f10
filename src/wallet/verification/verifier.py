"""Check the ledger against itself, and Redis against the ledger, while charging goes on."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from wallet.hot.store import HotStore
from wallet.verification.hot import HotVerifier
from wallet.verification.ledger import LedgerCheck, LedgerVerifier
from wallet.verification.problems import Findings, Problem


@dataclass(frozen=True, slots=True)
class Verification:
    """The counts of what was checked, and the problems by company.

    At most PROBLEMS_LISTED_MAX of `problems_found` are listed: every company's first before any company's second.
    """

    wallets_checked: int
    transactions_checked: int
    hot_wallets_checked: int
    problems: list[Problem]
    problems_found: int


class Verifier:
    """Checks the ledger and Redis while charging goes on. It writes nothing, neither to Postgres nor to Redis."""

    def __init__(self, pool: asyncpg.Pool, hot: HotStore, checks: Sequence[LedgerCheck] = ()) -> None:
        """Use an open pool on the primary (a standby would be behind Redis) and an open store.

        `checks` are those of features; the engine's own are always done.
        """
        self._pool = pool
        self._hot = hot
        self._checks = checks

    async def run(self) -> Verification:
        """Check the whole ledger, then all of Redis. Raises LedgerUnavailable, WalletUnavailable."""
        findings = Findings()
        wallets, transactions = await LedgerVerifier(self._pool, self._checks, findings).run()
        hot_wallets = await HotVerifier(self._pool, self._hot, findings).run()
        return Verification(wallets, transactions, hot_wallets, findings.listed(), findings.count)

"""Append what a process left in the journal: it crashed, or lost Postgres, between Redis and the commit."""

import structlog

from wallet import metrics
from wallet.domain.attempts import Attempt, Verdict
from wallet.hot.store import Batch, HotStore
from wallet.judgement import clean_up
from wallet.ledger.append import Appender

SWEEP_SECONDS = 1.0
"""Time between two sweeps."""
AGE_SECONDS_MIN = 2.0
"""Younger entries are left to the process that made them."""
ATTEMPTS_PER_APPEND_MAX = 500

log = structlog.get_logger(__name__)


class Recovery:
    """Any process may sweep at any time, several at once: the ledger takes each entry once."""

    def __init__(self, hot: HotStore, appender: Appender) -> None:
        """Use a store that others use too, and an appender that nobody else does."""
        self._hot = hot
        self._appender = appender

    async def run_once(self, *, age_seconds_min: float = AGE_SECONDS_MIN) -> int:
        """Append every entry that is old enough; return how many there were.

        Raises WalletUnavailable, and what asyncpg raises where Postgres is away.
        """
        entries, oldest, recovered = 0, 0.0, 0
        for company in await self._hot.journaled_companies():
            peek = await self._hot.peek(company)
            ages = [(peek.now - attempt.applied_at) / 1e6 for attempt in peek.journal]
            entries += len(ages)
            oldest = max(oldest, *ages, 0.0)
            due = [attempt for attempt, age in zip(peek.journal, ages, strict=True) if age >= age_seconds_min]
            for start in range(0, len(due), ATTEMPTS_PER_APPEND_MAX):
                await self._append(company, due[start : start + ATTEMPTS_PER_APPEND_MAX])
            recovered += len(due)
        metrics.journal_entries.set(entries)
        metrics.journal_oldest_seconds.set(oldest)
        return recovered

    async def _append(self, company: str, attempts: list[Attempt]) -> None:
        answers = await self._appender.append(attempts)
        chores = []
        for attempt, answer in zip(attempts, answers, strict=True):
            metrics.recovered_entries.labels(answer.verdict).inc()
            if answer.verdict is Verdict.AHEAD:
                log.error("wallet_ahead_of_ledger", company=company, attempt=attempt.name, epoch=answer.epoch)
            if todo := clean_up(attempt, answer.verdict):
                chores.append(todo)
        await self._hot.apply(self._hot.keys.partition(company), Batch(chores=chores))

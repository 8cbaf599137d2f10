"""Append what a process left in the journal when it crashed, or lost Postgres, between Redis and the commit."""

from wallet import metrics
from wallet.domain.attempts import Attempt
from wallet.hot.store import HotStore
from wallet.ledger.append import Appender
from wallet.verdicts import clean_up_recovered

SWEEP_SECONDS = 1.0
"""Time between two sweeps."""
AGE_SECONDS_MIN = 2.0
"""Younger entries are left to the process that made them."""
ATTEMPTS_PER_APPEND_MAX = 500


class Recovery:
    """Appends journal entries of other processes. Several may sweep at once: the ledger writes each entry once."""

    def __init__(self, hot: HotStore, appender: Appender) -> None:
        """Use a store, which may be shared, and an appender, which must not be."""
        self._hot = hot
        self._appender = appender

    async def run_once(self, *, age_seconds_min: float = AGE_SECONDS_MIN) -> int:
        """Append every entry that is older than `age_seconds_min`; return their number.

        Raises WalletUnavailable, and asyncpg's errors if Postgres is away.
        """
        entries, oldest, recovered = 0, 0.0, 0
        for partition, journal in enumerate(await self._hot.journals()):
            ages = [(journal.now - attempt.applied_at) / 1e6 for attempt in journal.attempts]
            entries += len(ages)
            oldest = max(oldest, *map(abs, ages), 0.0)
            # An entry from the future was made before Redis's clock was put back.
            due = [a for a, age in zip(journal.attempts, ages, strict=True) if not 0 <= age < age_seconds_min]
            due.sort(key=_age_within_company)
            for start in range(0, len(due), ATTEMPTS_PER_APPEND_MAX):
                await self._append(partition, due[start : start + ATTEMPTS_PER_APPEND_MAX])
            recovered += len(due)
        metrics.journal_entries.set(entries)
        metrics.journal_oldest_seconds.set(oldest)
        return recovered

    async def _append(self, partition: int, attempts: list[Attempt]) -> None:
        answers = await self._appender.append(attempts)
        await self._hot.apply(partition, clean_up_recovered(attempts, answers))


def _age_within_company(attempt: Attempt) -> tuple[str, int, int]:
    """Return the sort key by which attempts are appended in the order in which Redis applied them."""
    return attempt.command.company, attempt.epoch, attempt.seq

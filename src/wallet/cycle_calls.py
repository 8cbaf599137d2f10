"""The two calls of a cycle: to Redis, with the clean-ups, and to Postgres."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Sequence
from time import perf_counter
from typing import Any, TypeVar

import structlog

from wallet import metrics
from wallet.clean_ups import CleanUps
from wallet.domain.attempts import Answer, Attempt, Verdict
from wallet.domain.commands import Kind
from wallet.domain.errors import Applied, LedgerUnavailable, WalletUnavailable
from wallet.domain.system_keys import origin_of
from wallet.health import LedgerHealth
from wallet.hot.replies import Proposal, attempts_of
from wallet.hot.store import Batch, HotStore
from wallet.ledger.append import Appender
from wallet.ledger.failures import unavailable
from wallet.requests import Request
from wallet.verdicts import clean_up

log = structlog.get_logger(__name__)

T = TypeVar("T")
Proposed = list[tuple[Request, Proposal]]


class CycleCalls:
    """The calls that the cycles of one lane make to Redis and Postgres."""

    def __init__(self, hot: HotStore, appender: Appender, health: LedgerHealth) -> None:
        """Use an open store and appender; mark Postgres as away in `health` if it does not answer."""
        self._hot = hot
        self._appender = appender
        self._health = health
        self.clean_ups = CleanUps(hot.keys.partition)
        """The clean-ups that are sent with the next call to Redis."""

    async def propose(self, requests: Sequence[Request]) -> Proposed:
        """Run the clean-ups and the requests in Redis; return its proposals.

        Requests of a partition whose Redis does not answer are answered here, with WalletUnavailable.
        """
        if requests:
            metrics.cycle_commands.observe(len(requests))
        started = perf_counter()
        batches = self.clean_ups.take()
        members: dict[int, list[Request]] = {partition: [] for partition in batches}
        for request in requests:
            partition = self._hot.keys.partition(request.company)
            batches.setdefault(partition, Batch()).commands.append((request.command, request.seen))
            members.setdefault(partition, []).append(request)
        try:
            results = await _all([self._apply(partition, batch) for partition, batch in batches.items()])
        except Exception:
            self.clean_ups.keep(batches)
            raise
        metrics.cycle_redis_seconds.observe(perf_counter() - started)
        proposed: Proposed = []
        for (partition, batch), result in zip(batches.items(), results, strict=True):
            if isinstance(result, WalletUnavailable):
                self.clean_ups.keep({partition: batch})
                for request in members[partition]:
                    request.applied = Applied.UNKNOWN
                    request.answer(result)
            else:
                proposed.extend(zip(members[partition], result, strict=True))
        return proposed

    async def judge(self, proposals: Sequence[Proposal]) -> list[tuple[Attempt, Answer]] | LedgerUnavailable:
        """Have the ledger judge what Redis proposes; return each proposal's attempt and its answer, in order."""
        attempts, places = attempts_of(proposals)
        if not attempts:
            return []
        started = perf_counter()
        answers = await self._append(attempts)
        metrics.cycle_postgres_seconds.observe(perf_counter() - started)
        if isinstance(answers, LedgerUnavailable):
            return answers
        for verdict, count in Counter(answer.verdict for answer in answers).items():
            metrics.append_answers.labels(verdict).inc(count)
        for attempt, answer in zip(attempts, answers, strict=True):
            if attempt.command.kind is Kind.REFUND and answer.verdict is Verdict.WRITTEN:
                metrics.refunds.labels(origin_of(attempt.command.idempotency_key)).inc()
            if attempt.applied_at:
                clean_up(self.clean_ups.batch_of(attempt.command.company), attempt, answer)
        return [(attempts[place], answers[place]) for place in places]

    async def _apply(self, partition: int, batch: Batch) -> list[Proposal] | WalletUnavailable:
        try:
            return await self._hot.apply(partition, batch)
        except WalletUnavailable as error:
            return error

    async def _append(self, attempts: Sequence[Attempt]) -> list[Answer] | LedgerUnavailable:
        """Return the ledger's answers, or LedgerUnavailable: it may still have written, and the journal keeps all."""
        try:
            return await self._appender.append(attempts)
        except Exception as error:
            if unavailable(error):
                self._health.mark_away(error)
            else:
                log.exception("append_failed", attempts=len(attempts))
            return LedgerUnavailable(f"Postgres does not answer: {type(error).__name__}", applied=Applied.UNKNOWN)


async def _all(calls: list[Coroutine[Any, Any, T]]) -> list[T]:
    """Await calls concurrently; a single one, as with a single Redis server, without a task of its own."""
    return [await calls[0]] if len(calls) == 1 else await asyncio.gather(*calls)

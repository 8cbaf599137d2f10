"""The cycle: all that waits → Redis → Postgres → answers. What arrives meanwhile is the next one.

There is no timer, so an idle service adds no wait, and under load batches grow by themselves. Where so many wait that a
batch is large anyway, the next cycle is in Redis while this one is in Postgres; they reach Postgres in their order.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Coroutine, Mapping, Sequence
from time import perf_counter
from typing import Any, TypeVar

import structlog

from wallet import metrics
from wallet.domain.attempts import Answer, Attempt, Verdict
from wallet.domain.commands import Kind
from wallet.domain.entries import Outcome
from wallet.domain.errors import Applied, DeadlineExceeded, LedgerUnavailable, Overloaded, WalletUnavailable
from wallet.domain.system_keys import origin_of
from wallet.fairness import FairQueue
from wallet.health import LedgerHealth
from wallet.hot.replies import Proposal, Reply
from wallet.hot.store import Batch, Chore, CleanUp, HotStore, Position
from wallet.ledger.append import Appender
from wallet.ledger.failures import unavailable
from wallet.loading import Loader
from wallet.parking import Parking
from wallet.requests import Request
from wallet.verdicts import SETTLED, chore, clean_up, final_error, late_capture

CYCLE_COMMANDS_MAX = 256
AHEAD_COMMANDS_MIN = 128
"""So many must wait that a cycle begins in Redis before the one ahead has come back from Postgres. Fewer would be two
small batches instead of one large one, and round trips are what costs."""
QUEUE_COMMANDS_MAX = 20_000
COMPANY_QUEUE_COMMANDS_MAX = 8_000
CONTESTED_ROUNDS_MAX = 4
"""Rounds after which a decline that the ledger contests is blamed on the hot wallet, which is then loaded anew."""
IDLE_FLUSH_SECONDS = 0.02
"""How long clean-ups wait for a cycle to ride on."""
CLEAN_UPS_MAX = 50_000
"""Clean-ups of each sort kept while Redis is away; recovery does what is dropped."""
ASIDE_SECONDS = 1.0
"""How long a company is refused whose row in Postgres somebody sits on."""

log = structlog.get_logger(__name__)

T = TypeVar("T")
_MAYBE_APPLIED = frozenset({Reply.APPLIED, Reply.PENDING, Reply.KNOWN})
"""The request is recorded, or may be soon, whatever the ledger says at this try."""

Proposed = list[tuple[Request, Proposal]]


class Lane:
    """One queue and its cycles, for the partitions of one Redis node."""

    def __init__(self, hot: HotStore, appender: Appender, loader: Loader, health: LedgerHealth) -> None:
        """Use what the caller opened; `run` does the work."""
        self._hot = hot
        self._appender = appender
        self._health = health
        self._queue: FairQueue[Request] = FairQueue(
            size_max=QUEUE_COMMANDS_MAX, company_size_max=COMPANY_QUEUE_COMMANDS_MAX, order=_ticket
        )
        self._parking = Parking(loader, health, self._put_back)
        self._clean_ups: dict[int, Batch] = {}
        self._returning: dict[str, list[Request]] = {}
        self._suspects: deque[Request] = deque()
        """Of a cycle that failed by a fault of ours: each gets a cycle of its own."""
        self._disposing: asyncio.Task[None] | None = None
        """The cycle that is in Postgres."""
        self._aside: dict[str, float] = {}
        self._wake = asyncio.Event()
        self._closing = False

    def submit(self, request: Request) -> None:
        """Queue a request, or answer at once that it cannot be."""
        if self._closing:
            request.answer(Overloaded("this process is stopping"))
        elif self.depth < QUEUE_COMMANDS_MAX and self._queue.put(
            request.company, request, beside=self._parking.count_of(request.company)
        ):
            if self._disposing is None or len(self._queue) >= AHEAD_COMMANDS_MIN:
                self._wake.set()
        else:
            request.answer(Overloaded(f"{self.depth} commands wait already"))

    @property
    def depth(self) -> int:
        """How many commands wait."""
        return len(self._queue) + len(self._parking)

    def close(self) -> None:
        """Take nothing more; let `run` end when what is there is done."""
        self._closing = True
        self._wake.set()

    async def finish_loads(self) -> None:
        """Cancel the loads that are under way, and answer who waits for them."""
        await self._parking.finish()

    async def run(self) -> None:
        """Run cycles until `close` was called and all is answered and cleaned up."""
        try:
            while not self._is_done():
                await self._wait()
                if self._suspects:
                    await self._disposed()
                    await self._alone(self._suspects.popleft())
                    continue
                now = asyncio.get_running_loop().time()
                taken = self._queue.take(CYCLE_COMMANDS_MAX)
                requests = [request for request in taken if self._still_wanted(request, now)]
                if requests or self._clean_ups:
                    await self._cycle(requests)
        finally:
            if self._disposing is not None:
                self._disposing.cancel()

    def _is_done(self) -> bool:
        idle = self._disposing is None and not self._suspects and not self._clean_ups
        return self._closing and idle and not self.depth

    async def _wait(self) -> None:
        """Return when there is something to do, or when clean-ups have waited long enough for a cycle to ride on."""
        while True:
            self._wake.clear()
            ahead = self._disposing is not None
            if len(self._queue) >= (AHEAD_COMMANDS_MIN if ahead else 1) or (self._suspects and not ahead):
                return
            if ahead or (not self._clean_ups and not (self._closing and not len(self._parking))):
                await self._wake.wait()
                if self._is_done():
                    return
                continue
            flush = asyncio.get_running_loop().call_later(IDLE_FLUSH_SECONDS, self._wake.set)
            await self._wake.wait()
            flush.cancel()
            return

    async def _disposed(self) -> None:
        """Return when no cycle is in Postgres."""
        if self._disposing is not None:
            await asyncio.wait((self._disposing,))

    def _still_wanted(self, request: Request, now: float) -> bool:
        """Answer a request that must not be applied now, and return False."""
        if request.abandoned:
            return False
        if request.deadline is not None and request.deadline <= now:
            request.answer(DeadlineExceeded("the deadline passed in the queue", applied=request.applied))
            return False
        if self._health.away:
            request.answer(LedgerUnavailable("Postgres is away", applied=request.applied))
            return False
        if self._aside and (until := self._aside.get(request.company)):
            if until > now:
                request.answer(LedgerUnavailable("the wallet's row in Postgres is locked", applied=request.applied))
                return False
            del self._aside[request.company]
        if self._parking.is_loading(request.company):
            self._parking.park(request)
            return False
        return True

    async def _cycle(self, requests: list[Request]) -> None:
        """Run the first half of a cycle, and have the second half run as soon as Postgres is free.

        A fault of ours must not end the lane, and one request that cannot be worked with must not harm the others: each
        gets a cycle of its own then. The journal has what Redis took.
        """
        try:
            proposed = await self._propose(requests)
        except Exception:
            log.exception("cycle_failed", commands=len(requests))
            self._suspects.extend(requests)
            return
        finally:
            self._put_back_returning()
        if proposed:
            await self._disposed()
            self._disposing = asyncio.create_task(self._dispose(proposed), name="dispose")

    async def _dispose(self, proposed: Proposed) -> None:
        """Run the second half of a cycle."""
        try:
            await self._judge(proposed)
        except Exception:
            log.exception("cycle_failed", commands=len(proposed))
            self._suspects.extend(request for request, _ in proposed)
        finally:
            self._put_back_returning()
            self._disposing = None
            self._wake.set()

    async def _alone(self, request: Request) -> None:
        """Run a whole cycle for one request."""
        if request.abandoned:
            return
        try:
            await self._judge(await self._propose([request]))
        except Exception:
            log.exception("request_failed", company=request.company)
            request.answer(WalletUnavailable("a fault of the service", applied=Applied.UNKNOWN))
        finally:
            self._put_back_returning()

    async def _propose(self, requests: Sequence[Request]) -> Proposed:
        """Run the clean-ups and the requests in Redis; return what it proposes. Cold companies are parked."""
        metrics.queue_depth.set(self.depth)
        if requests:
            metrics.cycle_commands.observe(len(requests))
        started = perf_counter()
        batches, self._clean_ups = self._clean_ups, {}
        members: dict[int, list[Request]] = {partition: [] for partition in batches}
        for request in requests:
            partition = self._hot.keys.partition(request.company)
            batches.setdefault(partition, Batch()).commands.append((request.command, request.seen))
            members.setdefault(partition, []).append(request)
        try:
            results = await _all([self._apply(partition, batch) for partition, batch in batches.items()])
        except Exception:
            self._keep_clean_ups(batches)
            raise
        metrics.cycle_redis_seconds.observe(perf_counter() - started)
        proposed: Proposed = []
        for (partition, batch), result in zip(batches.items(), results, strict=True):
            if isinstance(result, WalletUnavailable):
                self._keep_clean_ups({partition: batch})
                for request in members[partition]:
                    request.applied = Applied.UNKNOWN
                    request.answer(result)
                continue
            for request, proposal in zip(members[partition], result, strict=True):
                if self._is_for_the_ledger(request, proposal.reply):
                    proposed.append((request, proposal))
        return proposed

    def _is_for_the_ledger(self, request: Request, reply: Reply) -> bool:
        """Send a request that Redis did not look at another way, and return False."""
        if reply is Reply.COLD:
            self._parking.park(request)
            return False
        if reply is Reply.LATE:
            self._once_more(request, "sent before a decline or a load, or Redis's clock has moved")
            return False
        if reply in _MAYBE_APPLIED:
            request.applied = Applied.UNKNOWN
        return True

    async def _judge(self, proposed: Proposed) -> None:
        """Put what Redis proposes to the ledger, and answer."""
        attempts, places = _attempts_of([proposal for _, proposal in proposed])
        if not attempts:
            return
        started = perf_counter()
        answers = await self._append(attempts)
        metrics.cycle_postgres_seconds.observe(perf_counter() - started)
        if isinstance(answers, LedgerUnavailable):
            for request, _ in proposed:
                request.answer(LedgerUnavailable(str(answers), applied=request.applied))
            return
        for verdict, count in Counter(answer.verdict for answer in answers).items():
            metrics.append_answers.labels(verdict).inc(count)
        for attempt, answer in zip(attempts, answers, strict=True):
            if attempt.command.kind is Kind.REFUND and answer.verdict is Verdict.WRITTEN:
                metrics.refunds.labels(origin_of(attempt.command.idempotency_key)).inc()
            if attempt.applied_at:
                clean_up(self._next_batch(attempt.command.company), attempt, answer)
        for (request, proposal), place in zip(proposed, places, strict=True):
            self._conclude(request, proposal, attempts[place], answers[place])

    def _keep_clean_ups(self, batches: Mapping[int, Batch]) -> None:
        """Do the clean-ups of batches again that may not have run; twice does no harm."""
        for partition, batch in batches.items():
            kept = self._clean_ups.setdefault(partition, Batch())
            kept.settled += batch.settled[: max(0, CLEAN_UPS_MAX - len(kept.settled))]
            kept.chores += batch.chores[: max(0, CLEAN_UPS_MAX - len(kept.chores))]

    async def _apply(self, partition: int, batch: Batch) -> list[Proposal] | WalletUnavailable:
        try:
            return await self._hot.apply(partition, batch)
        except WalletUnavailable as error:
            return error

    async def _append(self, attempts: Sequence[Attempt]) -> list[Answer] | LedgerUnavailable:
        """Have the ledger judge. Where it does not answer, nobody knows whether it wrote: the journal keeps it all."""
        try:
            return await self._appender.append(attempts)
        except Exception as error:
            if unavailable(error):
                self._health.lost(error)
            else:
                log.exception("append_failed", attempts=len(attempts))
            return LedgerUnavailable(f"Postgres does not answer: {type(error).__name__}", applied=Applied.UNKNOWN)

    def _conclude(self, request: Request, proposal: Proposal, attempt: Attempt, answer: Answer) -> None:
        """Answer a request, or send it through another cycle."""
        verdict = answer.verdict
        if verdict in SETTLED or verdict is Verdict.DUPLICATE:
            assert answer.entry is not None
            assert answer.wallet is not None
            request.answer(Outcome(answer.entry, answer.wallet, answer.authorization))
        elif verdict is Verdict.EXPIRED and request.command.kind is Kind.CAPTURE:
            request.command = late_capture(request.command, answer.authorization)
            self._again(request, answer)
        elif error := final_error(attempt, answer):
            request.answer(error)
        elif verdict is Verdict.BUSY:
            self._aside[request.company] = asyncio.get_running_loop().time() + ASIDE_SECONDS
            request.answer(LedgerUnavailable("the wallet's row in Postgres is locked", applied=request.applied))
        elif verdict is Verdict.AHEAD:
            log.error("wallet_ahead_of_ledger", company=request.company, attempt=attempt.name, epoch=answer.epoch)
            request.answer(
                WalletUnavailable(
                    "Redis is ahead of the ledger: was Postgres restored to the past? RebuildWallet mends it.",
                    applied=request.applied,
                )
            )
        else:
            if verdict is Verdict.UNRECORDED and proposal.other is None:
                # Settled in Redis, unknown to the ledger: the record must go. A hold without a record takes its wallet.
                action = CleanUp.DISCARD if attempt.epoch else CleanUp.FORGET
                self._add_chore(chore(action, attempt if attempt.epoch else _of_epoch(attempt, answer.epoch)))
            elif verdict is Verdict.CONTESTED and request.rounds >= CONTESTED_ROUNDS_MAX:
                self._add_chore(chore(CleanUp.FORGET, attempt))
            self._again(request, answer)

    def _again(self, request: Request, answer: Answer) -> None:
        request.seen = max(request.seen, Position(answer.epoch, answer.last_seq))
        self._once_more(request, answer.verdict)

    def _once_more(self, request: Request, why: str) -> None:
        if request.has_rounds_left(why):
            self._returning.setdefault(request.company, []).append(request)

    def _put_back_returning(self) -> None:
        """Queue what goes through another cycle, before what came later, and in the order in which it came."""
        for company, requests in self._returning.items():
            self._queue.put_back(company, requests)
        self._returning = {}

    def _put_back(self, company: str, requests: list[Request]) -> None:
        self._queue.put_back(company, requests)
        self._wake.set()

    def _add_chore(self, todo: Chore) -> None:
        self._next_batch(todo.company).chores.append(todo)

    def _next_batch(self, company: str) -> Batch:
        """Return the clean-ups that go out with the next cycle."""
        partition = self._hot.keys.partition(company)
        batch = self._clean_ups.get(partition)
        if batch is None:
            batch = self._clean_ups[partition] = Batch()
        return batch


async def _all(calls: list[Coroutine[Any, Any, T]]) -> list[T]:
    """Await calls at once; one alone, as on a single server, without a task of its own."""
    return [await calls[0]] if len(calls) == 1 else await asyncio.gather(*calls)


def _ticket(request: Request) -> int:
    return request.ticket


def _attempts_of(proposals: Sequence[Proposal]) -> tuple[list[Attempt], list[int]]:
    """Return what the ledger is to judge, each attempt once, and for each proposal the place of its attempt.

    Two requests of one cycle may stand for one attempt: the same key sent twice at once.
    """
    attempts: list[Attempt] = []
    places: list[int] = []
    applied: dict[tuple[str, int, int], int] = {}

    def place_of(attempt: Attempt) -> int:
        place = len(attempts)
        if attempt.applied_at:
            place = applied.setdefault((attempt.command.company, attempt.epoch, attempt.seq), place)
        if place == len(attempts):
            attempts.append(attempt)
        return place

    for proposal in proposals:
        assert proposal.attempt is not None
        places.append(place_of(proposal.attempt))
        if proposal.other is not None:
            place_of(proposal.other)
    return attempts, places


def _of_epoch(attempt: Attempt, epoch: int) -> Attempt:
    return Attempt(attempt.command, attempt.asked, epoch)

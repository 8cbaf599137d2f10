"""The cycle: all queued commands → Redis → Postgres → answers. What arrives meanwhile is in the next cycle.

There is no timer, so an idle service adds no wait, and under load batches grow by themselves. If so many commands wait
that a batch is large anyway, the next cycle is in Redis while this one is in Postgres; they reach Postgres in order.
"""

import asyncio
from collections import deque
from collections.abc import Sequence

import asyncpg
import structlog

from wallet import metrics
from wallet.cycle_calls import CycleCalls, Proposed
from wallet.domain.attempts import Answer, Attempt
from wallet.domain.commands import Kind
from wallet.domain.entries import Outcome
from wallet.domain.errors import Applied, DeadlineExceeded, LedgerUnavailable, Overloaded, Stopping, WalletUnavailable
from wallet.fairness import FairQueue
from wallet.health import LedgerHealth
from wallet.hot.replies import Proposal, Reply
from wallet.hot.store import HotStore, Position
from wallet.ledger.append import Appender
from wallet.loading import Loader
from wallet.newcomers import NEWCOMER_COMMANDS_MAX, Newcomers
from wallet.parking import Parking
from wallet.requests import Request
from wallet.room import LINE_COMMANDS_MAX, Room
from wallet.verdicts import VERDICTS, Judged, NextStep, late_capture, raise_alarm

CYCLE_COMMANDS_MAX = 256
AHEAD_COMMANDS_MIN = 128
"""Number of commands that must wait for a cycle to begin in Redis while the one before is still in Postgres. With fewer
there would be two small batches instead of one large one, and the round trips are what costs."""
QUEUE_COMMANDS_MAX = 20_000
COMPANY_QUEUE_COMMANDS_MAX = 8_000
IDLE_FLUSH_SECONDS = 0.02
"""How long clean-ups wait for a cycle that they can be sent with."""
LOCKED_SECONDS = 1.0
"""The time for which a company's commands are refused after another session kept its row in Postgres locked."""

log = structlog.get_logger(__name__)

_MAYBE_APPLIED = frozenset({Reply.APPLIED, Reply.PENDING, Reply.KNOWN})
"""Replies after which the request is recorded, or may be soon, whatever the ledger answers at this try."""


class Lane:
    """One queue and its cycles, for the partitions of one Redis node."""

    def __init__(
        self, hot: HotStore, appender: Appender, loader: Loader, health: LedgerHealth, pool: asyncpg.Pool
    ) -> None:
        """Use open stores; `run` does the work."""
        self._calls = CycleCalls(hot, appender, health)
        self._clean_ups = self._calls.clean_ups
        self._health = health
        self._queue: FairQueue[Request] = FairQueue(
            size_max=QUEUE_COMMANDS_MAX, company_size_max=COMPANY_QUEUE_COMMANDS_MAX, order=_ticket
        )
        self._parking = Parking(loader, health, self._put_back)
        self._newcomers = Newcomers(pool, health, self._admit)
        self._room = Room(self.has_room)
        self._returning: dict[str, list[Request]] = {}
        self._suspects: deque[Request] = deque()
        """Requests of a cycle that failed by a fault of ours: each gets a cycle of its own."""
        self._disposing: asyncio.Task[None] | None = None
        """The cycle that is in Postgres."""
        self._locked_until: dict[str, float] = {}
        """Company → time on the event loop's clock until which its commands are refused, since its row is locked."""
        self._wake = asyncio.Event()
        self._closing = False

    def submit(self, request: Request) -> None:
        """Queue a request, or answer it with Overloaded, or Stopping, at once."""
        if self._closing:
            request.answer(Stopping("it takes no more commands", applied=Applied.NO))
        elif self._newcomers.knows(request.company):
            self._queue_known(request)
        else:
            self._newcomers.wait(request)

    def _queue_known(self, request: Request) -> None:
        """Queue a request of a company that exists, or answer it with Overloaded."""
        if self.depth < QUEUE_COMMANDS_MAX and self._queue.put(
            request.company, request, beside=self._parking.count_of(request.company)
        ):
            if self._disposing is None or len(self._queue) >= AHEAD_COMMANDS_MIN:
                self._wake.set()
        else:
            request.answer(Overloaded(f"{self.depth} commands wait already"))

    def has_room(self, company: str) -> bool:
        """Return whether a caller that can wait may queue a command of a company now."""
        if self._closing:
            return True
        if not self._newcomers.knows(company):
            return len(self._newcomers) < NEWCOMER_COMMANDS_MAX // 2
        waiting = self._queue.count_of(company) + self._parking.count_of(company)
        return waiting < LINE_COMMANDS_MAX and self.depth < QUEUE_COMMANDS_MAX // 2

    async def wait_for_room(self, company: str) -> bool:
        """Wait until a company may have room, which `has_room` says; return False if there was none within a bound."""
        return await self._room.wait(company)

    @property
    def depth(self) -> int:
        """The number of commands that wait."""
        return len(self._queue) + len(self._parking)

    def close(self) -> None:
        """Accept no more requests; let `run` end when the accepted ones are done."""
        self._closing = True
        self._room.wake()
        self._wake.set()

    async def finish_loads(self) -> None:
        """Cancel the loads and lookups that are under way, and answer the requests that wait for them."""
        await self._newcomers.finish()
        await self._parking.finish()

    async def run(self) -> None:
        """Run cycles until `close` was called, every request is answered and every clean-up is done."""
        try:
            while not self._is_done():
                await self._wait()
                if self._suspects:
                    await self._until_postgres_is_free()
                    await self._run_alone(self._suspects.popleft())
                    continue
                now = asyncio.get_running_loop().time()
                taken = self._queue.take(CYCLE_COMMANDS_MAX)
                self._room.wake()
                requests = [request for request in taken if self._still_wanted(request, now)]
                if requests or self._clean_ups:
                    await self._cycle(requests)
        finally:
            if self._disposing is not None:
                self._disposing.cancel()

    def _is_done(self) -> bool:
        idle = self._disposing is None and not self._suspects and not self._clean_ups
        return self._closing and idle and not self.depth and not len(self._newcomers)

    async def _wait(self) -> None:
        """Return when a cycle can begin: requests wait, or clean-ups have waited for IDLE_FLUSH_SECONDS."""
        while True:
            self._wake.clear()
            ahead = self._disposing is not None
            if len(self._queue) >= (AHEAD_COMMANDS_MIN if ahead else 1) or (self._suspects and not ahead):
                return
            elsewhere = len(self._parking) + len(self._newcomers)
            if ahead or (not self._clean_ups and not (self._closing and not elsewhere)):
                await self._wake.wait()
                if self._is_done():
                    return
                continue
            flush = asyncio.get_running_loop().call_later(IDLE_FLUSH_SECONDS, self._wake.set)
            await self._wake.wait()
            flush.cancel()
            return

    async def _until_postgres_is_free(self) -> None:
        """Return when no cycle is in Postgres."""
        if self._disposing is not None:
            await asyncio.wait((self._disposing,))

    def _still_wanted(self, request: Request, now: float) -> bool:
        """Return whether a request goes into this cycle; if not, it is answered, parked or abandoned."""
        if request.abandoned:
            return False
        if request.deadline is not None and request.deadline <= now:
            request.answer(DeadlineExceeded("the deadline passed in the queue", applied=request.applied))
            return False
        if self._health.away:
            request.answer(LedgerUnavailable("Postgres is away", applied=request.applied))
            return False
        if self._locked_until and (until := self._locked_until.get(request.company)):
            if until > now:
                request.answer(LedgerUnavailable("the wallet's row in Postgres is locked", applied=request.applied))
                return False
            del self._locked_until[request.company]
        if self._parking.is_loading(request.company):
            self._parking.park(request)
            return False
        return True

    async def _cycle(self, requests: list[Request]) -> None:
        """Run the first half of a cycle, and start the second half as soon as Postgres is free.

        A fault of ours must not end the lane, and one request that causes it must not harm the others: after a fault
        each gets a cycle of its own. The journal has what Redis applied.
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
            await self._until_postgres_is_free()
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

    async def _run_alone(self, request: Request) -> None:
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
        """Run requests in Redis; return what it proposes to the ledger. The requests of cold companies are parked."""
        metrics.queue_depth.set(self.depth)
        replies = await self._calls.propose(requests)
        return [
            (request, proposal) for request, proposal in replies if self._is_for_the_ledger(request, proposal.reply)
        ]

    def _is_for_the_ledger(self, request: Request, reply: Reply) -> bool:
        """Return whether the ledger judges a request; if not, Redis has not applied it, and it is parked or queued."""
        if reply is Reply.COLD:
            self._parking.park(request)
            return False
        if reply is Reply.LATE:
            self._return(request, "sent before a decline or a load, or Redis's clock has moved")
            return False
        if reply in _MAYBE_APPLIED:
            request.applied = Applied.UNKNOWN
        return True

    async def _judge(self, proposed: Proposed) -> None:
        """Have the ledger judge what Redis proposes, and answer the requests."""
        judged = await self._calls.judge([proposal for _, proposal in proposed])
        if isinstance(judged, LedgerUnavailable):
            for request, _ in proposed:
                request.answer(LedgerUnavailable(str(judged), applied=request.applied))
            return
        for (request, proposal), (attempt, answer) in zip(proposed, judged, strict=True):
            self._conclude(request, proposal, attempt, answer)

    def _conclude(self, request: Request, proposal: Proposal, attempt: Attempt, answer: Answer) -> None:
        """Answer a request, or queue it for another cycle, as the row of the verdict says."""
        row = VERDICTS[answer.verdict]
        if row.next_step is NextStep.ACKNOWLEDGE:
            assert answer.entry is not None
            assert answer.wallet is not None
            request.answer(Outcome(answer.entry, answer.wallet, answer.authorization))
            return
        judged = Judged(attempt, answer, request.applied, request.rounds, key_judged_before=proposal.other is not None)
        raise_alarm(attempt, answer)
        if row.repair is not None and (clean_up := row.repair(judged)):
            self._clean_ups.add(clean_up)
        late = row.next_step is NextStep.RUN_AGAIN_LATE and request.command.kind is Kind.CAPTURE
        if late:
            request.command = late_capture(request.command, answer.authorization)
        if late or row.next_step is NextStep.RUN_AGAIN:
            self._run_again(request, answer)
            return
        if row.next_step is NextStep.REFUSE_LOCKED:
            self._locked_until[request.company] = asyncio.get_running_loop().time() + LOCKED_SECONDS
        assert row.error is not None, "a row that neither acknowledges nor runs again has an error"
        request.answer(row.error(judged))

    def _run_again(self, request: Request, answer: Answer) -> None:
        """Queue a request for another cycle, which trusts no hot wallet behind the ledger's position."""
        request.seen = max(request.seen, Position(answer.epoch, answer.last_seq))
        self._return(request, answer.verdict)

    def _return(self, request: Request, why: str) -> None:
        """Put a request back into the queue at the end of this cycle, or answer it if it had ROUNDS_MAX rounds."""
        if request.begin_round(why):
            self._returning.setdefault(request.company, []).append(request)

    def _put_back_returning(self) -> None:
        """Queue the requests that go through another cycle, each at its old position in its company's line."""
        for company, requests in self._returning.items():
            self._queue.put_back(company, requests)
        self._returning = {}

    def _admit(self, requests: Sequence[Request]) -> None:
        """Queue the requests of a company that was found to exist; none where newcomers were answered."""
        for request in requests:
            self._queue_known(request)
        self._room.wake()
        self._wake.set()

    def _put_back(self, company: str, requests: list[Request]) -> None:
        self._queue.put_back(company, requests)
        self._room.wake()
        self._wake.set()


def _ticket(request: Request) -> int:
    return request.ticket

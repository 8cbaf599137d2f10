"""The cycle: all that waits → Redis → Postgres → answers. One at a time; what arrives meanwhile is the next one.

There is no timer, so an idle service adds no wait, and under load batches grow by themselves.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from time import perf_counter

import msgspec
import structlog

from wallet import metrics
from wallet.domain.attempts import Answer, Attempt, Verdict
from wallet.domain.commands import Kind
from wallet.domain.entries import Outcome
from wallet.domain.errors import (
    Applied,
    DeadlineExceeded,
    LedgerUnavailable,
    Overloaded,
    WalletError,
    WalletUnavailable,
)
from wallet.fairness import FairQueue
from wallet.health import LedgerHealth
from wallet.hot.store import Batch, Chore, CleanUp, HotStore, Position, Proposal, Reply
from wallet.judgement import SETTLED, chore, clean_up, final_error
from wallet.ledger.append import Appender
from wallet.ledger.failures import unavailable, waited_in_vain
from wallet.loading import Loader
from wallet.requests import Request

CYCLE_COMMANDS_MAX = 512
QUEUE_COMMANDS_MAX = 20_000
COMPANY_QUEUE_COMMANDS_MAX = 8_000
ROUNDS_MAX = 12
"""Cycles a command may go through without a definite answer."""
CONTESTED_ROUNDS_MAX = 4
"""Rounds after which a decline that the ledger contests is blamed on the hot wallet, which is then loaded anew."""
IDLE_FLUSH_SECONDS = 0.02
"""How long clean-ups wait for a cycle to ride on."""
CLEAN_UPS_MAX = 50_000
"""Clean-ups of each sort kept while Redis is away; recovery does what is dropped."""
ASIDE_SECONDS = 1.0
"""How long a company is refused whose row in Postgres somebody sits on."""

log = structlog.get_logger(__name__)


class Lane:
    """One queue and its cycles, for the partitions of one Redis node."""

    def __init__(self, hot: HotStore, appender: Appender, loader: Loader, health: LedgerHealth) -> None:
        """Use what the caller opened; `run` does the work."""
        self._hot = hot
        self._appender = appender
        self._loader = loader
        self._health = health
        self._queue: FairQueue[Request] = FairQueue(
            size_max=QUEUE_COMMANDS_MAX, company_size_max=COMPANY_QUEUE_COMMANDS_MAX
        )
        self._clean_ups: dict[int, Batch] = {}
        self._wake = asyncio.Event()
        self._loads: dict[str, asyncio.Task[None]] = {}
        self._parked: dict[str, list[Request]] = {}
        self._parked_count = 0
        self._returning: dict[str, list[Request]] = {}
        self._aside: dict[str, float] = {}
        self._closing = False

    def submit(self, request: Request) -> None:
        """Queue a request, or answer at once that it cannot be."""
        if self._closing:
            request.answer(Overloaded("this process is stopping"))
        elif self.depth < QUEUE_COMMANDS_MAX and self._queue.put(
            request.company, request, beside=len(self._parked.get(request.company, ()))
        ):
            self._wake.set()
        else:
            request.answer(Overloaded(f"{self.depth} commands wait already"))

    @property
    def depth(self) -> int:
        """How many commands wait."""
        return len(self._queue) + self._parked_count

    async def run(self) -> None:
        """Run cycles until `close` was called and all is answered and cleaned up."""
        while not (self._closing and not self.depth and not self._clean_ups):
            await self._wait()
            now = asyncio.get_running_loop().time()
            taken = self._queue.take(CYCLE_COMMANDS_MAX)
            requests = [request for request in taken if self._still_wanted(request, now)]
            if requests or self._clean_ups:
                await self._guarded_cycle(requests)

    def close(self) -> None:
        """Take nothing more; let `run` end when what is there is done."""
        self._closing = True
        self._wake.set()

    async def finish_loads(self) -> None:
        """Cancel the loads that are under way, and answer who waits for them."""
        for load in list(self._loads.values()):
            load.cancel()
        await asyncio.gather(*self._loads.values(), return_exceptions=True)

    async def _wait(self) -> None:
        """Return when commands wait, or when clean-ups have waited long enough for a cycle to ride on."""
        if len(self._queue):
            return
        self._wake.clear()
        if not self._clean_ups and not (self._closing and not self._parked):
            await self._wake.wait()
            return
        flush = asyncio.get_running_loop().call_later(IDLE_FLUSH_SECONDS, self._wake.set)
        await self._wake.wait()
        flush.cancel()

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
        if request.company in self._loads:
            self._park(request)
            return False
        return True

    async def _guarded_cycle(self, requests: list[Request]) -> None:
        """Run a cycle. A fault of ours must not end the lane: its requests are answered, the journal has the rest.

        Nor must one request that cannot be worked with harm the others: each gets a cycle of its own then.
        """
        try:
            await self._cycle(requests)
        except Exception:
            log.exception("cycle_failed", commands=len(requests))
            if len(requests) > 1:
                for request in requests:
                    if not request.abandoned:
                        await self._guarded_cycle([request])
                return
            for request in requests:
                request.answer(WalletUnavailable("a fault of the service", applied=Applied.UNKNOWN))
        finally:
            self._put_back_returning()

    async def _cycle(self, requests: list[Request]) -> None:
        metrics.queue_depth.set(self.depth)
        if requests:
            metrics.cycle_commands.observe(len(requests))
        started = perf_counter()
        proposed = await self._propose(requests)
        asked = perf_counter()
        metrics.cycle_redis_seconds.observe(asked - started)
        attempts, places = _attempts_of([proposal for _, proposal in proposed])
        if not attempts:
            return
        answers = await self._dispose(attempts)
        metrics.cycle_postgres_seconds.observe(perf_counter() - asked)
        if isinstance(answers, LedgerUnavailable):
            for request, _ in proposed:
                request.answer(LedgerUnavailable(str(answers), applied=request.applied))
            return
        for verdict, count in Counter(answer.verdict for answer in answers).items():
            metrics.append_answers.labels(verdict).inc(count)
        for attempt, answer in zip(attempts, answers, strict=True):
            if attempt.applied_at:
                self._clean_up(attempt, answer.verdict)
        for (request, proposal), place in zip(proposed, places, strict=True):
            self._conclude(request, proposal, attempts[place], answers[place])

    async def _propose(self, requests: list[Request]) -> list[tuple[Request, Proposal]]:
        """Run the clean-ups and the requests in Redis; return what it proposes. Cold companies are parked."""
        batches, self._clean_ups = self._clean_ups, {}
        members: dict[int, list[Request]] = {partition: [] for partition in batches}
        for request in requests:
            partition = self._hot.keys.partition(request.company)
            batches.setdefault(partition, Batch()).commands.append((request.command, request.seen))
            members.setdefault(partition, []).append(request)
        try:
            results = await asyncio.gather(*(self._apply(p, batch) for p, batch in batches.items()))
        except Exception:
            self._keep_clean_ups(batches)
            raise
        proposed: list[tuple[Request, Proposal]] = []
        for (partition, batch), result in zip(batches.items(), results, strict=True):
            if isinstance(result, WalletUnavailable):
                self._keep_clean_ups({partition: batch})
                for request in members[partition]:
                    request.applied = Applied.UNKNOWN
                    request.answer(result)
                continue
            for request, proposal in zip(members[partition], result, strict=True):
                if proposal.reply is Reply.COLD:
                    self._park(request)
                    continue
                if proposal.reply is Reply.LATE:
                    self._once_more(request, "Redis's clock has moved")
                    continue
                if proposal.reply in (Reply.APPLIED, Reply.PENDING):
                    request.applied = Applied.UNKNOWN
                proposed.append((request, proposal))
        return proposed

    def _keep_clean_ups(self, batches: Mapping[int, Batch]) -> None:
        """Do the clean-ups of batches again that may not have run; twice does no harm."""
        for partition, batch in batches.items():
            kept = self._clean_ups.setdefault(partition, Batch())
            kept.settled += batch.settled[: CLEAN_UPS_MAX - len(kept.settled)]
            kept.chores += batch.chores[: CLEAN_UPS_MAX - len(kept.chores)]

    async def _apply(self, partition: int, batch: Batch) -> list[Proposal] | WalletUnavailable:
        try:
            return await self._hot.apply(partition, batch)
        except WalletUnavailable as error:
            return error

    async def _dispose(self, attempts: Sequence[Attempt]) -> list[Answer] | LedgerUnavailable:
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
            request.command = msgspec.structs.replace(request.command, late=True)
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
        if _has_rounds_left(request, why):
            self._returning.setdefault(request.company, []).append(request)

    def _put_back_returning(self) -> None:
        """Queue what goes through another cycle, before what came later, and in the order in which it came."""
        for company, requests in self._returning.items():
            self._queue.put_back(company, requests)
        self._returning = {}

    def _clean_up(self, attempt: Attempt, verdict: Verdict) -> None:
        clean_up(self._next_batch(attempt.command.company), attempt, verdict)

    def _add_chore(self, todo: Chore) -> None:
        self._next_batch(todo.company).chores.append(todo)

    def _next_batch(self, company: str) -> Batch:
        """Return the clean-ups that go out with the next cycle."""
        partition = self._hot.keys.partition(company)
        batch = self._clean_ups.get(partition)
        if batch is None:
            batch = self._clean_ups[partition] = Batch()
        return batch

    def _park(self, request: Request) -> None:
        """Let a request wait for its wallet to be loaded, while the cycle goes on."""
        company = request.company
        self._parked.setdefault(company, []).append(request)
        self._parked_count += 1
        if company not in self._loads:
            cause = "behind" if request.seen.epoch else "cold"
            self._loads[company] = asyncio.create_task(self._load(company, request.seen, cause), name=f"load {company}")

    async def _load(self, company: str, seen: Position, cause: str) -> None:
        failure: WalletError | None = None
        try:
            await self._loader.load(company, seen, cause=cause)
        except WalletError as error:
            failure = error
        except asyncio.CancelledError:
            failure = Overloaded("this process is stopping")
        except Exception:
            log.exception("load_failed", company=company)
            failure = WalletUnavailable("the wallet could not be loaded", applied=Applied.NO)
        del self._loads[company]
        parked = self._parked.pop(company, [])
        self._parked_count -= len(parked)
        self._wake.set()
        if failure is None:
            self._queue.put_back(company, [request for request in parked if _has_rounds_left(request, "cold")])
            return
        metrics.load_failures.inc()
        # Where it may be one wallet's locks, appends say soon if it is Postgres.
        if isinstance(failure, LedgerUnavailable) and not waited_in_vain(failure):
            self._health.lost(failure)
        for request in parked:
            request.answer(_with_applied(failure, request.applied))


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


def _has_rounds_left(request: Request, why: str) -> bool:
    """Begin another round; where it would be one too many, answer and return False."""
    request.rounds += 1
    if request.rounds < ROUNDS_MAX:
        return True
    text = f"the wallet did not come to rest in {ROUNDS_MAX} rounds ({why})"
    request.answer(WalletUnavailable(text, applied=request.applied))
    return False


def _of_epoch(attempt: Attempt, epoch: int) -> Attempt:
    return Attempt(attempt.command, attempt.asked, epoch)


def _with_applied(error: WalletError, applied: Applied) -> WalletError:
    """Return the failure of a load as this request must hear it: an earlier round of it may stand in the journal."""
    if applied is Applied.NO or isinstance(error, Overloaded):
        return error
    if isinstance(error, LedgerUnavailable):
        return LedgerUnavailable(str(error), applied=applied)
    if isinstance(error, WalletUnavailable):
        return WalletUnavailable(str(error), applied=applied)
    return error

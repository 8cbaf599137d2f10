"""The worker that tops up companies by their rules, within two seconds of the charge that crosses the threshold.

Redis signals companies that fall below their threshold; a sweep of Postgres finds those whose signal was lost. Postgres
decides which companies are due. Then there are three steps: record the firing, start its top-up under the id that
follows from it, record its end. A crash between them, or several concurrent workers, result in one top-up all the same,
which another run resumes.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

import structlog

from admin.auto_top_ups.domain import Firing
from admin.auto_top_ups.firing_store import AutoTopUpFirings
from admin.auto_top_ups.top_up_starter import ID_TAKEN, FiringFailure, TopUpIdTaken, failure_of
from admin.metrics import auto_top_ups
from admin.payments.port import ProviderRefused
from admin.top_ups.domain import TopUp, TopUpState
from wallet.domain.errors import Unavailable
from wallet.hot.store import HotStore

PAUSE_SECONDS = 0.25
"""The pause between two reads of the signals."""
TURNS_SECONDS = 5.0
"""How long a run reads signals; each run begins with a sweep."""
SIGNALS_PER_TURN = 500
"""The most signals of each partition in one turn."""
SIGNAL_SECONDS = 2.0
"""How long a company is checked after its signal, which Redis sends before the ledger has the charge."""
COMPANIES_PER_SWEEP = 500
OVERTIME_SECONDS_MAX = 10.0
"""How much longer a run begins charges while earlier ones are pending."""
CHARGES_AT_ONCE_MAX = 32
CHARGE_SECONDS_MAX = 15.0
"""How long a charge is awaited before it is retried: less than CLAIM_SECONDS of firing_store."""

log = structlog.get_logger(__name__)


class StartsTopUps(Protocol):
    """Starts the top-ups of firings; see admin.auto_top_ups.top_up_starter.TopUpStarter."""

    async def start(self, firing: Firing) -> TopUp:
        """Start the top-up of a firing, or resume it, and return it.

        Raises Unavailable, ProviderRefused, TopUpIdTaken.
        """


class AutoTopUpWorker:
    """Works in turns; a slow charge delays no other company."""

    def __init__(
        self,
        firings: AutoTopUpFirings,
        hot: HotStore,
        top_ups: StartsTopUps,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start top-ups with `top_ups`. `clock` in seconds."""
        self._firings = firings
        self._hot = hot
        self._top_ups = top_ups
        self._clock = clock
        self._signalled: dict[str, float] = {}
        """Until when each signalled company is checked, by `clock`."""
        self._due: dict[str, None] = {}
        """Companies that are due, in the order in which they were found."""
        self._after = ""

    async def run_once(self, *, seconds: float = 0.0, sweep: bool = True) -> int:
        """Sweep, then take turns for `seconds`, at least one; return the number of firings whose end was recorded.

        Raises LedgerUnavailable, WalletUnavailable.
        """
        began = self._clock()
        if sweep:
            await self._sweep()
        ended = 0
        under_way: set[asyncio.Task[bool]] = set()
        try:
            while True:
                passed = self._clock() - began
                if passed <= seconds + OVERTIME_SECONDS_MAX:
                    under_way |= await self._turn(CHARGES_AT_ONCE_MAX - len(under_way))
                if under_way:
                    done, under_way = await asyncio.wait(under_way, timeout=PAUSE_SECONDS)
                    ended += sum(task.result() for task in done)
                elif passed >= seconds:
                    return ended
                else:
                    await asyncio.sleep(PAUSE_SECONDS)
        finally:
            # Their firings are recorded, and another run resumes them.
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def _sweep(self) -> None:
        found = await self._firings.due_companies(self._after, COMPANIES_PER_SWEEP)
        self._after = found[-1] if len(found) == COMPANIES_PER_SWEEP else ""
        self._due.update(dict.fromkeys(found))

    async def _turn(self, room: int) -> set[asyncio.Task[bool]]:
        """Find the companies and firings that are due, and begin up to `room` charges."""
        now = self._clock()
        for company in await self._hot.take_signals(SIGNALS_PER_TURN):
            self._signalled[company] = now + SIGNAL_SECONDS
        found = await self._firings.due_among(list(self._signalled))
        self._due.update(dict.fromkeys(found))
        self._signalled = {
            company: until for company, until in self._signalled.items() if until > now and company not in self._due
        }
        left = await self._firings.claim_due(room) if room else []
        begun = [self._advance(firing) for firing in left]
        while self._due and len(begun) < room:
            company = next(iter(self._due))
            del self._due[company]
            begun.append(self._begin(company))
        return {asyncio.create_task(each, name="auto top-up") for each in begun}

    async def _begin(self, company: str) -> bool:
        """Begin a firing if the company is still due, and advance it; return whether its end was recorded."""
        try:
            firing = await self._firings.begin(company)
        except Unavailable as error:
            # Either one company's row is locked, or Postgres is unavailable, which the next turn finds as well.
            log.warning("auto_top_up_not_begun", company=company, error=str(error))
            return False
        return firing is not None and await self._advance(firing)

    async def _advance(self, firing: Firing) -> bool:
        """Start or resume a firing's top-up and record its state; return whether its end was recorded now."""
        try:
            outcome = await self._outcome(firing)
            auto_top_ups.labels(_label(outcome)).inc()
            return await self._record(firing, outcome)
        except Unavailable as error:
            # The claim expires by itself; then the firing is claimed again.
            log.warning("auto_top_up_not_recorded", company=firing.company, number=firing.number, error=str(error))
            return False

    async def _outcome(self, firing: Firing) -> TopUp | FiringFailure | None:
        """Return a firing's top-up, or why it has failed, or None if neither can be known now."""
        try:
            async with asyncio.timeout(CHARGE_SECONDS_MAX):
                top_up = await self._top_ups.start(firing)
            return failure_of(top_up) or top_up
        except ProviderRefused as error:
            # The amount is checked before anything is begun, with the same result each time.
            return FiringFailure(error.code)
        except TopUpIdTaken:
            return FiringFailure(ID_TAKEN, is_decline=False)
        except (Unavailable, TimeoutError) as error:
            log.warning("auto_top_up_unanswered", company=firing.company, number=firing.number, error=repr(error))
        except Exception:
            log.exception("auto_top_up_fault", company=firing.company, number=firing.number)
        return None

    async def _record(self, firing: Firing, outcome: TopUp | FiringFailure | None) -> bool:
        match outcome:
            case FiringFailure(code, is_decline=True):
                return await self._firings.record_failure(firing, code)
            case FiringFailure(code):
                ended = await self._firings.record_failure(firing, code, decline=False)
            case TopUp(state=TopUpState.SUCCEEDED):
                ended = await self._firings.record_success(firing)
            case TopUp(state=TopUpState.REQUIRES_ACTION):
                if not await self._firings.record_authentication_required(firing):
                    await self._firings.retry_later(firing)
                return False
            case _:
                await self._firings.retry_later(firing)
                return False
        # Charges continued meanwhile: if the balance is below the threshold again, no further charge crosses it.
        self._signalled[firing.company] = self._clock() + SIGNAL_SECONDS
        return ended


def _label(outcome: TopUp | FiringFailure | None) -> str:
    """Return the metric's label for an outcome."""
    match outcome:
        case None:
            return "unanswered"
        case FiringFailure(is_decline=True):
            return "failed"
        case FiringFailure():
            return "not_made"
    return outcome.state.name.lower()

"""Tops up companies by their own rules, within a second or two of the charge that fell below the line.

Redis signals who fell below; a sweep finds in Postgres whom a lost signal missed. Who is to be topped up is the
ledger's to say. Then three steps: record the firing, have its top-up made under the name that follows from it, record
how it ended. Whoever is killed in between, and however many work at once: it is one top-up, and somebody goes on with
it.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

import structlog

from admin.auto_top_ups.domain import Firing
from admin.auto_top_ups.firing_store import AutoTopUpFirings
from admin.auto_top_ups.firing_top_ups import ID_TAKEN, Failure, TopUpIdTaken, failure_of
from admin.metrics import auto_top_ups
from admin.payments.port import ProviderRefused
from admin.top_ups.domain import TopUp, TopUpState
from wallet.domain.errors import Unavailable
from wallet.hot.store import HotStore

PAUSE_SECONDS = 0.25
"""Between two looks at the signals."""
TURNS_SECONDS = 5.0
"""How long a run goes on looking at signals; each run begins with a sweep."""
SIGNALS_PER_TURN = 500
"""Of each partition."""
SIGNAL_SECONDS = 2.0
"""How long a company is looked at after its signal: Redis signals before the ledger has the charge."""
COMPANIES_PER_SWEEP = 500
OVERTIME_SECONDS_MAX = 10.0
"""How much longer a run begins charges while earlier ones are under way."""
CHARGES_AT_ONCE_MAX = 32
CHARGE_SECONDS_MAX = 15.0
"""How long one is waited for, before it is asked for again: less than CLAIM_SECONDS of the ledger's firings."""

log = structlog.get_logger(__name__)


class StartsTopUps(Protocol):
    """Starts the top-ups of firings; see admin.auto_top_ups.firing_top_ups.FiringTopUps."""

    async def start(self, firing: Firing) -> TopUp:
        """Start the top-up of a firing, or resume it, and return it.

        Raises Unavailable, ProviderRefused, TopUpIdTaken.
        """


class AutoTopUpWorker:
    """Does its work in turns; a charge that takes long keeps no other company waiting."""

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
        """Company → until when it is looked at."""
        self._wanting: dict[str, None] = {}
        """Companies that are to be topped up, the longest waiting first."""
        self._after = ""

    async def run_once(self, *, seconds: float = 0.0, sweep: bool = True) -> int:
        """Sweep, then take turns for so many seconds, one at least; return how many top-ups came to an end.

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
            # What they were at is recorded, and somebody goes on with it.
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def _sweep(self) -> None:
        found = await self._firings.wanting(self._after, COMPANIES_PER_SWEEP)
        self._after = found[-1] if len(found) == COMPANIES_PER_SWEEP else ""
        self._wanting.update(dict.fromkeys(found))

    async def _turn(self, room: int) -> set[asyncio.Task[bool]]:
        """Look who is to be topped up, and begin up to `room` charges."""
        now = self._clock()
        for company in await self._hot.take_signals(SIGNALS_PER_TURN):
            self._signalled[company] = now + SIGNAL_SECONDS
        found = await self._firings.wanting_among(list(self._signalled))
        self._wanting.update(dict.fromkeys(found))
        self._signalled = {
            company: until for company, until in self._signalled.items() if until > now and company not in self._wanting
        }
        left = await self._firings.claim_due(room) if room else []
        begun = [self._charge(firing) for firing in left]
        while self._wanting and len(begun) < room:
            company = next(iter(self._wanting))
            del self._wanting[company]
            begun.append(self._fire(company))
        return {asyncio.create_task(each, name="auto top-up") for each in begun}

    async def _fire(self, company: str) -> bool:
        """Top a company up, if it still is to be; return whether a top-up came to an end."""
        try:
            firing = await self._firings.begin(company)
        except Unavailable as error:
            # It is one company's row, or Postgres, which the next turn meets as well: the others' charges go on.
            log.warning("auto_top_up_not_begun", company=company, error=str(error))
            return False
        return firing is not None and await self._charge(firing)

    async def _charge(self, firing: Firing) -> bool:
        """Start or resume a firing's top-up and record its state; return whether its end was recorded now."""
        try:
            outcome = await self._outcome(firing)
            auto_top_ups.labels(_label(outcome)).inc()
            return await self._record(firing, outcome)
        except Unavailable as error:
            # The claim expires by itself; then the firing is claimed again.
            log.warning("auto_top_up_not_recorded", company=firing.company, number=firing.number, error=str(error))
            return False

    async def _outcome(self, firing: Firing) -> TopUp | Failure | None:
        """Return a firing's top-up, or why it has failed, or None if neither can be known now."""
        try:
            async with asyncio.timeout(CHARGE_SECONDS_MAX):
                top_up = await self._top_ups.start(firing)
            return failure_of(top_up) or top_up
        except ProviderRefused as error:
            # The amount is checked before anything is begun, with the same result each time.
            return Failure(error.code)
        except TopUpIdTaken:
            return Failure(ID_TAKEN, is_decline=False)
        except (Unavailable, TimeoutError) as error:
            log.warning("auto_top_up_unanswered", company=firing.company, number=firing.number, error=repr(error))
        except Exception:
            log.exception("auto_top_up_fault", company=firing.company, number=firing.number)
        return None

    async def _record(self, firing: Firing, outcome: TopUp | Failure | None) -> bool:
        match outcome:
            case Failure(code, is_decline=True):
                return await self._firings.failed(firing, code)
            case Failure(code):
                ended = await self._firings.failed(firing, code, decline=False)
            case TopUp(state=TopUpState.SUCCEEDED):
                ended = await self._firings.succeeded(firing)
            case TopUp(state=TopUpState.REQUIRES_ACTION):
                if not await self._firings.wants_customer(firing):
                    await self._firings.no_answer(firing)
                return False
            case _:
                await self._firings.no_answer(firing)
                return False
        # The balance may be below the threshold again: charges went on meanwhile, and cross nothing any more.
        self._signalled[firing.company] = self._clock() + SIGNAL_SECONDS
        return ended


def _label(outcome: TopUp | Failure | None) -> str:
    """Return the metric's label for an outcome."""
    match outcome:
        case None:
            return "unanswered"
        case Failure(is_decline=True):
            return "failed"
        case Failure():
            return "not_made"
    return outcome.state.name.lower()

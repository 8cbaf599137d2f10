"""Requests that wait for their wallet to be loaded, while the cycles continue without them."""

import asyncio
from collections.abc import Callable

import structlog

from wallet import metrics
from wallet.domain.errors import Applied, LedgerUnavailable, Stopping, WalletError, WalletUnavailable
from wallet.health import LedgerHealth
from wallet.hot.store import Position
from wallet.ledger.failures import is_lock_timeout
from wallet.loading import Loader
from wallet.requests import Request

log = structlog.get_logger(__name__)

PutBack = Callable[[str, list[Request]], None]
"""Queues the requests of a company for another cycle, in order."""


class Parking:
    """One load for each company, however many requests wait for it."""

    def __init__(self, loader: Loader, health: LedgerHealth, put_back: PutBack) -> None:
        """Pass requests whose wallet was loaded to `put_back`; answer the others when their load fails."""
        self._loader = loader
        self._health = health
        self._put_back = put_back
        self._loads: dict[str, asyncio.Task[None]] = {}
        self._parked: dict[str, list[Request]] = {}
        self._count = 0

    def __len__(self) -> int:
        """Return the number of parked requests."""
        return self._count

    def is_loading(self, company: str) -> bool:
        """Return whether the company's wallet is being loaded."""
        return company in self._loads

    def count_of(self, company: str) -> int:
        """Return the number of parked requests of a company."""
        return len(self._parked.get(company, ()))

    def park(self, request: Request) -> None:
        """Park a request until its wallet is loaded; start the load if none is running."""
        company = request.company
        self._parked.setdefault(company, []).append(request)
        self._count += 1
        if company not in self._loads:
            cause = "behind" if request.seen.epoch else "cold"
            self._loads[company] = asyncio.create_task(self._load(company, request.seen, cause), name=f"load {company}")

    async def finish(self) -> None:
        """Cancel the loads that are under way, and answer the requests that wait for them."""
        for load in list(self._loads.values()):
            load.cancel()
        await asyncio.gather(*self._loads.values(), return_exceptions=True)

    async def _load(self, company: str, seen: Position, cause: str) -> None:
        failure: WalletError | None = None
        try:
            await self._loader.load(company, seen, cause=cause)
        except WalletError as error:
            failure = error
        except asyncio.CancelledError:
            failure = Stopping("the wallet was not loaded in time", applied=Applied.NO)
        except Exception:
            log.exception("load_failed", company=company)
            failure = WalletUnavailable("the wallet could not be loaded", applied=Applied.NO)
        del self._loads[company]
        parked = self._parked.pop(company, [])
        self._count -= len(parked)
        if failure is None:
            self._put_back(company, [request for request in parked if request.begin_round("cold")])
            return
        metrics.load_failures.inc()
        # A lock timeout may concern one wallet only; if Postgres is away, an append will show it soon.
        if isinstance(failure, LedgerUnavailable) and not is_lock_timeout(failure):
            self._health.mark_away(failure)
        for request in parked:
            request.answer(_with_applied(failure, request.applied))
        self._put_back(company, [])


def _with_applied(error: WalletError, applied: Applied) -> WalletError:
    """Return a load's failure with a request's own `applied`: an earlier round of it may be in the journal."""
    if applied is Applied.NO:
        return error
    if isinstance(error, LedgerUnavailable | WalletUnavailable | Stopping):
        return type(error)(str(error), applied=applied)
    return error

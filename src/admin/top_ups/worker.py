"""The sweep that resumes top-ups, refunds and chargebacks after a crash or a lost webhook."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog

from admin.payments.port import ProviderError
from admin.top_ups.services import TopUpServices
from wallet.domain.errors import LedgerUnavailable, WalletError

PAUSE_SECONDS = 5.0
AT_ONCE_MAX = 50
"""The most of each kind in one run, so that a run stays well within its lease."""

T = TypeVar("T")

log = structlog.get_logger(__name__)


class TopUpSweep:
    """Reconciles top-ups, refunds and chargebacks that are due."""

    def __init__(self, services: TopUpServices) -> None:
        """Reconcile with `services`."""
        self._services = services

    async def run_once(self) -> int:
        """Reconcile top-ups, refunds and chargebacks that are due; return their number. Raises LedgerUnavailable."""
        its, stores = self._services, self._services.stores
        return (
            await _each(await stores.top_ups.claim_due(AT_ONCE_MAX), its.top_ups.reconcile)
            + await _each(await stores.refunds.claim_due(AT_ONCE_MAX), its.refunds.reconcile)
            + await _each(await stores.chargebacks.claim_due(AT_ONCE_MAX), its.chargebacks.resume)
        )


async def _each(due: Sequence[T], reconcile: Callable[[T], Awaitable[object]]) -> int:
    for item in due:
        try:
            await reconcile(item)
        except LedgerUnavailable:
            raise
        except (WalletError, ProviderError) as error:
            # The error is of this item alone, which becomes due again later.
            log.warning("top_up_left_for_later", kind=type(item).__name__, why=type(error).__name__)
    return len(due)

"""Finishes top-ups, their refunds and chargebacks that nobody came back for, and hears what a lost webhook had told."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog

from admin.payments.port import ProviderError
from admin.top_ups.services import TopUpServices
from wallet.domain.errors import LedgerUnavailable, WalletError

PAUSE_SECONDS = 5.0
AT_ONCE_MAX = 50
"""Of each kind, in a run: so a run stays well within its lease."""

T = TypeVar("T")

log = structlog.get_logger(__name__)


class TopUpSweep:
    """Looks at what is due."""

    def __init__(self, services: TopUpServices) -> None:
        """Look with `services` at what their records say is due."""
        self._services = services

    async def run_once(self) -> int:
        """Look at what is due; return how many were looked at. Raises LedgerUnavailable."""
        its, stores = self._services, self._services.stores
        return (
            await _each(await stores.top_ups.claim_due(AT_ONCE_MAX), its.top_ups.look)
            + await _each(await stores.refunds.claim_due(AT_ONCE_MAX), its.refunds.look)
            + await _each(await stores.chargebacks.claim_due(AT_ONCE_MAX), its.chargebacks.go_on)
        )


async def _each(due: Sequence[T], look: Callable[[T], Awaitable[object]]) -> int:
    for item in due:
        try:
            await look(item)
        except LedgerUnavailable:
            raise
        except (WalletError, ProviderError) as error:
            # Each stands for itself; it is looked at again later.
            log.warning("top_up_left_for_later", kind=type(item).__name__, why=type(error).__name__)
    return len(due)

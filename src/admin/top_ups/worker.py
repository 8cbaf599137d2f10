"""Finishes top-ups, their refunds and chargebacks that nobody came back for, and hears what a lost webhook had told."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog

from admin.payments.port import ProviderError
from admin.top_ups.chargeback_store import ChargebackRecords
from admin.top_ups.chargebacks import Chargebacks
from admin.top_ups.refund_store import TopUpRefundRecords
from admin.top_ups.refunds import TopUpRefunds
from admin.top_ups.service import TopUps
from admin.top_ups.store import TopUpRecords
from wallet.domain.errors import LedgerUnavailable, WalletError

PAUSE_SECONDS = 5.0
AT_ONCE_MAX = 50
"""Of each kind, in a run: so a run stays well within its lease."""

T = TypeVar("T")

log = structlog.get_logger(__name__)


class TopUpSweep:
    """Looks at what is due."""

    def __init__(
        self,
        top_ups: tuple[TopUpRecords, TopUps],
        refunds: tuple[TopUpRefundRecords, TopUpRefunds],
        chargebacks: tuple[ChargebackRecords, Chargebacks],
    ) -> None:
        """Each: where they are kept, and what brings them on."""
        self._top_ups = top_ups
        self._refunds = refunds
        self._chargebacks = chargebacks

    async def run_once(self) -> int:
        """Look at what is due; return how many were looked at. Raises LedgerUnavailable."""
        top_ups, refunds, chargebacks = self._top_ups, self._refunds, self._chargebacks
        return (
            await _each(await top_ups[0].due(AT_ONCE_MAX), top_ups[1].look)
            + await _each(await refunds[0].due(AT_ONCE_MAX), refunds[1].look)
            + await _each(await chargebacks[0].due(AT_ONCE_MAX), chargebacks[1].go_on)
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

"""Release what is held by expired authorizations."""

import asyncpg
import structlog

from wallet import metrics
from wallet.domain import system_keys
from wallet.domain.commands import FINGERPRINT_BYTES, Command, Kind
from wallet.domain.entries import AuthorizationState
from wallet.domain.errors import AuthorizationClosed, AuthorizationNotExpired, Unavailable, WalletError
from wallet.engine import Engine
from wallet.ledger.queries import load
from wallet.ledger.transactions import reading

SWEEP_SECONDS = 1.0
"""Time between two sweeps."""
SWEEP_SECONDS_MAX = 10.0
"""How long the engine gets for one sweep; a later sweep finds what was not ended by then."""
SWEEPS_PER_COUNT = 15
AUTHORIZATIONS_PER_SWEEP_MAX = 500
FINGERPRINT = b"expiry".ljust(FINGERPRINT_BYTES)

_SQL = load(__name__, AuthorizationState)
_START = (0, "", "")

log = structlog.get_logger(__name__)


class Expiry:
    """Sweeps the ledger's open authorizations, so that those of cold wallets end too.

    The engine ends each under a key of its own: however many processes sweep, it is ended once. Redis and the ledger
    both compare the time again, since an increment may have moved the expiry meanwhile.
    """

    def __init__(self, engine: Engine, pool: asyncpg.Pool) -> None:
        """Use an open engine and pool."""
        self._engine = engine
        self._pool = pool
        self._after: tuple[int, str, str] = _START
        """The position after which the next sweep continues: holds that cannot be ended now must not delay others."""
        self._sweeps = 0

    async def run_once(self) -> int:
        """End due authorizations, AUTHORIZATIONS_PER_SWEEP_MAX at most; return how many. Raises LedgerUnavailable."""
        async with reading(self._pool) as connection:
            due = await connection.fetch(_SQL["due"], AUTHORIZATIONS_PER_SWEEP_MAX, *self._after)
            if self._sweeps % SWEEPS_PER_COUNT == 0:
                metrics.open_authorizations.set(await connection.fetchval(_SQL["open"]))
        self._sweeps += 1
        self._after = tuple(due[-1]) if len(due) == AUTHORIZATIONS_PER_SWEEP_MAX else _START
        commands = [expire(row["company_id"], row["authorization_id"]) for row in due]
        results = await self._engine.submit_many(commands, timeout=SWEEP_SECONDS_MAX)
        ended = 0
        for row, result in zip(due, results, strict=True):
            if not isinstance(result, WalletError):
                ended += 1
            elif not isinstance(result, AuthorizationClosed | AuthorizationNotExpired | Unavailable):
                log.error("expiry_failed", authorization=row["authorization_id"], error=repr(result))
        metrics.expired_authorizations.inc(ended)
        return ended


def expire(company: str, authorization: str) -> Command:
    """Return the command that ends an expired authorization."""
    return Command(
        Kind.EXPIRY,
        company,
        system_keys.expiry(authorization),
        FINGERPRINT,
        authorization=authorization,
    )

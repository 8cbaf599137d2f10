"""Give back what is held by authorizations whose time is up."""

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
"""How long the engine gets for one sweep; what it has not ended by then comes again."""
SWEEPS_PER_COUNT = 15
AUTHORIZATIONS_PER_SWEEP_MAX = 500
FINGERPRINT = b"expiry".ljust(FINGERPRINT_BYTES)

_SQL = load(__name__, AuthorizationState)
_START = (0, "", "")

log = structlog.get_logger(__name__)


class Expiry:
    """Walks the ledger's open authorizations, so that those of cold wallets end too.

    The engine ends each, under a key of the authorization's own: however many processes sweep, it is ended once. Redis
    and the ledger both look at the time again, since an increment may have moved it meanwhile.
    """

    def __init__(self, engine: Engine, pool: asyncpg.Pool) -> None:
        """Use an open engine and pool."""
        self._engine = engine
        self._pool = pool
        self._after: tuple[int, str, str] = _START
        """Where the next sweep goes on: a company whose holds cannot be ended now must not keep the others waiting."""
        self._sweeps = 0

    async def run_once(self) -> int:
        """End every authorization that is due, up to a bound; return how many ended. Raises LedgerUnavailable."""
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
    """Return the command that ends an authorization whose time is up."""
    return Command(
        Kind.EXPIRY,
        company,
        system_keys.expiry(authorization),
        FINGERPRINT,
        authorization=authorization,
    )

"""Give back what is held by authorizations whose time is up."""

import asyncpg
import structlog

from wallet import metrics
from wallet.domain.commands import FINGERPRINT_BYTES, SYSTEM_KEY_PREFIX, Command, Kind
from wallet.domain.errors import AuthorizationClosed, AuthorizationNotExpired, Unavailable, WalletError
from wallet.engine import Engine
from wallet.ledger.failures import translated

SWEEP_SECONDS = 1.0
"""Time between two sweeps."""
AUTHORIZATIONS_PER_SWEEP_MAX = 500
FINGERPRINT = b"expiry".ljust(FINGERPRINT_BYTES)

_DUE = """
    SELECT company_id, authorization_id FROM authorizations
    WHERE state = 1 AND expires_at <= extract(epoch FROM clock_timestamp()) * 1000000
    ORDER BY expires_at LIMIT $1
"""

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

    async def run_once(self) -> int:
        """End every authorization that is due, up to a bound; return how many ended. Raises LedgerUnavailable."""
        with translated():
            due = await self._pool.fetch(_DUE, AUTHORIZATIONS_PER_SWEEP_MAX)
            metrics.open_authorizations.set(
                await self._pool.fetchval("SELECT count(*) FROM authorizations WHERE state = 1")
            )
        results = await self._engine.submit_many([expire(row["company_id"], row["authorization_id"]) for row in due])
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
        f"{SYSTEM_KEY_PREFIX}expire:{authorization}",
        FINGERPRINT,
        authorization=authorization,
    )

"""Run one worker process: its event loop, and the engine that its servicers use."""

from collections.abc import Awaitable, Callable

import asyncpg
import structlog
import uvloop

from server.lifetime import Lifetime, live
from server.settings import Misconfigured, read_settings
from wallet.domain.errors import Unavailable
from wallet.hot.connect import UnfitRedis
from wallet.installation import NotThisInstallation
from wallet.runtime import Wallets, open_wallets
from wallet.settings import WalletSettings

EXIT_UNAVAILABLE = 69
"""EX_UNAVAILABLE: Redis or Postgres does not answer; another start may."""

_NO_SUCH_DATABASE = (
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidPasswordError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InsufficientPrivilegeError,
)

log = structlog.get_logger(__name__)

Work = Callable[[Wallets, Lifetime], Awaitable[None]]


def run_worker(work: Work, *, tether: int | None) -> int:
    """Run a worker in an event loop of its own, in the main thread, until a signal; see work_until_stopped."""

    async def main() -> int:
        lifetime = Lifetime(tether)
        lifetime.watch_signals()
        return await work_until_stopped(work, lifetime)

    return uvloop.run(main())


async def work_until_stopped(work: Work, lifetime: Lifetime) -> int:
    """Open the engine and run `work` until the process is to stop; return its exit status.

    Raises Misconfigured if another start would fail as well.
    """

    async def with_wallets(lifetime: Lifetime) -> None:
        async with open_wallets(read_settings(WalletSettings)) as wallets:
            await work(wallets, lifetime)

    try:
        await live(lifetime, with_wallets)
    except Unavailable as error:
        # The text suffices: no traceback.
        log.error("cannot_start", error=str(error), hint="see DATABASE_URL and REDIS_URL")  # noqa: TRY400
        return EXIT_UNAVAILABLE
    except (UnfitRedis, NotThisInstallation) as error:
        raise Misconfigured(str(error)) from error
    except asyncpg.UndefinedTableError as error:
        raise Misconfigured("The database has no tables yet: run `python -m admin migrate`.") from error
    except _NO_SUCH_DATABASE as error:
        raise Misconfigured(f"DATABASE_URL: {error}") from error
    return 0

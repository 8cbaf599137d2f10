"""Commands of companies that this process does not know yet: they wait apart until the ledger says that they exist.

A caller may invent names, so commands of unknown companies never queue with those of known ones, and nothing is loaded
for them. All names that wait are looked up in one query. Each name is looked up after its commands came, and that there
is no such company is not remembered: a company can be charged as soon as it is created.
"""

import asyncio
from collections.abc import Callable, Sequence
from itertools import islice

import asyncpg
import structlog

from wallet.domain.errors import (
    Applied,
    CompanyNotFound,
    LedgerUnavailable,
    Overloaded,
    Stopping,
    WalletError,
    WalletUnavailable,
)
from wallet.health import LedgerHealth
from wallet.ledger.failures import is_lock_timeout
from wallet.ledger.transactions import reading
from wallet.requests import Request

LOOKUP_COMPANIES_MAX = 500
"""Names in one query, which then takes a few milliseconds."""
NEWCOMER_COMMANDS_MAX = 8_000
"""Commands that wait for a lookup. A burst of charges after the start of a process is within it; beyond it they are
refused, while those of known companies are not."""
KNOWN_COMPANIES_MAX = 100_000
"""Some 10 MB. A company that is forgotten for another is looked up again."""

_EXISTING = "SELECT company_id FROM wallets WHERE company_id = ANY($1::text[])"

log = structlog.get_logger(__name__)

Lookup = dict[str, list[Request]]
"""Company → its commands, in order."""


class Newcomers:
    """The companies that are known to exist, and the commands of others, which wait."""

    def __init__(self, pool: asyncpg.Pool, health: LedgerHealth, admit: Callable[[Sequence[Request]], None]) -> None:
        """Look companies up by `pool`; pass the commands of those that exist to `admit`, and answer the others."""
        self._pool = pool
        self._health = health
        self._admit = admit
        self._known: dict[str, None] = {}
        self._waiting: Lookup = {}
        self._count = 0
        """Commands that wait, including those that are being looked up."""
        self._looking: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        """Return the number of commands that wait."""
        return self._count

    def knows(self, company: str) -> bool:
        """Return whether the company is known to exist."""
        return company in self._known

    def wait(self, request: Request) -> None:
        """Have a command wait until its company was looked up, or answer it with Overloaded at once."""
        if self._count >= NEWCOMER_COMMANDS_MAX:
            request.answer(Overloaded(f"{self._count} commands wait for their company to be looked up"))
            return
        self._waiting.setdefault(request.company, []).append(request)
        self._count += 1
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_up(), name="look up companies")

    async def finish(self) -> None:
        """Answer the commands that wait, since this process stops."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _look_up(self) -> None:
        """Look companies up until none waits."""
        lookup: Lookup = {}
        try:
            while self._waiting:
                lookup = {name: self._waiting[name] for name in islice(self._waiting, LOOKUP_COMPANIES_MAX)}
                for name in lookup:
                    del self._waiting[name]
                await self._conclude(lookup)
                lookup = {}
        finally:
            self._looking = None
            for requests in (*lookup.values(), *self._waiting.values()):
                self._answer(requests, Stopping("the company was not looked up in time", applied=Applied.NO))
            self._waiting = {}

    async def _conclude(self, lookup: Lookup) -> None:
        """Look companies up in one query; admit the commands of those that exist, and answer the others."""
        try:
            async with reading(self._pool) as connection:
                existing = {row["company_id"] for row in await connection.fetch(_EXISTING, list(lookup))}
        except WalletError as error:
            # A lock timeout says nothing about Postgres.
            if isinstance(error, LedgerUnavailable) and not is_lock_timeout(error):
                self._health.mark_away(error)
            self._fail(lookup, error)
            return
        except Exception:
            log.exception("lookup_failed", companies=len(lookup))
            self._fail(lookup, WalletUnavailable("the company could not be looked up", applied=Applied.NO))
            return
        for company, requests in lookup.items():
            if company in existing:
                self._remember(company)
                # What came during the query follows: a company that exists does not cease to.
                found = [*requests, *self._waiting.pop(company, ())]
                self._count -= len(found)
                self._admit(found)
            else:
                self._answer(requests, CompanyNotFound(company))

    def _remember(self, company: str) -> None:
        while len(self._known) >= KNOWN_COMPANIES_MAX:
            del self._known[next(iter(self._known))]
        self._known[company] = None

    def _fail(self, lookup: Lookup, error: WalletError) -> None:
        for requests in lookup.values():
            self._answer(requests, error)

    def _answer(self, requests: Sequence[Request], error: WalletError) -> None:
        self._count -= len(requests)
        for request in requests:
            request.answer(error)
        self._admit(())

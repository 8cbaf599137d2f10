"""Invented companies delay nobody, and a company that was created is never said to be unknown (P5)."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from tests.support.builders import charge, make_company
from tests.support.engine_steps import loads_counted
from tests.support.polling import until
from tests.support.wallets import Wallets
from wallet import newcomers
from wallet.domain.entries import Outcome
from wallet.domain.errors import (
    Applied,
    CompanyNotFound,
    InsufficientFunds,
    LedgerUnavailable,
    Overloaded,
)
from wallet.ledger.transactions import reading

pytestmark = pytest.mark.usefixtures("clean_afterwards")

INVENTED = 20_000


class Lookups:
    """Counts the lookups, and holds the answers of those that begin while it is closed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Stand between the newcomers and Postgres."""
        self.begun = 0
        self.open = asyncio.Event()
        self.open.set()
        monkeypatch.setattr(newcomers, "reading", self._reading)

    @asynccontextmanager
    async def _reading(self, pool: asyncpg.Pool) -> AsyncIterator[Any]:
        async with reading(pool) as connection:
            self._connection = connection
            yield self

    async def fetch(self, *arguments: Any) -> list[asyncpg.Record]:
        """Query, and hold the answer while closed."""
        rows: list[asyncpg.Record] = await self._connection.fetch(*arguments)
        self.begun += 1
        await self.open.wait()
        return rows


@pytest.fixture
async def lookups(acme: Wallets, monkeypatch: pytest.MonkeyPatch) -> Lookups:
    """The lookups after acme's."""
    return Lookups(monkeypatch)


@pytest.mark.parametrize("names", [INVENTED, 1], ids=["names", "commands of one name"])
async def test_invented_companies_do_not_delay_a_known_one(acme: Wallets, lookups: Lookups, names: int) -> None:
    """The known company's charge is answered before a single invented one, loads nothing and is not OVERLOADED."""
    loads = loads_counted()
    lookups.open.clear()
    invented = [charge(1, company=f"invented-{number % names}") for number in range(INVENTED)]
    flood = asyncio.create_task(acme.engine.submit_many(invented))
    await until(lambda: lookups.begun, poll_seconds=0)
    charged = await acme.engine.submit(charge(1))
    assert isinstance(charged, Outcome)
    assert not flood.done()
    lookups.open.set()
    answers = Counter(type(answer) for answer in await flood)
    waited = newcomers.NEWCOMER_COMMANDS_MAX
    assert answers == {CompanyNotFound: waited, Overloaded: INVENTED - waited}
    assert lookups.begun == -(-min(names, waited) // newcomers.LOOKUP_COMPANIES_MAX)
    assert loads_counted() == loads


async def test_a_company_can_be_charged_as_soon_as_it_is_created(
    acme: Wallets, database: asyncpg.Connection, lookups: Lookups
) -> None:
    """A lookup that began before the company was created answers only the commands that had come by then."""
    with pytest.raises(CompanyNotFound):
        await acme.engine.submit(charge(1, company="late"))
    lookups.open.clear()
    begun = lookups.begun
    early = asyncio.create_task(acme.engine.submit(charge(1, company="late")))
    await until(lambda: lookups.begun > begun, poll_seconds=0)
    await make_company(database, "late")
    after = asyncio.create_task(acme.engine.submit(charge(1, company="late")))
    await asyncio.sleep(0)
    lookups.open.set()
    with pytest.raises(CompanyNotFound):
        await early
    with pytest.raises(InsufficientFunds):
        await after


async def test_commands_keep_their_order_while_their_company_is_looked_up(
    acme: Wallets, database: asyncpg.Connection, lookups: Lookups
) -> None:
    await make_company(database, "late", floor=-1_000)
    lookups.open.clear()
    tasks = [asyncio.create_task(acme.engine.submit(charge(number, company="late"))) for number in (1, 2)]
    await until(lambda: lookups.begun, poll_seconds=0)
    tasks.append(asyncio.create_task(acme.engine.submit(charge(3, company="late"))))
    await asyncio.sleep(0)
    lookups.open.set()
    await tasks[0]
    tasks.append(asyncio.create_task(acme.engine.submit(charge(4, company="late"))))
    numbers = {task.result().entry.number: -task.result().entry.amount for task in (await asyncio.wait(tasks))[0]}
    assert [numbers[number] for number in sorted(numbers)] == [1, 2, 3, 4]


async def test_a_company_that_is_forgotten_is_looked_up_again(
    acme: Wallets, database: asyncpg.Connection, lookups: Lookups, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(newcomers, "KNOWN_COMPANIES_MAX", 1)
    await make_company(database, "other", floor=-1_000)
    for company in ("other", "acme", "other", "other"):
        await acme.engine.submit(charge(1, company=company))
    assert lookups.begun == 3


async def test_a_lookup_that_fails_says_that_nothing_was_applied(
    acme: Wallets, database: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ledger that does not answer is no reason to say that there is no such company."""
    await make_company(database, "other")
    with monkeypatch.context() as patch:
        patch.setattr(newcomers, "reading", _unavailable)
        with pytest.raises(LedgerUnavailable) as raised:
            await acme.engine.submit(charge(1, company="other"))
    assert raised.value.applied is Applied.NO
    await until(acme.healthy)
    with pytest.raises(InsufficientFunds):
        await acme.engine.submit(charge(1, company="other"))


@asynccontextmanager
async def _unavailable(_: asyncpg.Pool) -> AsyncIterator[None]:
    raise LedgerUnavailable("Postgres is away", applied=Applied.NO)
    yield

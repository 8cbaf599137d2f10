"""Refunds never add up to more than their charge."""

import asyncio

import asyncpg
import pytest

from tests.conftest import OpenWallets
from tests.support.builders import authorize, capture, charge, refund
from tests.support.engine_steps import definite, loads_counted, settled
from tests.support.wallets import Wallets
from wallet.domain.entries import Outcome
from wallet.domain.errors import RefundExceedsCharge, TransactionNotFound, WalletError

pytestmark = pytest.mark.usefixtures("clean_afterwards")


async def test_p6_32_refunds_at_once_from_4_engines_never_exceed_the_charge(
    acme: Wallets, open_more: OpenWallets, database: asyncpg.Connection
) -> None:
    engines = [acme, *[await open_more() for _ in range(3)]]
    number = (await acme.engine.submit(charge(100))).entry.number
    results = await asyncio.gather(*(definite(engines[i % 4], refund(30, number)) for i in range(32)))
    assert sum(isinstance(result, Outcome) for result in results) == 3
    declined = [result for result in results if isinstance(result, RefundExceedsCharge)]
    assert len(declined) == 29
    assert await database.fetchval("SELECT balance FROM wallets") == 990
    assert (await acme.engine.submit(refund(10, number))).entry.balance_after == 1_000


async def test_p6_only_charges_and_captures_are_refunded(acme: Wallets) -> None:
    await acme.engine.submit(authorize(300, "call"))
    captured = (await acme.engine.submit(capture(200, "call"))).entry.number
    given_back = await acme.engine.submit(refund(200, captured))
    assert (given_back.entry.balance_after, given_back.entry.refunded_number) == (1_000, captured)
    for original in (1, 2, given_back.entry.number, 99):
        with pytest.raises(TransactionNotFound):
            await acme.engine.submit(refund(1, original))


@pytest.mark.parametrize(
    ("original", "amount", "error"),
    [(99, 1, TransactionNotFound), (1, 1, TransactionNotFound), (2, 101, RefundExceedsCharge)],
)
async def test_p4_a_refund_that_the_ledger_refuses_is_undone_in_redis(
    acme: Wallets, open_more: OpenWallets, original: int, amount: int, error: type[WalletError]
) -> None:
    """A client that asks for what is not there does not have the wallet loaded anew under everybody else."""
    other = await open_more()
    await acme.engine.submit(charge(100))
    before = loads_counted()
    results = await asyncio.gather(
        *(other.engine.submit(refund(amount, original)) for _ in range(20)),
        *(acme.engine.submit(charge(1)) for _ in range(20)),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [error] * 20 + [Outcome] * 20
    await settled(acme)
    peek = await acme.hot.peek("acme")
    assert (peek.warm, peek.balance) == (True, 880)
    assert loads_counted() == before

"""Refunds never add up to more than their charge."""

import asyncio

import asyncpg
import pytest

from tests.builders import authorize, capture, charge, refund
from tests.conftest import OpenWallets
from tests.engine_steps import definite
from wallet.domain.entries import Outcome
from wallet.domain.errors import RefundExceedsCharge, TransactionNotFound
from wallet.runtime import Wallets

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

"""Single refunds: their amount, their key, and the charges that can be refunded."""

import asyncio

import asyncpg
import pytest

from refunds.amounts import DeliveredShare
from refunds.service import refund_command
from tests.conftest import OpenWallets
from tests.support.builders import (
    authorize,
    capture,
    charge,
    make_company,
    refund,
)
from tests.support.engine_steps import crash_after_redis
from tests.support.refunding import refund_request
from tests.support.wallets import Wallets
from wallet.domain.entries import Outcome
from wallet.domain.errors import (
    CompanyNotFound,
    IdempotencyKeyReused,
    RefundExceedsCharge,
    TransactionNotFound,
    WalletError,
)

pytestmark = pytest.mark.usefixtures("clean_afterwards")


async def test_why_and_for_whom_a_refund_was_made_stays_in_the_ledger(acme: Wallets) -> None:
    number = (await acme.engine.submit(charge(100))).entry.number
    entry = (await acme.refunds.refund(refund_request(number, amount=30))).entry
    assert (entry.amount, entry.refunded_number) == (30, number)
    assert (entry.reason, entry.requested_by, entry.reference) == ("GOODWILL", "ann", "ticket 7")
    assert await acme.reader.entry("acme", entry.number) == entry


async def test_p2_all_that_is_left_is_refunded_once(acme: Wallets) -> None:
    """P2: whatever is left at the retry."""
    number = (await acme.engine.submit(charge(100))).entry.number
    await acme.engine.submit(refund(30, number))
    rest = refund_request(number)
    assert await acme.refunds.amount(rest) == (70, (await acme.refunds.charges.refundable("acme", number))[0])
    first = await acme.refunds.refund(rest)
    assert first.entry.amount == 70
    assert (await acme.refunds.refund(rest)).entry == first.entry
    with pytest.raises(RefundExceedsCharge) as nothing:
        await acme.refunds.refund(refund_request(number))
    assert nothing.value.refundable == 0
    with pytest.raises(RefundExceedsCharge):
        await acme.refunds.amount(refund_request(number))


async def test_p2_another_refund_under_a_used_key_is_refused(acme: Wallets) -> None:
    """P2: even if nothing is left of the charge."""
    number = (await acme.engine.submit(charge(100))).entry.number
    await acme.refunds.refund(refund_request(number, key="once"))
    for other in (refund_request(number, key="once", amount=5), refund_request(99, key="once")):
        with pytest.raises(IdempotencyKeyReused):
            await acme.refunds.refund(other)


@pytest.mark.parametrize(
    ("price", "delivered", "total", "amount"),
    [(100, 0, 3, 100), (100, 1, 3, 67), (100, 2, 3, 33), (1, 1, 2, 1), (3, 1, 2, 2), (1, 2, 3, 0), (99, 1, 1000, 99)],
)
async def test_the_undelivered_part_is_rounded_half_up(
    acme: Wallets, price: int, delivered: int, total: int, amount: int
) -> None:
    number = (await acme.engine.submit(charge(price))).entry.number
    part = refund_request(number, undelivered=DeliveredShare(delivered, total))
    if not amount:
        with pytest.raises(RefundExceedsCharge):
            await acme.refunds.refund(part)
        return
    first = await acme.refunds.refund(part)
    assert first.entry.amount == amount
    assert (await acme.refunds.refund(part)).entry == first.entry


async def test_a_part_above_the_rest_is_declined_unless_earlier_refunds_count(
    acme: Wallets,
) -> None:
    """A part that is more than what is left is declined; with `deduct_earlier_refunds` the difference is refunded."""
    number = (await acme.engine.submit(charge(100))).entry.number
    await acme.engine.submit(refund(60, number))
    with pytest.raises(RefundExceedsCharge) as declined:
        await acme.refunds.refund(refund_request(number, undelivered=DeliveredShare(1, 2)))
    assert (declined.value.refundable, declined.value.required) == (40, 50)
    with pytest.raises(RefundExceedsCharge):
        await acme.refunds.refund(refund_request(number, undelivered=DeliveredShare(1, 2), deduct_earlier_refunds=True))
    entry = (
        await acme.refunds.refund(refund_request(number, undelivered=DeliveredShare(1, 4), deduct_earlier_refunds=True))
    ).entry
    assert entry.amount == 15


@pytest.mark.parametrize("amount", [None, 5])
async def test_p6_only_charges_and_captures_are_refunded_by_request(acme: Wallets, amount: int | None) -> None:
    await acme.engine.submit(authorize(300, "call"))
    captured = (await acme.engine.submit(capture(200, "call"))).entry.number
    given_back = await acme.refunds.refund(refund_request(captured, amount=amount))
    for number in (1, 2, given_back.entry.number, 99):
        with pytest.raises(TransactionNotFound):
            await acme.refunds.refund(refund_request(number, amount=amount))
        with pytest.raises(TransactionNotFound):
            await acme.refunds.amount(refund_request(number, amount=amount))
    with pytest.raises(CompanyNotFound):
        await acme.refunds.refund(refund_request(1, company="nobody", amount=amount))


async def test_p6_concurrent_refunds_of_the_rest_give_back_the_charge_once(
    acme: Wallets, open_more: OpenWallets, database: asyncpg.Connection
) -> None:
    """P6: concurrent refunds of all that is left refund the charge and no more."""
    engines = [acme, *[await open_more() for _ in range(3)]]
    number = (await acme.engine.submit(charge(1_000))).entry.number
    requests = [refund_request(number) if i % 2 else refund_request(number, amount=90) for i in range(24)]
    results = await asyncio.gather(
        *(engines[i % 4].refunds.refund(each) for i, each in enumerate(requests)), return_exceptions=True
    )
    assert {type(result) for result in results} <= {Outcome, RefundExceedsCharge}
    assert await database.fetchval("SELECT sum(amount) FROM entries WHERE refunded_number = $1", number) == 1_000


async def test_p2_a_retry_finds_the_refund_that_crashed_after_redis(acme: Wallets, open_more: OpenWallets) -> None:
    """P2: a refund whose process crashed between Redis and Postgres is the one that the retry returns."""
    number = (await acme.engine.submit(charge(100))).entry.number
    rest = refund_request(number)
    await crash_after_redis(acme, refund_command(rest, 100))
    other = await open_more()
    entry = (await other.refunds.refund(rest)).entry
    assert (entry.amount, entry.balance_after) == (100, 1_000)


async def test_refunds_of_a_suspended_company_pass(acme: Wallets, database: asyncpg.Connection) -> None:
    await make_company(database, "other")
    number = (await acme.engine.submit(charge(100))).entry.number
    await acme.companies.suspend("acme")
    assert isinstance(await acme.refunds.refund(refund_request(number)), Outcome)
    with pytest.raises(WalletError):
        await acme.refunds.refund(refund_request(number, company="other"))

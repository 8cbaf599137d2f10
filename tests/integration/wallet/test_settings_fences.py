"""A change of a wallet's settings binds every charge that is answered afterwards."""

import asyncpg
import pytest

from tests.support.builders import (
    adjustment,
    authorize,
    capture,
    change_settings,
    charge,
    increment,
    top_up,
    void,
)
from tests.support.engine_steps import crash_after_redis
from tests.support.wallets import Wallets
from wallet.domain.entries import WalletState
from wallet.domain.errors import CompanyClosed, CompanySuspended, InsufficientFunds, WalletNotEmpty

pytestmark = pytest.mark.usefixtures("clean_afterwards")


async def test_p1_a_floor_raised_over_the_balance_lets_a_top_up_in_and_no_charge(
    acme: Wallets, database: asyncpg.Connection
) -> None:
    await change_settings(database, floor=5_000)
    with pytest.raises(InsufficientFunds) as raised:
        await acme.engine.submit(charge(1))
    assert (raised.value.available, raised.value.floor) == (-4_000, 5_000)
    assert (await acme.engine.submit(top_up(3_000))).entry.balance_after == 4_000
    with pytest.raises(InsufficientFunds):
        await acme.engine.submit(charge(1))
    with pytest.raises(InsufficientFunds):
        await acme.engine.submit(authorize(1, "call"))
    with pytest.raises(InsufficientFunds):
        await acme.engine.submit(adjustment(-1))
    assert (await acme.engine.submit(adjustment(-1, below_floor=True))).entry.balance_after == 3_999
    await acme.engine.submit(top_up(1_002))
    assert (await acme.engine.submit(charge(1))).entry.balance_after == 5_000
    with pytest.raises(InsufficientFunds):
        await acme.engine.submit(charge(1))


async def test_p1_a_raised_floor_binds_a_charge_in_the_journal(acme: Wallets, database: asyncpg.Connection) -> None:
    """P1: a floor that is raised while a charge is in the journal binds that charge."""
    request = charge(800)
    await crash_after_redis(acme, request)
    await change_settings(database, floor=500)
    with pytest.raises(InsufficientFunds):
        await acme.engine.submit(request)
    assert (await acme.engine.submit(charge(500))).entry.floor == 500


async def test_p1_a_suspended_company_can_only_capture(acme: Wallets, database: asyncpg.Connection) -> None:
    """P1: a suspended company captures what it holds, and makes no new charges and holds."""
    await acme.engine.submit(authorize(600, "call"))
    await change_settings(database, state=WalletState.SUSPENDED)
    for refused in (charge(1), authorize(1, "other"), increment(700, "call")):
        with pytest.raises(CompanySuspended):
            await acme.engine.submit(refused)
    assert (await acme.engine.submit(capture(600, "call"))).entry.balance_after == 400
    await acme.engine.submit(top_up(100))
    await change_settings(database, state=WalletState.ACTIVE)
    assert (await acme.engine.submit(charge(500))).entry.balance_after == 0


async def test_p4_a_company_with_an_open_authorization_cannot_be_closed(
    acme: Wallets,
) -> None:
    """It could not be ended afterwards: a closed wallet takes no command."""
    await acme.engine.submit(authorize(1_000, "campaign"))
    await acme.engine.submit(capture(1_000, "campaign", keep_open=True))
    with pytest.raises(WalletNotEmpty):
        await acme.companies.close("acme")
    await acme.engine.submit(void("campaign"))
    assert (await acme.companies.close("acme")).state is WalletState.CLOSED
    with pytest.raises(CompanyClosed):
        await acme.engine.submit(top_up(1))

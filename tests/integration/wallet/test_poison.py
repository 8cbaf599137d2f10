"""Only the entry whose data Postgres refuses fails."""

from typing import Any

import asyncpg
import pytest

from tests.support.builders import (
    authorize,
    charge,
    command,
    make_company,
    top_up,
)
from tests.support.engine_steps import crash_after_redis, settled
from tests.support.wallets import Wallets
from wallet.domain.commands import Kind
from wallet.domain.entries import Outcome
from wallet.domain.errors import EntryQuarantined, WalletError
from wallet.ledger.append import Appender
from wallet.recovery import Recovery

pytestmark = pytest.mark.usefixtures("clean_afterwards")


POISON = [
    {"reference": "a\0b"},
    {"key": "a\0b"},
    {"ttl_seconds": 2**40},
]


@pytest.mark.parametrize("poison", POISON, ids=["NUL in a text", "NUL in a key", "integer out of range"])
async def test_p3_an_entry_that_postgres_refuses_is_quarantined_alone(
    acme: Wallets, database: asyncpg.Connection, poison: dict[str, Any]
) -> None:
    """P3: the rest of its batch is written."""
    await make_company(database, "other")
    commands = [
        *(charge(10) for _ in range(7)),
        command(Kind.CHARGE, 10, **poison),
        *(top_up(10, company="other") for _ in range(5)),
    ]
    results = await acme.engine.submit_many(commands)
    assert [i for i, result in enumerate(results) if not isinstance(result, Outcome)] == [7]
    assert isinstance(results[7], EntryQuarantined)
    assert await database.fetchval("SELECT count(*) FROM quarantine") == 1
    await settled(acme)
    assert (await acme.hot.peek("acme")).balance == 930
    assert await database.fetchval("SELECT balance FROM wallets WHERE company_id = 'acme'") == 930
    assert await database.fetchval("SELECT balance FROM wallets WHERE company_id = 'other'") == 50


async def test_p4_a_hold_that_postgres_refuses_is_given_back(acme: Wallets, database: asyncpg.Connection) -> None:
    with pytest.raises(EntryQuarantined):
        await acme.engine.submit(authorize(1_000, "a\0b"))
    assert (await acme.engine.submit(charge(1_000))).entry.balance_after == 0
    assert await database.fetchval("SELECT count(*) FROM quarantine") == 1


async def test_p3_a_poisoned_journal_of_a_crashed_process_does_not_stop_recovery(
    acme: Wallets, database: asyncpg.Connection, appender: Appender
) -> None:
    await crash_after_redis(acme, charge(10), charge(10, reference="a\0b"), charge(10))
    assert await Recovery(acme.hot, appender).run_once(age_seconds_min=0) == 3
    assert await database.fetchval("SELECT balance FROM wallets") == 980
    assert (await acme.hot.peek("acme")).balance == 980


SURROGATE = "\ud800"


@pytest.mark.parametrize("poison", [{"reference": SURROGATE}, {"key": SURROGATE}], ids=["text", "key"])
async def test_p3_unencodable_text_harms_no_other_command_of_its_cycle(acme: Wallets, poison: dict[str, Any]) -> None:
    """A lone surrogate is no Unicode text. The edge refuses it; should one come through, it is alone in failing."""
    bad = charge(10, fingerprint=b"surrogate...", **poison)
    results = await acme.engine.submit_many([charge(10), bad, charge(10)])
    assert [isinstance(result, Outcome) for result in results] == [True, False, True]
    assert isinstance(results[1], WalletError)
    assert (await acme.engine.submit(charge(980))).entry.balance_after == 0

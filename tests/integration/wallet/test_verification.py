"""VerifyLedger finds every broken promise with its company, and finds nothing in a sound ledger."""

import asyncio
from dataclasses import dataclass

import asyncpg
import pytest
import redis
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

import wallet.verification.hot
import wallet.verification.ledger
import wallet.verification.problems
from tests.conftest import OpenWallets
from tests.support.builders import (
    adjustment,
    authorize,
    capture,
    charge,
    fresh,
    increment,
    make_company,
    refund,
    top_up,
    void,
)
from tests.support.wallets import Wallets
from wallet.domain.attempts import Attempt, Question
from wallet.domain.errors import Declined, WalletUnavailable
from wallet.hot.keys import Keys
from wallet.hot.store import START, Batch, HotStore, Peek
from wallet.ledger.append import append_over
from wallet.ledger.pool import open_connection, open_pool
from wallet.settings import WalletSettings
from wallet.verification.problems import Check
from wallet.verification.verifier import Verification, Verifier

COMPANIES = ("acme", "brick", "zinc")
"""The one in the middle is tampered with: the checks of its neighbours must not see it."""
VERIFICATIONS = 16
TAMPERED = "brick"
ENTRIES_PER_COMPANY = 16

WITHOUT_CONSTRAINTS = """
    ALTER TABLE entries DROP CONSTRAINT entries_pkey;
    ALTER TABLE entries DROP CONSTRAINT entries_once;
    ALTER TABLE authorizations DROP CONSTRAINT authorizations_held_check;
"""


async def fill(database: asyncpg.Connection, wallets: Wallets, company: str) -> None:
    """Give a company one entry and more of every kind; `open-1` and `open-2` stay open."""
    await make_company(database, company, floor=-100)
    for command in (
        top_up(1_000_000, company=company),  # 1
        charge(100, company=company),  # 2
        charge(300, company=company),  # 3
        refund(60, 2, company=company),  # 4
        refund(50, 3, company=company),  # 5
        refund(30, 2, company=company),  # 6
        adjustment(-500, company=company),  # 7
        authorize(1_000, "open-1", company=company),  # 8
        authorize(2_000, "open-2", company=company),  # 9
        increment(2_500, "open-2", company=company),  # 10
        capture(700, "open-2", company=company, keep_open=True),  # 11
        authorize(3_000, "captured", company=company),  # 12
        capture(2_000, "captured", company=company),  # 13
        authorize(4_000, "voided", company=company),  # 14
        void("voided", company=company),  # 15
        charge(5, company=company),  # 16
    ):
        await wallets.engine.submit(command)


@pytest.fixture
async def filled(database: asyncpg.Connection, wallets: Wallets) -> Wallets:
    """An engine whose ledger has companies with entries of every kind."""
    for company in COMPANIES:
        await fill(database, wallets, company)
    return wallets


def broken(verification: Verification) -> set[tuple[str, Check]]:
    """Return the companies with problems and the promises that are broken."""
    assert verification.problems_found >= len(verification.problems)
    return {(problem.company, problem.check) for problem in verification.problems}


async def test_nothing_is_found_where_nothing_is_broken(filled: Wallets) -> None:
    verification = await filled.verify()
    assert verification == Verification(
        wallets_checked=len(COMPANIES),
        transactions_checked=len(COMPANIES) * ENTRIES_PER_COMPANY,
        hot_wallets_checked=len(COMPANIES),
        problems=[],
        problems_found=0,
    )


async def test_an_empty_ledger_is_whole(wallets: Wallets, database: asyncpg.Connection) -> None:
    assert await wallets.verify() == Verification(0, 0, 0, [], 0)
    await make_company(database)
    assert await wallets.verify() == Verification(1, 0, 0, [], 0)


@dataclass(frozen=True, slots=True)
class Tampering:
    """Tampering with the wallet of `brick`, and the check that must find it."""

    name: str
    check: Check
    statement: str


ENTRY = "UPDATE entries SET {} WHERE company_id = 'brick' AND number = {}".format
WALLET = "UPDATE wallets SET {} WHERE company_id = 'brick'".format
HOLD = "UPDATE authorizations SET {} WHERE company_id = 'brick' AND authorization_id = '{}'".format
MOVED = "UPDATE entries SET balance_after = balance_after + {0} WHERE company_id = 'brick' AND number >= {1};" + WALLET(
    "balance = balance + {0}"
)

LEDGER_TAMPERINGS = (
    Tampering("an entry is gone", Check.CONSERVED, "DELETE FROM entries WHERE company_id = 'brick' AND number = 7"),
    Tampering(
        "the first entry is gone", Check.CONSERVED, "DELETE FROM entries WHERE company_id = 'brick' AND number = 1"
    ),
    Tampering(
        "the last entry is gone", Check.CONSERVED, "DELETE FROM entries WHERE company_id = 'brick' AND number = 16"
    ),
    Tampering("a number is skipped", Check.CONSERVED, ENTRY("number = 17", 16) + ";" + WALLET("last_number = 17")),
    Tampering("a number is there twice", Check.CONSERVED, ENTRY("number = 7", 16)),
    Tampering("an amount is another", Check.CONSERVED, ENTRY("amount = amount - 1", 16)),
    Tampering("an amount is beyond all bounds", Check.CONSERVED, ENTRY("amount = -9223372036854775808", 16)),
    Tampering("a balance is beyond all bounds", Check.CONSERVED, ENTRY("balance_after = 9223372036854775807", 1)),
    Tampering("a running balance is another", Check.CONSERVED, ENTRY("balance_after = balance_after + 1", 7)),
    Tampering("a running hold is another", Check.CONSERVED, ENTRY("held_after = held_after + 1", 9)),
    Tampering("money came from nowhere", Check.CONSERVED, MOVED.format(1_000, 5)),
    Tampering("a clock went back", Check.CONSERVED, ENTRY("created_at = created_at + 3600000000", 7)),
    Tampering("an epoch went back", Check.CONSERVED, ENTRY("epoch = 0", 7)),
    Tampering("a charge gives", Check.CONSERVED, ENTRY("kind = 1, amount = 1000000", 1)),
    Tampering("a top-up takes", Check.CONSERVED, ENTRY("kind = 2", 16)),
    Tampering("a void takes", Check.CONSERVED, ENTRY("kind = 8, authorization_id = 'open-1'", 16)),
    Tampering("a kind is unknown", Check.CONSERVED, ENTRY("kind = 77", 1)),
    Tampering("a capture is of no authorization", Check.CONSERVED, ENTRY("kind = 7", 16)),
    Tampering("an entry is of an unknown authorization", Check.CONSERVED, ENTRY("authorization_id = 'none'", 16)),
    Tampering("a wallet's balance is another", Check.CONSERVED, WALLET("balance = balance + 1")),
    Tampering("a wallet holds more", Check.CONSERVED, WALLET("held = held + 1")),
    Tampering("a wallet's last number is another", Check.CONSERVED, WALLET("last_number = last_number + 1")),
    Tampering("a wallet's last seq is another", Check.CONSERVED, WALLET("last_seq = last_seq - 1")),
    Tampering("a wallet's epoch went back", Check.CONSERVED, WALLET("epoch = 0")),
    Tampering("a wallet's clock went back", Check.CONSERVED, WALLET("last_at = last_at - 1")),
    Tampering("a wallet is gone", Check.CONSERVED, "DELETE FROM wallets WHERE company_id = 'brick'"),
    Tampering("entries are gone, all of them", Check.CONSERVED, "DELETE FROM entries WHERE company_id = 'brick'"),
    Tampering("an open authorization holds less", Check.CONSERVED, HOLD("held = held - 1", "open-1")),
    Tampering("two authorizations hold for each other", Check.CONSERVED,
              HOLD("held = held - 1, amount = amount - 1", "open-1")
              + ";" + HOLD("held = held + 1, amount = amount + 1", "open-2")),
    Tampering("a closed authorization holds", Check.CONSERVED, HOLD("held = 1", "voided")),
    Tampering("an authorization captured less", Check.CONSERVED, HOLD("captured = captured - 1", "captured")),
    Tampering("an open authorization's amount is another", Check.CONSERVED, HOLD("amount = amount + 1", "open-2")),
    Tampering("a voided authorization is open again", Check.CONSERVED, HOLD("state = 1, amount = 0", "voided")),
    Tampering("an authorization is voided without an entry", Check.CONSERVED, HOLD("state = 3", "captured")),
    Tampering("an authorization was opened by another entry", Check.CONSERVED, HOLD("opened_number = 1", "open-1")),
    Tampering(
        "an authorization is gone",
        Check.CONSERVED,
        "DELETE FROM authorizations WHERE company_id = 'brick' AND authorization_id = 'captured'",
    ),
    Tampering("a charge went below the floor", Check.FLOOR, ENTRY("floor = balance_after - held_after + 1", 3)),
    Tampering("a hold went below the floor", Check.FLOOR, ENTRY("floor = balance_after - held_after + 1", 8)),
    Tampering("an increment went below the floor", Check.FLOOR, ENTRY("floor = balance_after - held_after + 1", 10)),
    Tampering("an adjustment went below the floor", Check.FLOOR, ENTRY("floor = balance_after - held_after + 1", 7)),
    Tampering(
        "a charge says it is not checked", Check.FLOOR, ENTRY("checked = false, floor = balance_after + 1", 3)
    ),
    Tampering("a key made two entries", Check.ONCE, ENTRY(
        "idempotency_key = (SELECT idempotency_key FROM entries WHERE company_id = 'brick' AND number = 2)", 3)),
    Tampering("an attempt made two entries", Check.ONCE, ENTRY("seq = 2", 3)),
    Tampering("refunds exceed the charge", Check.REFUNDS, ENTRY("refunded_number = 2", 5)),
    Tampering("a refund is of a top-up", Check.REFUNDS, ENTRY("refunded_number = 1", 5)),
    Tampering("a refund is of nothing", Check.REFUNDS, ENTRY("refunded_number = NULL", 5)),
    Tampering("a refund is of an unknown entry", Check.REFUNDS, ENTRY("refunded_number = 99", 5)),
    Tampering("a refund came before its charge", Check.REFUNDS, ENTRY("refunded_number = 13", 5)),
    Tampering("a refund takes", Check.REFUNDS, ENTRY("kind = 4, refunded_number = 3", 16)),
    Tampering("a top-up is a refund", Check.REFUNDS, ENTRY("kind = 2", 5)),
)  # fmt: skip


@pytest.mark.parametrize("tampering", LEDGER_TAMPERINGS, ids=lambda tampering: tampering.name)
async def test_tampering_with_the_ledger_is_found(
    filled: Wallets,
    database: asyncpg.Connection,
    hot: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
    tampering: Tampering,
) -> None:
    hot.flushall()
    await database.execute(WITHOUT_CONSTRAINTS)
    await database.execute(tampering.statement)
    in_one_range = await filled.verify()
    monkeypatch.setattr(wallet.verification.ledger, "RANGE_ENTRIES_MAX", 1)
    in_a_range_each = await filled.verify()
    assert broken(in_one_range) == {(TAMPERED, tampering.check)}
    assert broken(in_a_range_each) == {(TAMPERED, tampering.check)}
    assert in_a_range_each.problems_found == in_one_range.problems_found


async def test_what_may_pass_below_the_floor_is_no_problem(wallets: Wallets, database: asyncpg.Connection) -> None:
    await make_company(database)
    await wallets.engine.submit(adjustment(-500, below_floor=True))
    await wallets.engine.submit(top_up(100))
    await wallets.engine.submit(adjustment(-1, below_floor=True))
    await database.execute("UPDATE wallets SET floor = 1000, epoch = epoch + 1, last_seq = 0")
    await wallets.engine.submit(top_up(50))
    assert broken(await wallets.verify()) == set()


async def test_every_company_is_named_before_any_is_named_twice(
    filled: Wallets, database: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wallet.verification.ledger, "PROBLEMS_LISTED_MAX", len(COMPANIES))
    monkeypatch.setattr(wallet.verification.problems, "PROBLEMS_LISTED_MAX", len(COMPANIES))
    await database.execute("UPDATE entries SET held_after = held_after - 1 WHERE number % 2 = 0")
    await database.execute("UPDATE entries SET floor = balance_after + 2 WHERE company_id = 'brick' AND number = 2")
    verification = await filled.verify()
    assert [problem.company for problem in verification.problems] == list(COMPANIES)
    # Every entry but the first is wrong, being changed or after a changed one; a negative hold is wrong in itself.
    negative = await database.fetchval("SELECT count(*) FROM entries WHERE held_after < 0")
    assert verification.problems_found == len(COMPANIES) * (ENTRIES_PER_COMPANY - 1) + negative + 1


async def test_many_ranges_count_everything_once(filled: Wallets, monkeypatch: pytest.MonkeyPatch) -> None:
    for wallets_max in (1, 2, 3, 4):
        monkeypatch.setattr(wallet.verification.ledger, "RANGE_WALLETS_MAX", wallets_max)
        monkeypatch.setattr(wallet.verification.hot, "WALLETS_PER_READ_MAX", wallets_max)
        monkeypatch.setattr(wallet.verification.hot, "HOLDS_PER_READ_MAX", wallets_max)
        verification = await filled.verify()
        assert verification == Verification(3, 3 * ENTRIES_PER_COMPANY, 3, [], 0)


@pytest.mark.parametrize("field", ["balance", "held", "floor"])
async def test_tampering_with_a_hot_wallet_is_found(filled: Wallets, hot: redis.Redis, field: str) -> None:
    hot.hincrby(filled.hot.keys.wallet(TAMPERED), field, 1)
    verification = await filled.verify()
    assert broken(verification) == {(TAMPERED, Check.HOT)}
    assert field in verification.problems[0].detail
    assert verification.hot_wallets_checked == len(COMPANIES)


async def test_a_hot_wallet_in_another_state_is_found(filled: Wallets, hot: redis.Redis) -> None:
    hot.hset(filled.hot.keys.wallet(TAMPERED), "state", "2")
    assert broken(await filled.verify()) == {(TAMPERED, Check.HOT)}


async def test_a_hot_wallet_that_forgot_an_attempt_is_found(filled: Wallets, hot: redis.Redis) -> None:
    hot.hincrby(filled.hot.keys.wallet(TAMPERED), "seq", -1)
    verification = await filled.verify()
    assert broken(verification) == {(TAMPERED, Check.HOT)}
    assert "seq" in verification.problems[0].detail


async def test_a_seq_that_was_given_back_is_no_problem(filled: Wallets, hot: redis.Redis) -> None:
    """The attempt of a duplicate is undone, and its seq is not used again."""
    hot.hincrby(filled.hot.keys.wallet(TAMPERED), "seq", 1)
    assert broken(await filled.verify()) == set()


async def test_a_hot_wallet_with_an_attempt_that_the_ledger_lacks_is_found(filled: Wallets, hot: redis.Redis) -> None:
    """Settled in Redis and never written: what P3 forbids."""
    hot.hincrby(filled.hot.keys.wallet(TAMPERED), "seq", 1)
    hot.hincrby(filled.hot.keys.wallet(TAMPERED), "balance", -100)
    assert broken(await filled.verify()) == {(TAMPERED, Check.HOT)}


@pytest.mark.parametrize("holds_per_read_max", [1, 500])
async def test_an_open_authorization_that_redis_lacks_is_found(
    filled: Wallets, hot: redis.Redis, monkeypatch: pytest.MonkeyPatch, holds_per_read_max: int
) -> None:
    monkeypatch.setattr(wallet.verification.hot, "HOLDS_PER_READ_MAX", holds_per_read_max)
    hot.delete(filled.hot.keys.authorization(TAMPERED, "open-2"))
    verification = await filled.verify()
    assert broken(verification) == {(TAMPERED, Check.HOT)}
    assert "open-2" in verification.problems[0].detail


async def test_an_authorization_of_other_content_is_found(filled: Wallets, hot: redis.Redis) -> None:
    key = filled.hot.keys.authorization(TAMPERED, "open-1")
    stored = hot.get(key)
    assert isinstance(stored, bytes)
    epoch, held, rest = stored.split(b":", 2)
    hot.set(key, b":".join((epoch, str(int(held) + 1).encode(), rest)))
    assert broken(await filled.verify()) == {(TAMPERED, Check.HOT)}


async def test_a_wallet_of_an_older_epoch_is_fenced_and_not_compared(
    filled: Wallets, database: asyncpg.Connection, hot: redis.Redis
) -> None:
    await database.execute("UPDATE wallets SET epoch = epoch + 1, last_seq = 0 WHERE company_id = 'brick'")
    hot.hincrby(filled.hot.keys.wallet(TAMPERED), "balance", 1)
    assert await filled.verify() == Verification(3, 3 * ENTRIES_PER_COMPANY, 2, [], 0)


async def test_a_wallet_of_a_later_epoch_than_the_ledgers_is_found(filled: Wallets, hot: redis.Redis) -> None:
    hot.hincrby(filled.hot.keys.wallet(TAMPERED), "epoch", 1)
    assert broken(await filled.verify()) == {(TAMPERED, Check.HOT)}


async def test_a_cold_wallet_is_not_compared(filled: Wallets, hot: redis.Redis) -> None:
    hot.delete(filled.hot.keys.wallet(TAMPERED))
    assert await filled.verify() == Verification(3, 3 * ENTRIES_PER_COMPANY, 2, [], 0)


async def applied_attempt(hot: HotStore, company: str, amount: int) -> Attempt:
    """Charge in Redis and go no further, as a process that is killed then."""
    command = charge(amount, company=company)
    (proposal,) = await hot.apply(hot.keys.partition(company), Batch(commands=[(command, START)]))
    assert proposal.attempt is not None
    assert proposal.attempt.question is Question.APPLIED
    return proposal.attempt


async def test_what_is_in_the_journal_is_told_apart_exactly(
    filled: Wallets, settings: WalletSettings, hot: redis.Redis
) -> None:
    """Applied and not written, written and not settled: the wallet is compared all the same."""
    first = await applied_attempt(filled.hot, TAMPERED, 7)
    await applied_attempt(filled.hot, TAMPERED, 11)
    clean = Verification(3, 3 * ENTRIES_PER_COMPANY, 3, [], 0)
    assert await filled.verify() == clean
    connection = await open_connection(settings.database_url)
    await append_over(connection, [first])
    await connection.close()
    assert broken(await filled.verify()) == set()
    hot.hincrby(filled.hot.keys.wallet(TAMPERED), "balance", 7)
    assert broken(await filled.verify()) == {(TAMPERED, Check.HOT)}


@pytest.mark.parametrize("reading", [1, 2, 3], ids=["of the wallet", "of the authorizations", "a second time"])
async def test_entries_written_after_a_reading_of_redis_are_told_apart(
    filled: Wallets, monkeypatch: pytest.MonkeyPatch, reading: int
) -> None:
    """Entries are written between the reading of Redis and that of the ledger, also to an authorization."""
    peek, readings = filled.hot.peek, 0

    async def peek_and_write(company: str) -> Peek:
        nonlocal readings
        seen = await peek(company)
        readings += company == TAMPERED
        if company == TAMPERED and readings == reading:
            for command in (
                charge(9, company=company),
                capture(10, "open-2", company=company, keep_open=True),
                capture(10, "open-1", company=company),
            ):
                await filled.engine.submit(command)
        return seen

    monkeypatch.setattr(filled.hot, "peek", peek_and_write)
    assert await filled.verify() == Verification(3, 3 * ENTRIES_PER_COMPANY, 3, [], 0)
    assert readings >= 3


async def test_an_entry_that_no_process_settles_is_found(filled: Wallets, hot: redis.Redis) -> None:
    attempt = await applied_attempt(filled.hot, TAMPERED, 7)
    journal, key = filled.hot.keys.journal(0), attempt.command.idempotency_key
    field = f"{TAMPERED} {attempt.name}"
    stored = hot.hget(journal, field)
    assert isinstance(stored, bytes)
    older = str(attempt.applied_at - 31_000_000).encode()
    hot.hset(journal, field, stored.replace(str(attempt.applied_at).encode(), older))
    verification = await filled.verify()
    assert [(problem.company, problem.check) for problem in verification.problems] == [(TAMPERED, Check.HOT)]
    assert key in verification.problems[0].detail
    assert verification.hot_wallets_checked == len(COMPANIES)


async def test_an_authorization_that_redis_may_have_forgotten_is_no_problem(
    filled: Wallets, database: asyncpg.Connection, hot: redis.Redis
) -> None:
    """Its time was up a day ago and no sweep has ended it yet."""
    await database.execute(HOLD("expires_at = 1", "open-1"))
    hot.delete(filled.hot.keys.authorization(TAMPERED, "open-1"))
    assert broken(await filled.verify()) == set()


async def test_without_redis_there_is_no_verdict(settings: WalletSettings, database: asyncpg.Connection) -> None:
    await make_company(database)
    pool = await open_pool(settings.database_url, size_max=2)
    client = Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))
    try:
        with pytest.raises(WalletUnavailable):
            await Verifier(pool, HotStore(client, Keys(1))).run()
    finally:
        await client.aclose()
        await pool.close()


@pytest.mark.parametrize("redis_server", ["valkey", "redis"], indirect=True)
async def test_nothing_is_found_under_load(open_more: OpenWallets, database: asyncpg.Connection) -> None:
    """Two engines charge, hold, capture and repeat themselves, and wallets are loaded anew, while all is verified."""
    engines = [await open_more() for _ in range(2)]
    for company in COMPANIES:
        await fill(database, engines[0], company)
    stop = asyncio.Event()

    async def work(wallets: Wallets, company: str, worker: int) -> None:
        while not stop.is_set():
            hold = fresh(f"hold-{worker}")
            again = charge(3, company=company)
            for command in (
                authorize(50, hold, company=company),
                again,
                increment(80, hold, company=company),
                again,
                capture(20, hold, company=company, keep_open=True),
                top_up(30, company=company),
                *(() if worker % 3 == 0 else (capture(30, hold, company=company),)),
            ):
                try:
                    await wallets.engine.submit(command)
                except Declined:
                    continue

    async def reload() -> None:
        while not stop.is_set():
            for _ in range(20):
                await engines[0].engine.submit(top_up(1, company=TAMPERED))
            await engines[0].rebuild(TAMPERED)

    async with asyncio.TaskGroup() as group:
        for worker in range(24):
            group.create_task(work(engines[worker % 2], COMPANIES[worker % len(COMPANIES)], worker))
        group.create_task(reload())
        try:
            verifications = [await engines[1].verify() for _ in range(VERIFICATIONS)]
        finally:
            stop.set()
    assert [verification.problems for verification in verifications] == [[]] * VERIFICATIONS
    assert {verification.wallets_checked for verification in verifications} == {len(COMPANIES)}
    compared = sum(verification.hot_wallets_checked for verification in verifications)
    assert compared > VERIFICATIONS  # Busy wallets are compared too, but for those that are being loaded.
    assert (await engines[0].verify()).hot_wallets_checked == len(COMPANIES)

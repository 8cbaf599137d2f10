"""The peer that benchmarks compare with is correct, so that the comparison is fair."""

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg
import grpc
import psycopg
import pytest
from google.rpc.status_pb2 import Status

import devstack
from benchmarks.peers.local import naive_server, prepare
from tests.conftest import with_template
from tests.support.clients import CALL_SECONDS_MAX, Metadata, Refusal
from veloconnect.charging.v1 import charging_pb2, charging_pb2_grpc
from veloconnect.wallet.v1 import wallet_pb2

DATABASE = "peer"
TOKEN = secrets.token_hex(16)
BALANCE, FLOOR, PRICE = 1_000, -100, 75
AT_ONCE = 24
NUMBERS = "SELECT array_agg(number ORDER BY number) FROM naive_entries WHERE company_id = $1"
UNSOUND = """
SELECT w.company_id FROM naive_wallets w
LEFT JOIN (SELECT company_id, sum(amount) AS amount, count(*) AS count FROM naive_entries GROUP BY 1) e
    USING (company_id)
WHERE w.balance <> $1 + coalesce(e.amount, 0) OR w.last_number <> coalesce(e.count, 0) OR w.balance < w.floor
"""

Stub = charging_pb2_grpc.ChargingServiceStub


@pytest.fixture(scope="module")
def url(postgres: devstack.Postgres) -> Iterator[str]:
    """Yield the URL of a database with companies, one suspended, and the peer's tables."""
    with_template(postgres, DATABASE)
    url = postgres.database_dsn(DATABASE)
    with psycopg.connect(url) as connection:
        for company, state in (("acme", 1), ("other", 1), ("race", 1), ("shut", 2)):
            connection.execute("INSERT INTO companies VALUES (%s, %s, '')", (company, company))
            connection.execute(
                "INSERT INTO wallets (company_id, currency, floor, balance, state) VALUES (%s, 'EUR', %s, %s, %s)",
                (company, FLOOR, BALANCE, state),
            )
    prepare(url)
    yield url
    postgres.drop_database(DATABASE)


@pytest.fixture(scope="module")
def stub(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stub]:
    with (
        naive_server(tmp_path_factory.mktemp("naive"), url, TOKEN) as (target, _),
        grpc.insecure_channel(str(target)) as channel,
    ):
        yield Stub(channel)


@pytest.fixture(autouse=True)
async def sound(url: str, stub: Stub) -> Any:
    """Check after each test that the peer's wallets are the sums of their entries, and above their floors."""
    yield
    connection = await asyncpg.connect(url)
    assert await connection.fetch(UNSOUND, BALANCE) == []
    await connection.close()


def request(
    key: str, *, company: str = "acme", amount: int = PRICE, number: str = "+4915112345678"
) -> charging_pb2.ChargeRequest:
    return charging_pb2.ChargeRequest(
        company=f"companies/{company}",
        idempotency_key=key,
        usage=wallet_pb2.Usage(channel=wallet_pb2.CHANNEL_SMS, destination=number, campaign_id="spring"),
        amount_micros=amount,
    )


def call(method: Callable[..., Any], message: Any, metadata: Metadata | None = None) -> Any:
    shown = [("authorization", f"Bearer {TOKEN}")] if metadata is None else metadata
    return method(message, metadata=shown, timeout=CALL_SECONDS_MAX)


def refused(method: Callable[..., Any], message: Any, metadata: Metadata | None = None) -> Refusal:
    with pytest.raises(grpc.RpcError) as caught:
        call(method, message, metadata)
    return Refusal.of(caught.value)


def test_it_charges_and_answers_with_the_same_messages(stub: Stub) -> None:
    answer = call(stub.Charge, request("first", company="other"))
    assert answer.transaction.name == "companies/other/transactions/1"
    assert answer.transaction.kind == wallet_pb2.Transaction.KIND_CHARGE
    assert (answer.transaction.amount_micros, answer.transaction.balance_after_micros) == (-PRICE, BALANCE - PRICE)
    assert answer.transaction.usage.destination == "DE"
    assert answer.wallet.available_micros == BALANCE - PRICE - FLOOR
    assert call(stub.GetWallet, charging_pb2.GetWalletRequest(name="companies/other/wallet")) == answer.wallet


def test_a_key_is_charged_once_and_for_one_request(stub: Stub) -> None:
    first = call(stub.Charge, request("again"))
    assert call(stub.Charge, request("again")).transaction == first.transaction
    assert refused(stub.Charge, request("again", amount=PRICE + 1)).reason == "IDEMPOTENCY_KEY_REUSED"


async def test_floor_and_keys_hold_under_concurrent_charges(stub: Stub, url: str) -> None:
    fits = (BALANCE - FLOOR) // PRICE
    keys = [f"race-{number // 2}" for number in range(2 * AT_ONCE)]

    def charge(key: str) -> str:
        try:
            return str(call(stub.Charge, request(key, company="race")).transaction.name)
        except grpc.RpcError as error:
            return Refusal.of(error).reason

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(charge, keys))
    names = {answer for answer in answers if answer != "INSUFFICIENT_FUNDS"}
    assert len(names) == fits
    for one, other in zip(answers[::2], answers[1::2], strict=True):
        assert one == other, "one key, two answers"
    connection = await asyncpg.connect(url)
    assert await connection.fetchval(NUMBERS, "race") == list(range(1, fits + 1))
    await connection.close()


def test_each_charge_of_a_batch_is_its_own(stub: Stub) -> None:
    requests = [
        request("batch-1", company="other"),
        request("batch-1", company="other"),
        request("batch-2", company="nobody"),
        request("batch-3", company="shut"),
        request("batch-4", company="other", amount=10 * BALANCE),
        request("batch-5", company="other", amount=0),
    ]
    results = call(stub.BatchCharge, charging_pb2.BatchChargeRequest(requests=requests)).results

    def reason(status: Status) -> str:
        return Refusal.in_status(status).reason

    assert results[0].charge.transaction == results[1].charge.transaction
    assert [reason(result.status) for result in results[2:]] == [
        "COMPANY_NOT_FOUND",
        "COMPANY_SUSPENDED",
        "INSUFFICIENT_FUNDS",
        "INVALID_REQUEST",
    ]


@pytest.mark.parametrize("metadata", [[], [("authorization", f"Bearer {TOKEN[::-1]}")]])
def test_wrong_tokens_are_refused(stub: Stub, metadata: Metadata) -> None:
    assert refused(stub.Charge, request("wrong"), metadata).code == "UNAUTHENTICATED"


async def test_prepare_again_adds_companies_and_changes_none(stub: Stub, url: str) -> None:
    call(stub.Charge, request("before"))
    connection = await asyncpg.connect(url)
    before = await connection.fetch("SELECT * FROM naive_wallets ORDER BY company_id")
    await connection.execute("INSERT INTO companies VALUES ('new', 'new', '')")
    await connection.execute(
        "INSERT INTO wallets (company_id, currency, floor, balance) VALUES ('new', 'EUR', $1, $2)", FLOOR, BALANCE
    )
    prepare(url)
    assert await connection.fetch("SELECT * FROM naive_wallets WHERE company_id <> 'new' ORDER BY company_id") == before
    await connection.close()
    call(stub.Charge, request("after", company="new"))

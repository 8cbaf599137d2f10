"""A clear error with its reason from the table and field violations, and no state changed.

Every test compares the whole database before and after, and ends with a verified ledger.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from operator import attrgetter
from typing import Any
from unittest.mock import ANY

import grpc
import psycopg
import pytest
import redis
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from charging.turns import COMPANY_CHARGES_MAX
from devstack import Stack
from server.errors import DOMAIN, RETRY_MS
from tests.acceptance.bad_requests import (
    auto_top_ups,
    charging,
    companies,
    documents,
    ledger,
    rates,
    refunds,
    rules,
    statements,
    subscriptions,
    top_ups,
    webhooks,
)
from tests.acceptance.bad_requests.charging import BAD_CHARGES
from tests.acceptance.bad_requests.companies import update
from tests.acceptance.bad_requests.makers import (
    AVAILABLE,
    BALANCE,
    HELD,
    MICROS_MAX,
    BadRequest,
    RefusedRequest,
    authorize,
    capture,
    charge,
    create,
    top_up,
    usage,
    void,
    without,
)
from tests.acceptance.bad_requests.rates import PRICE_MAX, batch, make, rate
from tests.acceptance.bad_requests.refunds import settle
from tests.acceptance.bad_requests.rules import limit
from tests.acceptance.bad_requests.statements import BAD_EXPORTS
from tests.acceptance.bad_requests.subscriptions import settle_subscriptions
from tests.acceptance.conftest import MANUAL_MICROS_MAX
from tests.support.clients import Clients, Metadata, Refusal
from tests.support.fronts import ON_BOTH_FRONTS, Fronts, on_each_front
from tests.support.polling import wait_until
from veloconnect.admin.v1 import (
    adjustment_pb2,
    auto_top_up_pb2,
    company_pb2,
    document_pb2,
    ledger_pb2,
    rate_pb2,
    refund_pb2,
    rule_pb2,
    subscription_pb2,
    top_up_pb2,
    transaction_pb2,
    webhook_pb2,
)
from veloconnect.charging.v1 import charging_pb2
from veloconnect.wallet.v1 import wallet_pb2

MEBIBYTE = 1024 * 1024
BATCHES_MAX = COMPANY_CHARGES_MAX // 1000
"""As many batches of one company as are served at once."""
PAUSE_MS_MAX = 60_000
"""Far more than it takes, so that Redis comes back by itself if this process dies."""

SERVICES: list[ServiceDescriptor] = [
    service
    for module in (
        charging_pb2,
        adjustment_pb2,
        auto_top_up_pb2,
        company_pb2,
        document_pb2,
        ledger_pb2,
        rate_pb2,
        refund_pb2,
        rule_pb2,
        subscription_pb2,
        top_up_pb2,
        transaction_pb2,
        webhook_pb2,
    )
    for service in module.DESCRIPTOR.services_by_name.values()
]

SNAPSHOTS = {
    "companies": "SELECT to_jsonb(t) FROM companies t ORDER BY company_id",
    # Not the epoch and its count, which say how often a wallet was loaded.
    "wallets": "SELECT to_jsonb(t) - 'epoch' - 'last_seq' FROM wallets t ORDER BY company_id",
    "entries": "SELECT to_jsonb(t) FROM entries t ORDER BY company_id, number",
    "authorizations": "SELECT to_jsonb(t) FROM authorizations t ORDER BY company_id, authorization_id",
    "spend_limits": "SELECT to_jsonb(t) FROM spend_limits t ORDER BY company_id, limit_id",
    "spend_counters": "SELECT to_jsonb(t) FROM spend_counters t ORDER BY company_id, limit_id, starts_at",
    "rate_cards": "SELECT to_jsonb(t) FROM rate_cards t ORDER BY card_id",
    "rates": "SELECT to_jsonb(t) FROM rates t ORDER BY card_id, channel, variant, destination, effective_at",
    "pricing": "SELECT to_jsonb(t) FROM pricing t",
    "refund_jobs": "SELECT to_jsonb(t) FROM refund_jobs t ORDER BY job_id",
    "refund_job_amounts": "SELECT to_jsonb(t) FROM refund_job_amounts t ORDER BY job_id, currency",
    "refund_job_charges": "SELECT to_jsonb(t) FROM refund_job_charges t ORDER BY job_id, company_id, number",
    "refund_rules": "SELECT to_jsonb(t) FROM refund_rules t ORDER BY place",
    "refund_policy": "SELECT to_jsonb(t) FROM refund_policy t",
    "refund_cases": "SELECT to_jsonb(t) FROM refund_cases t ORDER BY company_id, case_id",
    "delivery_reports": "SELECT to_jsonb(t) FROM delivery_reports t ORDER BY company_id, number",
    # Not what a worker writes when it has made sure that one that has ended was not charged.
    "subscriptions": "SELECT to_jsonb(t) - 'due_at' - 'version' - 'updated_at' FROM subscriptions t "
    "ORDER BY company_id, subscription_id",
    "alert_policies": "SELECT to_jsonb(t) FROM alert_policies t ORDER BY company_id",
    "auto_top_ups": "SELECT to_jsonb(t) FROM auto_top_ups t ORDER BY company_id",
    "auto_top_up_firings": "SELECT to_jsonb(t) FROM auto_top_up_firings t ORDER BY company_id, number",
    "sellers": "SELECT to_jsonb(t) FROM sellers t",
    "billing_profiles": "SELECT to_jsonb(t) FROM billing_profiles t ORDER BY company_id",
    "payment_customers": "SELECT to_jsonb(t) FROM payment_customers t ORDER BY company_id",
    "top_ups": "SELECT to_jsonb(t) FROM top_ups t ORDER BY company_id, top_up_id",
    "second_payments": "SELECT to_jsonb(t) FROM second_payments t ORDER BY payment",
    "top_up_refunds": "SELECT to_jsonb(t) FROM top_up_refunds t ORDER BY company_id, refund_id",
    "chargebacks": "SELECT to_jsonb(t) FROM chargebacks t ORDER BY company_id, chargeback_id",
    # Alert events are written when a worker checks the company.
    "events": "SELECT to_jsonb(t) FROM events t WHERE cause NOT LIKE 'alert-%' ORDER BY company_id, cause",
    "webhooks": "SELECT to_jsonb(t) FROM webhooks t ORDER BY company_id",
    "mails": "SELECT to_jsonb(t) FROM mails t ORDER BY company_id, cause",
    "quarantine": "SELECT to_jsonb(t) FROM quarantine t ORDER BY id",
    "settings": "SELECT to_jsonb(t) FROM settings t ORDER BY name",
}

BY_THE_CLOCK = {"alerts", "leases", "rollups", "usage_days"} | {"receipts", "receipt_marks", "receipt_series"}
"""Tables that background work writes at its own times, independently of requests."""

TABLES = (
    auto_top_ups,
    charging,
    companies,
    documents,
    ledger,
    rates,
    refunds,
    rules,
    statements,
    subscriptions,
    top_ups,
    webhooks,
)


def of_gateways(row: BadRequest | RefusedRequest) -> bool:
    """Return whether a request is one of the gateways' service."""
    return row[0].startswith("charging.")


def rows(tables: Iterable[Mapping[str, Any]]) -> list[Any]:
    """Return the rows of all tables, those of gateways for both fronts."""
    return [each for table in tables for each in on_each_front(table, both=of_gateways)]


BAD = rows(table.BAD for table in TABLES)
REFUSED = rows(table.REFUSED for table in TABLES)

CODES = {
    "AUTHORIZATION_CLOSED": "FAILED_PRECONDITION",
    "AUTHORIZATION_NOT_FOUND": "NOT_FOUND",
    "AUTO_TOP_UP_NOT_FOUND": "NOT_FOUND",
    "BALANCE_LIMIT_REACHED": "FAILED_PRECONDITION",
    "COMPANY_ALREADY_EXISTS": "ALREADY_EXISTS",
    "COMPANY_CLOSED": "FAILED_PRECONDITION",
    "COMPANY_NOT_FOUND": "NOT_FOUND",
    "COMPANY_SUSPENDED": "FAILED_PRECONDITION",
    "CURRENCY_MISMATCH": "FAILED_PRECONDITION",
    "DESTINATION_BLOCKED": "FAILED_PRECONDITION",
    "EVENT_NOT_FOUND": "NOT_FOUND",
    "IDEMPOTENCY_KEY_REUSED": "INVALID_ARGUMENT",
    "INSUFFICIENT_FUNDS": "FAILED_PRECONDITION",
    "PAYMENTS_NOT_CONFIGURED": "FAILED_PRECONDITION",
    "RATE_CARD_ALREADY_EXISTS": "ALREADY_EXISTS",
    "RATE_CARD_NOT_FOUND": "NOT_FOUND",
    "RATE_NOT_FOUND": "NOT_FOUND",
    "RECEIPT_NOT_FOUND": "NOT_FOUND",
    "REFUND_CASE_DECIDED": "FAILED_PRECONDITION",
    "REFUND_CASE_NOT_FOUND": "NOT_FOUND",
    "REFUND_EXCEEDS_CHARGE": "FAILED_PRECONDITION",
    "REFUND_JOB_NOT_FOUND": "NOT_FOUND",
    "SPEND_LIMIT_ALREADY_EXISTS": "ALREADY_EXISTS",
    "SPEND_LIMIT_NOT_FOUND": "NOT_FOUND",
    "SPEND_LIMIT_REACHED": "FAILED_PRECONDITION",
    "SUBSCRIPTION_CANCELED": "FAILED_PRECONDITION",
    "SUBSCRIPTION_NOT_FOUND": "NOT_FOUND",
    "TOP_UP_ENDED": "FAILED_PRECONDITION",
    "TOP_UP_NOT_FOUND": "NOT_FOUND",
    "TOP_UP_NOT_REFUNDABLE": "FAILED_PRECONDITION",
    "TOP_UP_REFUND_NOT_FOUND": "NOT_FOUND",
    "TRANSACTION_NOT_FOUND": "NOT_FOUND",
    "WALLET_NOT_EMPTY": "FAILED_PRECONDITION",
    "WEBHOOK_NOT_FOUND": "NOT_FOUND",
}
"""Reason → gRPC code."""

METADATA = {
    "INSUFFICIENT_FUNDS": {
        "available": str(AVAILABLE),
        "required": str(AVAILABLE + 1),
        "floor": "0",
        "currency": "EUR",
    },
    "CURRENCY_MISMATCH": {"wallet": "EUR", "given": "USD"},
    "DESTINATION_BLOCKED": {"channel": ANY, "country": ANY},
    "RATE_NOT_FOUND": {"channel": "SMS", "variant": "", "country": "DE"},
    "REFUND_EXCEEDS_CHARGE": {"refundable": "1", "required": "2"},
    "TOP_UP_ENDED": {"state": "SUCCEEDED"},
    "TOP_UP_NOT_REFUNDABLE": {"refundable": "0", "required": "0"},
    "SPEND_LIMIT_REACHED": {
        "limit": "companies/braked/spendLimits/daily",
        "amount": "2",
        "spent": "0",
        "required": "3",
        "reset_time": ANY,
    },
}


@pytest.fixture
def clients(fronts: Fronts, front: str) -> Clients:
    """Clients of the back office and of one front of charging."""
    return fronts.clients(front)


@pytest.fixture(scope="module", autouse=True)
def _companies(stack: Stack) -> None:
    """Companies in every state that a request may meet."""
    with Clients.of(stack) as clients:
        make_companies(clients)


def make_companies(clients: Clients) -> None:
    """Make them."""
    for company in ("bad", "suspended", "closed", "empty", "full", "braked"):
        clients.call(clients.companies.CreateCompany, create(company))
    clients.call(clients.top_ups.CreateTopUp, top_up(key="first", amount_micros=BALANCE))
    for key, amount in (("first", MANUAL_MICROS_MAX), ("rest", MICROS_MAX - MANUAL_MICROS_MAX)):
        clients.call(clients.top_ups.CreateTopUp, top_up(parent="companies/full", key=key, amount_micros=amount))
    for authorization in ("open", "captured", "voided"):
        clients.call(clients.charging.Authorize, authorize(idempotency_key=authorization, amount_micros=HELD))
    clients.call(clients.charging.Capture, capture("captured", idempotency_key="capture"))
    clients.call(clients.charging.Void, void("voided", idempotency_key="void"))
    clients.call(clients.charging.Charge, charge(idempotency_key="charged"))
    clients.call(
        clients.charging.Authorize, authorize(company="companies/full", idempotency_key="open", amount_micros=1)
    )
    clients.call(clients.top_ups.CreateTopUp, top_up(parent="companies/braked", key="first", amount_micros=BALANCE))
    clients.call(clients.rules.CreateSpendLimit, limit("daily", parent="companies/braked"))
    blocks = {"blocked_channels": [wallet_pb2.CHANNEL_VOICE], "blocked_country_codes": ["KP"]}
    clients.call(clients.companies.UpdateCompany, update(name="companies/braked", **blocks))
    clients.call(clients.rates.CreateRateCard, make("bad"))
    clients.call(clients.rates.CreateRateCard, make("dollars", currency_code="USD"))
    dear = rate(channel=wallet_pb2.CHANNEL_VOICE, unit_price_micros=PRICE_MAX)
    clients.call(clients.rates.BatchUpdateRates, batch(dear))
    settle(clients)
    settle_subscriptions(clients)
    clients.call(clients.companies.SuspendCompany, company_pb2.SuspendCompanyRequest(name="companies/suspended"))
    clients.call(clients.companies.CloseCompany, company_pb2.CloseCompanyRequest(name="companies/closed"))


@pytest.fixture(scope="module")
def database(stack: Stack) -> Iterator["psycopg.Connection[Any]"]:
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def _found(_companies: None, database: "psycopg.Connection[Any]") -> dict[str, list[Any]]:
    """The whole database as the last test left it."""
    return snapshot(database)


@pytest.fixture(autouse=True)
def _unchanged(_found: dict[str, list[Any]], clients: Clients, database: "psycopg.Connection[Any]") -> Iterator[None]:
    """The whole database is as it was, and every promise holds, Redis included."""
    yield
    before, after = dict(_found), snapshot(database)
    _found.update(after)
    assert after == before
    clients.assert_ledger_clean()


def snapshot(database: "psycopg.Connection[Any]") -> dict[str, list[Any]]:
    """Return every row of every table."""
    return {table: database.execute(query.encode()).fetchall() for table, query in SNAPSHOTS.items()}


def test_every_table_is_compared(database: "psycopg.Connection[Any]") -> None:
    tables = database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    ours = {name for (name,) in tables if not name.startswith(("_yoyo", "yoyo"))}
    assert ours == SNAPSHOTS.keys() | BY_THE_CLOCK


@ON_BOTH_FRONTS
@pytest.mark.parametrize(("request_", "field"), BAD_CHARGES.values(), ids=BAD_CHARGES.keys())
def test_a_bad_charge_names_its_field(clients: Clients, request_: charging_pb2.ChargeRequest, field: str) -> None:
    """Alone, in a batch between good ones, and as an authorization: the same answer."""
    alone = clients.refused(clients.charging.Charge, request_)
    assert_names(alone, field)

    good = charge(idempotency_key="charged")  # it is recorded, so it changes nothing
    batch = charging_pb2.BatchChargeRequest(requests=[good, request_, good])
    before, bad, after = clients.call(clients.charging.BatchCharge, batch).results
    assert before.charge.transaction == after.charge.transaction
    assert before.charge.transaction.idempotency_key == "charged"
    assert Refusal.in_status(bad.status) == alone

    held = charging_pb2.AuthorizeRequest.FromString(request_.SerializeToString())
    assert clients.refused(clients.charging.Authorize, held) == alone


def assert_names(refusal: Refusal, *fields: str) -> None:
    """The request is invalid, and these are the fields that are."""
    assert (refusal.code, refusal.reason, refusal.domain) == ("INVALID_ARGUMENT", "INVALID_REQUEST", DOMAIN)
    assert refusal.metadata == {}
    assert refusal.fields == fields
    assert refusal.message.startswith(f"{fields[0]}: ")


@pytest.mark.parametrize(("front", "bad"), BAD, indirect=["front"])
def test_a_bad_request_names_its_field(clients: Clients, bad: BadRequest) -> None:
    method, request, field = bad
    refusal = refused(clients, method, request)
    assert_names(refusal, field)
    assert "secret" not in refusal.message


def refused(clients: Clients, method: str, request: Any) -> Refusal:
    """Send a request, or the messages of a stream, that must be refused."""
    return clients.refused(attrgetter(method)(clients), iter(request) if isinstance(request, list) else request)


@pytest.mark.parametrize(("front", "bad"), REFUSED, indirect=["front"])
def test_a_request_that_cannot_be_done_says_why(clients: Clients, bad: RefusedRequest) -> None:
    """P5: and again, in the same words, since nothing is recorded."""
    method, request, reason, *own = bad
    refusal = refused(clients, method, request)
    assert (refusal.code, refusal.reason, refusal.domain) == (CODES[reason], reason, DOMAIN)
    assert refusal.metadata == (own[0] if own else METADATA.get(reason, {}))
    assert refusal.fields == ()
    assert refused(clients, method, request) == refusal


@ON_BOTH_FRONTS
def test_every_bad_field_is_named_at_once(clients: Clients) -> None:
    empty = clients.refused(clients.charging.Charge, charging_pb2.ChargeRequest())
    assert_names(empty, "company", "idempotency_key", "usage")
    assert "And 2 more." in empty.message
    unpriced = without(charge(usage=usage(destination="QX")), "amount_micros")
    assert_names(clients.refused(clients.charging.Charge, unpriced), "usage.destination")


@pytest.mark.parametrize(
    ("name", "reason"), [("rateCards/none", "RATE_CARD_NOT_FOUND"), ("rateCards/", "INVALID_REQUEST")]
)
def test_an_export_of_what_is_not_there_says_so(clients: Clients, name: str, reason: str) -> None:
    with pytest.raises(grpc.RpcError) as ended:
        next(clients.rates.ExportRates(rate_pb2.ExportRatesRequest(name=name), metadata=clients.metadata, timeout=10))
    assert Refusal.of(ended.value).reason == reason


@pytest.mark.parametrize(("request_", "reason", "fields"), BAD_EXPORTS.values(), ids=BAD_EXPORTS.keys())
def test_an_export_that_cannot_be_says_why(
    clients: Clients, request_: Any, reason: str, fields: tuple[str, ...]
) -> None:
    with pytest.raises(grpc.RpcError) as ended:
        next(clients.transactions.ExportTransactions(request_, metadata=clients.metadata, timeout=10))
    refusal = Refusal.of(ended.value)
    assert (refusal.reason, refusal.fields) == (reason, fields)


@ON_BOTH_FRONTS
def test_an_empty_wallet_and_the_largest_amount_decline_with_exact_amounts(clients: Clients) -> None:
    request = charge(company="companies/empty", amount_micros=MICROS_MAX)
    assert clients.refused(clients.charging.Charge, request).metadata == {
        "available": "0",
        "required": str(MICROS_MAX),
        "floor": "0",
        "currency": "EUR",
    }


@ON_BOTH_FRONTS
def test_a_stream_answers_the_batches_before_a_bad_one_and_ends(clients: Clients) -> None:
    good = charging_pb2.StreamChargesRequest(batch_id="good", requests=[charge(idempotency_key="charged")])
    bad = charging_pb2.StreamChargesRequest(batch_id="bad", requests=[])
    stream = clients.charging.StreamCharges(iter([good, bad, good]), metadata=clients.metadata, timeout=10)
    assert next(stream).batch_id == "good"
    with pytest.raises(grpc.RpcError) as ended:
        next(stream)
    assert_names(Refusal.of(ended.value), "requests")


BATCH = "/veloconnect.charging.v1.ChargingService/BatchCharge"
CHARGE = "/veloconnect.charging.v1.ChargingService/Charge"


@ON_BOTH_FRONTS
@pytest.mark.parametrize(
    "raw", [b"\xff\xff\xff", b"\x0a\x7fshort", b"\x0a\x02\xff\xfe"], ids=["garbage", "cut off", "not UTF-8"]
)
def test_bytes_that_are_no_request_are_refused_in_words(clients: Clients, raw: bytes) -> None:
    refusal = clients.refused(raw_method(clients.charging_channel, CHARGE), raw)
    assert (refusal.code, refusal.reason, refusal.domain) == ("INVALID_ARGUMENT", "INVALID_REQUEST", DOMAIN)
    assert "not such a message" in refusal.message


@ON_BOTH_FRONTS
@pytest.mark.parametrize("size", [10 * MEBIBYTE, 20 * MEBIBYTE])
def test_a_message_too_large_is_refused_unread_and_the_connection_lives_on(
    clients: Clients, front: str, size: int
) -> None:
    refusal = clients.refused(raw_method(clients.charging_channel, BATCH), b"\n" * size)
    if front == "envoy":
        assert (refusal.code, refusal.reason) == ("INVALID_ARGUMENT", "INVALID_REQUEST")
        assert f"{size} bytes, more than 4194304" in refusal.message
    else:  # gRPC's own server refuses it before it asks us, and has no words for it.
        assert (refusal.code, refusal.reason) == ("RESOURCE_EXHAUSTED", "")
    wallet = charging_pb2.GetWalletRequest(name="companies/bad/wallet")
    assert clients.call(clients.charging.GetWallet, wallet).available_micros == AVAILABLE


@ON_BOTH_FRONTS
def test_an_unknown_method_is_unimplemented(clients: Clients) -> None:
    method = raw_method(clients.charging_channel, "/veloconnect.charging.v1.ChargingService/Refund")
    assert clients.refused(method, b"").code == "UNIMPLEMENTED"


def shown_tokens(token: str) -> dict[str, Metadata]:
    """Return what callers may show who are not admitted."""
    return {
        "no token": [],
        "another header": [("x-authorization", f"Bearer {token}")],
        "an empty token": [("authorization", "Bearer ")],
        "a wrong token": [("authorization", "Bearer " + "x" * len(token))],
        "half of the token": [("authorization", f"Bearer {token[: len(token) // 2]}")],
        "the token and more": [("authorization", f"Bearer {token}x")],
        "no scheme": [("authorization", token)],
        "a wrong scheme": [("authorization", f"Basic {token}")],
        "a wrong token before the right one": [
            ("authorization", "Bearer " + "x" * len(token)),
            ("authorization", f"Bearer {token}"),
        ],
    }


@ON_BOTH_FRONTS
@pytest.mark.parametrize("shown", shown_tokens("some-token"))
def test_a_caller_without_a_known_token_is_refused_before_the_request_is_read(
    clients: Clients, stack: Stack, shown: str
) -> None:
    metadata = shown_tokens(stack.token)[shown]
    for request in (charge(), charge(amount_micros=-1)):
        refusal = clients.refused(clients.charging.Charge, request, metadata=metadata)
        assert (refusal.code, refusal.reason, refusal.domain) == ("UNAUTHENTICATED", "UNAUTHENTICATED", DOMAIN)
        assert not refusal.fields
        assert stack.token not in refusal.message


METHODS = {method.full_name: method for service in SERVICES for method in service.methods}


@pytest.mark.parametrize(
    ("front", "method"),
    on_each_front(METHODS, both=lambda method: ".charging." in method.full_name),
    indirect=["front"],
)
def test_no_rpc_answers_without_a_token(clients: Clients, method: MethodDescriptor) -> None:
    service = method.containing_service.full_name
    channel = clients.charging_channel if ".charging." in service else clients.admin_channel
    path = f"/{service}/{method.name}"
    # Whatever shape it has, the server refuses it before it reads anything.
    stream = channel.stream_stream(path, bytes, bytes)(iter([b""]), timeout=10)
    with pytest.raises(grpc.RpcError) as ended:
        next(iter(stream))
    refusal = Refusal.of(ended.value)
    assert (refusal.code, refusal.reason) == ("UNAUTHENTICATED", "UNAUTHENTICATED")


@ON_BOTH_FRONTS
def test_a_call_without_time_gets_no_answer(clients: Clients, stack: Stack) -> None:
    """While Redis stands still: gRPC rounds a deadline up to the next millisecond, which suffices for an answer."""
    request = charge(amount_micros=MICROS_MAX)  # No wallet can pay it, whatever becomes of it.
    with redis.Redis.from_url(stack.redis_url) as hot:
        hot.execute_command("CLIENT", "PAUSE", str(PAUSE_MS_MAX), "WRITE")
        try:
            assert clients.refused(clients.charging.Charge, request, timeout=0).code == "DEADLINE_EXCEEDED"
        finally:
            hot.execute_command("CLIENT", "UNPAUSE")


def test_a_second_verification_at_once_is_overloaded_and_says_when_to_come_again(
    clients: Clients, stack: Stack, database: "psycopg.Connection[Any]"
) -> None:
    request = ledger_pb2.VerifyLedgerRequest()
    with psycopg.connect(stack.database_url) as lock:
        lock.execute("LOCK TABLE entries IN ACCESS EXCLUSIVE MODE")
        first = clients.ledger.VerifyLedger.future(request, metadata=clients.metadata, timeout=20)
        wait_until(lambda: waits_for_lock(database))
        refusal = clients.refused(clients.ledger.VerifyLedger, request)
    assert (refusal.code, refusal.reason, refusal.domain) == ("RESOURCE_EXHAUSTED", "OVERLOADED", DOMAIN)
    assert refusal.metadata == {"applied": "no"}
    assert refusal.retry_seconds == RETRY_MS / 1000
    assert first.result().ok


@ON_BOTH_FRONTS
def test_a_company_with_too_many_batches_under_way_is_overloaded_at_once(clients: Clients, stack: Stack) -> None:
    """While Redis stands still. No wallet can pay such a charge, so whatever becomes of it costs nothing."""

    def send(number: int) -> Refusal | set[str]:
        requests = [charge(amount_micros=MICROS_MAX, idempotency_key=f"{number}-{i}") for i in range(1000)]
        sent = charging_pb2.BatchChargeRequest(requests=requests)
        try:
            results = clients.call(clients.charging.BatchCharge, sent, timeout=60).results
        except grpc.RpcError as error:
            return Refusal.of(error)
        return {Refusal.in_status(result.status).reason for result in results}

    with redis.Redis.from_url(stack.redis_url) as hot, ThreadPoolExecutor(BATCHES_MAX + 1) as batches:
        hot.execute_command("CLIENT", "PAUSE", str(PAUSE_MS_MAX), "WRITE")
        sent = [batches.submit(send, number) for number in range(BATCHES_MAX + 1)]
        try:
            wait_until(lambda: any(each.done() for each in sent))
        finally:
            hot.execute_command("CLIENT", "UNPAUSE")
        answers = [each.result() for each in sent]
    (refusal,) = [each for each in answers if isinstance(each, Refusal)]
    assert (refusal.code, refusal.reason, refusal.domain) == ("RESOURCE_EXHAUSTED", "OVERLOADED", DOMAIN)
    assert (refusal.metadata, refusal.retry_seconds) == ({"applied": "no"}, RETRY_MS / 1000)
    reasons = set.union(*(each for each in answers if isinstance(each, set)))
    assert reasons <= {"INSUFFICIENT_FUNDS", "WALLET_UNAVAILABLE"}


def raw_method(channel: grpc.Channel, path: str) -> Callable[..., bytes]:
    """Return a method that takes bytes as they are."""
    return channel.unary_unary(path, bytes, bytes)


def waits_for_lock(database: "psycopg.Connection[Any]") -> bool:
    """Return whether a session waits for a lock in this database."""
    row = database.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'").fetchone()
    return row is not None and row[0] > 0

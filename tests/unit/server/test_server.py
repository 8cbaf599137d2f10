"""Names and fingerprints, which are stored permanently, and the reading of messages."""

import importlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from admin.top_ups.messages import new_top_up_of
from buf.validate import validate_pb2
from charging import decode
from charging.pricing import Priced, Pricing
from server.fingerprint import fingerprint
from server.rejections import InvalidRequest
from server.validation import MESSAGE_BYTES_MAX, NAMES, TEXTS, check, read
from tests.support.paths import ROOT
from veloconnect.admin.v1 import (
    auto_top_up_pb2,
    company_pb2,
    ledger_pb2,
    rate_pb2,
    rule_pb2,
    subscription_pb2,
    top_up_pb2,
    transaction_pb2,
)
from veloconnect.charging.v1 import charging_pb2
from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain.commands import FINGERPRINT_BYTES, Kind
from wallet.domain.ratebook import RateBooks
from wallet.ledger.reader import Reader

PROGRAM_SECONDS_MAX = 30


def charge(**fields: object) -> charging_pb2.ChargeRequest:
    """Return a request with every field set, or with others."""
    request = charging_pb2.ChargeRequest(
        company="companies/acme",
        idempotency_key="sms-1",
        usage=wallet_pb2.Usage(
            channel=wallet_pb2.CHANNEL_SMS,
            variant="template.marketing",
            destination="+4915112345678",
            quantity=2,
            campaign_id="spring",
            contact_id="c-7",
        ),
        amount_micros=75_000,
    )
    for path, value in fields.items():
        *parents, name = path.split("__")
        message: Message = request
        for parent in parents:
            message = getattr(message, parent)
        if value is None:
            message.ClearField(name)
        else:
            setattr(message, name, value)
    return request


GOLDEN = {
    Kind.CHARGE: "e4694505216c796a48bcd267",
    Kind.AUTHORIZATION: "2118c4310941294f72405440",
    Kind.INCREMENT: "fed5451017685a9fdc6d1531",
    Kind.CAPTURE: "05ed3bcb84e61ef38ad1cdd2",
    Kind.VOID: "a8731cf1fd201bb5ef470248",
    Kind.TOP_UP: "3fd48b7b10b5620997b2702c",
}
"""Fingerprints as ledgers have them: where one changes, every retry over the update is refused."""

PRICING = Pricing(lambda: RateBooks({}, {}, 0), Reader(cast("Any", None)))
"""No rate cards, and no ledger to ask: every request here names its amount."""

HOLD = "companies/acme/authorizations/call-7"


def test_fingerprints_are_those_that_are_stored_already() -> None:
    usage = charge().usage
    made: dict[Kind, Any] = {
        Kind.CHARGE: decode.charge(charge(), PRICING),
        Kind.AUTHORIZATION: decode.authorize(
            charging_pb2.AuthorizeRequest(
                company="companies/acme",
                idempotency_key="call-7",
                usage=usage,
                amount_micros=5,
                ttl=Duration(seconds=60),
            ),
            PRICING,
        ),
        Kind.INCREMENT: decode.increment(
            charging_pb2.IncrementAuthorizationRequest(authorization=HOLD, idempotency_key="i", amount_micros=6),
            Priced(6, None, None),
        ),
        Kind.CAPTURE: decode.capture(
            charging_pb2.CaptureRequest(authorization=HOLD, idempotency_key="c", amount_micros=6, keep_open=True),
            Priced(6, None, None),
        ),
        Kind.VOID: decode.void(charging_pb2.VoidRequest(authorization=HOLD, idempotency_key="v")),
        Kind.TOP_UP: new_top_up_of(
            top_up_pb2.CreateTopUpRequest(
                parent="companies/acme",
                idempotency_key="wire-1",
                top_up=top_up_pb2.TopUp(
                    amount_micros=5, currency_code="EUR", method=top_up_pb2.TopUp.METHOD_MANUAL, reference="wire 1"
                ),
            ),
            bound=9,
        ),
    }
    assert {kind: command.fingerprint.hex() for kind, command in made.items()} == GOLDEN
    assert all(len(command.fingerprint) == FINGERPRINT_BYTES for command in made.values())


def test_the_same_request_as_sent_has_the_same_fingerprint() -> None:
    sent = charge().SerializeToString()
    again = charging_pb2.ChargeRequest.FromString(sent)
    assert decode.charge(again, PRICING).fingerprint == decode.charge(charge(), PRICING).fingerprint


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("company", "companies/other"),
        ("idempotency_key", "sms-2"),
        ("amount_micros", 75_001),
        ("usage__channel", wallet_pb2.CHANNEL_WHATSAPP),
        ("usage__variant", "template"),
        ("usage__destination", "+4915112345679"),
        ("usage__destination", "DE"),
        ("usage__quantity", 1),
        ("usage__quantity", None),
        ("usage__campaign_id", "summer"),
        ("usage__contact_id", ""),
    ],
)
def test_another_value_of_any_field_is_another_request(field: str, value: object) -> None:
    assert decode.charge(charge(**{field: value}), PRICING).fingerprint != decode.charge(charge(), PRICING).fingerprint


def test_the_same_bytes_for_another_kind_of_command_are_another_request() -> None:
    request = charge()
    assert len({fingerprint(kind, request) for kind in Kind}) == len(Kind)


def test_fingerprints_are_the_same_in_every_process() -> None:
    program = (
        "from tests.unit.server.test_server import PRICING, charge; from charging import decode;"
        "print(decode.charge(charge(), PRICING).fingerprint.hex())"
    )
    paths = os.pathsep.join(filter(None, [str(Path.cwd()), *sys.path]))
    for seed in ("0", "1"):
        printed = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            timeout=PROGRAM_SECONDS_MAX,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": paths},
        ).stdout
        assert printed.strip() == GOLDEN[Kind.CHARGE]


def test_a_top_up_sent_back_with_output_fields_is_the_same_request() -> None:
    """Fields that the service filled in do not make another request."""
    asked = top_up_pb2.CreateTopUpRequest(
        parent="companies/acme",
        idempotency_key="wire-1",
        top_up=top_up_pb2.TopUp(amount_micros=5, currency_code="EUR", method=top_up_pb2.TopUp.METHOD_MANUAL),
    )
    filled = top_up_pb2.CreateTopUpRequest()
    filled.CopyFrom(asked)
    filled.top_up.name = "companies/acme/topUps/wire-1"
    filled.top_up.state = top_up_pb2.TopUp.STATE_SUCCEEDED
    filled.top_up.transaction = "companies/acme/transactions/1"
    filled.top_up.balance_after_micros = 5
    assert new_top_up_of(filled, bound=9).fingerprint == new_top_up_of(asked, bound=9).fingerprint
    filled.top_up.amount_micros = 6
    assert new_top_up_of(filled, bound=9).fingerprint != new_top_up_of(asked, bound=9).fingerprint


@pytest.mark.parametrize("raw", [b"\xff", b"\x0a\x7fshort", b"\x0a\x02\xff\xfe", b"\n" * (MESSAGE_BYTES_MAX + 1)])
def test_bytes_that_are_no_message_are_refused_without_a_field(raw: bytes) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read(charging_pb2.BatchChargeRequest.FromString, raw)
    assert refused.value.violations == ()


def test_a_violation_names_the_path_of_its_field() -> None:
    company = company_pb2.UpdateCompanyRequest(company=company_pb2.Company(name="companies/acme", billing_email="none"))
    with pytest.raises(InvalidRequest) as refused:
        read(company_pb2.UpdateCompanyRequest.FromString, company.SerializeToString())
    assert [violation.field for violation in refused.value.violations] == ["company.billing_email"]


CHANNELS = "one of CHANNEL_SMS, CHANNEL_WHATSAPP, CHANNEL_VOICE, CHANNEL_PHONE_NUMBER"
KEY = "1 to 128 printable ASCII characters without spaces, not beginning with ~"


def sms(**fields: Any) -> charging_pb2.ChargeRequest:
    """Return a charge for an SMS, with other fields where they are given."""
    good = {"company": "companies/acme", "idempotency_key": "sms-1", "amount_micros": 1}
    usage = wallet_pb2.Usage(channel=wallet_pb2.CHANNEL_SMS)
    return charging_pb2.ChargeRequest(**{"usage": usage, **good, **fields})


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (sms(company=""), "is required: the name of a company, such as companies/acme"),
        (sms(company="acme"), "must be the name of a company, such as companies/acme"),
        (sms(idempotency_key=""), f"is required: {KEY}"),
        (sms(idempotency_key="sms 1"), f"must be {KEY}"),
        (sms(usage=None), "is required"),
        (sms(usage=wallet_pb2.Usage()), f"is required: {CHANNELS}"),
        (sms(usage=wallet_pb2.Usage.FromString(b"\x08\x4d")), f"must be {CHANNELS}"),
        (
            sms(usage=wallet_pb2.Usage(channel=wallet_pb2.CHANNEL_SMS, destination="49")),
            "must be a number in E.164 such as +4915112345678, or a country such as DE",
        ),
        (
            charging_pb2.VoidRequest(authorization="call-7", idempotency_key="v"),
            "must be the name of an authorization, such as companies/acme/authorizations/call-7",
        ),
        (charging_pb2.GetWalletRequest(), "is required: the name of a wallet, such as companies/acme/wallet"),
        (ledger_pb2.RebuildWalletRequest(name="acme"), "must be the name of a wallet, such as companies/acme/wallet"),
        (
            transaction_pb2.GetTransactionRequest(name="7"),
            "must be the name of a transaction, such as companies/acme/transactions/1042",
        ),
        (
            subscription_pb2.CreateSubscriptionRequest(
                parent="companies/acme", subscription_id="Number 1", subscription=subscription_pb2.Subscription()
            ),
            "must be 1 to 63 of a-z 0-9 _ -, beginning with a letter or digit, such as number-1",
        ),
        (
            subscription_pb2.GetSubscriptionRequest(name="number-1"),
            "must be the name of a subscription, such as companies/acme/subscriptions/number-1",
        ),
        (
            rule_pb2.GetAlertPolicyRequest(),
            "is required: the name of an alert policy, such as companies/acme/alertPolicy",
        ),
        (
            auto_top_up_pb2.GetAutoTopUpRequest(name="acme"),
            "must be the name of an auto top-up, such as companies/acme/autoTopUp",
        ),
        (rate_pb2.GetRateCardRequest(), "is required: the name of a rate card, such as rateCards/standard"),
        (
            rate_pb2.ListRatesRequest(parent="rateCards/standard", destination="49"),
            "must be the beginning of a number in E.164 such as +49, or a country such as DE",
        ),
    ],
)
def test_a_violation_says_what_the_field_must_be(request_: Message, said: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        check(request_)
    assert [violation.description for violation in refused.value.violations] == [said]


def every_field(message: Descriptor, seen: set[str]) -> Iterator[FieldDescriptor]:
    """Return the fields of a message and of those within."""
    seen.add(message.full_name)
    for field in message.fields:
        yield field
        if field.message_type is not None and field.message_type.full_name not in seen:
            yield from every_field(field.message_type, seen)


def every_method() -> Iterator[MethodDescriptor]:
    """Yield the methods of every service that the generated modules of the product have."""
    stubs = ROOT / "src" / "veloconnect"
    for path in sorted(stubs.rglob("*_pb2.py")):
        module = importlib.import_module(".".join(path.relative_to(stubs.parent).with_suffix("").parts))
        for service in module.DESCRIPTOR.services_by_name.values():
            yield from service.methods


def test_every_pattern_of_the_protos_has_words() -> None:
    """A pattern has a text of its own, or is that of a name: one example matches it, and an id such as "x-1" does not.

    A pattern of ids matches the name "seller" as well, which would describe them wrongly.
    """
    rules: Any = validate_pb2.field
    patterns = {
        (field.full_name.rpartition(".")[0].rpartition(".")[2], field.name, pattern)
        for method in every_method()
        for field in every_field(method.input_type, set())
        if (pattern := field.GetOptions().Extensions[rules].string.pattern)
    }
    assert len(patterns) > 100, "the protos of the whole product"
    for message, field, pattern in patterns:
        if f"{message}.{field}" in TEXTS or field in TEXTS:
            continue
        assert len([name for name in NAMES if re.search(pattern, name)]) == 1, f"{message}.{field}"
        assert not re.search(pattern, "x-1"), f"{message}.{field}"

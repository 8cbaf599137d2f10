"""Read messages from bytes and check them against the rules of their protos."""

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from google.protobuf.message import DecodeError, Message
from protovalidate import Validator
from protovalidate import Violation as BrokenRule

from server.compression import GZIP_MAGIC, inflate
from server.rejections import InvalidRequest, Violation, invalid
from wallet.domain.resource_names import Template

MESSAGE_BYTES_MAX = 4 * 1024 * 1024
"""The largest message of a request, inflated. A batch of 1 000 charges with all fields has less than 1 MiB."""

Request = TypeVar("Request", bound=Message)

TEXTS: Mapping[str, str] = {
    "idempotency_key": "1 to 128 printable ASCII characters without spaces, not beginning with ~",
    "destination": "a number in E.164 such as +4915112345678, or a country such as DE",
    "variant": "words of a-z 0-9 _ - with dots between them, such as template.marketing",
    "campaign_id": "text without control characters",
    "contact_id": "text without control characters",
    "spend_limit_id": "1 to 63 of a-z 0-9 _ -, beginning with a letter or digit, such as daily",
    "country_code": "a country in ISO 3166-1 alpha-2 such as DE",
    "blocked_country_codes": "a country in ISO 3166-1 alpha-2 such as DE",
    "company_id": "1 to 63 of a-z 0-9 _ -, beginning with a letter or digit, such as acme",
    "rate_card_id": "1 to 63 of a-z 0-9 _ -, beginning with a letter or digit, such as standard",
    "display_name": "text without control characters",
    "currency_code": "the ISO 4217 code of a currency, such as EUR",
    "reference": "text without control characters",
    "requested_by": "who asks, in text without control characters that does not begin with ~",
    "decided_by": "who decides, in text without control characters that does not begin with ~",
    "reason": "why, in text without control characters",
    "failure_message": "text without control characters",
    "note": "text without control characters but line ends",
    "RefundCase.description": "text without control characters but line ends",
    "carrier_code": "at most 64 printable ASCII characters without spaces",
    "RefundRule.carrier_code": "a carrier's code such as 30003, or the beginning of some such as 500*",
    "refund_job_id": "1 to 63 of a-z 0-9 _ -, beginning with a letter or digit, such as outage-7",
    "refund_case_id": "1 to 63 of a-z 0-9 _ -, beginning with a letter or digit, such as mail-17",
    "subscription_id": "1 to 63 of a-z 0-9 _ -, beginning with a letter or digit, such as number-1",
    "description": "text without control characters",
    "start_date": "a date such as 2026-11-25",
    "end_date": "a date such as 2026-11-25",
    "legal_name": "text without control characters",
    "address_lines": "lines without control characters",
    "tax_id": "text without control characters",
    "tax_label": "text without control characters",
    "tax_note": "text without control characters",
    "footer": "text without control characters",
    "number_prefix": "1 to 10 of A-Z 0-9, beginning with a letter, such as VC",
    "ListReceiptsRequest.number": "a receipt's number such as VC-2026-000001",
    "Rate.destination": "the beginning of a number in E.164 such as +4915, a country such as DE, or empty",
    "ListRatesRequest.destination": "the beginning of a number in E.164 such as +49, or a country such as DE",
}
"""Field with a pattern, other than a name → description of what it must be. The pattern itself is in the proto.

An entry under the message's and the field's name precedes the one under the field's name.
"""

NAMES: Mapping[str, str] = {
    "companies/acme": "the name of a company",
    "companies/acme/wallet": "the name of a wallet",
    "companies/acme/transactions/1042": "the name of a transaction",
    "companies/acme/authorizations/call-7": "the name of an authorization",
    "companies/acme/spendLimits/daily": "the name of a spend limit",
    "companies/acme/webhook": "the name of a webhook",
    "companies/acme/events/17": "the name of an event",
    "rateCards/standard": "the name of a rate card",
    "companies/acme/refunds/1043": "the name of a refund",
    "companies/acme/refundCases/mail-17": "the name of a refund case",
    "refundJobs/outage-7": "the name of a refund job",
    "companies/acme/topUps/wire-1": "the name of a top-up",
    "companies/acme/topUpRefunds/r-1": "the name of a refund of a top-up",
    "companies/acme/paymentMethods/pm_1": "the name of a saved card",
    "companies/acme/adjustments/7": "the name of an adjustment",
    "refundPolicy": "the name of the refund policy",
    "companies/acme/billingProfile": "the name of a billing profile",
    "companies/acme/receipts/1042": "the name of a receipt",
    "companies/acme/statements/2026-11": "the name of a month's statement",
    "seller": "the name of the seller",
    "companies/acme/alertPolicy": "the name of an alert policy",
    "companies/acme/autoTopUp": "the name of an auto top-up",
    "companies/acme/subscriptions/number-1": "the name of a subscription",
}
"""An example of each kind of name → what it is the name of. A pattern is described by the example that matches it."""

_validator = Validator()


def read(deserialize: Callable[[bytes], Request], raw: bytes) -> Request:
    """Return the message in `raw`, which may be compressed by gzip, checked. Raises InvalidRequest."""
    if raw[:2] == GZIP_MAGIC:
        raw = inflate(raw, MESSAGE_BYTES_MAX)
    if len(raw) > MESSAGE_BYTES_MAX:
        raise InvalidRequest(f"The message has {len(raw)} bytes, more than {MESSAGE_BYTES_MAX}: send fewer at a time.")
    try:
        request = deserialize(raw)
    except DecodeError as error:
        raise InvalidRequest(f"The bytes are not such a message: {error}.") from error
    check(request)
    return request


def check(request: Message) -> None:
    """Raise InvalidRequest with every field that breaks a rule of the proto, if there is any."""
    if broken := _validator.collect_violations(request):
        raise InvalidRequest(violations=[_violation(request, rule) for rule in broken])


def check_name(template: Template, name: str, field: str, what: str) -> None:
    """Raise InvalidRequest where `name` is not a name of the template.

    For the names in resources that are updated, which no proto has a pattern for. `what` says what it is the name of,
    with an example.
    """
    if not template.matches(name):
        raise invalid(field, f"{'must be' if name else 'is required:'} the name of {what}")


def _violation(message: Message, rule: BrokenRule) -> Violation:
    path = of = ""
    field = None
    within = message.DESCRIPTOR
    for element in rule.proto.field.elements if rule.proto.field else ():
        subscript = element.subscript
        index = f"[{subscript.value}]" if subscript is not None and subscript.field == "index" else ""
        path += f".{element.field_name}{index}"
        field, of = within.fields_by_name.get(element.field_name), f"{within.name}.{element.field_name}"
        within = field.message_type if field is not None and field.message_type is not None else within
    what = None
    match rule.proto.rule_id:
        case "required":
            return Violation(path.removeprefix("."), "is required")
        case "string.pattern" if field is not None:
            what = TEXTS.get(of) or TEXTS.get(field.name) or _name(str(rule.rule_value))
        case "int64.not_in":
            what = f"a number other than {rule.field_value}"
        case "enum.not_in" | "enum.defined_only" if field is not None and field.enum_type is not None:
            what = "one of " + ", ".join(value.name for value in field.enum_type.values if value.number)
    return Violation(path.removeprefix("."), _description(what, rule))


def _description(what: str | None, rule: BrokenRule) -> str:
    """Return what the field must be; if that is not known, protovalidate's message."""
    if what is None:
        return rule.proto.message or rule.proto.rule_id
    return f"must be {what}" if rule.field_value else f"is required: {what}"


def _name(pattern: str) -> str | None:
    """Return which kind of name keeps a pattern."""
    return next((f"{what}, such as {name}" for name, what in NAMES.items() if re.search(pattern, name)), None)

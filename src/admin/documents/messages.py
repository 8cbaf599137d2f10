"""Conversion of sellers, billing profiles, receipts and statements to messages and back."""

from collections.abc import Callable, Mapping
from typing import Any, cast

import msgspec

from admin.documents.monthly import MonthlyStatement
from admin.documents.months import Month
from admin.documents.receipts import (
    BillingProfile,
    Receipt,
    ReceiptKind,
    Seller,
    TaxTreatment,
)
from admin.rpc.field_masks import ResourceFields, fields_to_update
from admin.statements.messages import line_message
from admin.statements.usage import total
from admin.top_ups.domain import TopUpMethod
from server import wire
from server.countries import COUNTRIES
from server.rejections import invalid
from server.validation import check_name
from veloconnect.admin.v1 import document_pb2, top_up_pb2
from wallet.domain.resource_names import BILLING_PROFILE, RECEIPT, SELLER, STATEMENT, TRANSACTION

_SELLER_FIELDS: Mapping[str, str] = {
    "legal_name": "name",
    "address_lines": "address_lines",
    "tax_id": "tax_id",
    "email": "email",
    "number_prefix": "number_prefix",
    "footer": "footer",
}
_PROFILE_FIELDS: Mapping[str, str] = {
    "legal_name": "legal_name",
    "address_lines": "address_lines",
    "country_code": "country",
    "tax_id": "tax_id",
    "tax_treatment": "treatment",
    "tax_rate_basis_points": "rate_basis_points",
    "tax_label": "tax_label",
    "tax_note": "note",
}
"""Maps fields of the message to fields of the domain."""
_KINDS = cast(
    "Mapping[ReceiptKind, document_pb2.Receipt.Kind]",
    {kind: document_pb2.Receipt.Kind.Value(f"KIND_{kind.name}") for kind in ReceiptKind},
)
_METHODS = cast(
    "Mapping[int, top_up_pb2.TopUp.Method]",
    {int(method): top_up_pb2.TopUp.Method.Value(f"METHOD_{method.name}") for method in TopUpMethod},
)
_TREATMENTS = cast(
    "Mapping[TaxTreatment, document_pb2.TaxTreatment]",
    {of: document_pb2.TaxTreatment.Value(f"TAX_TREATMENT_{of.name}") for of in TaxTreatment},
)


def seller_change(request: document_pb2.UpdateSellerRequest) -> Callable[[Seller], Seller]:
    """Return the change that an update makes to the seller. Both this and the change raise InvalidRequest."""
    seller = request.seller
    if seller.name not in ("", SELLER):
        raise invalid("seller.name", f"must be {SELLER}, or left out: there is one seller")
    fields = ResourceFields("a seller", frozenset(_SELLER_FIELDS), frozenset(), frozenset({"name"}))
    paths = fields_to_update(seller, request.update_mask, fields)
    changes = {field: _value(seller, path) for path, field in _SELLER_FIELDS.items() if path in paths}
    if "number_prefix" in changes:
        changes["number_prefix"] = seller.number_prefix or Seller().number_prefix

    def change(before: Seller) -> Seller:
        after = msgspec.structs.replace(before, **changes)
        if not after.name:
            raise invalid("seller.legal_name", "is required: receipts name their seller")
        return after

    return change


def profile_change(
    request: document_pb2.UpdateBillingProfileRequest,
) -> tuple[str, Callable[[BillingProfile], BillingProfile]]:
    """Return the company and the change that an update makes to its profile. Both raise InvalidRequest."""
    profile = request.billing_profile
    check_name(
        BILLING_PROFILE,
        profile.name,
        "billing_profile.name",
        "a billing profile, such as companies/acme/billingProfile",
    )
    if profile.country_code and profile.country_code not in COUNTRIES:
        raise invalid("billing_profile.country_code", f"{profile.country_code} is not a country of ISO 3166-1")
    fields = ResourceFields("a billing profile", frozenset(_PROFILE_FIELDS), frozenset(), frozenset({"name"}))
    paths = fields_to_update(profile, request.update_mask, fields)
    changes = {field: _value(profile, path) for path, field in _PROFILE_FIELDS.items() if path in paths}
    if "treatment" in changes:
        changes["treatment"] = TaxTreatment(int(profile.tax_treatment) or TaxTreatment.NONE)

    def change(before: BillingProfile) -> BillingProfile:
        return _check_complete(msgspec.structs.replace(before, **changes))

    return BILLING_PROFILE.parse(profile.name), change


def _check_complete(profile: BillingProfile) -> BillingProfile:
    """Return a profile if it has all fields of its tax treatment, and no others. Raises InvalidRequest otherwise."""
    included = profile.treatment is TaxTreatment.INCLUDED
    if included and not profile.rate_basis_points:
        raise invalid("billing_profile.tax_rate_basis_points", "is required with TAX_TREATMENT_INCLUDED: 1900 is 19 %")
    if included and not profile.tax_label:
        raise invalid("billing_profile.tax_label", "is required with TAX_TREATMENT_INCLUDED: such as VAT")
    if not included and profile.rate_basis_points:
        raise invalid("billing_profile.tax_rate_basis_points", "must be 0 without TAX_TREATMENT_INCLUDED")
    if profile.treatment is TaxTreatment.REVERSE_CHARGE and not profile.note:
        raise invalid("billing_profile.tax_note", "is required with TAX_TREATMENT_REVERSE_CHARGE")
    return profile


def _value(message: Any, path: str) -> Any:
    value = getattr(message, path)
    return tuple(value) if path == "address_lines" else value


def seller_message(seller: Seller) -> document_pb2.Seller:
    """Return a seller as a message."""
    return document_pb2.Seller(name=SELLER, **{path: getattr(seller, field) for path, field in _SELLER_FIELDS.items()})


def profile_message(company: str, profile: BillingProfile) -> document_pb2.BillingProfile:
    """Return a billing profile as a message."""
    values = {path: getattr(profile, field) for path, field in _PROFILE_FIELDS.items()}
    values["tax_treatment"] = _TREATMENTS[profile.treatment]
    return document_pb2.BillingProfile(name=BILLING_PROFILE.name(company), **values)


def receipt_message(receipt: Receipt) -> document_pb2.Receipt:
    """Return a receipt as a message."""
    return document_pb2.Receipt(
        name=RECEIPT.name(receipt.company, receipt.number),
        number=receipt.serial_text,
        transaction=TRANSACTION.name(receipt.company, receipt.number),
        issue_time=wire.timestamp(receipt.issued_at),
        payment_time=wire.timestamp(receipt.paid_at),
        currency_code=receipt.currency,
        amount_micros=receipt.amount,
        net_amount_micros=receipt.net,
        tax_amount_micros=receipt.tax,
        reference=receipt.reference,
        kind=_KINDS[receipt.kind],
        original_receipt=RECEIPT.name(receipt.company, receipt.original_number) if receipt.original_number else "",
        original_number=receipt.original_text,
        method=_METHODS.get(receipt.method),
        card_brand=receipt.card_brand,
        card_last4=receipt.card_last4,
        seller=seller_message(receipt.seller),
        buyer=profile_message(receipt.company, receipt.buyer),
    )


def parse_month(name: str) -> tuple[str, Month]:
    """Parse `companies/{company}/statements/{month}`. Raises InvalidRequest for a date that is out of range."""
    company, month = STATEMENT.parse(name)
    try:
        return company, Month.parse(month)
    except ValueError as error:
        raise invalid("name", "must be of a month from 1970-01 to 9998-12") from error


def statement_message(statement: MonthlyStatement) -> document_pb2.Statement:
    """Return a monthly statement as a message."""
    usage, month = total(statement.usage), statement.month
    has_entries = statement.last_number >= statement.first_number
    return document_pb2.Statement(
        name=STATEMENT.name(statement.company, str(month)),
        start_time=wire.timestamp(month.starts_at),
        end_time=wire.timestamp(month.ends_at),
        currency_code=statement.currency,
        provisional=statement.provisional,
        read_time=wire.timestamp(statement.as_of),
        opening_balance_micros=statement.opening,
        closing_balance_micros=statement.closing,
        opening_held_micros=statement.held_opening,
        closing_held_micros=statement.held_closing,
        top_up_count=statement.top_ups.count,
        top_up_micros=statement.top_ups.amount,
        charge_count=usage.transactions,
        charged_micros=usage.spent,
        refund_count=usage.refunds,
        refunded_micros=usage.refunded,
        adjustment_count=sum(line.count for line in statement.adjustments),
        adjusted_micros=statement.adjusted,
        adjustments=[
            document_pb2.AdjustmentLine(reason=line.reason, count=line.count, amount_micros=line.amount)
            for line in statement.adjustments
        ],
        usage=map(line_message, statement.usage),
        last_transaction=TRANSACTION.name(statement.company, statement.last_number) if has_entries else "",
    )

"""Requests of DocumentService that must be refused."""

from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask

from tests.acceptance.bad_requests.makers import UNKNOWN, BadRequest, RefusedRequest, forged
from veloconnect.admin.v1 import document_pb2

INCLUDED, REVERSE = document_pb2.TAX_TREATMENT_INCLUDED, document_pb2.TAX_TREATMENT_REVERSE_CHARGE


def seller(*paths: str, **fields: Any) -> document_pb2.UpdateSellerRequest:
    """Return a change of the seller."""
    values = {"legal_name": "Velo", **fields}
    return document_pb2.UpdateSellerRequest(seller=document_pb2.Seller(**values), update_mask=FieldMask(paths=paths))


def profile(*paths: str, **fields: Any) -> document_pb2.UpdateBillingProfileRequest:
    """Return a change of a company's profile."""
    values = {"name": "companies/bad/billingProfile", **fields}
    return document_pb2.UpdateBillingProfileRequest(
        billing_profile=document_pb2.BillingProfile(**values), update_mask=FieldMask(paths=paths)
    )


def listed(**fields: Any) -> document_pb2.ListReceiptsRequest:
    """Return the reading of receipts."""
    return document_pb2.ListReceiptsRequest(**{"parent": "companies/bad", **fields})


def statement(month: str, company: str = "companies/bad") -> document_pb2.GetStatementRequest:
    """Return the reading of a statement."""
    return document_pb2.GetStatementRequest(name=f"{company}/statements/{month}")


def receipt(number: str, company: str = "companies/bad") -> document_pb2.GetReceiptRequest:
    """Return the reading of a receipt."""
    return document_pb2.GetReceiptRequest(name=f"{company}/receipts/{number}")


_SELLERS: dict[str, tuple[document_pb2.UpdateSellerRequest, str]] = {
    "of another name": (seller(name="sellers/2"), "seller.name"),
    "whose name is taken away": (seller("legal_name", legal_name=""), "seller.legal_name"),
    "with a field that is none": (seller("colour"), "update_mask"),
    "left out": (document_pb2.UpdateSellerRequest(), "seller"),
    "with NUL": (seller(footer="a\0"), "seller.footer"),
    "with a line break in an address": (seller(address_lines=["a", "b\nc"]), "seller.address_lines[1]"),
    "with a long address": (seller(address_lines=["x"] * 7), "seller.address_lines"),
    "with a bad mail address": (seller(email="a b"), "seller.email"),
    "with a prefix in small letters": (seller(number_prefix="vc"), "seller.number_prefix"),
    "with a prefix with a hyphen": (seller(number_prefix="V-C"), "seller.number_prefix"),
}
_PROFILES: dict[str, tuple[document_pb2.UpdateBillingProfileRequest, str]] = {
    "without a name": (profile(name=""), "billing_profile.name"),
    "of a bad name": (profile(name="companies/bad"), "billing_profile.name"),
    "left out": (document_pb2.UpdateBillingProfileRequest(), "billing_profile"),
    "with a field that is none": (profile("state"), "update_mask"),
    "of a country that is none": (profile(country_code="QX"), "billing_profile.country_code"),
    "of a country in small letters": (profile(country_code="de"), "billing_profile.country_code"),
    "of an unknown treatment": (profile(tax_treatment=77), "billing_profile.tax_treatment"),
    "with a rate above 100 %": (profile(tax_rate_basis_points=10_001), "billing_profile.tax_rate_basis_points"),
    "with a negative rate": (profile(tax_rate_basis_points=-1), "billing_profile.tax_rate_basis_points"),
    "with a rate for no tax": (profile(tax_rate_basis_points=1), "billing_profile.tax_rate_basis_points"),
    "with tax without a rate": (
        profile(tax_treatment=INCLUDED, tax_label="VAT"),
        "billing_profile.tax_rate_basis_points",
    ),
    "with tax without a label": (
        profile(tax_treatment=INCLUDED, tax_rate_basis_points=1900),
        "billing_profile.tax_label",
    ),
    "with reverse charge without its note": (profile(tax_treatment=REVERSE), "billing_profile.tax_note"),
}

BAD: dict[str, BadRequest] = {
    **{f"seller {what}": ("documents.UpdateSeller", *bad) for what, bad in _SELLERS.items()},
    **{f"buyer {what}": ("documents.UpdateBillingProfile", *bad) for what, bad in _PROFILES.items()},
    "seller of another name": ("documents.GetSeller", document_pb2.GetSellerRequest(name="me"), "name"),
    "buyer of a bad name": (
        "documents.GetBillingProfile",
        document_pb2.GetBillingProfileRequest(name="companies/bad"),
        "name",
    ),
    "receipt of a bad name": ("documents.GetReceipt", receipt("0"), "name"),
    "receipt of a bad name as PDF": (
        "documents.GetReceiptPdf",
        document_pb2.GetReceiptPdfRequest(name="companies/bad/receipts/x"),
        "name",
    ),
    "receipts of a bad name": ("documents.ListReceipts", listed(parent="bad"), "parent"),
    "receipts of everybody": ("documents.ListReceipts", listed(parent="companies/-"), "number"),
    "receipt by a bad number": ("documents.ListReceipts", listed(number="17"), "number"),
    "receipts by a bad page size": ("documents.ListReceipts", listed(page_size=-1), "page_size"),
    "receipts by a foreign token": (
        "documents.ListReceipts",
        listed(page_token=forged("companies/bad 2")),
        "page_token",
    ),
    "statement of a thirteenth month": ("documents.GetStatement", statement("2026-13"), "name"),
    "statement of a day": ("documents.GetStatement", statement("2026-11-01"), "name"),
    "statement before 1970": ("documents.GetStatement", statement("1969-12"), "name"),
    "statement after 9998 as PDF": (
        "documents.GetStatementPdf",
        document_pb2.GetStatementPdfRequest(name="companies/bad/statements/9999-01"),
        "name",
    ),
}
"""Case → method, request, invalid field."""

REFUSED: dict[str, RefusedRequest] = {
    "receipt of a charge": ("documents.GetReceipt", receipt("8"), "RECEIPT_NOT_FOUND"),
    "receipt of nothing": ("documents.GetReceipt", receipt("999"), "RECEIPT_NOT_FOUND"),
    "receipt of an unknown company": ("documents.GetReceipt", receipt("1", UNKNOWN), "RECEIPT_NOT_FOUND"),
    "receipts of an unknown company": ("documents.ListReceipts", listed(parent=UNKNOWN), "COMPANY_NOT_FOUND"),
    "statement of an unknown company": ("documents.GetStatement", statement("2026-11", UNKNOWN), "COMPANY_NOT_FOUND"),
    "buyer of an unknown company": (
        "documents.GetBillingProfile",
        document_pb2.GetBillingProfileRequest(name=f"{UNKNOWN}/billingProfile"),
        "COMPANY_NOT_FOUND",
    ),
    "change of an unknown company's buyer": (
        "documents.UpdateBillingProfile",
        profile(name=f"{UNKNOWN}/billingProfile", legal_name="x"),
        "COMPANY_NOT_FOUND",
    ),
}
"""Case → method, request, reason; the status is always NOT_FOUND."""

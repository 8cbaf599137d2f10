"""Seller, buyer and times as text for documents."""

from datetime import UTC, datetime

from admin.documents.receipts import BillingProfile, Seller


def seller_lines(seller: Seller) -> list[str]:
    """Return a seller's lines; some may be empty."""
    return [seller.name, *seller.address_lines, seller.email, seller.tax_id and f"Tax ID: {seller.tax_id}"]


def buyer_lines(buyer: BillingProfile) -> list[str]:
    """Return a buyer's lines; some may be empty."""
    tax_id = buyer.tax_id and f"Tax ID: {buyer.tax_id}"
    return [buyer.legal_name, *buyer.address_lines, buyer.country, tax_id]


def format_date(at: int) -> str:
    """Return the date, in UTC, of a time in microseconds since the epoch."""
    return datetime.fromtimestamp(at // 1_000_000, UTC).strftime("%Y-%m-%d")


def format_time(at: int) -> str:
    """Return a time in microseconds since the epoch as text in UTC, to the second."""
    return datetime.fromtimestamp(at // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")

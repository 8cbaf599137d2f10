"""Receipts: seller, buyer, the tax within an amount, and the receipt that records all three."""

from enum import IntEnum

import msgspec

from wallet.domain.money import MICROS_PER_UNIT, minor_digits

RATE_WHOLE = 10_000
"""100 % in basis points."""


class TaxTreatment(IntEnum):
    """The tax on receipts. The values are stored: never renumber them."""

    NONE = 1
    """Receipts do not mention tax."""
    INCLUDED = 2
    """Amounts include tax at a rate, which receipts show."""
    REVERSE_CHARGE = 3
    """The buyer owes the tax, and a note on receipts says so."""


class ReceiptKind(IntEnum):
    """The kinds of receipts. The values are stored: never renumber them."""

    TOP_UP = 1
    CREDIT_NOTE = 2
    """A top-up, or a part of it, was returned by a refund or a chargeback."""
    REINSTATEMENT = 3
    """The reversal of a credit note: the refund failed, or the chargeback was won."""


CORRECTING_REASONS = ("TOP_UP_REFUND", "TOP_UP_REFUND_FAILED", "CHARGEBACK", "CHARGEBACK_WON")
"""The reasons of the service's own adjustments that correct a receipt."""


class Seller(msgspec.Struct, frozen=True):
    """The seller on every receipt."""

    name: str = ""
    """Empty until it is set; no receipt is issued before."""
    address_lines: tuple[str, ...] = ()
    tax_id: str = ""
    email: str = ""
    number_prefix: str = "VC"
    """Receipts are numbered by prefix and year: VC-2026-000001."""
    footer: str = ""


class BillingProfile(msgspec.Struct, frozen=True):
    """The buyer on a company's receipts. By default without tax, under the company's own name."""

    legal_name: str = ""
    """Empty: the company's display name, or else its id."""
    address_lines: tuple[str, ...] = ()
    country: str = ""
    """ISO 3166-1 alpha-2."""
    tax_id: str = ""
    treatment: TaxTreatment = TaxTreatment.NONE
    rate_basis_points: int = 0
    """Only with INCLUDED: 1900 is 19 %."""
    tax_label: str = ""
    """Only with INCLUDED: the name of the tax, such as VAT."""
    note: str = ""
    """With REVERSE_CHARGE: the sentence on receipts."""


class Receipt(msgspec.Struct, frozen=True):
    """A receipt, which never changes. Amounts in micros; times in microseconds since the epoch."""

    company: str
    number: int
    """The number of its transaction, which is also in its resource name."""
    kind: ReceiptKind
    serial_text: str
    """Its serial number, such as VC-2026-000001."""
    issued_at: int
    paid_at: int
    currency: str
    amount: int
    """The amount paid: net + tax. All three are negative in a credit note."""
    net: int
    tax: int
    reference: str
    """The reference of the top-up, such as a wire's text; the reason of a correction."""
    seller: Seller
    buyer: BillingProfile
    method: int = 0
    """The payment method, a value of admin.top_ups.domain.TopUpMethod; 0 if it is unknown."""
    card_brand: str = ""
    card_last4: str = ""
    original_number: int = 0
    """In a correction, the number of the top-up's transaction; `original_text` is the serial number of its receipt."""
    original_text: str = ""


class Tax(msgspec.Struct, frozen=True):
    """The parts of an amount, in micros: `net` + `tax` is the amount."""

    net: int
    tax: int


def tax_within(amount: int, currency: str, buyer: BillingProfile) -> Tax:
    """Split an amount in micros, which is not negative, into net and tax.

    The tax is rounded once, half up, to the currency's minor unit; the net amount is the rest, so both add up.
    """
    if buyer.treatment is not TaxTreatment.INCLUDED:
        return Tax(amount, 0)
    unit = MICROS_PER_UNIT // 10 ** minor_digits(currency)
    numerator, denominator = amount * buyer.rate_basis_points, (RATE_WHOLE + buyer.rate_basis_points) * unit
    tax = (2 * numerator + denominator) // (2 * denominator) * unit
    # An amount below a minor unit may be rounded up to more than itself.
    tax = min(tax, amount)
    return Tax(amount - tax, tax)


def correction(remaining: int, amount: int, currency: str, buyer: BillingProfile) -> Tax:
    """Split a correction of a receipt, of which `remaining` micros are left, by `amount`, which has a sign.

    The tax is the difference of the tax before and after. So the taxes of all partial refunds add up exactly to the tax
    of the receipt once all of it is refunded.
    """
    tax = _signed_tax(remaining + amount, currency, buyer) - _signed_tax(remaining, currency, buyer)
    return Tax(amount - tax, tax)


def _signed_tax(amount: int, currency: str, buyer: BillingProfile) -> int:
    """Return the tax within an amount, which is negative if more was refunded than paid."""
    tax = tax_within(abs(amount), currency, buyer).tax
    return -tax if amount < 0 else tax


def serial_text(prefix: str, year: int, serial: int) -> str:
    """Return a serial number with at least six digits, so that the first million of a year sort as text."""
    return f"{prefix}-{year}-{serial:06}"


def percent(basis_points: int) -> str:
    """Return a rate in percent as text: 1900 is "19", 550 is "5.5"."""
    whole, rest = divmod(basis_points, 100)
    return f"{whole}.{rest:02}".rstrip("0").rstrip(".")

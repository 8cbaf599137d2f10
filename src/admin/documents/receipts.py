"""Receipts: who sells, who buys, the tax within an amount, and the receipt that pins all three."""

from enum import IntEnum

import msgspec

from wallet.domain.money import MICROS_PER_UNIT, minor_digits

RATE_WHOLE = 10_000
"""100 % in basis points."""


class TaxTreatment(IntEnum):
    """What receipts say of tax. The values are stored: never renumber them."""

    NONE = 1
    """Nothing."""
    INCLUDED = 2
    """Amounts include tax at a rate, which is shown."""
    REVERSE_CHARGE = 3
    """No tax is taken: the buyer owes it, and a note says so."""


class ReceiptKind(IntEnum):
    """What a receipt is about. The values are stored: never renumber them."""

    TOP_UP = 1
    CREDIT_NOTE = 2
    """A top-up, or a part of it, that went back: by a refund or a chargeback."""
    REINSTATEMENT = 3
    """What a credit note took back and is paid all the same: the refund failed, or the chargeback was won."""


CORRECTING_REASONS = ("TOP_UP_REFUND", "TOP_UP_REFUND_FAILED", "CHARGEBACK", "CHARGEBACK_WON")
"""Of the service's own adjustments, that correct a receipt."""


class Seller(msgspec.Struct, frozen=True):
    """Who sells: as every receipt names it."""

    name: str = ""
    """Empty: not set yet, and nothing is issued."""
    address_lines: tuple[str, ...] = ()
    tax_id: str = ""
    email: str = ""
    number_prefix: str = "VC"
    """Receipts are numbered per prefix and year: VC-2026-000001."""
    footer: str = ""


class BillingProfile(msgspec.Struct, frozen=True):
    """Who buys: as a company's receipts name it. By default without tax, under the company's own name."""

    legal_name: str = ""
    """Empty: the company's display name, or else its id."""
    address_lines: tuple[str, ...] = ()
    country: str = ""
    """ISO 3166-1 alpha-2."""
    tax_id: str = ""
    treatment: TaxTreatment = TaxTreatment.NONE
    rate_basis_points: int = 0
    """INCLUDED: 1900 is 19 %."""
    tax_label: str = ""
    """INCLUDED: what the tax is called, such as VAT."""
    note: str = ""
    """REVERSE_CHARGE: the sentence that receipts have."""


class Receipt(msgspec.Struct, frozen=True):
    """One receipt, for ever as it was issued. Amounts in micros; times in microseconds since the epoch."""

    company: str
    number: int
    """Of the transaction that it is for, whose number names it."""
    kind: ReceiptKind
    serial_text: str
    """Its own number, such as VC-2026-000001."""
    issued_at: int
    paid_at: int
    currency: str
    amount: int
    """What was paid: net + tax. All three are negative in a credit note."""
    net: int
    tax: int
    reference: str
    """What the top-up itself says of where it came from, such as a wire's text; of a correction: why."""
    seller: Seller
    buyer: BillingProfile
    method: int = 0
    """How it was paid, as admin.top_ups.domain.TopUpMethod has it; 0: not known."""
    card_brand: str = ""
    card_last4: str = ""
    original_number: int = 0
    """The top-up's transaction, and its receipt's own number, in what corrects it."""
    original_text: str = ""


class Tax(msgspec.Struct, frozen=True):
    """An amount taken apart, in micros: `net` + `tax` is the amount."""

    net: int
    tax: int


def tax_within(amount: int, currency: str, buyer: BillingProfile) -> Tax:
    """Take an amount of micros apart, which is not negative.

    The tax is rounded once, half up, to the currency's minor unit; the net amount is the rest, so both add up.
    """
    if buyer.treatment is not TaxTreatment.INCLUDED:
        return Tax(amount, 0)
    unit = MICROS_PER_UNIT // 10 ** minor_digits(currency)
    over, under = amount * buyer.rate_basis_points, (RATE_WHOLE + buyer.rate_basis_points) * unit
    tax = (2 * over + under) // (2 * under) * unit
    # Less than half a minor unit may round up to more than there is.
    tax = min(tax, amount)
    return Tax(amount - tax, tax)


def correction(remaining: int, amount: int, currency: str, buyer: BillingProfile) -> Tax:
    """Take apart what changes a receipt's amount, of which `remaining` micros are left, by `amount`, with its sign.

    The tax is the difference of the tax before and after: so however often a part goes back, in the end the tax of all
    that went back is the tax of the receipt, and not a cent more or less.
    """
    tax = _tax(remaining + amount, currency, buyer) - _tax(remaining, currency, buyer)
    return Tax(amount - tax, tax)


def _tax(amount: int, currency: str, buyer: BillingProfile) -> int:
    """Return the tax within an amount, which may be negative: more may go back than was paid."""
    tax = tax_within(abs(amount), currency, buyer).tax
    return -tax if amount < 0 else tax


def serial_text(prefix: str, year: int, serial: int) -> str:
    """Return a receipt's own number: six digits at least, so that they sort for the first million of a year."""
    return f"{prefix}-{year}-{serial:06}"


def percent(basis_points: int) -> str:
    """Return a rate as people write it: 1900 is "19", 550 is "5.5"."""
    whole, rest = divmod(basis_points, 100)
    return f"{whole}.{rest:02}".rstrip("0").rstrip(".")

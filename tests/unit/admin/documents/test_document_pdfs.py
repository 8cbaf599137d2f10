"""Receipts and statements as PDF, read back: letters, amounts, page breaks, and reproducible bytes."""

import io
import logging

import msgspec
import pypdf
import pytest

from admin.documents.monthly import MoneyLine, MonthlyStatement
from admin.documents.months import Month
from admin.documents.receipt_pdf import receipt_pdf
from admin.documents.receipts import (
    BillingProfile,
    Receipt,
    ReceiptKind,
    Seller,
    TaxTreatment,
)
from admin.documents.statement_pdf import statement_pdf
from admin.statements.usage import UsageLine
from server.countries import COUNTRIES
from wallet.domain.usage import Channel

SELLER = Seller(
    "Żółta Łódź Sp. z o.o.",
    ("ul. Długa 1", "00-238 Warszawa"),
    "PL5250000000",
    "faktury@lodz.example",
    "ZL",
    "Dziękujemy.",
)
BUYER = BillingProfile("ООО «Ромашка»", ("ул. Ленина, 1", "Αθήνα"), "BG", "BG123", TaxTreatment.INCLUDED, 1900, "ДДС")
RECEIPT = Receipt(
    "acme",
    1042,
    ReceiptKind.TOP_UP,
    "ZL-2026-000017",
    1_790_000_000_000_000,
    1_789_990_000_000_000,
    "EUR",
    119_000_000,
    100_000_000,
    19_000_000,
    "wire 17",
    SELLER,
    BUYER,
)
STATEMENT = MonthlyStatement(
    company="acme",
    month=Month(2026, 2),
    currency="EUR",
    provisional=False,
    first_number=3,
    last_number=99,
    opening=10_000_000,
    closing=8_750_000,
    held_opening=0,
    held_closing=40_000,
    top_ups=MoneyLine("", 2, 500_000),
    adjustments=[MoneyLine("CHARGEBACK", 1, -250_000)],
    usage=[UsageLine(Channel.SMS, None, "DE", 20, 21, 22, 1_507_500, 1, 7_500)],
    as_of=1_790_000_000_000_000,
)
NAMES = [
    "Müller & Söhne <b>AG</b>",
    "Nguyễn Văn Á",
    "Ёлки-палки **GmbH**",
    "Ελληνική Εταιρεία",
    "ՀԱՅԱՍՏԱՆ",
    "საქართველო",
]


def text_of(pdf: bytes) -> str:
    """Return the text of a PDF, all pages joined."""
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)


def test_a_receipt_has_parties_amounts_and_tax() -> None:
    text = text_of(receipt_pdf(RECEIPT))
    for expected in (
        *(SELLER.name, *SELLER.address_lines, "Tax ID: PL5250000000", SELLER.email, SELLER.footer),
        *(BUYER.legal_name, *BUYER.address_lines, "BG\n", "Tax ID: BG123"),
        *("Receipt ZL-2026-000017", "Date of issue 2026-09-21", "Paid 2026-09-21 11:26:40 UTC"),
        *("Transaction companies/acme/transactions/1042", "Reference wire 17"),
        *("Top-up of a prepaid balance 100.00 EUR", "ДДС 19 % 19.00 EUR", "Paid in total 119.00 EUR", "1 / 1"),
    ):
        assert expected in text


def test_a_credit_note_refers_to_its_receipt() -> None:
    """The payment method is on the receipt of the top-up only."""
    note = msgspec.structs.replace(
        RECEIPT,
        kind=ReceiptKind.CREDIT_NOTE,
        serial_text="ZL-2026-000018",
        amount=-59_500_000,
        net=-50_000_000,
        tax=-9_500_000,
        reference="TOP_UP_REFUND",
        original_number=7,
        original_text="ZL-2026-000017",
        card_brand="visa",
        card_last4="4242",
    )
    text = text_of(receipt_pdf(note))
    for expected in (
        "Credit note ZL-2026-000018",
        "Corrects Receipt ZL-2026-000017",
        "Given back 2026-09-21",
        "-50.00 EUR",
    ):
        assert expected in text
    assert "ДДС 19 % -9.50 EUR\nGiven back in total -59.50 EUR" in text
    assert "4242" not in text
    again = text_of(receipt_pdf(msgspec.structs.replace(note, kind=ReceiptKind.REINSTATEMENT, amount=59_500_000)))
    assert "Reversal of a credit note ZL-2026-000018" in again
    paid = msgspec.structs.replace(RECEIPT, card_brand="visa", card_last4="4242")
    assert "Paid by Visa card ending in 4242" in text_of(receipt_pdf(paid))
    assert "Paid by Bank transfer" in text_of(receipt_pdf(msgspec.structs.replace(RECEIPT, method=4)))


@pytest.mark.parametrize("name", NAMES)
def test_names_in_every_alphabet_of_the_font_are_printed(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        buyer = msgspec.structs.replace(BUYER, legal_name=name)
        assert name in text_of(receipt_pdf(msgspec.structs.replace(RECEIPT, buyer=buyer)))
    assert not caplog.records, "a letter is missing"


def test_missing_letters_and_long_words_are_no_error() -> None:
    buyer = msgspec.structs.replace(BUYER, legal_name="株式会社", address_lines=("x" * 100, "W" * 100))
    receipt = msgspec.structs.replace(RECEIPT, buyer=buyer, reference="y" * 256)
    text = text_of(receipt_pdf(receipt))
    assert "119.00 EUR" in text
    assert "".join(text.split()).count("y" * 256) == 1


def test_receipts_without_tax_and_with_reverse_charge() -> None:
    plain = msgspec.structs.replace(
        RECEIPT, net=119_000_000, tax=0, buyer=BillingProfile("Acme", treatment=TaxTreatment.NONE, note="Old note.")
    )
    text = text_of(receipt_pdf(plain))
    assert "%" not in text
    assert "Old note." not in text
    assert text.count("119.00 EUR") == 2
    reverse = BillingProfile("Acme", treatment=TaxTreatment.REVERSE_CHARGE, note="Steuerschuldnerschaft: Empfänger.")
    text = text_of(receipt_pdf(msgspec.structs.replace(plain, buyer=reverse)))
    assert "Steuerschuldnerschaft: Empfänger." in text
    assert "%" not in text


@pytest.mark.parametrize(
    ("currency", "amount", "expected"),
    [("JPY", 500_000_000, "500 JPY"), ("KWD", 500_000_000, "500.000 KWD"), ("EUR", 1_234_567, "1.234567 EUR")],
)
def test_amounts_have_the_decimals_of_the_currency(currency: str, amount: int, expected: str) -> None:
    receipt = msgspec.structs.replace(RECEIPT, currency=currency, amount=amount, net=amount, tax=0)
    assert f"Paid in total {expected}" in text_of(receipt_pdf(receipt))


def test_receipts_and_final_statements_are_reproducible() -> None:
    assert receipt_pdf(RECEIPT) == receipt_pdf(RECEIPT)
    later = msgspec.structs.replace(STATEMENT, as_of=STATEMENT.as_of + 10**12)
    assert statement_pdf(STATEMENT, SELLER, BUYER) == statement_pdf(later, SELLER, BUYER)


def test_a_statement_has_the_sums_of_the_month() -> None:
    text = text_of(statement_pdf(STATEMENT, SELLER, BUYER))
    for expected in (
        *("Statement 2026-02\n", "Period 2026-02-01 to 2026-02-28, UTC", "Account companies/acme"),
        "Last transaction companies/acme/transactions/99",
        *("Opening balance, 2026-02-01 10.00", "Top-ups 2 0.50", "Charges 20 -1.5075", "Refunds of charges 1 0.0075"),
        *("Adjustments: Chargeback 1 -0.25", "Closing balance, on 2026-02-28 8.75"),
        *("On 2026-02-01 0.00", "On 2026-02-28 0.04"),
        *("SMS DE 20 22 segments 1.5075 0.0075", "Total 20 1.5075 0.0075", BUYER.legal_name, SELLER.name),
    ):
        assert expected in text
    assert "provisional" not in text


def test_a_provisional_statement_shows_its_time() -> None:
    provisional = msgspec.structs.replace(STATEMENT, provisional=True, usage=[], first_number=3, last_number=2)
    text = text_of(statement_pdf(provisional, Seller(), BUYER))
    assert "Statement 2026-02 (provisional)" in text
    assert "As of 2026-09-21 14:13:20 UTC" in text
    assert "Closing balance, so far 8.75" in text
    assert "Last transaction" not in text
    assert "Usage by channel" not in text


def test_a_long_table_repeats_its_head_on_each_page() -> None:
    usage = [UsageLine(Channel.VOICE, None, country, 1, 60, 60, 1_000, 0, 0) for country in sorted(COUNTRIES)]
    pages = pypdf.PdfReader(
        io.BytesIO(statement_pdf(msgspec.structs.replace(STATEMENT, usage=usage), SELLER, BUYER))
    ).pages
    texts = [page.extract_text() for page in pages]
    assert len(texts) > 3
    assert all("Channel Country Charges" in text for text in texts)
    assert sum(text.count("Voice ") for text in texts) == len(COUNTRIES)
    assert f"2 / {len(texts)}" in texts[1]

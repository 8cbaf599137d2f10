"""A receipt as PDF."""

from admin.documents.parties import buyer_lines, format_date, format_time, seller_lines
from admin.documents.pdf_document import PdfDocument
from admin.documents.receipts import Receipt, ReceiptKind, TaxTreatment, percent
from admin.top_ups.domain import TopUpMethod
from wallet.domain.money import in_minor_units
from wallet.domain.resource_names import TRANSACTION

_TITLES = {
    ReceiptKind.TOP_UP: "Receipt",
    ReceiptKind.CREDIT_NOTE: "Credit note",
    ReceiptKind.REINSTATEMENT: "Reversal of a credit note",
}
_PAYMENT_LABELS = {
    ReceiptKind.TOP_UP: "Paid",
    ReceiptKind.CREDIT_NOTE: "Given back",
    ReceiptKind.REINSTATEMENT: "Paid after all",
}
_DESCRIPTIONS = {
    ReceiptKind.TOP_UP: "Top-up of a prepaid balance",
    ReceiptKind.CREDIT_NOTE: "Top-up of a prepaid balance, given back",
    ReceiptKind.REINSTATEMENT: "Top-up of a prepaid balance, not given back after all",
}
_TOTALS = {
    ReceiptKind.TOP_UP: "Paid in total",
    ReceiptKind.CREDIT_NOTE: "Given back in total",
    ReceiptKind.REINSTATEMENT: "Paid in total",
}


def receipt_pdf(receipt: Receipt) -> bytes:
    """Return the PDF of a receipt. It depends on the stored receipt only, so its bytes are always the same."""
    title = f"{_TITLES[receipt.kind]} {receipt.serial_text}"
    pdf = PdfDocument(title=title, at=receipt.issued_at, footer=receipt.seller.footer)
    pdf.add_lines(seller_lines(receipt.seller), bold_first=True)
    pdf.add_heading("To", size=9)
    pdf.add_lines(buyer_lines(receipt.buyer))
    pdf.add_heading(title, size=14)
    pdf.add_facts(
        [
            ("Date of issue", format_date(receipt.issued_at)),
            ("Corrects", receipt.original_text and f"Receipt {receipt.original_text}"),
            (_PAYMENT_LABELS[receipt.kind], format_time(receipt.paid_at)),
            ("Paid by", _paid_by(receipt) if receipt.kind is ReceiptKind.TOP_UP else ""),
            ("Transaction", TRANSACTION.name(receipt.company, receipt.number)),
            ("Reference", receipt.reference),
        ]
    )
    pdf.ln(4)
    rows = [(_DESCRIPTIONS[receipt.kind], _amount(receipt, receipt.net)), *_tax_rows(receipt)]
    rows.append((_TOTALS[receipt.kind], _amount(receipt, receipt.amount)))
    pdf.add_table((), rows, widths=(120, 50), bold=frozenset({len(rows) - 1}))
    if receipt.buyer.treatment is TaxTreatment.REVERSE_CHARGE:
        pdf.ln(4)
        pdf.add_lines([receipt.buyer.note])
    return pdf.to_bytes()


def _paid_by(receipt: Receipt) -> str:
    if receipt.card_last4:
        return f"{receipt.card_brand.capitalize()} card ending in {receipt.card_last4}".strip()
    return "Bank transfer" if receipt.method == TopUpMethod.BANK_TRANSFER else ""


def _tax_rows(receipt: Receipt) -> list[tuple[str, str]]:
    buyer = receipt.buyer
    if buyer.treatment is not TaxTreatment.INCLUDED:
        return []
    return [(f"{buyer.tax_label} {percent(buyer.rate_basis_points)} %", _amount(receipt, receipt.tax))]


def _amount(receipt: Receipt, micros: int) -> str:
    return f"{in_minor_units(micros, receipt.currency)} {receipt.currency}"

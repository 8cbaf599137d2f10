"""A receipt as PDF."""

from admin.documents.parties import buyer_lines, date_of, seller_lines, time_of
from admin.documents.pdf_document import Sheet
from admin.documents.receipts import Receipt, ReceiptKind, TaxTreatment, percent
from admin.top_ups.domain import TopUpMethod
from wallet.domain.money import in_minor_units
from wallet.domain.resource_names import TRANSACTION

_TITLES = {
    ReceiptKind.TOP_UP: "Receipt",
    ReceiptKind.CREDIT_NOTE: "Credit note",
    ReceiptKind.REINSTATEMENT: "Reversal of a credit note",
}
_MOVED = {
    ReceiptKind.TOP_UP: "Paid",
    ReceiptKind.CREDIT_NOTE: "Given back",
    ReceiptKind.REINSTATEMENT: "Paid after all",
}
_WHAT = {
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
    """Return the file: from what the receipt pins and nothing else, so the same bytes at any time."""
    title = f"{_TITLES[receipt.kind]} {receipt.serial_text}"
    sheet = Sheet(title=title, at=receipt.issued_at, footer=receipt.seller.footer)
    sheet.lines(seller_lines(receipt.seller), bold_first=True)
    sheet.heading("To", size=9)
    sheet.lines(buyer_lines(receipt.buyer))
    sheet.heading(title, size=14)
    sheet.facts(
        [
            ("Date of issue", date_of(receipt.issued_at)),
            ("Corrects", receipt.original_text and f"Receipt {receipt.original_text}"),
            (_MOVED[receipt.kind], time_of(receipt.paid_at)),
            ("Paid by", _paid_by(receipt) if receipt.kind is ReceiptKind.TOP_UP else ""),
            ("Transaction", TRANSACTION.name(receipt.company, receipt.number)),
            ("Reference", receipt.reference),
        ]
    )
    sheet.ln(4)
    rows = [(_WHAT[receipt.kind], _amount(receipt, receipt.net)), *_tax_rows(receipt)]
    rows.append((_TOTALS[receipt.kind], _amount(receipt, receipt.amount)))
    sheet.rows((), rows, widths=(120, 50), bold=frozenset({len(rows) - 1}))
    if receipt.buyer.treatment is TaxTreatment.REVERSE_CHARGE:
        sheet.ln(4)
        sheet.lines([receipt.buyer.note])
    return sheet.written()


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

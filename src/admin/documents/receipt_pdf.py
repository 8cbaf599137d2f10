"""A receipt as PDF."""

from admin.documents.parties import buyer_lines, date_of, seller_lines, time_of
from admin.documents.sheet import Sheet
from server.names import transaction_name
from wallet.domain.money import in_minor_units
from wallet.domain.receipts import Receipt, TaxTreatment, percent


def receipt_pdf(receipt: Receipt) -> bytes:
    """Return the file: from what the receipt pins and nothing else, so the same bytes at any time."""
    sheet = Sheet(title=f"Receipt {receipt.serial_text}", at=receipt.issued_at, footer=receipt.seller.footer)
    sheet.lines(seller_lines(receipt.seller), bold_first=True)
    sheet.heading("To", size=9)
    sheet.lines(buyer_lines(receipt.buyer))
    sheet.heading(f"Receipt {receipt.serial_text}", size=14)
    sheet.facts(
        [
            ("Date of issue", date_of(receipt.issued_at)),
            ("Paid", time_of(receipt.paid_at)),
            ("Transaction", transaction_name(receipt.company, receipt.number)),
            ("Reference", receipt.reference),
        ]
    )
    sheet.ln(4)
    rows = [("Top-up of a prepaid balance", _amount(receipt, receipt.net)), *_tax_rows(receipt)]
    rows.append(("Paid in total", _amount(receipt, receipt.amount)))
    sheet.rows((), rows, widths=(120, 50), bold=frozenset({len(rows) - 1}))
    if receipt.buyer.treatment is TaxTreatment.REVERSE_CHARGE:
        sheet.ln(4)
        sheet.lines([receipt.buyer.note])
    return sheet.written()


def _tax_rows(receipt: Receipt) -> list[tuple[str, str]]:
    buyer = receipt.buyer
    if buyer.treatment is not TaxTreatment.INCLUDED:
        return []
    return [(f"{buyer.tax_label} {percent(buyer.rate_basis_points)} %", _amount(receipt, receipt.tax))]


def _amount(receipt: Receipt, micros: int) -> str:
    return f"{in_minor_units(micros, receipt.currency)} {receipt.currency}"

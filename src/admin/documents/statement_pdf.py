"""A monthly statement as PDF, with the sums of the month. Its transactions are in the CSV export."""

from admin.documents.monthly import MonthlyStatement
from admin.documents.parties import buyer_lines, format_time, seller_lines
from admin.documents.pdf_document import PdfDocument
from admin.documents.receipts import BillingProfile, Seller
from admin.statements.statement_csv import UNITS
from admin.statements.usage import UsageLine, total
from wallet.domain.money import in_minor_units
from wallet.domain.resource_names import COMPANY, TRANSACTION


def statement_pdf(statement: MonthlyStatement, seller: Seller, buyer: BillingProfile) -> bytes:
    """Return the PDF of a statement. The bytes of a final statement with the same parties are always the same."""
    month, currency = statement.month, statement.currency
    # A final statement never changes, so its time is the end of the month.
    at = statement.as_of if statement.provisional else month.ends_at
    pdf = PdfDocument(title=f"Statement {month} of {statement.company}", at=at, footer=seller.footer)
    pdf.add_lines(seller_lines(seller), bold_first=True)
    pdf.add_heading("To", size=9)
    pdf.add_lines(buyer_lines(buyer))
    pdf.add_heading(f"Statement {month}{' (provisional)' if statement.provisional else ''}", size=14)
    last = TRANSACTION.name(statement.company, statement.last_number)
    pdf.add_facts(
        [
            ("Account", COMPANY.name(statement.company)),
            ("Period", f"{month.first} to {month.last}, UTC"),
            ("Currency", currency),
            ("As of", format_time(at) if statement.provisional else ""),
            ("Last transaction", last if statement.last_number >= statement.first_number else ""),
        ]
    )
    pdf.ln(4)
    summary = _summary(statement)
    pdf.add_table(("", "Transactions", currency), summary, widths=(90, 30, 50), bold=frozenset({0, len(summary) - 1}))
    pdf.add_heading("Set aside by authorizations", size=10)
    pdf.add_table(
        (),
        [
            (f"On {month.first}", in_minor_units(statement.held_opening, currency)),
            (_end_label(statement), in_minor_units(statement.held_closing, currency)),
        ],
        widths=(120, 50),
        bold=frozenset(),
    )
    if statement.usage:
        pdf.add_heading("Usage by channel and country", size=10)
        rows = [_usage(line, currency) for line in statement.usage]
        whole = total(statement.usage)
        rows.append(
            (
                "Total",
                "",
                str(whole.transactions),
                "",
                in_minor_units(whole.spent, currency),
                in_minor_units(whole.refunded, currency),
            )
        )
        head = ("Channel", "Country", "Charges", "Billed", f"Charged {currency}", f"Refunded {currency}")
        pdf.add_table(head, rows, widths=(28, 18, 22, 40, 32, 32), bold=frozenset({len(rows) - 1}))
    return pdf.to_bytes()


def _summary(statement: MonthlyStatement) -> list[tuple[str, str, str]]:
    currency = statement.currency
    usage = total(statement.usage)
    rows = [
        (f"Opening balance, {statement.month.first}", "", statement.opening),
        ("Top-ups", str(statement.top_ups.count), statement.top_ups.amount),
        ("Charges", str(usage.transactions), -usage.spent),
        ("Refunds of charges", str(usage.refunds), usage.refunded),
        *(
            (f"Adjustments{f': {_label(line.reason)}' if line.reason else ''}", str(line.count), line.amount)
            for line in statement.adjustments
        ),
        (f"Closing balance, {_end_label(statement).lower()}", "", statement.closing),
    ]
    return [(name, count, in_minor_units(amount, currency)) for name, count, amount in rows]


def _end_label(statement: MonthlyStatement) -> str:
    return "So far" if statement.provisional else f"On {statement.month.last}"


def _usage(line: UsageLine, currency: str) -> tuple[str, ...]:
    return (
        "" if line.channel is None else _label(line.channel.name),
        line.country,
        str(line.transactions),
        str(line.billed) if line.channel is None else f"{line.billed} {UNITS[line.channel]}",
        in_minor_units(line.spent, currency),
        in_minor_units(line.refunded, currency),
    )


def _label(name: str) -> str:
    """Return the name of an enum as words, such as "Phone number"; short ones such as SMS stay in capitals."""
    return name if "_" not in name and len(name) <= 3 else name.replace("_", " ").capitalize()

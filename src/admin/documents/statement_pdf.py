"""A monthly statement as PDF: what the month adds up to. Its rows are in the CSV export."""

from admin.documents.monthly import MonthlyStatement
from admin.documents.parties import buyer_lines, seller_lines, time_of
from admin.documents.pdf_document import Sheet
from admin.documents.receipts import BillingProfile, Seller
from admin.statements.statement_csv import UNITS
from admin.statements.usage import UsageLine, total
from wallet.domain.money import in_minor_units
from wallet.domain.resource_names import COMPANY, TRANSACTION


def statement_pdf(statement: MonthlyStatement, seller: Seller, buyer: BillingProfile) -> bytes:
    """Return the file. A final one of the same parties has the same bytes whenever it is asked for."""
    month, currency = statement.month, statement.currency
    # A final statement does not change any more, so its time is that of the month's end.
    at = statement.as_of if statement.provisional else month.ends_at
    sheet = Sheet(title=f"Statement {month} of {statement.company}", at=at, footer=seller.footer)
    sheet.lines(seller_lines(seller), bold_first=True)
    sheet.heading("To", size=9)
    sheet.lines(buyer_lines(buyer))
    sheet.heading(f"Statement {month}{' (provisional)' if statement.provisional else ''}", size=14)
    last = TRANSACTION.name(statement.company, statement.last_number)
    sheet.facts(
        [
            ("Account", COMPANY.name(statement.company)),
            ("Period", f"{month.first} to {month.last}, UTC"),
            ("Currency", currency),
            ("As of", time_of(at) if statement.provisional else ""),
            ("Last transaction", last if statement.last_number >= statement.first_number else ""),
        ]
    )
    sheet.ln(4)
    summary = _summary(statement)
    sheet.rows(("", "Transactions", currency), summary, widths=(90, 30, 50), bold=frozenset({0, len(summary) - 1}))
    sheet.heading("Set aside by authorizations", size=10)
    sheet.rows(
        (),
        [
            (f"On {month.first}", in_minor_units(statement.held_opening, currency)),
            (_end(statement), in_minor_units(statement.held_closing, currency)),
        ],
        widths=(120, 50),
        bold=frozenset(),
    )
    if statement.usage:
        sheet.heading("Usage by channel and country", size=10)
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
        sheet.rows(head, rows, widths=(28, 18, 22, 40, 32, 32), bold=frozenset({len(rows) - 1}))
    return sheet.written()


def _summary(statement: MonthlyStatement) -> list[tuple[str, str, str]]:
    currency = statement.currency
    usage = total(statement.usage)
    rows = [
        (f"Opening balance, {statement.month.first}", "", statement.opening),
        ("Top-ups", str(statement.top_ups.count), statement.top_ups.amount),
        ("Charges", str(usage.transactions), -usage.spent),
        ("Refunds of charges", str(usage.refunds), usage.refunded),
        *(
            (f"Adjustments{f': {_words(line.reason)}' if line.reason else ''}", str(line.count), line.amount)
            for line in statement.adjustments
        ),
        (f"Closing balance, {_end(statement).lower()}", "", statement.closing),
    ]
    return [(name, count, in_minor_units(amount, currency)) for name, count, amount in rows]


def _end(statement: MonthlyStatement) -> str:
    return "So far" if statement.provisional else f"On {statement.month.last}"


def _usage(line: UsageLine, currency: str) -> tuple[str, ...]:
    return (
        "" if line.channel is None else _words(line.channel.name),
        line.country,
        str(line.transactions),
        str(line.billed) if line.channel is None else f"{line.billed} {UNITS[line.channel]}",
        in_minor_units(line.spent, currency),
        in_minor_units(line.refunded, currency),
    )


def _words(name: str) -> str:
    """Return a name in capitals as words; SMS stays what it is."""
    return name if "_" not in name and len(name) <= 3 else name.replace("_", " ").capitalize()

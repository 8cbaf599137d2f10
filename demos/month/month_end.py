"""The records of the month: documents, the statement as CSV, mails, events, and the usage summary."""

import csv
import io
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from demos.half_minute.money import MICROS
from demos.month.demo import COMPANY, COMPANY_ID, Demo
from demos.month.prices import decimal_text, money_text
from veloconnect.admin.v1 import document_pb2, transaction_pb2, webhook_pb2
from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain.resource_names import STATEMENT

LINES_SHOWN = 6
LINE_LENGTH_MAX = 118
PAGE_SIZE = 1_000
SHOWN = ("number", "time", "kind", "amount", "balance", "explanation")
EXPLANATION_LENGTH_MAX = 60


@dataclass(frozen=True, slots=True)
class Statement:
    """The statement as CSV; its first and last lines are the balances."""

    file: Path
    lines: Sequence[Mapping[str, str]]


def save_statement(demo: Demo, output: Path) -> Statement:
    """Download the CSV and print its last lines."""
    content = demo.clients.download(f"/v1/{COMPANY}/transactions:export")
    file = output / "statement.csv"
    file.write_bytes(content)
    lines = list(csv.DictReader(io.StringIO(content.decode())))
    print(f"\nThe statement, {file}: {len(lines) - 2:,} transactions. Its last lines:")
    for line in lines[-LINES_SHOWN:]:
        cells = [line[column] for column in SHOWN]
        cells[-1] = cells[-1][:EXPLANATION_LENGTH_MAX]
        print("  {:>5}  {:<15}  {:<15}  {:>11}  {:>11}  {}".format(*cells).rstrip())
    opening, closing = lines[0], lines[-1]
    listed = decimal_text(parse_micros(closing["listed_total"]))
    print(f"  opening {opening['balance']} + {listed} listed = closing {closing['balance']} {closing['currency']}")
    return Statement(file, lines)


def save_receipts(demo: Demo, output: Path, count: int) -> Sequence[document_pb2.Receipt]:
    """Wait until `count` receipts are issued, and download each as PDF."""
    request = document_pb2.ListReceiptsRequest(parent=COMPANY, page_size=PAGE_SIZE)

    def poll() -> Sequence[document_pb2.Receipt] | None:
        found: Sequence[document_pb2.Receipt] = demo.clients.call(demo.clients.documents.ListReceipts, request).receipts
        return found if len(found) >= count else None

    receipts = sorted(demo.wait_for(f"{count} receipts", poll), key=lambda receipt: receipt.number)
    directory = output / "documents"
    directory.mkdir(exist_ok=True)
    for file in directory.glob("*.pdf"):
        file.unlink()
    print(f"\nReceipts, in {directory}:")
    for receipt in receipts:
        file = directory / f"{receipt.number}.pdf"
        file.write_bytes(demo.clients.download(f"/v1/{receipt.name}.pdf"))
        kind = document_pb2.Receipt.Kind.Name(receipt.kind).removeprefix("KIND_").replace("_", " ").lower()
        amount, tax = money_text(receipt.amount_micros), money_text(receipt.tax_amount_micros)
        print(f"  {file.name}  {amount:>12}, of which VAT {tax:>10}  {kind}")
    return receipts


def save_months(demo: Demo, output: Path) -> Sequence[document_pb2.Statement]:
    """Download the monthly statement: two, if a month ended during the demo."""
    found = []
    for month in _months(demo.began.date(), datetime.now(UTC).date()):
        name = STATEMENT.name(COMPANY_ID, str(month))
        request = document_pb2.GetStatementRequest(name=name)
        statement = demo.clients.call(demo.clients.documents.GetStatement, request)
        file = output / "documents" / f"statement-{month}.pdf"
        file.write_bytes(demo.clients.download(f"/v1/{name}.pdf"))
        print(
            f"\nThe month, {file}:\n  opening {decimal_text(statement.opening_balance_micros)} "
            f"+ top-ups {decimal_text(statement.top_up_micros)} - charges {decimal_text(statement.charged_micros)} "
            f"+ refunds {decimal_text(statement.refunded_micros)} "
            f"+ adjustments {decimal_text(statement.adjusted_micros)} "
            f"= closing {money_text(statement.closing_balance_micros)}"
        )
        found.append(statement)
    return found


def read_usage(demo: Demo) -> transaction_pb2.UsageSummary:
    """Wait for the complete usage summary, and print it by channel and country."""
    request = transaction_pb2.GetUsageSummaryRequest(parent=COMPANY, start_date=f"{demo.began:%Y-%m-%d}")

    def poll() -> transaction_pb2.UsageSummary | None:
        found: transaction_pb2.UsageSummary = demo.clients.call(demo.clients.transactions.GetUsageSummary, request)
        return found if found.complete else None

    usage = demo.wait_for("the usage summary", poll)
    print(f"\nUsage: {money_text(usage.spent_micros)} spent, {money_text(usage.refunded_micros)} of it given back")
    for line in usage.destinations:
        channel = wallet_pb2.Channel.Name(line.channel).removeprefix("CHANNEL_").lower()
        back = f", {money_text(line.refunded_micros)} back" if line.refunded_micros else ""
        spent = money_text(line.spent_micros)
        print(f"  {channel:<12} {line.country_code}  {line.transaction_count:>6,} charges  {spent:>14}{back}")
    return usage


def read_events(demo: Demo) -> Sequence[webhook_pb2.Event]:
    """Wait until all events are delivered; print their number by type, and return them."""
    request = webhook_pb2.ListEventsRequest(parent=COMPANY, page_size=PAGE_SIZE)

    def poll() -> Sequence[webhook_pb2.Event] | None:
        found: Sequence[webhook_pb2.Event] = demo.clients.call(demo.clients.webhooks.ListEvents, request).events
        delivered = all(event.delivery_state == webhook_pb2.Event.DELIVERY_STATE_DELIVERED for event in found)
        return found if delivered else None

    events = demo.wait_for("the delivery of all events", poll)
    counts: dict[str, int] = {}
    for event in reversed(events):
        counts[event.type] = counts.get(event.type, 0) + 1
    print(f"\nEvents to the company's webhook, signed and verified: {len(demo.service.webhook_receiver.events)}")
    summary = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    print(textwrap.fill(summary, LINE_LENGTH_MAX, initial_indent="  ", subsequent_indent="  "))
    return events


def show_mails(demo: Demo, output: Path) -> None:
    """Print the mails that were sent."""
    mails = demo.service.mail_server.mails
    print(f"\nMails, in {output / 'mails'}:")
    for mail in mails:
        print(f"  to {mail.recipient}  {mail.subject}")


def parse_micros(text: str) -> int:
    """Return "-1.25" as micros."""
    units, _, rest = text.removeprefix("-").partition(".")
    micros = int(units) * MICROS + int(rest.ljust(6, "0") or "0")
    return -micros if text.startswith("-") else micros


def list_transactions(demo: Demo) -> list[wallet_pb2.Transaction]:
    """Return all transactions of the company, newest first."""
    rows: list[wallet_pb2.Transaction] = []
    request = transaction_pb2.ListTransactionsRequest(parent=COMPANY, page_size=PAGE_SIZE)
    while True:
        page = demo.clients.call(demo.clients.transactions.ListTransactions, request)
        rows += page.transactions
        if not page.next_page_token:
            return rows
        request.page_token = page.next_page_token


def _months(first: date, last: date) -> list[str]:
    months = [f"{first:%Y-%m}", f"{last:%Y-%m}"]
    return sorted(set(months))

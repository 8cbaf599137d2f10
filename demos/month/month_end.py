"""What is left of the month: documents, the statement as CSV, the mails, the events, what usage came to."""

import csv
import io
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from demos.half_minute.money import MICROS
from demos.month.demo import COMPANY, COMPANY_ID, Stage
from demos.month.prices import decimal, told
from veloconnect.admin.v1 import document_pb2, transaction_pb2, webhook_pb2
from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain.resource_names import STATEMENT

LINES_SHOWN = 6
LINE_LENGTH_MAX = 118
PAGE = 1_000
SHOWN = ("number", "time", "kind", "amount", "balance", "explanation")
EXPLANATION_LENGTH_MAX = 60


@dataclass(frozen=True, slots=True)
class Statement:
    """The CSV: its lines, the first and the last of which are the balances."""

    file: Path
    lines: Sequence[Mapping[str, str]]


def save_statement(stage: Stage, output: Path) -> Statement:
    """Download the CSV, and show its end."""
    content = stage.clients.download(f"/v1/{COMPANY}/transactions:export")
    file = output / "statement.csv"
    file.write_bytes(content)
    lines = list(csv.DictReader(io.StringIO(content.decode())))
    print(f"\nThe statement, {file}: {len(lines) - 2:,} transactions. Its last lines:")
    for line in lines[-LINES_SHOWN:]:
        words = [line[column] for column in SHOWN]
        words[-1] = words[-1][:EXPLANATION_LENGTH_MAX]
        print("  {:>5}  {:<15}  {:<15}  {:>11}  {:>11}  {}".format(*words).rstrip())
    opening, closing = lines[0], lines[-1]
    listed = decimal(in_micros(closing["listed_total"]))
    print(f"  opening {opening['balance']} + {listed} listed = closing {closing['balance']} {closing['currency']}")
    return Statement(file, lines)


def save_receipts(stage: Stage, output: Path, count: int) -> Sequence[document_pb2.Receipt]:
    """Download each receipt as PDF, as soon as all `count` are issued."""
    request = document_pb2.ListReceiptsRequest(parent=COMPANY, page_size=PAGE)

    def look() -> Sequence[document_pb2.Receipt] | None:
        found: Sequence[document_pb2.Receipt] = stage.clients.ask(
            stage.clients.documents.ListReceipts, request
        ).receipts
        return found if len(found) >= count else None

    receipts = sorted(stage.wait(f"{count} receipts", look), key=lambda receipt: receipt.number)
    directory = output / "documents"
    directory.mkdir(exist_ok=True)
    for file in directory.glob("*.pdf"):
        file.unlink()
    print(f"\nReceipts, in {directory}:")
    for receipt in receipts:
        file = directory / f"{receipt.number}.pdf"
        file.write_bytes(stage.clients.download(f"/v1/{receipt.name}.pdf"))
        kind = document_pb2.Receipt.Kind.Name(receipt.kind).removeprefix("KIND_").replace("_", " ").lower()
        amount, tax = told(receipt.amount_micros), told(receipt.tax_amount_micros)
        print(f"  {file.name}  {amount:>12}, of which VAT {tax:>10}  {kind}")
    return receipts


def save_months(stage: Stage, output: Path) -> Sequence[document_pb2.Statement]:
    """Download the statement of each month that was played in: one, unless a month ended meanwhile."""
    found = []
    for month in _months(stage.began.date(), datetime.now(UTC).date()):
        name = STATEMENT.name(COMPANY_ID, str(month))
        request = document_pb2.GetStatementRequest(name=name)
        statement = stage.clients.ask(stage.clients.documents.GetStatement, request)
        file = output / "documents" / f"statement-{month}.pdf"
        file.write_bytes(stage.clients.download(f"/v1/{name}.pdf"))
        print(
            f"\nThe month, {file}:\n  opening {decimal(statement.opening_balance_micros)} "
            f"+ top-ups {decimal(statement.top_up_micros)} - charges {decimal(statement.charged_micros)} "
            f"+ refunds {decimal(statement.refunded_micros)} + adjustments {decimal(statement.adjusted_micros)} "
            f"= closing {told(statement.closing_balance_micros)}"
        )
        found.append(statement)
    return found


def read_usage(stage: Stage) -> transaction_pb2.UsageSummary:
    """Read what was used, once all is counted, and show it by channel and country."""
    request = transaction_pb2.GetUsageSummaryRequest(parent=COMPANY, start_date=f"{stage.began:%Y-%m-%d}")

    def look() -> transaction_pb2.UsageSummary | None:
        found: transaction_pb2.UsageSummary = stage.clients.ask(stage.clients.transactions.GetUsageSummary, request)
        return found if found.complete else None

    usage = stage.wait("the usage summary", look)
    print(f"\nUsage: {told(usage.spent_micros)} spent, {told(usage.refunded_micros)} of it given back")
    for line in usage.destinations:
        channel = wallet_pb2.Channel.Name(line.channel).removeprefix("CHANNEL_").lower()
        back = f", {told(line.refunded_micros)} back" if line.refunded_micros else ""
        spent = told(line.spent_micros)
        print(f"  {channel:<12} {line.country_code}  {line.transaction_count:>6,} charges  {spent:>14}{back}")
    return usage


def read_events(stage: Stage) -> Sequence[webhook_pb2.Event]:
    """Return the company's events as soon as all are delivered, and show how many of which."""
    request = webhook_pb2.ListEventsRequest(parent=COMPANY, page_size=PAGE)

    def look() -> Sequence[webhook_pb2.Event] | None:
        found: Sequence[webhook_pb2.Event] = stage.clients.ask(stage.clients.webhooks.ListEvents, request).events
        delivered = all(event.delivery_state == webhook_pb2.Event.DELIVERY_STATE_DELIVERED for event in found)
        return found if delivered else None

    events = stage.wait("the delivery of all events", look)
    counts: dict[str, int] = {}
    for event in reversed(events):
        counts[event.type] = counts.get(event.type, 0) + 1
    print(f"\nEvents to the company's webhook, signed and verified: {len(stage.service.hook.events)}")
    words = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    print(textwrap.fill(words, LINE_LENGTH_MAX, initial_indent="  ", subsequent_indent="  "))
    return events


def show_mails(stage: Stage, output: Path) -> None:
    """List the mails that were sent."""
    mails = stage.service.post.taken
    print(f"\nMails, in {output / 'mails'}:")
    for mail in mails:
        print(f"  to {mail.recipient}  {mail.subject}")


def in_micros(text: str) -> int:
    """Return "-1.25" as micros."""
    units, _, rest = text.removeprefix("-").partition(".")
    micros = int(units) * MICROS + int(rest.ljust(6, "0") or "0")
    return -micros if text.startswith("-") else micros


def statement_of_all(stage: Stage) -> list[wallet_pb2.Transaction]:
    """Return all rows, newest first."""
    rows: list[wallet_pb2.Transaction] = []
    request = transaction_pb2.ListTransactionsRequest(parent=COMPANY, page_size=PAGE)
    while True:
        page = stage.clients.ask(stage.clients.transactions.ListTransactions, request)
        rows += page.transactions
        if not page.next_page_token:
            return rows
        request.page_token = page.next_page_token


def _months(first: date, last: date) -> list[str]:
    months = [f"{first:%Y-%m}", f"{last:%Y-%m}"]
    return sorted(set(months))

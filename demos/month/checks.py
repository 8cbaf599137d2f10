"""Checks of the result: the demo's books against the wallet, every transaction, documents and notifications."""

from collections.abc import Sequence

from demos.half_minute.books import PROBLEMS_MAX, SERVICE_KEY_PREFIX, Books, audit
from demos.month.demo import COMPANY, Demo
from demos.month.month_end import Statement, list_transactions, parse_micros
from demos.month.prices import money_text
from demos.month.service import Service
from veloconnect.admin.v1 import document_pb2, ledger_pb2, transaction_pb2, webhook_pb2
from veloconnect.wallet.v1 import wallet_pb2

OPENING, CLOSING = "OPENING_BALANCE", "CLOSING_BALANCE"


def check_ledger(demo: Demo) -> tuple[list[str], list[wallet_pb2.Transaction]]:
    """Compare books and ledger key by key, including keys of the service; return problems and transactions."""
    rows = list_transactions(demo)
    found = audit(COMPANY, [demo.books], rows, demo.wallet())
    unknown = [
        f"{row.name}: the demo's books have no {row.idempotency_key}"
        for row in rows
        if row.idempotency_key.startswith(SERVICE_KEY_PREFIX) and row.idempotency_key not in demo.books.postings
    ]
    return [*found.problems, *unknown], rows


def check_statement(books: Books, statement: Statement, rows: Sequence[wallet_pb2.Transaction]) -> list[str]:
    """Check that the CSV goes from 0 to the balance of the books, row by row."""
    opening, *between, closing = statement.lines
    amounts = [parse_micros(line["amount"]) for line in between]
    checks = [
        ("begins with", opening["kind"], OPENING),
        ("ends with", closing["kind"], CLOSING),
        ("opens with", parse_micros(opening["balance"]), 0),
        ("closes with", parse_micros(closing["balance"]), books.balance),
        ("adds up to", sum(amounts), books.balance),
        ("lists", [int(line["number"]) for line in between], list(range(1, len(rows) + 1))),
        ("has amounts", amounts, [row.amount_micros for row in reversed(rows)]),
    ]
    return [f"the CSV {what} {found}, expected {wanted}" for what, found, wanted in checks if found != wanted]


def check_documents(
    books: Books,
    months: Sequence[document_pb2.Statement],
    receipts: Sequence[document_pb2.Receipt],
    usage: transaction_pb2.UsageSummary,
    rows: Sequence[wallet_pb2.Transaction],
) -> list[str]:
    """Check the sums of monthly statements, receipts and usage summary against the transactions."""

    def total(*kinds: int) -> int:
        return sum(row.amount_micros for row in rows if row.kind in kinds)

    kind = wallet_pb2.Transaction
    spent, back = -total(kind.KIND_CHARGE, kind.KIND_CAPTURE), total(kind.KIND_REFUND)
    top_ups, adjusted = total(kind.KIND_TOP_UP), total(kind.KIND_ADJUSTMENT)
    by_hand = sum(row.amount_micros for row in rows if row.idempotency_key == "bonus")
    checks = [
        ("the months open with", months[0].opening_balance_micros, 0),
        ("the months close with", months[-1].closing_balance_micros, books.balance),
        ("the months' top-ups are", sum(month.top_up_micros for month in months), top_ups),
        ("the months' charges are", sum(month.charged_micros for month in months), spent),
        ("the months' refunds are", sum(month.refunded_micros for month in months), back),
        ("the months' adjustments are", sum(month.adjusted_micros for month in months), adjusted),
        ("all receipts come to", sum(receipt.amount_micros for receipt in receipts), top_ups + adjusted - by_hand),
        ("the usage summary has spent", usage.spent_micros, spent),
        ("the usage summary has refunded", usage.refunded_micros, back),
    ]
    return [
        f"{what} {money_text(found)}, expected {money_text(wanted)}"
        for what, found, wanted in checks
        if found != wanted
    ]


def check_notifications(service: Service, events: Sequence[webhook_pb2.Event]) -> list[str]:
    """Check that each event reached the webhook with a valid signature, and no mail was sent twice."""
    receiver = service.webhook_receiver
    problems = [f"{receiver.forged} webhooks did not verify"] if receiver.forged else []
    if {event.name for event in events} != {event["name"] for event in receiver.events}:
        problems.append(f"{len(events)} events happened, and {len(receiver.events)} reached the webhook")
    subjects = [mail.subject for mail in service.mail_server.mails]
    problems += [f"the mail {subject!r} came twice" for subject in set(subjects) if subjects.count(subject) > 1]
    return problems


def verify_ledger(demo: Demo) -> tuple[str, bool]:
    """Return VerifyLedger's result as text, and whether it found nothing."""
    verified = demo.clients.call(demo.clients.ledger.VerifyLedger, ledger_pb2.VerifyLedgerRequest())
    checked = (
        f"{verified.wallets_checked:,} wallet, {verified.transactions_checked:,} transactions, "
        f"{verified.hot_wallets_checked:,} wallet in Redis"
    )
    if verified.ok:
        return f"VerifyLedger: OK. {checked} checked.", True
    found = [
        f"  {each.company}: {ledger_pb2.LedgerProblem.Check.Name(each.check)} {each.detail}"
        for each in verified.problems[:PROBLEMS_MAX]
    ]
    return "\n".join([f"VerifyLedger: WRONG, {verified.problems_found:,} problem(s) in {checked}", *found]), False

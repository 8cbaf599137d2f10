"""Whether it all adds up: the demo's own books against the wallet, every row, the documents, and what was told."""

from collections.abc import Sequence

from demos.half_minute.books import PROBLEMS_MAX, SERVICE_KEY_PREFIX, Books, audit
from demos.month.demo import COMPANY, Stage
from demos.month.month_end import Statement, in_micros, statement_of_all
from demos.month.prices import told
from demos.month.service import Service
from veloconnect.admin.v1 import document_pb2, ledger_pb2, transaction_pb2, webhook_pb2
from veloconnect.wallet.v1 import wallet_pb2

OPENING, CLOSING = "OPENING_BALANCE", "CLOSING_BALANCE"


def check_ledger(stage: Stage) -> tuple[list[str], list[wallet_pb2.Transaction]]:
    """Compare key by key; every row must be in the demo's books, the service's own too. Return problems and rows."""
    rows = statement_of_all(stage)
    found = audit(COMPANY, [stage.books], rows, stage.wallet())
    unknown = [
        f"{row.name}: the demo's books have no {row.idempotency_key}"
        for row in rows
        if row.idempotency_key.startswith(SERVICE_KEY_PREFIX) and row.idempotency_key not in stage.books.postings
    ]
    return [*found.problems, *unknown], rows


def check_statement(books: Books, statement: Statement, rows: Sequence[wallet_pb2.Transaction]) -> list[str]:
    """Check that the CSV goes from nothing to what the books come to, row by row."""
    opening, *between, closing = statement.lines
    amounts = [in_micros(line["amount"]) for line in between]
    checks = [
        ("begins with", opening["kind"], OPENING),
        ("ends with", closing["kind"], CLOSING),
        ("opens with", in_micros(opening["balance"]), 0),
        ("closes with", in_micros(closing["balance"]), books.balance),
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
    """Check that the months, the receipts and the usage summary say what the rows come to."""

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
    return [f"{what} {told(found)}, expected {told(wanted)}" for what, found, wanted in checks if found != wanted]


def check_told(service: Service, events: Sequence[webhook_pb2.Event]) -> list[str]:
    """Check that each event came to the webhook, verified, and no mail twice."""
    hook = service.hook
    problems = [f"{hook.forged} webhooks did not verify"] if hook.forged else []
    if {event.name for event in events} != {event["name"] for event in hook.events}:
        problems.append(f"{len(events)} events happened, and {len(hook.events)} came to the webhook")
    subjects = [mail.subject for mail in service.post.taken]
    problems += [f"the mail {subject!r} came twice" for subject in set(subjects) if subjects.count(subject) > 1]
    return problems


def verify_ledger(stage: Stage) -> tuple[str, bool]:
    """Return VerifyLedger's verdict in words, and whether it is good."""
    verified = stage.clients.ask(stage.clients.ledger.VerifyLedger, ledger_pb2.VerifyLedgerRequest())
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

"""The report at the end of the demo: wallets, transactions, latencies, and the comparison of the books."""

from collections.abc import Sequence

from demos.half_minute.books import PROBLEMS_MAX, Audit
from demos.half_minute.companies import Company
from demos.half_minute.metrics import Metrics, percentile
from demos.half_minute.money import money_text
from veloconnect.admin.v1 import ledger_pb2
from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain.resource_names import TRANSACTION

TRANSACTIONS_SHOWN = 8

Row = Sequence[str]


def company_report(company: Company, wallet: wallet_pb2.Wallet, statement: Sequence[wallet_pb2.Transaction]) -> str:
    """Return a company's wallet and its last transactions, newest first."""
    currency = wallet.currency_code
    head = (
        f"{company.display_name} ({company.name})\n"
        f"  balance {money_text(wallet.balance_micros, currency)}   held {money_text(wallet.held_micros)}   "
        f"available {money_text(wallet.available_micros)}   transactions {len(statement):,}"
    )
    rows = [_transaction(row) for row in statement[:TRANSACTIONS_SHOWN]]
    titles = ("no", "time", "kind", "amount", "held ±", "balance", "usage", "to", "key")
    return f"{head}\n\n{_table(titles, rows, right={0, 3, 4, 5})}\n"


def latency_report(metrics: Metrics) -> str:
    """Return throughput and latency by RPC, as the gateways saw them."""
    seconds = max(metrics.elapsed, 0.001)
    rows = []
    for rpc, latencies in sorted(metrics.latencies.items()):
        ordered = sorted(latencies)
        times = [f"{1000 * percentile(ordered, percent):.1f}" for percent in (50, 95, 99, 100)]
        rows.append([rpc, f"{len(ordered):,}", f"{len(ordered) / seconds:,.1f}", *times])
    requests, charges = metrics.requests, metrics.charges
    lines = (
        f"Throughput  {charges:,} charges and captures in {seconds:.1f} s ({charges / seconds:,.0f}/s), "
        f"{requests:,} requests ({requests / seconds:,.0f} rps)\n"
        f"Retries     {metrics.retries:,} under the same key: {metrics.lost_answers:,} answers were lost on purpose, "
        f"{metrics.interruptions:,} did not come; {metrics.same_answers:,} second answers were compared\n"
        f"Declines    {metrics.declines:,} for INSUFFICIENT_FUNDS, answered with {metrics.top_ups:,} top-up(s)"
    )
    titles = ("rpc", "answers", "per second", "p50 ms", "p95 ms", "p99 ms", "max ms")
    return f"\n{lines}\n\n{_table(titles, rows, right=set(range(1, len(titles))))}\n"


def verdict_text(audits: Sequence[Audit], verified: ledger_pb2.VerifyLedgerResponse, metrics: Metrics) -> str:
    """Return the results of the comparison and of VerifyLedger; see `is_good`."""
    lines = []
    problems = [problem for audit in audits for problem in audit.problems]
    rows = sum(audit.rows for audit in audits)
    if problems:
        lines += [f"Books: WRONG, {len(problems)} problem(s)", *_first_problems(problems)]
    else:
        lines.append(
            f"Books: OK. {len(audits)} balances equal the sums of their gateways' books to the micro; "
            f"each of the {rows:,} transactions is in one\n  gateway's books; no key has two; "
            f"{metrics.same_answers:,} second answers named the same transaction as the first."
        )
    checked = (
        f"{verified.wallets_checked:,} wallets, {verified.transactions_checked:,} transactions, "
        f"{verified.hot_wallets_checked:,} wallets in Redis"
    )
    if verified.ok:
        lines.append(f"VerifyLedger: OK. {checked} checked.")
    else:
        found = [
            f"{each.company}: {ledger_pb2.LedgerProblem.Check.Name(each.check)} {each.detail}"
            for each in verified.problems
        ]
        lines += [f"VerifyLedger: WRONG, {verified.problems_found:,} problem(s) in {checked}", *_first_problems(found)]
    return "\n".join(lines)


def is_good(audits: Sequence[Audit], verified: ledger_pb2.VerifyLedgerResponse) -> bool:
    """Return whether neither the comparison nor VerifyLedger found a problem."""
    return verified.ok and not any(audit.problems for audit in audits)


def _transaction(row: wallet_pb2.Transaction) -> Row:
    currency_free = [
        money_text(micros) for micros in (row.amount_micros, row.held_delta_micros, row.balance_after_micros)
    ]
    kind = wallet_pb2.Transaction.Kind.Name(row.kind).removeprefix("KIND_").lower()
    usage = ""
    if row.HasField("usage"):
        channel = wallet_pb2.Channel.Name(row.usage.channel).removeprefix("CHANNEL_").lower()
        usage = f"{row.usage.quantity} × {' '.join(filter(None, (channel, row.usage.variant)))}"
    return [
        str(TRANSACTION.parse(row.name)[1]),
        f"{row.create_time.ToDatetime():%H:%M:%S.%f}"[:-3],
        kind,
        *currency_free,
        usage,
        row.usage.destination,
        row.idempotency_key,
    ]


def _table(titles: Row, rows: Sequence[Row], right: set[int]) -> str:
    """Return rows under titles, with the columns in `right` aligned to the right."""
    widths = [max(len(row[column]) for row in [titles, *rows]) for column in range(len(titles))]
    lines = []
    for row in [titles, *rows]:
        cells = [
            text.rjust(width) if column in right else text.ljust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(f"  {'  '.join(cells)}".rstrip())
    return "\n".join(lines)


def _first_problems(problems: Sequence[str]) -> list[str]:
    listed = [f"  {problem}" for problem in problems[:PROBLEMS_MAX]]
    more = len(problems) - len(listed)
    return [*listed, f"  … and {more:,} more"] if more > 0 else listed

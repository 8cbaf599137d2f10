"""A statement in CSV: the entries of a period, between its opening and closing balances."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from admin.spreadsheets import line_writer, text_cell
from admin.statements.domain import EntryFilter, StatementNotReconciled, StatementPeriod
from server.price_messages import explanation
from wallet.domain.entries import Entry
from wallet.domain.money import decimal
from wallet.domain.resource_names import COMPANY
from wallet.domain.usage import Channel

COLUMNS = (
    "number",
    "date",
    "time",
    "kind",
    "channel",
    "variant",
    "country",
    "used",
    "billed",
    "unit",
    "amount",
    "balance",
    "listed_total",
    "currency",
    "campaign",
    "contact",
    "reference",
    "reason",
    "requested_by",
    "refunded",
    "authorization",
    "held_change",
    "held",
    "idempotency_key",
    "explanation",
)

UNITS: Mapping[Channel, str] = {
    Channel.SMS: "segments",
    Channel.WHATSAPP: "messages",
    Channel.VOICE: "seconds",
    Channel.PHONE_NUMBER: "months",
}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class StatementCsv:
    """Formats one statement. Call `opening`, then `entries` any number of times, then `closing`.

    Each returns lines with their line ends. Amounts are in the currency's unit, exact. No text becomes a formula.
    """

    def __init__(self, period: StatementPeriod, where: EntryFilter) -> None:
        """Begin the statement of a period, of which the entries that match `where` are listed."""
        self._period = period
        self._where = where
        self._line = line_writer()
        self._listed = 0
        self._listed_count = 0
        self._last_at: int | None = None

    def opening(self) -> str:
        """Return the header and the line of the opening balance."""
        number = self._period.first - 1
        text = f"balance after transaction {number}" if number else "balance before the first transaction"
        return self._line(COLUMNS) + self._balance_line(
            "OPENING_BALANCE", self._where.start_at, "", self._period.opening, text
        )

    def entries(self, entries: Iterable[Entry]) -> str:
        """Return the lines of the next entries, oldest first."""
        return "".join(map(self._entry, entries))

    def closing(self, now: int) -> str:
        """Return the line of the closing balance; before it, if the filter has more than times, the unlisted total.

        `now` is in microseconds since the epoch: a later time has no balance yet. Raises StatementNotReconciled if the
        filter has only times, and the listed entries do not sum up to the change of the balance.
        """
        period = self._period
        count = period.last - period.first + 1 - self._listed_count
        amount = period.closing - period.opening - self._listed
        end_at = self._where.end_at
        if end_at is None or end_at > now:
            end_at = self._last_at
        lines = ""
        if not self._where.by_time_only:
            text = f"{count} transactions that the filter leaves out"
            lines = self._balance_line("NOT_LISTED", end_at, decimal(amount), period.closing, text)
        elif count or amount:
            name = COMPANY.name(period.company)
            raise StatementNotReconciled(
                f"{name}, {period.first} to {period.last}: {count} rows and {amount} micros differ"
            )
        number = period.last
        text = f"balance after transaction {number}" if number else "balance before the first transaction"
        return lines + self._balance_line("CLOSING_BALANCE", end_at, "", period.closing, text)

    def _balance_line(self, kind: str, at: int | None, amount: str, balance: int, explanation: str) -> str:
        cells = dict.fromkeys(COLUMNS, "")
        cells["date"], cells["time"] = ("", "") if at is None else _date_and_time(at)
        cells |= {"kind": kind, "amount": amount, "balance": decimal(balance), "explanation": explanation}
        cells |= {"listed_total": decimal(self._listed), "currency": self._period.currency}
        return self._line(cells.values())

    def _entry(self, entry: Entry) -> str:
        self._listed += entry.amount
        self._listed_count += 1
        self._last_at = entry.created_at
        usage = entry.usage
        # Where the request named the amount, a rate that is pinned for later does not explain this row.
        price = None if entry.price is None or entry.price.by_request else entry.price
        used = billed = channel = variant = country = unit = campaign = contact = ""
        if usage is not None:
            channel, unit = usage.channel.name, UNITS[usage.channel]
            variant, country = usage.variant, usage.country
            used = billed = str(usage.quantity)
            campaign, contact = usage.campaign_id, usage.contact_id
        if price is not None:
            used, billed = str(price.used), str(price.billed)
        return self._line(
            (
                entry.number,
                *_date_and_time(entry.created_at),
                entry.kind.name,
                channel,
                text_cell(variant),
                country,
                used,
                billed,
                unit,
                decimal(entry.amount),
                decimal(entry.balance_after),
                decimal(self._listed),
                entry.currency,
                text_cell(campaign),
                text_cell(contact),
                text_cell(entry.reference),
                text_cell(entry.reason),
                text_cell(entry.requested_by),
                entry.refunded_number or "",
                text_cell(entry.authorization),
                decimal(entry.held_delta),
                decimal(entry.held_after),
                text_cell(entry.idempotency_key),
                "" if price is None else explanation(price, entry.currency),
            )
        )


def _date_and_time(at: int) -> tuple[str, str]:
    date, _, time = (_EPOCH + at * _MICROSECOND).isoformat(timespec="microseconds").partition("T")
    return date, time.removesuffix("+00:00")

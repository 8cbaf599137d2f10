"""Conversion of usage summaries: the days of a request, and the response."""

from datetime import UTC, date, datetime

from admin.statements.usage import CountedUsage, Days, UsageLine, total
from server import wire
from server.countries import COUNTRIES
from server.rejections import InvalidRequest, Violation
from veloconnect.admin.v1 import transaction_pb2
from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain.resource_names import TRANSACTION

DAYS_MAX = 366


def days_of(request: transaction_pb2.GetUsageSummaryRequest, *, today: date | None = None) -> Days:
    """Return the days of a request, up to DAYS_MAX; `today` is by default the date in UTC. Raises InvalidRequest."""
    today = today or datetime.now(UTC).date()
    broken: list[Violation] = []
    last = _date(request.end_date, "end_date", broken) or today
    first = _date(request.start_date, "start_date", broken) or (last if request.end_date else today)
    if not broken and first > last:
        broken.append(Violation("end_date", f"must not be before start_date, {first}"))
    elif not broken and (last - first).days >= DAYS_MAX:
        broken.append(Violation("end_date", f"must be at most {DAYS_MAX} days from start_date on"))
    if request.country_code and request.country_code not in COUNTRIES:
        broken.append(Violation("country_code", f"{request.country_code} is not a country of ISO 3166-1"))
    if broken:
        raise InvalidRequest(violations=broken)
    return Days(first, last)


def summary_message(company: str, days: Days, usage: CountedUsage, *, complete: bool) -> transaction_pb2.UsageSummary:
    """Return counted usage as a message; `complete` if all entries are counted."""
    whole = total(usage.by_country)
    return transaction_pb2.UsageSummary(
        start_date=days.first.isoformat(),
        end_date=days.last.isoformat(),
        currency_code=usage.currency,
        transaction_count=whole.transactions,
        spent_micros=whole.spent,
        refund_count=whole.refunds,
        refunded_micros=whole.refunded,
        days=map(line_message, usage.by_day),
        destinations=map(line_message, usage.by_country),
        last_transaction=TRANSACTION.name(company, usage.last_number) if usage.last_number else "",
        complete=complete,
    )


def line_message(line: UsageLine) -> transaction_pb2.UsageLine:
    """Return the sums of a channel, a day or a country as a message."""
    return transaction_pb2.UsageLine(
        date=line.day.isoformat() if line.day else "",
        channel=wallet_pb2.CHANNEL_UNSPECIFIED if line.channel is None else wire.channel(line.channel),
        country_code=line.country,
        transaction_count=line.transactions,
        used_quantity=line.used,
        billed_quantity=line.billed,
        spent_micros=line.spent,
        refund_count=line.refunds,
        refunded_micros=line.refunded,
    )


def _date(text: str, field: str, broken: list[Violation]) -> date | None:
    """Return a date in ISO 8601, None for ""; add a violation to `broken` and return None if it is invalid."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        broken.append(Violation(field, f"{text} is not a valid date"))
        return None

"""Filters of transactions: parsing of messages, and scopes of page tokens."""

from hashlib import blake2b

from admin.statements.domain import EVERYTHING, EntryFilter
from server.countries import COUNTRIES
from server.rejections import InvalidRequest, Violation
from server.times import micros_of
from veloconnect.admin.v1 import transaction_pb2
from wallet.domain.commands import Kind
from wallet.domain.usage import Channel

_DIGEST_BYTES = 12


def filter_of(message: transaction_pb2.TransactionFilter) -> EntryFilter:
    """Return the filter of a request's field `filter`. Raises InvalidRequest."""
    broken: list[Violation] = []
    start_at = end_at = amount_min = amount_max = None
    if message.HasField("start_time"):
        start_at = micros_of(message.start_time, "filter.start_time", broken)
    if message.HasField("end_time"):
        end_at = micros_of(message.end_time, "filter.end_time", broken)
        if start_at is not None and start_at > end_at:
            broken.append(Violation("filter.end_time", "must not be before filter.start_time"))
    if message.country_code and message.country_code not in COUNTRIES:
        broken.append(Violation("filter.country_code", f"{message.country_code} is not a country of ISO 3166-1"))
    if message.HasField("min_amount_micros"):
        amount_min = message.min_amount_micros
    if message.HasField("max_amount_micros"):
        amount_max = message.max_amount_micros
        if amount_min is not None and amount_min > amount_max:
            broken.append(Violation("filter.max_amount_micros", "must not be less than filter.min_amount_micros"))
    if broken:
        raise InvalidRequest(violations=broken)
    return EntryFilter(
        start_at=start_at,
        end_at=end_at,
        kinds=frozenset(Kind(int(kind)) for kind in message.kinds),
        channel=Channel(int(message.channel)) if message.channel else None,
        country=message.country_code,
        campaign_id=message.campaign_id,
        contact_id=message.contact_id,
        amount_min=amount_min,
        amount_max=amount_max,
        reference=message.reference,
    )


def token_scope(parent: str, where: EntryFilter) -> str:
    """Return the scope of page tokens of a filtered list: equal for equal filters, and of bounded length."""
    if where == EVERYTHING:
        return parent
    values = repr([sorted(value) if isinstance(value, frozenset) else value for value in _values(where)])
    return f"{parent}?{blake2b(values.encode(), digest_size=_DIGEST_BYTES).hexdigest()}"


def _values(where: EntryFilter) -> list[object]:
    return [getattr(where, field) for field in where.__struct_fields__]

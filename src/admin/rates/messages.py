"""Conversion of rates and rate cards to messages and back."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from admin.rates.changes import RateChangeSet
from server import wire
from server.countries import COUNTRIES
from server.rejections import InvalidRequest, Violation
from server.times import micros_of
from veloconnect.admin.v1 import rate_pb2
from wallet.domain.rates import NEVER, Rate, RateCard
from wallet.domain.resource_names import RATE, RATE_CARD
from wallet.domain.usage import Channel


def card_message(card: RateCard) -> rate_pb2.RateCard:
    """Return a rate card as a message."""
    return rate_pb2.RateCard(
        name=RATE_CARD.name(card.id),
        display_name=card.display_name,
        currency_code=card.currency,
        parent=RATE_CARD.name(card.parent) if card.parent else "",
        version=card.version,
        rate_count=card.rate_count,
        create_time=wire.timestamp(card.created_at),
        update_time=wire.timestamp(card.updated_at),
    )


def rate_message(card: str, rate: Rate) -> rate_pb2.Rate:
    """Return a rate of a card as a message."""
    return rate_pb2.Rate(
        name=RATE.name(card, rate.id),
        channel=wire.channel(rate.channel),
        variant=rate.variant,
        destination=rate.destination,
        unit_price_micros=rate.unit_price,
        connect_fee_micros=rate.connect_fee,
        minimum_quantity=rate.minimum_quantity,
        first_increment=rate.first_increment,
        next_increment=rate.next_increment,
        effective_time=wire.timestamp(rate.effective_at),
        expire_time=None if rate.expires_at == NEVER else wire.timestamp(rate.expires_at),
        description=rate.description,
    )


def changes_message(card: str, changes: RateChangeSet) -> rate_pb2.RateChanges:
    """Return the changes to a card as a message."""
    return rate_pb2.RateChanges(
        added=changes.added,
        changed=changes.changed,
        removed=changes.removed,
        unchanged=changes.unchanged,
        price_jumps=[
            rate_pb2.PriceJump(
                rate=RATE.name(card, jump.rate),
                description=jump.description,
                old_unit_price_micros=jump.old,
                new_unit_price_micros=jump.new,
                percent=jump.percent,
            )
            for jump in changes.price_jumps
        ],
    )


def rates_of(messages: Sequence[rate_pb2.Rate], *, now: int) -> list[Rate]:
    """Return the rates of messages; those without effective_time begin at `now`, in microseconds since the epoch.

    Raises InvalidRequest with all violations.
    """
    broken: list[Violation] = []
    rates = [_rate_of(message, f"rates[{place}]", now, broken) for place, message in enumerate(messages)]
    if not broken:
        broken += _overlaps(rates)
    if broken:
        raise InvalidRequest(violations=broken)
    return rates


def _rate_of(message: rate_pb2.Rate, field: str, now: int, broken: list[Violation]) -> Rate:
    destination = message.destination
    if destination.isalpha() and destination not in COUNTRIES:
        broken.append(Violation(f"{field}.destination", f"{destination} is not a country of ISO 3166-1"))
    begins, ends = now, NEVER
    if message.HasField("effective_time"):
        begins = micros_of(message.effective_time, f"{field}.effective_time", broken)
    if message.HasField("expire_time"):
        ends = micros_of(message.expire_time, f"{field}.expire_time", broken)
        if ends <= begins:
            broken.append(
                Violation(f"{field}.expire_time", "must be later than effective_time, which is now if left out")
            )
    return Rate(
        Channel(int(message.channel)),
        message.variant,
        destination,
        message.unit_price_micros,
        message.connect_fee_micros,
        message.minimum_quantity,
        message.first_increment,
        message.next_increment or 1,
        begins,
        ends,
        message.description,
    )


def _overlaps(rates: Sequence[Rate]) -> Iterator[Violation]:
    """Yield rates of a place that begin at the same time, or before one with an end of its own ends: as in decks."""
    order = sorted(range(len(rates)), key=lambda n: (rates[n].place, rates[n].effective_at, n))
    for earlier, later in pairwise(order):
        before, after = rates[earlier], rates[later]
        if before.place != after.place:
            continue
        if before.effective_at == after.effective_at:
            yield Violation(
                f"rates[{later}]", f"begins at the same time as rates[{earlier}], which has the same destination"
            )
        elif before.expires_at > after.effective_at:
            yield Violation(f"rates[{later}]", f"begins before rates[{earlier}] ends, which has the same destination")

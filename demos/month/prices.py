"""The company's rate card, and the demo's own calculation of costs, which the ledger must match."""

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from demos.half_minute.money import MICROS
from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain.resource_names import RATE_CARD

CURRENCY = "EUR"
CARD = RATE_CARD.name("standard")
SECONDS_PER_MINUTE = 60


@dataclass(frozen=True, slots=True)
class Rate:
    """One line of the card; amounts in micros of CURRENCY."""

    channel: str
    variant: str
    country: str
    unit: int
    """The price of a segment, a message or a month; of voice, of a minute."""
    connect_fee: int = 0
    first: int = 1
    next: int = 1


class Product(Enum):
    """The services that the company buys, each with its rate."""

    SMS_GERMANY = Rate("sms", "", "DE", 75_000)
    SMS_FRANCE = Rate("sms", "", "FR", 64_000)
    MARKETING_GERMANY = Rate("whatsapp", "template.marketing", "DE", 118_000)
    CALL_GERMANY = Rate("voice", "", "DE", 24_000, connect_fee=10_000, first=30, next=6)
    NUMBER_GERMANY = Rate("phone_number", "", "DE", 1_400_000)
    NUMBER_BRITAIN = Rate("phone_number", "", "GB", 1_100_000)
    FREEPHONE_GERMANY = Rate("phone_number", "freephone", "DE", 900_000_000)

    def cost(self, quantity: int = 1) -> int:
        """Return the cost of a quantity (seconds for calls) in micros, rounded once, half up."""
        rate = self.value
        if self is not Product.CALL_GERMANY:
            return rate.unit * quantity
        billed = rate.first + -(-max(quantity - rate.first, 0) // rate.next) * rate.next
        exact = Fraction(rate.unit * billed, SECONDS_PER_MINUTE)
        return rate.connect_fee + int(exact + Fraction(1, 2))

    def usage(self, destination: str = "", quantity: int = 1, **fields: str) -> wallet_pb2.Usage:
        """Return a usage to a number, or else to the country; `fields` are campaign_id and contact_id."""
        rate = self.value
        return wallet_pb2.Usage(
            channel=f"CHANNEL_{rate.channel.upper()}",
            variant=rate.variant,
            destination=destination or rate.country,
            quantity=quantity,
            **fields,
        )


def deck() -> str:
    """Return the card as a carrier would send it, in CSV."""
    lines = ["channel,variant,country,rate,connect fee,first increment,next increment"]
    for product in Product:
        rate = product.value
        fields = (rate.channel, rate.variant, rate.country, decimal_text(rate.unit), decimal_text(rate.connect_fee))
        lines.append(",".join((*fields, str(rate.first), str(rate.next))))
    return "\n".join(lines) + "\n"


def decimal_text(micros: int) -> str:
    """Return micros as "-11.328": exact, with at least two decimal places."""
    units, rest = divmod(abs(micros), MICROS)
    places = f"{rest:06}"
    return f"{'-' if micros < 0 else ''}{units}.{places[:2]}{places[2:].rstrip('0')}"


def money_text(micros: int) -> str:
    """Return "11.328 EUR"."""
    return f"{decimal_text(micros)} {CURRENCY}"

"""What the company's gateways send: campaigns by SMS and WhatsApp, and calls."""

from collections.abc import Iterator

from google.protobuf.duration_pb2 import Duration

from demos.half_minute.gateways.answers import Refused, from_status
from demos.month.demo import COMPANY, Stage
from demos.month.prices import Sold, told
from veloconnect.charging.v1 import charging_pb2
from veloconnect.wallet.v1 import wallet_pb2

BATCH = 500
HOLD_SECONDS = 3_600
FIRST_NUMBER = {"DE": 4_915_112_000_000, "FR": 33_612_000_000}
CALL_HOLD_SECONDS = 60
CALLS_SECONDS = (12, 30, 31, 58, 61, 95, 119, 140, 180, 205, 244, 377)


def text(stage: Stage, campaign: str, sold: Sold, count: int) -> wallet_pb2.Transaction:
    """Send an SMS campaign, charged on submit in batches; return its last charge."""
    requests = [
        charging_pb2.ChargeRequest(
            company=COMPANY,
            idempotency_key=f"{campaign}-{number}",
            usage=sold.usage(_phone(sold, number), campaign_id=campaign, contact_id=f"contact-{number}"),
        )
        for number in range(1, count + 1)
    ]
    names = []
    last = wallet_pb2.Transaction()
    for batch in _batches(requests):
        answer = stage.clients.ask(stage.clients.charging.BatchCharge, charging_pb2.BatchChargeRequest(requests=batch))
        for request, result in zip(batch, answer.results, strict=True):
            if result.HasField("status"):
                raise from_status(result.status, request.idempotency_key)
            last = result.charge.transaction
            record_charge(stage, request.idempotency_key, last.name, sold.cost())
            names.append(last.name)
    stage.bulk_campaigns[campaign] = names
    country = sold.value.country
    stage.say(f"SMS campaign {campaign!r}: {count:,} to {country} at {told(sold.cost())}, {told(count * sold.cost())}")
    return last


def text_below(stage: Stage, campaign: str, sold: Sold, level: int) -> wallet_pb2.Transaction:
    """Send an SMS campaign that is just large enough to leave less than `level` available; return its last charge."""
    return text(stage, campaign, sold, (stage.available - level) // sold.cost() + 1)


def record_charge(stage: Stage, key: str, transaction: str, cost: int) -> None:
    """Write a charge down, with what it must have cost."""
    stage.books.post(key, -cost, transaction)
    stage.amounts[transaction] = cost


def charge(stage: Stage, key: str, sold: Sold, quantity: int) -> str:
    """Send one message; return the name of its charge."""
    request = charging_pb2.ChargeRequest(
        company=COMPANY, idempotency_key=key, usage=sold.usage(_phone(sold, 0), quantity, contact_id="contact-7")
    )
    transaction: str = stage.clients.ask(stage.clients.charging.Charge, request).transaction.name
    record_charge(stage, key, transaction, sold.cost(quantity))
    return transaction


def market(stage: Stage, campaign: str, count: int, delivered: int) -> None:
    """Send a WhatsApp campaign: held as a whole, captured as delivered, the rest given back."""
    sold, ask, charging = Sold.MARKETING_GERMANY, stage.clients.ask, stage.clients.charging
    opened = ask(
        charging.Authorize,
        charging_pb2.AuthorizeRequest(
            company=COMPANY,
            idempotency_key=campaign,
            usage=sold.usage(quantity=count, campaign_id=campaign),
            ttl=Duration(seconds=HOLD_SECONDS),
        ),
    )
    stage.books.open(campaign, opened.name, sold.cost(count), opened.transaction)
    for number in range(1, delivered + 1):
        key = f"{campaign}-{number}"
        usage = sold.usage(_phone(sold, number), campaign_id=campaign, contact_id=f"contact-{number}")
        request = charging_pb2.CaptureRequest(
            authorization=opened.name, idempotency_key=key, usage=usage, keep_open=True
        )
        taken = ask(charging.Capture, request).transaction.name
        stage.books.capture(key, opened.name, sold.cost(), taken, keep_open=True)
    key = f"{campaign}-end"
    ask(charging.Void, charging_pb2.VoidRequest(authorization=opened.name, idempotency_key=key))
    stage.books.void(key, opened.name)
    stage.say(
        f"WhatsApp campaign {campaign!r}: {told(sold.cost(count))} held for {count} messages, {delivered} captured as "
        f"they are delivered, {told(sold.cost(count - delivered))} given back"
    )


def call(stage: Stage) -> None:
    """Make calls: hold a minute, more before it is over, and capture on hang-up what was talked."""
    before = stage.books.balance
    for number, seconds in enumerate(CALLS_SECONDS, 1):
        _call(stage, f"call-{number}", seconds)
    talked = sum(CALLS_SECONDS)
    stage.say(
        f"{len(CALLS_SECONDS)} calls to DE, {talked // 60} min {talked % 60} s in all, billed in steps of 30 and 6 s: "
        f"{told(before - stage.books.balance)}"
    )


def _call(stage: Stage, key: str, seconds: int) -> None:
    sold, ask, charging = Sold.CALL_GERMANY, stage.clients.ask, stage.clients.charging
    number = _phone(sold, 1)
    held = CALL_HOLD_SECONDS
    request = charging_pb2.AuthorizeRequest(
        company=COMPANY, idempotency_key=key, usage=sold.usage(number, held), ttl=Duration(seconds=HOLD_SECONDS)
    )
    opened = ask(charging.Authorize, request)
    if opened.granted_quantity < held:
        raise Refused(f"{key}: {opened.granted_quantity} s are granted, {held} s were asked for")
    stage.books.open(key, opened.name, sold.cost(held), opened.transaction)
    while held < seconds:
        held += CALL_HOLD_SECONDS
        extended = f"{key}-{held}"
        ask(
            charging.IncrementAuthorization,
            charging_pb2.IncrementAuthorizationRequest(
                authorization=opened.name, idempotency_key=extended, usage=sold.usage(number, held)
            ),
        )
        stage.books.extend(extended, opened.name, sold.cost(held))
    ended = f"{key}-end"
    taken = ask(
        charging.Capture,
        charging_pb2.CaptureRequest(
            authorization=opened.name, idempotency_key=ended, usage=sold.usage(number, seconds)
        ),
    ).transaction.name
    stage.books.capture(ended, opened.name, sold.cost(seconds), taken, keep_open=False)


def _phone(sold: Sold, number: int) -> str:
    return f"+{FIRST_NUMBER[sold.value.country] + number}"


def _batches(requests: list[charging_pb2.ChargeRequest]) -> Iterator[list[charging_pb2.ChargeRequest]]:
    for start in range(0, len(requests), BATCH):
        yield requests[start : start + BATCH]

"""Traffic of the company's gateways: campaigns by SMS and WhatsApp, and calls."""

from collections.abc import Iterator

from google.protobuf.duration_pb2 import Duration

from demos.half_minute.gateways.answers import DemoFailed, from_status
from demos.month.demo import COMPANY, Demo
from demos.month.prices import Product, money_text
from veloconnect.charging.v1 import charging_pb2
from veloconnect.wallet.v1 import wallet_pb2

BATCH = 500
HOLD_SECONDS = 3_600
FIRST_NUMBER = {"DE": 4_915_112_000_000, "FR": 33_612_000_000}
CALL_HOLD_SECONDS = 60
CALLS_SECONDS = (12, 30, 31, 58, 61, 95, 119, 140, 180, 205, 244, 377)


def send_sms(demo: Demo, campaign: str, product: Product, count: int) -> wallet_pb2.Transaction:
    """Send an SMS campaign, charged on submit in batches; return its last charge."""
    requests = [
        charging_pb2.ChargeRequest(
            company=COMPANY,
            idempotency_key=f"{campaign}-{number}",
            usage=product.usage(_phone(product, number), campaign_id=campaign, contact_id=f"contact-{number}"),
        )
        for number in range(1, count + 1)
    ]
    names = []
    last = wallet_pb2.Transaction()
    for batch in _batches(requests):
        answer = demo.clients.call(demo.clients.charging.BatchCharge, charging_pb2.BatchChargeRequest(requests=batch))
        for request, result in zip(batch, answer.results, strict=True):
            if result.HasField("status"):
                raise from_status(result.status, request.idempotency_key)
            last = result.charge.transaction
            record_charge(demo, request.idempotency_key, last.name, product.cost())
            names.append(last.name)
    demo.bulk_campaigns[campaign] = names
    country = product.value.country
    price, total = money_text(product.cost()), money_text(count * product.cost())
    demo.say(f"SMS campaign {campaign!r}: {count:,} to {country} at {price}, {total}")
    return last


def send_sms_until_below(demo: Demo, campaign: str, product: Product, level: int) -> wallet_pb2.Transaction:
    """Send an SMS campaign that is just large enough to leave less than `level` available; return its last charge."""
    return send_sms(demo, campaign, product, (demo.available - level) // product.cost() + 1)


def record_charge(demo: Demo, key: str, transaction: str, cost: int) -> None:
    """Record a charge with its expected cost."""
    demo.books.post(key, -cost, transaction)
    demo.amounts[transaction] = cost


def charge(demo: Demo, key: str, product: Product, quantity: int) -> str:
    """Send one message; return the name of its charge."""
    request = charging_pb2.ChargeRequest(
        company=COMPANY, idempotency_key=key, usage=product.usage(_phone(product, 0), quantity, contact_id="contact-7")
    )
    transaction: str = demo.clients.call(demo.clients.charging.Charge, request).transaction.name
    record_charge(demo, key, transaction, product.cost(quantity))
    return transaction


def send_whatsapp(demo: Demo, campaign: str, count: int, delivered: int) -> None:
    """Send a WhatsApp campaign: authorize the whole, capture each delivered message, void the rest."""
    product, call, charging = Product.MARKETING_GERMANY, demo.clients.call, demo.clients.charging
    opened = call(
        charging.Authorize,
        charging_pb2.AuthorizeRequest(
            company=COMPANY,
            idempotency_key=campaign,
            usage=product.usage(quantity=count, campaign_id=campaign),
            ttl=Duration(seconds=HOLD_SECONDS),
        ),
    )
    demo.books.open(campaign, opened.name, product.cost(count), opened.transaction)
    for number in range(1, delivered + 1):
        key = f"{campaign}-{number}"
        usage = product.usage(_phone(product, number), campaign_id=campaign, contact_id=f"contact-{number}")
        request = charging_pb2.CaptureRequest(
            authorization=opened.name, idempotency_key=key, usage=usage, keep_open=True
        )
        taken = call(charging.Capture, request).transaction.name
        demo.books.capture(key, opened.name, product.cost(), taken, keep_open=True)
    key = f"{campaign}-end"
    call(charging.Void, charging_pb2.VoidRequest(authorization=opened.name, idempotency_key=key))
    demo.books.void(key, opened.name)
    demo.say(
        f"WhatsApp campaign {campaign!r}: {money_text(product.cost(count))} held for {count} messages, {delivered} "
        f"captured on delivery, {money_text(product.cost(count - delivered))} released"
    )


def make_calls(demo: Demo) -> None:
    """Make calls: authorize a minute, more before it is over, and capture the talk time on hang-up."""
    before = demo.books.balance
    for number, seconds in enumerate(CALLS_SECONDS, 1):
        _call(demo, f"call-{number}", seconds)
    talked = sum(CALLS_SECONDS)
    demo.say(
        f"{len(CALLS_SECONDS)} calls to DE, {talked // 60} min {talked % 60} s in all, billed in steps of 30 and 6 s: "
        f"{money_text(before - demo.books.balance)}"
    )


def _call(demo: Demo, key: str, seconds: int) -> None:
    product, call, charging = Product.CALL_GERMANY, demo.clients.call, demo.clients.charging
    number = _phone(product, 1)
    held = CALL_HOLD_SECONDS
    request = charging_pb2.AuthorizeRequest(
        company=COMPANY, idempotency_key=key, usage=product.usage(number, held), ttl=Duration(seconds=HOLD_SECONDS)
    )
    opened = call(charging.Authorize, request)
    if opened.granted_quantity < held:
        raise DemoFailed(f"{key}: {opened.granted_quantity} s are granted, {held} s were asked for")
    demo.books.open(key, opened.name, product.cost(held), opened.transaction)
    while held < seconds:
        held += CALL_HOLD_SECONDS
        extended = f"{key}-{held}"
        call(
            charging.IncrementAuthorization,
            charging_pb2.IncrementAuthorizationRequest(
                authorization=opened.name, idempotency_key=extended, usage=product.usage(number, held)
            ),
        )
        demo.books.extend(extended, opened.name, product.cost(held))
    ended = f"{key}-end"
    taken = call(
        charging.Capture,
        charging_pb2.CaptureRequest(
            authorization=opened.name, idempotency_key=ended, usage=product.usage(number, seconds)
        ),
    ).transaction.name
    demo.books.capture(ended, opened.name, product.cost(seconds), taken, keep_open=False)


def _phone(product: Product, number: int) -> str:
    return f"+{FIRST_NUMBER[product.value.country] + number}"


def _batches(requests: list[charging_pb2.ChargeRequest]) -> Iterator[list[charging_pb2.ChargeRequest]]:
    for start in range(0, len(requests), BATCH):
        yield requests[start : start + BATCH]

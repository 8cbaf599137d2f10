"""Charges that name usage and no amount: priced by the company's card, and recorded with their reasons."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import asyncpg
import pytest

from admin.companies.domain import CompanyChange
from charging import decode
from charging.pricing import Pricing
from charging.servicer import ChargingServicer
from server.context import Context
from tests.conftest import OpenWallets
from tests.support.builders import (
    SMS,
    capture,
    increment,
    make_company,
    make_due,
    top_up,
)
from tests.support.engine_steps import crash_after_redis
from tests.support.polling import until
from tests.support.wallets import Wallets
from veloconnect.charging.v1 import charging_pb2
from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain.commands import Unpriced
from wallet.domain.errors import (
    Applied,
    AuthorizationClosed,
    AuthorizationNotFound,
    BalanceLimitReached,
    CompanySuspended,
    DestinationBlocked,
    IdempotencyKeyReused,
    InsufficientFunds,
    RateNotFound,
    SpendLimitReached,
    WalletUnavailable,
)
from wallet.domain.limits import SpendLimit, Window
from wallet.domain.ratebook import RateBookBuilder, RateBooks
from wallet.domain.rates import Rate, RateCard
from wallet.domain.usage import Channel
from wallet.expiry import expire
from wallet.ledger.append import Appender
from wallet.recovery import Recovery
from wallet.settings import WalletSettings

pytestmark = pytest.mark.usefixtures("clean_afterwards")

SMS_DE = Rate(Channel.SMS, "", "DE", 75_000)
CALL_DE = Rate(Channel.VOICE, "", "+49", 24_000, connect_fee=10_000, first_increment=30, next_increment=6)
CALL_DE_DEARER = Rate(Channel.VOICE, "", "+49", 60_000, connect_fee=20_000, first_increment=60, next_increment=60)
PHONE = "+4915112345678"


class Call:
    """A call without a deadline."""

    def time_remaining(self) -> None:
        """Return that there is no end."""
        return


CALL = cast("Context", Call())


class Gateway:
    """The charging service of one process, with a card that the test changes."""

    def __init__(self, wallets: Wallets) -> None:
        self.books = RateBooks({}, {}, 0)
        self.version = 0
        self.engine = wallets.engine
        self.pricing = Pricing(lambda: self.books, wallets.reader)
        self.service = ChargingServicer(
            wallets.engine, wallets.reader, self.pricing, wallets.deliveries, asyncio.Event()
        )

    def have_rates(self, *rates: Rate) -> None:
        """Put other rates in the place of the card's."""
        self.version += 1
        builder = RateBookBuilder(RateCard("standard", "EUR", "", "", self.version, len(rates), 0, 0))
        builder.add(rates)
        self.books = RateBooks({"standard": builder.build()}, {"acme": "standard"}, self.version)

    async def charge(self, key: str = "k", **usage: Any) -> charging_pb2.ChargeResponse:
        """Charge a message, or other usage."""
        return await self.service.Charge(charge(key, **usage), CALL)

    async def authorize(self, key: str = "call-1", **usage: Any) -> wallet_pb2.Authorization:
        """Begin a call."""
        request = charging_pb2.AuthorizeRequest(
            company="companies/acme", idempotency_key=key, usage=voice(**usage), ttl={"seconds": 600}
        )
        return await self.service.Authorize(request, CALL)

    async def increment(self, key: str, **usage: Any) -> wallet_pb2.Authorization:
        """Prolong the call."""
        request = charging_pb2.IncrementAuthorizationRequest(
            authorization="companies/acme/authorizations/call-1", idempotency_key=key, usage=voice(**usage)
        )
        return await self.service.IncrementAuthorization(request, CALL)

    async def capture(
        self, key: str, *, keep_open: bool = False, usage: wallet_pb2.Usage | None = None
    ) -> charging_pb2.CaptureResponse:
        """Take from the call."""
        request = charging_pb2.CaptureRequest(
            authorization="companies/acme/authorizations/call-1", idempotency_key=key, keep_open=keep_open, usage=usage
        )
        return await self.service.Capture(request, CALL)


def charge(key: str = "k", amount: int | None = None, **usage: Any) -> charging_pb2.ChargeRequest:
    usage = {"channel": wallet_pb2.CHANNEL_SMS, "destination": PHONE, **usage}
    return charging_pb2.ChargeRequest(
        company="companies/acme", idempotency_key=key, usage=wallet_pb2.Usage(**usage), amount_micros=amount
    )


def voice(**usage: Any) -> wallet_pb2.Usage:
    return wallet_pb2.Usage(**{"channel": wallet_pb2.CHANNEL_VOICE, "destination": PHONE, **usage})


@pytest.fixture
async def gateway(wallets: Wallets, database: asyncpg.Connection) -> Gateway:
    """A process that serves acme, which has 100 EUR and a card without rates."""
    await make_company(database)
    await wallets.engine.submit(top_up(100_000_000))
    return Gateway(wallets)


async def entries_of(wallets: Wallets, kind: int) -> Sequence[Any]:
    return [entry for entry in await wallets.reader.entries("acme", before=None, limit=100) if entry.kind == kind]


async def test_a_charge_says_which_rate_and_why_that_amount(gateway: Gateway) -> None:
    gateway.have_rates(CALL_DE)
    charged = (await gateway.charge(channel=wallet_pb2.CHANNEL_VOICE, quantity=205)).transaction
    assert charged.amount_micros == -94_000
    assert charged.usage.quantity == 205
    assert charged.usage.destination == "DE"
    price = charged.price
    assert price.basis == wallet_pb2.Price.BASIS_RATE
    assert (price.rate, price.rate_card_version) == ("rateCards/standard/rates/voice.+49", 1)
    assert (price.used_quantity, price.billed_quantity, price.unit_price_micros) == (205, 210, 24_000)
    assert price.explanation == (
        "210 s billed (205 s used, 30/6) at 0.024 EUR a minute + 0.01 EUR connect fee = 0.094 EUR"
    )


async def test_the_statement_keeps_the_price_when_the_card_has_changed(gateway: Gateway, wallets: Wallets) -> None:
    gateway.have_rates(SMS_DE)
    charged = (await gateway.charge(quantity=3)).transaction
    gateway.have_rates()
    assert (await gateway.charge(quantity=3)).transaction == charged
    entry = await wallets.reader.entry("acme", 2)
    assert entry.price is not None
    assert (entry.price.rate, entry.price.version, entry.price.amount) == ("sms.DE", 1, 225_000)


async def test_an_explicit_amount_overrides_the_card_and_says_so(gateway: Gateway) -> None:
    gateway.have_rates(SMS_DE)
    charged = (await gateway.service.Charge(charge(amount=1), CALL)).transaction
    assert (charged.amount_micros, charged.price.basis) == (-1, wallet_pb2.Price.BASIS_REQUEST)


async def test_a_price_of_nothing_is_a_row_all_the_same(gateway: Gateway) -> None:
    gateway.have_rates(Rate(Channel.SMS, "", "DE", 0))
    charged = (await gateway.charge()).transaction
    assert (charged.amount_micros, charged.price.rate) == (0, "rateCards/standard/rates/sms.DE")


async def test_without_a_rate_nothing_is_charged_until_there_is_one(gateway: Gateway, wallets: Wallets) -> None:
    gateway.have_rates(CALL_DE)
    with pytest.raises(RateNotFound) as caught:
        await gateway.charge(variant="flash")
    assert (caught.value.channel, caught.value.variant, caught.value.country) == ("SMS", "flash", "DE")
    assert await entries_of(wallets, 1) == []
    gateway.have_rates(SMS_DE)
    assert (await gateway.charge(variant="flash")).transaction.amount_micros == -75_000


async def test_a_retry_gets_its_recorded_outcome_though_its_rate_has_gone(gateway: Gateway) -> None:
    gateway.have_rates(SMS_DE)
    first = (await gateway.charge()).transaction
    gateway.have_rates(Rate(Channel.SMS, "", "DE", 99))
    assert (await gateway.charge()).transaction == first
    gateway.have_rates()
    assert (await gateway.charge()).transaction == first
    with pytest.raises(IdempotencyKeyReused):
        await gateway.charge(quantity=2)


async def test_a_retry_whose_rate_has_gone_finds_its_first_try_in_the_journal(
    gateway: Gateway, open_more: OpenWallets, wallets: Wallets
) -> None:
    """The process crashed between Redis and Postgres: the charge will be recorded, so it must not be declined."""
    gateway.have_rates(SMS_DE)
    await gateway.charge("warm")
    await crash_after_redis(wallets, decode.charge(charge("k"), gateway.pricing))
    other = Gateway(await open_more())
    other.have_rates()
    assert (await other.charge("k")).transaction.amount_micros == -75_000


async def test_suspended_and_blocked_go_before_a_missing_rate(gateway: Gateway, wallets: Wallets) -> None:
    await wallets.companies.update("acme", CompanyChange(blocked_countries=("DE",)))
    with pytest.raises(DestinationBlocked):
        await gateway.charge()
    await wallets.companies.suspend("acme")
    with pytest.raises(CompanySuspended):
        await gateway.charge()


async def test_a_price_that_the_wallet_cannot_pay_is_declined(gateway: Gateway) -> None:
    gateway.have_rates(SMS_DE)
    with pytest.raises(InsufficientFunds) as caught:
        await gateway.charge(quantity=2000)
    assert caught.value.required == 150_000_000


async def test_a_price_beyond_any_wallet_is_refused_but_a_retry_is_answered(gateway: Gateway) -> None:
    """A retry of a recorded charge is answered although its price is too high now."""
    gateway.have_rates(SMS_DE)
    first = (await gateway.charge(quantity=1100)).transaction
    gateway.have_rates(Rate(Channel.SMS, "", "DE", 9_000_000_000_000))
    assert (await gateway.charge(quantity=1100)).transaction == first
    with pytest.raises(BalanceLimitReached):
        await gateway.charge("other", quantity=1_000_000_000)


async def test_a_batch_prices_each_of_its_charges(gateway: Gateway) -> None:
    gateway.have_rates(SMS_DE)
    requests = [charge("a"), charge("b", channel=wallet_pb2.CHANNEL_WHATSAPP), charge("c", amount=5)]
    answer = await gateway.service.BatchCharge(charging_pb2.BatchChargeRequest(requests=requests), CALL)
    assert [result.charge.transaction.amount_micros for result in answer.results] == [-75_000, 0, -5]
    assert "no rate" in answer.results[1].status.message or "have a rate" in answer.results[1].status.message


async def test_authorize_says_how_long_the_hold_lasts_and_when_to_renew_it(gateway: Gateway) -> None:
    gateway.have_rates(CALL_DE)
    opened = await gateway.authorize(quantity=100)
    assert opened.amount_micros == 10_000 + 24_000 * 102 // 60
    assert opened.granted_quantity == 102
    granted_us = opened.refresh_before_time.ToMicroseconds() - opened.create_time.ToMicroseconds()
    assert granted_us == 102_000_000 - 10_000_000
    longer = await gateway.increment("i", quantity=900)
    assert longer.granted_quantity == 900
    # The authorization itself ends before that, 600 s after the increment.
    assert longer.refresh_before_time.ToMicroseconds() == longer.expire_time.ToMicroseconds() - 10_000_000
    done = await gateway.capture("c", usage=voice(quantity=205))
    assert done.transaction.amount_micros == -94_000
    assert not done.authorization.HasField("refresh_before_time")


@pytest.mark.parametrize("elsewhere", [False, True], ids=["same process", "another process"])
async def test_a_call_is_priced_to_its_end_by_the_card_that_it_began_with(
    gateway: Gateway, wallets: Wallets, elsewhere: bool
) -> None:
    gateway.have_rates(CALL_DE)
    await gateway.authorize(quantity=60)
    end = Gateway(wallets) if elsewhere else gateway
    end.have_rates(CALL_DE_DEARER)
    assert (await end.increment("i", quantity=120)).amount_micros == 10_000 + 48_000
    assert (await end.capture("c", usage=voice(quantity=205))).transaction.amount_micros == -94_000


async def test_the_connect_fee_is_taken_once_by_the_capture_that_closes(gateway: Gateway) -> None:
    gateway.have_rates(CALL_DE)
    await gateway.authorize(quantity=600)
    first = await gateway.capture("c1", keep_open=True, usage=voice(quantity=60))
    second = await gateway.capture("c2", keep_open=True, usage=voice(quantity=60))
    last = await gateway.capture("c3", usage=voice(quantity=60))
    taken = [answer.transaction.amount_micros for answer in (first, second, last)]
    assert taken == [-24_000, -24_000, -34_000]


async def test_a_capture_without_usage_takes_what_was_authorized(gateway: Gateway) -> None:
    gateway.have_rates(CALL_DE)
    await gateway.authorize(quantity=205)
    captured = (await gateway.capture("c")).transaction
    assert captured.amount_micros == -94_000
    assert (captured.usage.quantity, captured.usage.destination) == (205, "DE")


async def test_a_campaigns_capture_to_another_country_has_that_countrys_price(gateway: Gateway) -> None:
    gateway.have_rates(SMS_DE, Rate(Channel.SMS, "", "FR", 50_000))
    opened = charging_pb2.AuthorizeRequest(
        company="companies/acme",
        idempotency_key="call-1",
        usage=wallet_pb2.Usage(channel=wallet_pb2.CHANNEL_SMS, destination="DE", quantity=100),
    )
    await gateway.service.Authorize(opened, CALL)
    gateway.have_rates(Rate(Channel.SMS, "", "DE", 1), Rate(Channel.SMS, "", "FR", 60_000))
    sms = [wallet_pb2.Usage(channel=wallet_pb2.CHANNEL_SMS, destination=to) for to in (PHONE, "+33612345678")]
    german = await gateway.capture("c1", keep_open=True, usage=sms[0])
    french = await gateway.capture("c2", keep_open=True, usage=sms[1])
    assert german.transaction.amount_micros == -75_000
    assert french.transaction.amount_micros == -60_000


async def test_a_capture_of_what_was_never_authorized_is_not_found(gateway: Gateway) -> None:
    gateway.have_rates(CALL_DE)
    with pytest.raises(AuthorizationNotFound):
        await gateway.capture("c", usage=voice(quantity=5))
    with pytest.raises(AuthorizationNotFound):
        await gateway.increment("i", quantity=5)


async def test_a_closed_authorization_is_closed_though_nothing_prices_it(gateway: Gateway) -> None:
    gateway.have_rates(CALL_DE)
    await gateway.authorize(quantity=60)
    await gateway.capture("c", usage=voice(quantity=60))
    gateway.have_rates()
    with pytest.raises(AuthorizationClosed):
        await gateway.increment("i", variant="other", quantity=70)


async def test_a_missing_price_does_not_hide_errors_of_the_authorization(gateway: Gateway, wallets: Wallets) -> None:
    """An authorization that there is not goes before a suspension; a suspended company's captures are not refused."""
    gateway.have_rates(CALL_DE)
    await gateway.authorize(quantity=60)
    gateway.have_rates()
    await wallets.companies.update("acme", CompanyChange(blocked_channels=(Channel.VOICE,)))
    for suspended in (False, True):
        if suspended:
            await wallets.companies.suspend("acme")
        with pytest.raises(RateNotFound):
            await gateway.capture("c", usage=wallet_pb2.Usage(channel=wallet_pb2.CHANNEL_SMS, destination="DE"))
        with pytest.raises(AuthorizationNotFound):
            await wallets.engine.submit(increment(5, "unknown", unpriced=Unpriced.NO_RATE, usage=SMS))
        with pytest.raises(AuthorizationNotFound):
            await wallets.engine.submit(capture(5, "unknown", unpriced=Unpriced.NO_RATE, usage=SMS))
        with pytest.raises(CompanySuspended if suspended else DestinationBlocked):
            await gateway.increment("i", quantity=90)


async def test_a_capture_that_overtakes_its_authorization_is_not_final(gateway: Gateway) -> None:
    """The edge found no authorization to price by, and the ledger has one by now: the decline is not final."""
    gateway.have_rates(CALL_DE)
    hold = "companies/acme/authorizations/call-1"
    usage = voice(quantity=60)
    to_capture = charging_pb2.CaptureRequest(authorization=hold, idempotency_key="c", usage=usage)
    to_increment = charging_pb2.IncrementAuthorizationRequest(authorization=hold, idempotency_key="i", usage=usage)
    priced = await gateway.pricing.capture(decode.authorization_usage(to_capture), closes=True)
    commands = [decode.capture(to_capture, priced), decode.increment(to_increment, priced)]
    await gateway.authorize(quantity=60)
    for command in commands:
        with pytest.raises(WalletUnavailable) as caught:
            await gateway.engine.submit(command)
        assert caught.value.applied is Applied.NO
    await gateway.increment("i", quantity=120)
    await gateway.capture("c", usage=usage)


async def test_a_capture_is_not_declined_while_its_hold_is_in_the_journal(
    gateway: Gateway, wallets: Wallets, open_more: OpenWallets, settings: WalletSettings
) -> None:
    """An authorization that only the journal has is no reason for a final decline."""
    gateway.have_rates(CALL_DE)
    await gateway.charge("warm", channel=wallet_pb2.CHANNEL_VOICE)
    request = charging_pb2.AuthorizeRequest(
        company="companies/acme", idempotency_key="call-1", usage=voice(quantity=60)
    )
    await crash_after_redis(wallets, decode.authorize(request, gateway.pricing))
    other = Gateway(await open_more())
    other.have_rates(CALL_DE)
    with pytest.raises(WalletUnavailable):
        await other.capture("c", usage=voice(quantity=60))
    appender = Appender(settings.database_url)
    await Recovery(wallets.hot, appender).run_once(age_seconds_min=0)
    appender.close()
    await other.capture("c", usage=voice(quantity=60))


async def test_a_call_is_priced_by_its_number_after_a_hold_by_amount(gateway: Gateway) -> None:
    """The number is not kept, so the rate is pinned when it is known."""
    gateway.have_rates(Rate(Channel.VOICE, "", "+4915", 50_000, connect_fee=7), Rate(Channel.VOICE, "", "DE", 10_000))
    request = charging_pb2.AuthorizeRequest(
        company="companies/acme", idempotency_key="call-1", usage=voice(quantity=60), amount_micros=1_000_000
    )
    opened = await gateway.service.Authorize(request, CALL)
    assert (opened.price.basis, opened.price.rate) == (
        wallet_pb2.Price.BASIS_REQUEST,
        "rateCards/standard/rates/voice.+4915",
    )
    assert opened.granted_quantity == 1199
    assert opened.HasField("refresh_before_time")
    gateway.have_rates()
    taken = [
        (await gateway.capture(f"c{i}", keep_open=i < 2, usage=None if i else voice(quantity=60))).transaction
        for i in range(3)
    ]
    assert [row.amount_micros for row in taken] == [-50_000, -50_000, -50_007]
    assert {row.price.basis for row in taken} == {wallet_pb2.Price.BASIS_RATE}


async def test_a_hold_without_any_rate_is_renewed_before_it_expires(gateway: Gateway) -> None:
    request = charging_pb2.AuthorizeRequest(
        company="companies/acme", idempotency_key="call-1", usage=voice(), amount_micros=5, ttl={"seconds": 60}
    )
    opened = await gateway.service.Authorize(request, CALL)
    assert opened.granted_quantity == 0
    assert opened.refresh_before_time.ToMicroseconds() == opened.expire_time.ToMicroseconds() - 6_000_000


async def test_a_call_keeps_its_variant_where_a_capture_leaves_it_out(gateway: Gateway) -> None:
    gateway.have_rates(Rate(Channel.VOICE, "premium", "+49", 60_000), Rate(Channel.VOICE, "", "+49", 1_000))
    await gateway.authorize(quantity=600, variant="premium")
    usage = wallet_pb2.Usage(channel=wallet_pb2.CHANNEL_VOICE, quantity=60)
    captured = (await gateway.capture("c", usage=usage)).transaction
    assert captured.amount_micros == -60_000
    assert (captured.usage.variant, captured.usage.destination) == ("premium", "DE")


@pytest.mark.parametrize(
    ("authorized", "captured", "amount"),
    [
        ("", "+881612345678", 5_000_000),
        ("", "DE", 75_000),
        ("DE", PHONE, 90_000),
        ("DE", "+4930123456", 75_000),
        ("DE", "FR", 10_000),
        (PHONE, "", 90_000),
    ],
)
async def test_a_message_of_a_campaign_has_the_rate_of_its_destination(
    gateway: Gateway, authorized: str, captured: str, amount: int
) -> None:
    gateway.have_rates(
        Rate(Channel.SMS, "", "", 10_000),
        Rate(Channel.SMS, "", "+8816", 5_000_000),
        Rate(Channel.SMS, "", "DE", 75_000),
        Rate(Channel.SMS, "", "+4915", 90_000),
    )
    sms = wallet_pb2.CHANNEL_SMS
    request = charging_pb2.AuthorizeRequest(
        company="companies/acme",
        idempotency_key="call-1",
        usage=wallet_pb2.Usage(channel=sms, destination=authorized, quantity=100),
    )
    await gateway.service.Authorize(request, CALL)
    usage = wallet_pb2.Usage(channel=sms, destination=captured)
    assert (await gateway.capture("c", keep_open=True, usage=usage)).transaction.amount_micros == -amount


async def test_captures_elsewhere_meet_the_blocks_and_limits_of_where_they_go(
    gateway: Gateway, wallets: Wallets
) -> None:
    gateway.have_rates(SMS_DE, Rate(Channel.SMS, "", "US", 100_000), Rate(Channel.SMS, "", "FR", 1))
    await wallets.companies.update("acme", CompanyChange(blocked_countries=("FR",)))
    await wallets.spend_limits.create(SpendLimit("acme", "us", Window.DAY, 250_000, country="US"))
    sms = wallet_pb2.CHANNEL_SMS
    request = charging_pb2.AuthorizeRequest(
        company="companies/acme",
        idempotency_key="call-1",
        usage=wallet_pb2.Usage(channel=sms, destination="DE", quantity=100),
    )
    await gateway.service.Authorize(request, CALL)
    await gateway.capture("us-1", keep_open=True, usage=wallet_pb2.Usage(channel=sms, destination="US", quantity=2))
    with pytest.raises(SpendLimitReached):
        await gateway.capture("us-2", keep_open=True, usage=wallet_pb2.Usage(channel=sms, destination="US"))
    with pytest.raises(DestinationBlocked):
        await gateway.capture("fr", keep_open=True, usage=wallet_pb2.Usage(channel=sms, destination="FR"))
    await gateway.capture("de", usage=wallet_pb2.Usage(channel=sms, destination="DE"))
    assert (await wallets.spend_limits.get("acme", "us")).spent == 200_000


async def test_a_late_capture_has_the_calls_own_price(
    gateway: Gateway, wallets: Wallets, database: asyncpg.Connection
) -> None:
    gateway.have_rates(CALL_DE)
    await gateway.authorize(quantity=60)
    await make_due(database, "call-1")
    await wallets.engine.submit(expire("acme", "call-1"))
    gateway.have_rates(CALL_DE_DEARER)
    late = (await gateway.capture("c", usage=voice(quantity=205))).transaction
    assert (late.amount_micros, late.price.rate_card_version) == (-94_000, 1)


async def test_blocks_refuse_new_charges_and_allow_captures(gateway: Gateway, wallets: Wallets) -> None:
    """Blocked channels and countries refuse new charges and holds, and open holds can be captured."""
    gateway.have_rates(CALL_DE, SMS_DE, Rate(Channel.SMS, "", "", 1))
    await gateway.authorize(quantity=60)
    await wallets.companies.update(
        "acme", CompanyChange(blocked_channels=(Channel.VOICE,), blocked_countries=("FR", "US"))
    )
    for refused in (
        gateway.charge(channel=wallet_pb2.CHANNEL_VOICE),
        gateway.authorize("call-2", quantity=1),
        gateway.increment("i", quantity=90),
        gateway.charge(destination="FR"),
        gateway.charge(destination="+12025550123"),
    ):
        with pytest.raises(DestinationBlocked):
            await refused
    await gateway.charge("sms")
    await gateway.capture("c", usage=voice(quantity=60))
    await wallets.companies.update("acme", CompanyChange(blocked_channels=(), blocked_countries=()))
    await gateway.charge("call", channel=wallet_pb2.CHANNEL_VOICE)


async def one_more(charges: Sequence[int]) -> None:
    """Wait for the next charge."""
    before = len(charges)
    await until(lambda: len(charges) > before)


async def test_a_card_that_is_replaced_under_load_prices_each_charge_wholly(gateway: Gateway, wallets: Wallets) -> None:
    await wallets.engine.submit(top_up(9_000_000_000))
    old, new = CALL_DE, CALL_DE_DEARER
    gateway.have_rates(old)
    stop = asyncio.Event()
    seen: dict[int, set[int]] = {}
    versions: list[int] = []

    async def calls(name: str) -> None:
        for i in range(10_000):
            if stop.is_set():
                return
            charged = (await gateway.charge(f"{name}-{i}", channel=wallet_pb2.CHANNEL_VOICE, quantity=61)).transaction
            seen.setdefault(charged.price.rate_card_version % 2, set()).add(charged.amount_micros)
            versions.append(charged.price.rate_card_version)

    calling = [asyncio.create_task(calls(f"c{i}")) for i in range(16)]
    for _ in range(20):
        for rate in (new, old):
            await one_more(versions)
            gateway.have_rates(rate)
    stop.set()
    await asyncio.gather(*calling)
    assert seen == {1: {-(10_000 + 24_000 * 66 // 60)}, 0: {-(20_000 + 120_000)}}

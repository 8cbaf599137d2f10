"""Metrics of payments: each end once, each call, each webhook, each refund by its origin."""

import inspect
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest
from prometheus_client import Counter

from admin.metrics import payment_calls, payment_notifications, payment_seconds
from admin.payments.measured import MeasuredProvider
from admin.payments.port import ForgedWebhook, PaymentChanged, PaymentProvider
from admin.top_ups.domain import TopUpMethod
from admin.top_ups.provider_events import ProviderEvents
from refunds.delivery import Action, RefundRule
from tests.integration.admin.top_ups.test_top_ups import CARD, MANUAL, SAVED, order
from tests.integration.refunds.test_refund_cases import ALL, new_case
from tests.support.builders import charge, make_company, refund, top_up
from tests.support.payments import INSUFFICIENT_FUNDS, FakeProvider, services_of
from tests.support.refunding import report
from tests.support.wallets import Wallets
from wallet import metrics
from wallet.domain.errors import PaymentProviderRefuses, PaymentProviderUnavailable


def counts(counter: Counter) -> dict[tuple[str, ...], float]:
    """Return what was counted, by labels."""
    samples = [sample for metric in counter.collect() for sample in metric.samples if sample.name.endswith("_total")]
    return {tuple(sample.labels.values()): sample.value for sample in samples}


def counted(counter: Counter) -> Callable[[], dict[tuple[str, ...], float]]:
    """Return what says what was counted since."""
    before = counts(counter)
    return lambda: {
        labels: value - before.get(labels, 0)
        for labels, value in counts(counter).items()
        if value != before.get(labels, 0)
    }


@pytest.fixture
async def acme(wallets: Wallets, database: asyncpg.Connection) -> Wallets:
    await make_company(database)
    return wallets


async def test_each_end_of_a_top_up_is_counted_once(acme: Wallets) -> None:
    provider, ended = FakeProvider(), counted(metrics.top_ups_ended)
    services = services_of(acme, provider)
    for _ in range(3):
        await services.top_ups.start(SAVED)
        await services.top_ups.start(order(TopUpMethod.SAVED_CARD, "poor", card=INSUFFICIENT_FUNDS))
        await services.top_ups.start(order(TopUpMethod.MANUAL, "manual"))
    begun = await services.top_ups.start(order(TopUpMethod.CARD, "card"))
    assert ended() == {("saved_card", "succeeded"): 1, ("saved_card", "failed"): 1, ("manual", "succeeded"): 1}
    for _ in range(2):
        await services.top_ups.cancel("acme", "card")
    provider.finish(begun.payment)
    for _ in range(2):
        await services.top_ups.sync_payment(begun.payment)
    assert (ended()["card", "canceled"], ended()["card", "succeeded"]) == (1, 1)


async def test_each_call_of_the_provider_is_counted_and_timed(acme: Wallets) -> None:
    provider, called = FakeProvider(), counted(payment_calls)
    services = services_of(acme, MeasuredProvider(provider))
    await services.top_ups.start(SAVED)
    provider.refuses_queries = True
    with pytest.raises(PaymentProviderRefuses):
        await services.top_ups.sync_payment("pi_1")
    provider.away = True
    with pytest.raises(PaymentProviderUnavailable):
        await services.top_ups.sync_payment("pi_1")
    assert called() == {
        ("create_customer", "done"): 1,
        ("pay", "done"): 1,
        ("payment", "refused"): 1,
        ("payment", "unavailable"): 1,
    }
    with pytest.raises(KeyError):
        await MeasuredProvider(FakeProvider()).payment("pi_none")
    assert called()["payment", "fault"] == 1
    samples = [sample for metric in payment_seconds.collect() for sample in metric.samples]
    timed = {sample.labels["operation"]: sample.value for sample in samples if sample.name.endswith("_count")}
    assert timed["pay"] >= 1


def test_every_call_of_the_port_is_measured() -> None:
    """A new one too: the operations are the port's."""
    port = {name for name, member in vars(PaymentProvider).items() if inspect.iscoroutinefunction(member)}
    source = inspect.getsource(MeasuredProvider)
    assert port
    assert {name for name in port if f'_measured("{name}"' in source} == port
    assert {name for name in vars(MeasuredProvider) if not name.startswith("_")} == {
        name for name in vars(PaymentProvider) if not name.startswith("_")
    }


async def test_each_webhook_is_counted_by_kind_and_outcome(acme: Wallets) -> None:
    provider, heard = FakeProvider(), counted(payment_notifications)
    services = services_of(acme, provider)
    begun = await services.top_ups.start(CARD)
    provider.events = [PaymentChanged(begun.payment), None]  # type: ignore[list-item]  # of no concern
    await services.provider_events.receive(b"0", {})
    await services.provider_events.receive(b"1", {})
    provider.away = True
    with pytest.raises(PaymentProviderUnavailable):
        await services.provider_events.receive(b"0", {})

    class Forger(FakeProvider):
        def parse_event(self, *_: Any) -> None:
            raise ForgedWebhook("no signature")

    forged = ProviderEvents(Forger(), services.top_ups, services.refunds, services.chargebacks)
    with pytest.raises(ForgedWebhook):
        await forged.receive(b"0", {})
    assert heard() == {
        ("payment", "taken"): 1,
        ("other", "taken"): 1,
        ("payment", "failed"): 1,
        ("unknown", "forged"): 1,
    }


async def test_each_refund_is_counted_by_origin(acme: Wallets) -> None:
    made = counted(metrics.refunds)
    await acme.engine.submit(top_up(10_000))
    numbers = [(await acme.engine.submit(charge(100))).entry.number for _ in range(3)]
    single = refund(10, numbers[0])
    for _ in range(2):
        await acme.engine.submit(single)
    await acme.refund_cases.create(new_case(numbers[1], "case"))
    await acme.refund_policies.replace([RefundRule("5*", Action.REFUND)])
    for _ in range(2):
        await acme.decisions.decide("acme", "case", ALL)
        await acme.deliveries.report(report(numbers[2], 0, 1))
    assert made() == {("single",): 1, ("case",): 1, ("policy",): 1}
    await services_of(acme).top_ups.start(MANUAL)
    assert len(made()) == 3, "what is no refund is none"

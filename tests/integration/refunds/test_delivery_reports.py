"""Delivery reports: the policy refunds some charges, once; the others become cases for a person."""

import asyncio
from typing import Any

import asyncpg
import pytest

from admin.refunds.recovery import RefundRecovery
from refunds.delivery import Action, CaseOrigin, CaseState, RefundRule
from refunds.delivery_reports import NOTHING_TO_REFUND
from tests.conftest import OpenWallets
from tests.support.builders import (
    authorize,
    capture,
    charge,
    make_company,
    refund,
    top_up,
)
from tests.support.engine_steps import settled
from tests.support.refunding import crashing_at, report
from tests.support.wallets import Wallets
from wallet.domain.errors import Applied, CompanyNotFound, TransactionNotFound, WalletUnavailable
from wallet.domain.usage import Channel, Usage

pytestmark = pytest.mark.usefixtures("clean_afterwards")

OURS = RefundRule("5*", Action.REFUND, description="our carrier")


@pytest.fixture
async def ours(acme: Wallets) -> Wallets:
    """A company whose carrier's codes that begin with 5 are on our side."""
    await acme.refund_policies.replace([OURS])
    return acme


async def charged(wallets: Wallets, amount: int = 100, **fields: Any) -> int:
    """Charge, and return the number."""
    return (await wallets.engine.submit(charge(amount, **fields))).entry.number


def refund_recovery(wallets: Wallets) -> RefundRecovery:
    """Return the recovery of refunds whose process crashed."""
    return RefundRecovery(wallets.deliveries, wallets.decisions)


async def given_back(database: asyncpg.Connection, number: int) -> int:
    """Return the refunded micros of a charge."""
    amount: int = await database.fetchval(
        "SELECT coalesce(sum(amount), 0)::bigint FROM entries WHERE refunded_number = $1", number
    )
    return amount


async def test_what_is_delivered_has_no_consequences_and_is_not_kept(
    ours: Wallets, database: asyncpg.Connection
) -> None:
    number = await charged(ours)
    assert await ours.deliveries.report(report(number, 1, 1)) == NOTHING_TO_REFUND
    assert await database.fetchval("SELECT count(*) FROM delivery_reports") == 0


@pytest.mark.parametrize(
    ("delivered", "total", "amount", "reason"),
    [(0, 1, 100, "FAILED_DELIVERY"), (0, 7, 100, "FAILED_DELIVERY"), (2, 3, 33, "PARTIAL_DELIVERY")],
)
async def test_p2_a_repeated_report_refunds_once(
    ours: Wallets, open_more: OpenWallets, delivered: int, total: int, amount: int, reason: str
) -> None:
    """P2: a charge is refunded by policy once, however often its report comes."""
    number = await charged(ours)
    first = (await ours.deliveries.report(report(number, delivered, total))).refund
    assert first is not None
    assert (first.amount, first.reason, first.requested_by) == (amount, reason, "~refund-policy")
    assert (first.reference, first.refunded_number) == ("carrier code 500", number)
    other = await open_more()
    again = await asyncio.gather(
        *(wallets.deliveries.report(report(number, delivered, total)) for wallets in [ours, other] * 5)
    )
    assert {each.refund for each in again} == {first}


async def test_p2_reports_that_come_at_once_refund_once(
    ours: Wallets, open_more: OpenWallets, database: asyncpg.Connection
) -> None:
    number = await charged(ours)
    engines = [ours, await open_more(), await open_more()]
    answers = await asyncio.gather(*(engines[i % 3].deliveries.report(report(number, 1, 2)) for i in range(12)))
    assert len({answer.refund for answer in answers}) == 1
    assert await given_back(database, number) == 50


async def test_a_capture_is_reported_by_the_channel_of_its_authorization(acme: Wallets) -> None:
    await acme.refund_policies.replace([RefundRule("5*", Action.REFUND, Channel.WHATSAPP)])
    await acme.engine.submit(authorize(300, "call", usage=Usage(Channel.WHATSAPP)))
    number = (await acme.engine.submit(capture(200, "call"))).entry.number
    sms = await charged(acme)
    assert (await acme.deliveries.report(report(number, 0, 1))).refund is not None
    assert (await acme.deliveries.report(report(sms, 0, 1))).case == f"~delivery-{sms}"


@pytest.mark.parametrize(
    ("rules", "code", "refunds"),
    [
        ([], "500", False),
        ([RefundRule("500", Action.REFUND)], "500", True),
        ([RefundRule("500", Action.REFUND)], "5001", False),
        ([RefundRule("50*", Action.REFUND)], "5001", True),
        ([RefundRule("50*", Action.REFUND)], "4", False),
        ([RefundRule("*", Action.REFUND)], "", True),
        ([RefundRule("500", Action.REFUND)], "", False),
        ([RefundRule("501", Action.OPEN_CASE), RefundRule("50*", Action.REFUND)], "501", False),
        ([RefundRule("50*", Action.REFUND), RefundRule("501", Action.OPEN_CASE)], "501", True),
        ([RefundRule("*", Action.REFUND, Channel.VOICE)], "500", False),
        ([RefundRule("*", Action.REFUND, Channel.VOICE), RefundRule("*", Action.REFUND, Channel.SMS)], "500", True),
        ([RefundRule("%*", Action.REFUND)], "500", False),
    ],
)
async def test_the_first_rule_that_fits_decides_and_without_one_a_case_is_opened(
    acme: Wallets, rules: list[RefundRule], code: str, refunds: bool
) -> None:
    assert (await acme.refund_policies.replace(rules)).rules == rules
    number = await charged(acme)
    followed = await acme.deliveries.report(report(number, 0, 1, code=code))
    assert (followed.refund is not None, bool(followed.case)) == (refunds, not refunds)
    if not refunds:
        case = await acme.refund_cases.get("acme", followed.case)
        assert (case.state, case.origin, case.report) == (
            CaseState.OPEN,
            CaseOrigin.DELIVERY_REPORT,
            report(number, 0, 1, code=code),
        )


async def test_a_report_keeps_what_the_policy_said_when_it_first_came(acme: Wallets) -> None:
    number, other = await charged(acme), await charged(acme)
    opened = await acme.deliveries.report(report(number, 0, 1))
    await acme.refund_policies.replace([OURS])
    assert await acme.deliveries.report(report(number, 0, 1)) == opened
    refunded = await acme.deliveries.report(report(other, 0, 1))
    await acme.refund_policies.replace([])
    assert await acme.deliveries.report(report(other, 0, 1)) == refunded


@pytest.mark.parametrize("later", [(2, 2), (0, 2), (1, 3)])
async def test_a_later_report_of_another_part_opens_a_case_and_changes_no_refund(
    ours: Wallets, database: asyncpg.Connection, later: tuple[int, int]
) -> None:
    number = await charged(ours)
    first = await ours.deliveries.report(report(number, 1, 2))
    followed = await ours.deliveries.report(report(number, *later))
    assert followed.case == f"~contradiction-{number}"
    assert await ours.deliveries.report(report(number, *later)) == followed
    assert await ours.deliveries.report(report(number, 2, 4)) == first, "the same part in other words"
    case = await ours.refund_cases.get("acme", followed.case)
    assert (case.origin, case.state) == (CaseOrigin.CONTRADICTION, CaseState.OPEN)
    assert "1 of 2 delivered" in case.description
    assert await given_back(database, number) == 50


async def test_reports_out_of_order_are_taken_as_they_come(ours: Wallets, database: asyncpg.Connection) -> None:
    """A full delivery leaves nothing behind, so what comes after it is the first word; the reverse is a case."""
    early, late = await charged(ours), await charged(ours)
    assert await ours.deliveries.report(report(early, 1, 1)) == NOTHING_TO_REFUND
    assert (await ours.deliveries.report(report(early, 0, 1))).refund is not None
    assert (await ours.deliveries.report(report(late, 0, 1))).refund is not None
    assert (await ours.deliveries.report(report(late, 1, 1))).case == f"~contradiction-{late}"
    assert (await given_back(database, early), await given_back(database, late)) == (100, 100)


async def test_what_was_given_back_before_counts_towards_the_undelivered_part(
    ours: Wallets, database: asyncpg.Connection
) -> None:
    less, more, all_of_it = await charged(ours), await charged(ours), await charged(ours)
    for number, amount in ((less, 20), (more, 60), (all_of_it, 100)):
        await ours.engine.submit(refund(amount, number))
    followed = await ours.deliveries.report(report(less, 1, 2))
    assert followed.refund is not None
    assert followed.refund.amount == 30
    for number in (more, all_of_it):
        assert await ours.deliveries.report(report(number, 1, 2)) == NOTHING_TO_REFUND
        assert await ours.deliveries.report(report(number, 1, 2)) == NOTHING_TO_REFUND
    assert [await given_back(database, number) for number in (less, more, all_of_it)] == [50, 60, 100]


async def test_reports_of_what_is_no_charge_say_so(ours: Wallets) -> None:
    for number in (1, 99):
        for delivered in (0, 1):
            with pytest.raises(TransactionNotFound):
                await ours.deliveries.report(report(number, delivered, 1))
    with pytest.raises(CompanyNotFound):
        await ours.deliveries.report(report(1, 0, 1, company="nobody"))


async def test_a_refund_that_is_declined_becomes_a_case(ours: Wallets, database: asyncpg.Connection) -> None:
    await make_company(database, "beta")
    await ours.engine.submit(top_up(10, company="beta"))
    number = await charged(ours, 10, company="beta")
    await settled(ours)
    await ours.companies.close("beta")
    followed = await ours.deliveries.report(report(number, 0, 1, company="beta"))
    assert followed.case == f"~delivery-{number}"
    assert "CompanyClosed" in (await ours.refund_cases.get("beta", followed.case)).description
    assert await ours.deliveries.report(report(number, 0, 1, company="beta")) == followed
    assert await refund_recovery(ours).run_once(report_age_seconds_min=0) == 0


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["record", "submit", "finish"])
@pytest.mark.parametrize("finished_by", ["report", "sweep", "both"])
async def test_p2_a_report_may_die_at_every_step_and_is_refunded_once(
    ours: Wallets, open_more: OpenWallets, database: asyncpg.Connection, step: str, after: bool, finished_by: str
) -> None:
    number = await charged(ours)
    reports = ours.deliveries._reports
    target: Any = {"record": reports, "submit": ours.engine, "finish": reports}[step]
    with crashing_at(target, step, after=after):
        await ours.deliveries.report(report(number, 0, 1))
    other = await open_more()
    if finished_by == "report" or (step == "record" and not after):
        await other.deliveries.report(report(number, 0, 1))
    elif finished_by == "sweep":
        await refund_recovery(other).run_once(report_age_seconds_min=0)
    else:
        await asyncio.gather(
            other.deliveries.report(report(number, 0, 1)), refund_recovery(ours).run_once(report_age_seconds_min=0)
        )
    assert await given_back(database, number) == 100
    assert await refund_recovery(other).run_once(report_age_seconds_min=0) == 0
    assert await database.fetchval("SELECT finished FROM delivery_reports WHERE refund_number IS NOT NULL")


async def test_the_sweep_skips_fresh_reports_and_unavailable_wallets(
    ours: Wallets, database: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep leaves fresh reports alone, and continues after a wallet that is away."""
    numbers = [await charged(ours), await charged(ours)]
    for number in numbers:
        with crashing_at(ours.engine, "submit"):
            await ours.deliveries.report(report(number, 0, 1))
    assert await refund_recovery(ours).run_once() == 0
    submit = ours.engine.submit

    async def away(command: Any, **options: Any) -> Any:
        if command.refunded_number == numbers[0]:
            raise WalletUnavailable("away", applied=Applied.NO)
        return await submit(command, **options)

    with monkeypatch.context() as patch:
        patch.setattr(ours.engine, "submit", away)
        assert await refund_recovery(ours).run_once(report_age_seconds_min=0) == 1
    assert [await given_back(database, number) for number in numbers] == [0, 100]
    assert await refund_recovery(ours).run_once(report_age_seconds_min=0) == 1

"""Refund cases are decided once and refunded once, at whatever step a process crashes."""

import asyncio
from typing import Any

import asyncpg
import pytest

from admin.refunds.recovery import RefundRecovery
from refunds.delivery import (
    CaseDecision,
    CaseOrigin,
    CaseState,
    NewCase,
    RefundCase,
)
from refunds.domain import RefundReason
from tests.conftest import OpenWallets
from tests.support.builders import (
    charge,
    fingerprint,
    make_company,
    refund,
    top_up,
)
from tests.support.refunding import crashing_at
from tests.support.wallets import Wallets
from wallet.domain.errors import RefundCaseDecided, RefundCaseNotFound, RefundExceedsCharge

pytestmark = pytest.mark.usefixtures("clean_afterwards")

ALL = CaseDecision(refund=True, decided_by="bob", note="He is right.", reason=RefundReason.GOODWILL)
SOME = CaseDecision(refund=True, decided_by="bob", amount=40, reason=RefundReason.PARTIAL_DELIVERY)
NO = CaseDecision(refund=False, decided_by="bob", note="It was delivered.")


async def open_case(wallets: Wallets, case: str = "mail-17", company: str = "acme") -> int:
    """Open a case for a charge of 100; return the charge's number."""
    number = (await wallets.engine.submit(charge(100, company=company))).entry.number
    await wallets.refund_cases.create(new_case(number, case, company))
    return number


def new_case(number: int, case: str = "mail-17", company: str = "acme") -> NewCase:
    """Return a case that is opened for a customer's e-mail."""
    return NewCase(company, case, number, CaseOrigin.REQUEST, "Nothing came.", "carl", fingerprint(number, case))


async def given_back(database: asyncpg.Connection, number: int) -> int:
    """Return the refunded micros of a charge."""
    amount: int = await database.fetchval(
        "SELECT coalesce(sum(amount), 0)::bigint FROM entries WHERE refunded_number = $1", number
    )
    return amount


@pytest.mark.parametrize(("decision", "amount"), [(ALL, 100), (SOME, 40), (NO, 0)])
async def test_p2_the_same_decision_again_gives_the_same_answer(
    acme: Wallets, database: asyncpg.Connection, decision: CaseDecision, amount: int
) -> None:
    """P2: a decision is carried out once, and the same decision again returns the same case."""
    number = await open_case(acme)
    decided = await acme.decisions.decide("acme", "mail-17", decision)
    assert decided.state is (CaseState.REFUNDED if amount else CaseState.REJECTED)
    assert decided.decision == decision
    assert await acme.decisions.decide("acme", "mail-17", decision) == decided
    assert await acme.refund_cases.get("acme", "mail-17") == decided
    assert await given_back(database, number) == amount
    if amount:
        assert decided.refund_number is not None
        entry = await acme.reader.entry("acme", decided.refund_number)
        assert (entry.amount, entry.reason, entry.requested_by, entry.reference) == (
            amount,
            decision.reason,
            "bob",
            "mail-17",
        )
    for other in {ALL, SOME, NO} - {decision}:
        with pytest.raises(RefundCaseDecided):
            await acme.decisions.decide("acme", "mail-17", other)
    assert await given_back(database, number) == amount


async def test_of_several_decisions_at_once_one_counts(
    acme: Wallets, open_more: OpenWallets, database: asyncpg.Connection
) -> None:
    number = await open_case(acme)
    other = await open_more()
    results = await asyncio.gather(
        *(wallets.decisions.decide("acme", "mail-17", each) for wallets in (acme, other) for each in (ALL, SOME, NO)),
        return_exceptions=True,
    )
    decided = [result for result in results if isinstance(result, RefundCase)]
    assert {type(result) for result in results} == {RefundCase, RefundCaseDecided}
    assert len({case.decision for case in decided}) == 1
    final = await acme.refund_cases.get("acme", "mail-17")
    assert final.decision == decided[0].decision
    assert await given_back(database, number) == {ALL: 100, SOME: 40, NO: 0}[decided[0].decision or NO]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["decide", "submit", "mark_refunded"])
@pytest.mark.parametrize("finished_by", ["decision", "sweep", "both"])
async def test_p2_a_decision_that_crashes_at_any_step_refunds_once(
    acme: Wallets, open_more: OpenWallets, database: asyncpg.Connection, step: str, after: bool, finished_by: str
) -> None:
    number = await open_case(acme)
    target: Any = acme.engine if step == "submit" else acme.refund_cases
    with crashing_at(target, step, after=after):
        await acme.decisions.decide("acme", "mail-17", SOME)
    other = await open_more()
    recovery = RefundRecovery(other.deliveries, other.decisions)
    if finished_by == "decision" or (step == "decide" and not after):
        await other.decisions.decide("acme", "mail-17", SOME)
    elif finished_by == "sweep":
        await recovery.run_once(decision_age_seconds_min=0)
    else:
        await asyncio.gather(
            acme.decisions.decide("acme", "mail-17", SOME), recovery.run_once(decision_age_seconds_min=0)
        )
    case = await acme.refund_cases.get("acme", "mail-17")
    assert (case.state, await given_back(database, number)) == (CaseState.REFUNDED, 40)
    assert await recovery.run_once(decision_age_seconds_min=0) == 0


async def test_p6_a_decision_that_the_ledger_declines_leaves_the_case_open(
    acme: Wallets, database: asyncpg.Connection
) -> None:
    number = await open_case(acme)
    await acme.engine.submit(refund(70, number))
    with pytest.raises(RefundExceedsCharge) as declined:
        await acme.decisions.decide("acme", "mail-17", SOME)
    assert declined.value.refundable == 30
    case = await acme.refund_cases.get("acme", "mail-17")
    assert (case.state, case.decision) == (CaseState.OPEN, None)
    assert (await acme.decisions.decide("acme", "mail-17", ALL)).state is CaseState.REFUNDED
    assert await given_back(database, number) == 100


async def test_the_sweep_reopens_a_case_whose_refund_is_declined(acme: Wallets) -> None:
    """A decision whose caller did not retry, and whose refund is declined, is open again after the sweep."""
    number = await open_case(acme)
    with crashing_at(acme.engine, "submit"):
        await acme.decisions.decide("acme", "mail-17", SOME)
    await acme.engine.submit(refund(70, number))
    recovery = RefundRecovery(acme.deliveries, acme.decisions)
    assert await recovery.run_once() == 0, "it is fresh"
    assert (await acme.refund_cases.get("acme", "mail-17")).state is CaseState.REFUNDING
    assert await recovery.run_once(decision_age_seconds_min=0) == 0
    assert (await acme.refund_cases.get("acme", "mail-17")).state is CaseState.OPEN


async def test_cases_are_listed_oldest_first_by_company_state_and_charge(
    acme: Wallets, database: asyncpg.Connection
) -> None:
    await make_company(database, "beta")
    await acme.engine.submit(top_up(1_000, company="beta"))
    numbers = [await open_case(acme, f"mail-{i}") for i in range(3)]
    await open_case(acme, "mail-0", "beta")
    await acme.decisions.decide("acme", "mail-1", NO)
    for fields, expected in (
        ({}, ["acme/mail-0", "acme/mail-1", "acme/mail-2", "beta/mail-0"]),
        ({"company": "acme"}, ["acme/mail-0", "acme/mail-1", "acme/mail-2"]),
        ({"state": CaseState.OPEN}, ["acme/mail-0", "acme/mail-2", "beta/mail-0"]),
        ({"company": "acme", "state": CaseState.REJECTED}, ["acme/mail-1"]),
        ({"company": "acme", "number": numbers[2]}, ["acme/mail-2"]),
    ):
        arguments: dict[str, Any] = {"after": 0, "limit": 10, **fields}
        found = await acme.refund_cases.list(**arguments)
        assert [f"{case.company}/{case.id}" for case in found] == expected
        if len(found) > 1:
            rest = await acme.refund_cases.list(**{**arguments, "after": found[0].serial, "limit": 1})
            assert rest == found[1:2]


async def test_a_case_is_opened_once(acme: Wallets) -> None:
    number = await open_case(acme)
    again, opened_by = await acme.refund_cases.create(new_case(number))
    assert (again.number, opened_by) == (number, fingerprint(number, "mail-17"))
    other, opened_by = await acme.refund_cases.create(new_case(99))
    assert (other, opened_by) == (again, fingerprint(number, "mail-17"))
    with pytest.raises(RefundCaseNotFound):
        await acme.refund_cases.get("acme", "never")
    with pytest.raises(RefundCaseNotFound):
        await acme.decisions.decide("acme", "never", NO)

"""VerifyLedger compares top-ups, refunds and chargebacks with their entries, also while they are pending."""

from contextlib import suppress
from importlib.resources import files

import asyncpg
import pytest
from msgspec.structs import replace

import admin.top_ups.verify as top_ups_verify
import refunds.verify as refunds_verify
from admin.payments.port import DisputeState
from admin.top_ups.domain import TopUpMethod
from refunds.delivery import Action, RefundRule
from tests.integration.admin.top_ups.test_top_up_refunds import back
from tests.integration.admin.top_ups.test_top_ups import (
    AMOUNT,
    MANUAL,
    SAVED,
    TRANSFER,
    order,
)
from tests.integration.refunds.test_refund_cases import ALL, new_case
from tests.support.builders import charge, make_company
from tests.support.payments import (
    CrashPoint,
    FakeProvider,
    ProcessCrashed,
    crashing_services,
    dispute,
    services_of,
)
from tests.support.refunding import report
from tests.support.wallets import Wallets
from wallet.verification.problems import Check

MOMENTS_MAX = 60
_SQL = {"top_ups": top_ups_verify.CHECKS[0].sql, "refund_records": refunds_verify.CHECKS[0].sql}


@pytest.fixture
async def acme(wallets: Wallets, database: asyncpg.Connection) -> Wallets:
    """A company that has one of each: saved, again, transfer, manual, r-1 sent, r-2 refused, dp_1 won, case, report."""
    await make_company(database)
    provider = FakeProvider()
    services = services_of(wallets, provider)
    await services.top_ups.start(order(TopUpMethod.SAVED_CARD, "saved"))
    await services.top_ups.start(order(TopUpMethod.BANK_TRANSFER, "transfer"))
    await services.bank_transfers.confirm("acme", "transfer", AMOUNT - 1)
    await services.top_ups.start(order(TopUpMethod.MANUAL, "manual"))
    await services.top_ups.start(order(TopUpMethod.CARD, "begun"))
    await services.refunds.start(back(100_000, top_up="saved"))
    provider.refuses_refunds = True
    await services.refunds.start(back(200_000, key="r-2", top_up="saved"))
    await services.chargebacks.record_dispute(dispute(provider.payments["pi_1"], DisputeState.WON))
    await wallets.refund_policies.replace([RefundRule("5*", Action.REFUND)])
    numbers = [(await wallets.engine.submit(charge(100))).entry.number for _ in range(2)]
    await wallets.refund_cases.create(new_case(numbers[0], "case"))
    await wallets.decisions.decide("acme", "case", ALL)
    await wallets.deliveries.report(report(numbers[1], 0, 1))
    provider.payments["pi_again"] = replace(provider.payments["pi_1"], id="pi_again")
    await services.top_ups.sync_payment("pi_again")
    assert (await wallets.verify()).problems == []
    return wallets


ENTRY = "UPDATE entries SET {} WHERE idempotency_key = '{}'".format
TOP_UPS = {
    "a top-up names no entry that there is": "UPDATE top_ups SET entry_number = 99 WHERE top_up_id = 'saved'",
    "a top-up names another entry": "UPDATE top_ups SET entry_number = 2 WHERE top_up_id = 'saved'",
    "a manual top-up names another entry": "UPDATE top_ups SET entry_number = 1 WHERE top_up_id = 'manual'",
    "a top-up was credited with another amount": ENTRY("amount = amount + 1", "~payment:pi_1"),
    "a transfer was credited as announced": ENTRY("amount = amount + 1", "~top-up:transfer"),
    "a credit is no top-up": ENTRY("kind = 3", "~payment:pi_1"),
    "a credit is gone": "DELETE FROM entries WHERE idempotency_key = '~payment:pi_1'",
    "a credit has no top-up": ENTRY("idempotency_key = '~payment:pi_none'", "manual"),
    "a credit is of a top-up that failed": "UPDATE top_ups SET state = 4, entry_number = NULL, cleared = NULL "
    "WHERE top_up_id = 'transfer'",
    "a top-up under way was credited with another amount": "UPDATE top_ups SET state = 1, entry_number = NULL, "
    "cleared = 7 WHERE top_up_id = 'transfer'",
    "a second payment names another entry": "UPDATE second_payments SET entry_number = 1",
    "a second payment was credited with another amount": ENTRY("amount = amount + 1", "~second-payment:pi_again"),
    "a second payment under way was credited with another amount": "UPDATE second_payments SET entry_number = NULL, "
    "amount = 7",
    "a second credit is gone": "DELETE FROM entries WHERE idempotency_key = '~second-payment:pi_again'",
    "a second credit has no payment": "DELETE FROM second_payments",
    "more has gone back than its refunds": "UPDATE top_ups SET refunded = refunded + 1 WHERE top_up_id = 'saved'",
    "a refund that succeeded is not reserved": "UPDATE top_up_refunds SET reserved = false WHERE refund_id = 'r-1';"
    "UPDATE top_ups SET refunded = 0",
    "a refund that succeeded has no debit": "UPDATE top_up_refunds SET debit_number = NULL WHERE refund_id = 'r-1'",
    "a refund's debit is gone": "DELETE FROM entries WHERE idempotency_key = '~top-up-refund:r-1:debit'",
    "a refund's debit is another amount": ENTRY("amount = amount - 1", "~top-up-refund:r-1:debit"),
    "a refund that failed was not put back": "UPDATE top_up_refunds SET return_number = NULL WHERE refund_id = 'r-2'",
    "a refund that failed succeeded": "UPDATE top_up_refunds SET state = 2 WHERE refund_id = 'r-2'",
    "a refund was put back and did not fail": "UPDATE top_up_refunds SET return_number = 99 WHERE refund_id = 'r-1'",
    "a debit was made and its refund declined": "UPDATE top_up_refunds SET state = 3, reserved = false, "
    "debit_number = NULL WHERE refund_id = 'r-1'; UPDATE top_ups SET refunded = 0",
    "a debit has no refund": ENTRY("idempotency_key = '~top-up-refund:none:debit'", "~top-up-refund:r-1:debit"),
    "a chargeback took another amount": ENTRY("amount = amount - 1", "~chargeback:dp_1:debit"),
    "a chargeback gave back another amount": ENTRY("amount = amount - 1", "~chargeback:dp_1:won"),
    "a chargeback that is lost gave back": "UPDATE chargebacks SET state = 4, credit_number = NULL",
    "a chargeback is not there": "DELETE FROM chargebacks",
}
REFUND_RECORDS = {
    "a case that is refunded names no refund": "UPDATE refund_cases SET refund_number = NULL",
    "a case names another entry": "UPDATE refund_cases SET refund_number = 1",
    "a case is of another charge": "UPDATE refund_cases SET number = 1",
    "a case's refund is of another amount": "UPDATE refund_cases SET amount = 99",
    "a case's refund is no refund": ENTRY("kind = 3", "~case:case"),
    "a case's refund is gone": "DELETE FROM entries WHERE idempotency_key = '~case:case'",
    "a case that is rejected is refunded": "UPDATE refund_cases SET state = 4, refund_number = NULL",
    "a refund is of no case": "DELETE FROM refund_cases",
    "a report that is finished does not name its refund": "UPDATE delivery_reports SET refund_number = NULL",
    "a report names another refund": "UPDATE delivery_reports SET refund_number = 1",
    "a report's refund is gone": "DELETE FROM entries WHERE idempotency_key LIKE '~delivery:%'",
    "a report's refund is of another charge": "UPDATE entries SET refunded_number = 1 "
    "WHERE idempotency_key LIKE '~delivery:%'",
}
TAMPERINGS = [("top_ups", *each) for each in TOP_UPS.items()] + [
    ("refund_records", *each) for each in REFUND_RECORDS.items()
]


@pytest.mark.parametrize(("check", "how", "statement"), TAMPERINGS, ids=[how for _, how, _ in TAMPERINGS])
async def test_each_contradiction_is_found(
    acme: Wallets, database: asyncpg.Connection, check: str, how: str, statement: str
) -> None:
    await make_company(database, "brick")
    assert await database.fetch(_SQL[check], "", None) == []
    await database.execute(statement)
    assert {row["company_id"] for row in await database.fetch(_SQL[check], "", None)} == {"acme"}, how
    assert await database.fetch(_SQL[check], "acme", None) == [], "it is of another range"
    problems = (await acme.verify()).problems
    assert (Check.TOP_UPS if check == "top_ups" else Check.REFUNDS) in {problem.check for problem in problems}


@pytest.mark.parametrize("what", ["saved", "transfer", "manual", "refund", "refused", "chargeback", "second"])
async def test_a_crash_at_any_moment_is_no_contradiction(
    wallets: Wallets, database: asyncpg.Connection, what: str
) -> None:
    """A step that is under way is no problem, before a sweep completes it."""
    await make_company(database)
    for moment in range(MOMENTS_MAX):
        provider, crash, key = FakeProvider(f"{moment}_"), CrashPoint(moment), f"k-{moment}"
        saved = order(TopUpMethod.SAVED_CARD, f"for-{moment}")
        if what not in ("saved", "transfer", "manual"):
            await services_of(wallets, provider).top_ups.start(saved)
        provider.refuses_refunds = what == "refused"
        services = crashing_services(wallets, provider, crash)
        with suppress(ProcessCrashed):
            match what:
                case "saved" | "manual":
                    method = TopUpMethod.SAVED_CARD if what == "saved" else TopUpMethod.MANUAL
                    await services.top_ups.start(order(method, key))
                case "transfer":
                    await services.top_ups.start(order(TopUpMethod.BANK_TRANSFER, key))
                    await services.bank_transfers.confirm("acme", key, AMOUNT)
                case "chargeback":
                    (payment,) = provider.payments.values()
                    await services.chargebacks.record_dispute(dispute(payment, DisputeState.WON, name=f"dp_{moment}"))
                case "second":
                    again = f"pi_again_{moment}"
                    (payment,) = provider.payments.values()
                    provider.payments[again] = replace(payment, id=again)
                    await services.top_ups.sync_payment(again)
                case _:
                    await services.refunds.start(back(10_000, key=key, top_up=saved.id))
        assert (await wallets.verify()).problems == [], moment
        if crash.survived:
            return
    pytest.fail("there are more moments than that")


async def test_two_payments_of_one_top_up_are_no_contradiction(wallets: Wallets, database: asyncpg.Connection) -> None:
    await make_company(database)
    provider = FakeProvider(forgetful=True)
    services = services_of(wallets, provider)
    await services.top_ups.start(SAVED)
    provider.payments["pi_2"] = replace(provider.payments["pi_1"], id="pi_2")
    for _ in range(2):
        await services.top_ups.sync_payment("pi_2")
    for each in (MANUAL, TRANSFER):
        await services.top_ups.start(order(each.method, f"other-{each.method.name}"))
    assert (await wallets.reader.wallet("acme")).balance == 3 * AMOUNT
    assert (await wallets.verify()).problems == []


async def test_second_payments_from_before_their_table_agree(acme: Wallets, database: asyncpg.Connection) -> None:
    """The migration that makes the table records what is credited already."""
    migration = (files("wallet.ledger") / "migrations" / "0016_second_payments.sql").read_text()
    backfill = migration[migration.index("INSERT INTO second_payments") :].split(";")[0]
    await database.execute("DELETE FROM second_payments")
    assert (await acme.verify()).problems
    await database.execute(backfill)
    assert (await acme.verify()).problems == []

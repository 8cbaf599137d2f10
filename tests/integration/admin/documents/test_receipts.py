"""Receipts: one for each top-up, immutable, with gapless numbers, by concurrent processes and through crashes."""

import asyncio
from datetime import UTC, datetime

import asyncpg
import msgspec
import pytest

import admin.documents.receipt_store as adapter
from admin.documents.receipts import (
    BillingProfile,
    Receipt,
    ReceiptKind,
    Seller,
    TaxTreatment,
)
from admin.documents.worker import ReceiptWorker
from admin.payments.port import Card, DisputeState
from admin.top_ups.chargeback_domain import Chargeback, chargeback_debit
from admin.top_ups.domain import TopUpMethod
from admin.top_ups.refund_domain import TopUpRefund, refund_debit, refund_return
from tests.conftest import OpenWallets
from tests.integration.admin.top_ups.test_top_ups import order
from tests.support.builders import (
    adjustment,
    charge,
    fresh,
    make_company,
    top_up,
)
from tests.support.payments import FakeProvider, dispute, services_of
from tests.support.statements import kill_connection_at
from tests.support.wallets import Wallets
from wallet.domain.errors import CompanyNotFound, LedgerUnavailable, ReceiptNotFound, SellerNotSet
from wallet.verification.problems import Check

SELLER = Seller("Velo Connect", ("Radweg 1", "10115 Berlin"), "DE123456789", "billing@velo.example", "VC", "Thank you.")
GERMAN = BillingProfile("Acme GmbH", ("Hauptstraße 5",), "DE", "DE999", TaxTreatment.INCLUDED, 1900, "USt")
STEPS = ("source", "begin", "lock", "take_serial", "insert", "advance")
TYPES = {
    "take_serial": ("text", "integer", "bigint"),
    "insert": ("text", "bigint", "integer", "text", "integer", "bigint", "bigint", "jsonb", "bigint"),
}
"""The types of the parameters of some steps."""
NEW_YEAR = int(datetime(2027, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000


@pytest.fixture
async def acme(wallets: Wallets, database: asyncpg.Connection) -> Wallets:
    """A company with two top-ups, a charge before and an adjustment after the second."""
    await wallets.billing.change_seller(lambda _: SELLER)
    await make_company(database)
    await wallets.engine.submit(top_up(119_000_000, reference="wire 17"))
    await wallets.engine.submit(charge(5))
    await wallets.engine.submit(top_up(20_000_000))
    await wallets.engine.submit(adjustment(7))
    return wallets


async def issued(database: asyncpg.Connection) -> list[tuple[str, int, str, int]]:
    """Return company, transaction, prefix and serial number of each receipt, by serial number."""
    rows = await database.fetch("SELECT * FROM receipts ORDER BY prefix, year, serial")
    return [(row["company_id"], row["number"], row["prefix"], row["serial"]) for row in rows]


async def test_only_top_ups_have_receipts(acme: Wallets, database: asyncpg.Connection) -> None:
    worker = ReceiptWorker(acme.receipts)
    assert await worker.run_once() == 2
    assert await issued(database) == [("acme", 1, "VC", 1), ("acme", 3, "VC", 2)]
    assert await worker.run_once() == 0
    receipt = await acme.receipts.get("acme", 1)
    assert (receipt.amount, receipt.net, receipt.tax, receipt.reference) == (119_000_000, 119_000_000, 0, "wire 17")
    assert receipt.serial_text == f"VC-{datetime.now(UTC).year}-000001"
    assert (receipt.seller, receipt.buyer.legal_name) == (SELLER, "acme")
    for number in (2, 4, 5, 2**62):
        with pytest.raises(ReceiptNotFound):
            await acme.receipts.get("acme", number)
    with pytest.raises(ReceiptNotFound):
        await acme.receipts.get("nobody", 1)


async def test_an_issued_receipt_never_changes(acme: Wallets) -> None:
    await acme.billing.change_profile("acme", lambda _: GERMAN)
    before = await acme.receipts.get("acme", 1)
    assert (before.net, before.tax, before.buyer) == (100_000_000, 19_000_000, GERMAN)
    await acme.billing.change_profile("acme", lambda _: BillingProfile("Acme SE"))
    await acme.billing.change_seller(lambda seller: msgspec.structs.replace(seller, name="Other", number_prefix="OT"))
    assert await acme.receipts.get("acme", 1) == before
    after = await acme.receipts.get("acme", 3)
    assert (after.buyer.legal_name, after.seller.name, after.tax) == ("Acme SE", "Other", 0)
    assert after.serial_text.startswith("OT-"), "another prefix is another series"
    assert after.serial_text.endswith("-000001")


async def test_a_request_before_the_worker_issues_the_receipt_once(acme: Wallets, database: asyncpg.Connection) -> None:
    second = await acme.receipts.get("acme", 3)
    assert await ReceiptWorker(acme.receipts).run_once() == 2
    assert await acme.receipts.get("acme", 3) == second
    assert await issued(database) == [("acme", 3, "VC", 1), ("acme", 1, "VC", 2)]


async def test_no_receipt_is_issued_before_the_seller_is_set(wallets: Wallets, database: asyncpg.Connection) -> None:
    await make_company(database)
    await wallets.engine.submit(top_up(1))
    assert await ReceiptWorker(wallets.receipts).run_once() == 0
    with pytest.raises(SellerNotSet):
        await wallets.receipts.get("acme", 1)
    assert await database.fetchval("SELECT count(*) FROM receipt_series") == 0
    await wallets.billing.change_seller(lambda _: SELLER)
    assert await ReceiptWorker(wallets.receipts).run_once() == 1


async def test_concurrent_issuing_leaves_no_gap_and_no_duplicate(
    acme: Wallets, open_more: OpenWallets, database: asyncpg.Connection
) -> None:
    beside = await open_more()
    for company in ("b", "c", "d"):
        await make_company(database, company)
        for _ in range(15):
            await acme.engine.submit(top_up(1, company=company))
    both = (acme, beside)
    found = await asyncio.gather(
        *(beside.receipts.get("b", number) for number in range(15, 0, -1)),
        *(acme.receipts.get("b", number) for number in range(1, 16)),
        *(ReceiptWorker(each.receipts).run_once() for each in both * 2),
    )
    rows = await issued(database)
    assert [serial for *_, serial in rows] == list(range(1, 48))
    assert len({(company, number) for company, number, *_ in rows}) == 47
    receipts = [each for each in found if isinstance(each, Receipt)]
    assert {each.serial_text for each in receipts if each.number == 7} == {
        (await acme.receipts.get("b", 7)).serial_text
    }


@pytest.mark.parametrize("step", STEPS)
async def test_a_crash_at_any_step_leaves_no_gap_and_no_duplicate(
    acme: Wallets, database: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The connection ends before a step of the first receipt, as it does when its process is killed."""
    with monkeypatch.context() as patch:
        sql = adapter._SQL[step]
        count = max(n for n in range(1, 10) if f"${n}" in sql)
        types = TYPES.get(step, ("text", "bigint"))
        parameters = ", ".join(f"${n}::{types[n - 1]}" for n in range(1, count + 1))
        kill_connection_at(patch, adapter._SQL, step, parameters)
        with pytest.raises(LedgerUnavailable):
            await ReceiptWorker(acme.receipts).run_once()
    assert len(await issued(database)) == (2 if step == "advance" else 0)
    await ReceiptWorker(acme.receipts).run_once()
    assert await issued(database) == [("acme", 1, "VC", 1), ("acme", 3, "VC", 2)]
    assert await ReceiptWorker(acme.receipts).run_once() == 0


async def test_each_year_has_its_series_in_the_order_of_time(acme: Wallets) -> None:
    old = await acme.receipts.get("acme", 1, at=NEW_YEAR - 1)
    new = await acme.receipts.get("acme", 3, at=NEW_YEAR)
    assert (old.serial_text, new.serial_text) == ("VC-2026-000001", "VC-2027-000001")
    number = (await acme.engine.submit(top_up(1))).entry.number
    behind = await acme.receipts.get("acme", number, at=NEW_YEAR - 5)
    assert (behind.serial_text, behind.issued_at) == ("VC-2026-000002", NEW_YEAR - 1)


async def test_receipts_are_listed_and_found_by_serial_number(acme: Wallets) -> None:
    await ReceiptWorker(acme.receipts).run_once()
    first, second = [await acme.receipts.get("acme", number) for number in (1, 3)]
    assert await acme.receipts.list("acme", before=99, limit=9) == [second, first]
    assert await acme.receipts.list("acme", before=3, limit=9) == [first]
    assert await acme.receipts.list("acme", before=99, limit=1) == [second]
    year = datetime.now(UTC).year
    assert await acme.receipts.find("VC", year, 2) == second
    assert await acme.receipts.find("VC", year, 3) is None
    with pytest.raises(CompanyNotFound):
        await acme.receipts.list("nobody", before=9, limit=9)


async def test_concurrent_updates_are_all_kept(acme: Wallets, open_more: OpenWallets) -> None:
    beside = await open_more()
    replace = msgspec.structs.replace
    await asyncio.gather(
        acme.billing.change_seller(lambda seller: replace(seller, footer="Bye.")),
        beside.billing.change_seller(lambda seller: replace(seller, tax_id="X")),
        acme.billing.change_profile("acme", lambda profile: replace(profile, legal_name="Acme")),
        beside.billing.change_profile("acme", lambda profile: replace(profile, tax_id="Y")),
    )
    seller, profile = await acme.billing.seller(), await acme.billing.profile("acme")
    assert (seller.footer, seller.tax_id, seller.name) == ("Bye.", "X", SELLER.name)
    assert (profile.legal_name, profile.tax_id) == ("Acme", "Y")
    with pytest.raises(CompanyNotFound):
        await acme.billing.profile("nobody")
    with pytest.raises(CompanyNotFound):
        await acme.billing.change_profile("nobody", lambda profile: profile)


async def test_the_worker_finds_top_ups_by_index(acme: Wallets, database: asyncpg.Connection) -> None:
    await database.execute("SET enable_seqscan = off; ANALYZE entries")
    for step, arguments in (
        ("companies_behind", {"$1": "''", "$2": "10", "$3": "'{X}'"}),
        ("next", {"$1": "'acme'", "$2": "10", "$3": "'{X}'"}),
    ):
        query = adapter._SQL[step]
        for name, value in arguments.items():
            query = query.replace(name, value)
        plan = "\n".join(row[0] for row in await database.fetch(f"EXPLAIN {query}"))
        assert "entries_money" in plan, plan


async def insert_top_up(database: asyncpg.Connection, name: str, method: int, payment: str | None = None) -> None:
    """Insert a top-up as TopUpService does; one with a payment has a Visa card."""
    await database.execute(
        "INSERT INTO top_ups (company_id, top_up_id, fingerprint, method, amount, currency, reference, requested_by, "
        "automatic, card, save_card, payment_reference, payment, card_brand, card_last4) "
        "VALUES ('acme', $1, '', $2, 1, 'EUR', '', '', false, '', false, '', $3, $4, $5)",
        name,
        method,
        payment,
        payment and "visa",
        payment and "4242",
    )


def refund_of(top_up_id: str, amount: int) -> TopUpRefund:
    """Return a refund of a top-up, with the fields that its commands need."""
    blank = dict.fromkeys(TopUpRefund.__struct_fields__, "")
    fields = {"company": "acme", "id": fresh("refund"), "top_up": top_up_id, "amount": amount}
    return TopUpRefund(**{**blank, **fields})  # type: ignore[arg-type]  # The other fields are not used.


def charged_back(top_up_id: str, amount: int) -> Chargeback:
    """Return a chargeback of a top-up, with the fields that its commands need."""
    blank = dict.fromkeys(Chargeback.__struct_fields__, "")
    fields = {"company": "acme", "id": fresh("dispute"), "top_up": top_up_id, "amount": amount}
    return Chargeback(**{**blank, **fields})  # type: ignore[arg-type]  # The other fields are not used.


@pytest.fixture
async def paid(wallets: Wallets, database: asyncpg.Connection) -> Wallets:
    """Three top-ups of 10.00 EUR with 19 % tax: by card, by bank transfer, by hand."""
    await wallets.billing.change_seller(lambda _: SELLER)
    await make_company(database)
    await wallets.billing.change_profile("acme", lambda _: GERMAN)
    for name, method, payment, key in (
        ("by-card", 2, "pi_1", "~payment:pi_1"),
        ("by-bank", 4, None, "~top-up:by-bank"),
        ("by-hand", 1, None, "by-hand"),
    ):
        await insert_top_up(database, name, method, payment)
        await wallets.engine.submit(top_up(10_000_000, key=key))
    return wallets


async def test_a_receipt_has_the_payment_method(paid: Wallets) -> None:
    card, bank, hand = [await paid.receipts.get("acme", number) for number in (1, 2, 3)]
    assert (card.method, card.card_brand, card.card_last4) == (2, "visa", "4242")
    assert (bank.method, bank.card_brand, hand.method) == (4, "", 1)


@pytest.mark.parametrize("name", ["by-card", "by-bank", "by-hand"])
async def test_the_taxes_of_partial_credit_notes_add_up(paid: Wallets, database: asyncpg.Connection, name: str) -> None:
    """The tax of 10.00 is 1.60. Rounded by itself, each 3.33 would have 0.53 and the last cent 0.00: 1.59 in all."""
    assert await ReceiptWorker(paid.receipts).run_once() == 3
    for amount in (3_330_000, 3_330_000, 3_330_000):
        await paid.engine.submit(refund_debit(refund_of(name, amount)))
    await paid.engine.submit(chargeback_debit(charged_back(name, 10_000)))
    await paid.engine.submit(refund_return(refund_of(name, 3_330_000)))
    await paid.engine.submit(adjustment(-5, reason="CHARGEBACK", reference=f"topUps/{name}"))  # by a person
    await paid.engine.submit(chargeback_debit(charged_back("another", 5)))  # of a top-up that does not exist
    await paid.billing.change_profile("acme", lambda _: BillingProfile("Acme SE"))
    assert await ReceiptWorker(paid.receipts).run_once() == 6
    assert await ReceiptWorker(paid.receipts).run_once() == 0
    original = next(
        each
        for each in await paid.receipts.list("acme", before=99, limit=99)
        if each.number == {"by-card": 1, "by-bank": 2, "by-hand": 3}[name]
    )
    notes = [await paid.receipts.get("acme", number) for number in (4, 5, 6, 7)]
    assert all(note.kind is ReceiptKind.CREDIT_NOTE and note.seller == SELLER for note in notes)
    assert {(note.original_number, note.original_text, note.buyer) for note in notes} == {
        (original.number, original.serial_text, original.buyer)
    }
    assert (original.tax, sum(note.tax for note in notes)) == (1_600_000, -1_600_000)
    again = await paid.receipts.get("acme", 8)
    assert (again.kind, again.amount, again.net + again.tax) == (ReceiptKind.REINSTATEMENT, 3_330_000, 3_330_000)
    for number in (9, 10):
        with pytest.raises(ReceiptNotFound):
            await paid.receipts.get("acme", number)
    assert [serial for *_, serial in await issued(database)] == list(range(1, 9))


async def test_a_second_payment_has_a_receipt_and_credit_notes_of_its_own(
    wallets: Wallets, database: asyncpg.Connection
) -> None:
    """A customer paid twice for one top-up, by two cards, and disputes the second payment."""
    await wallets.billing.change_seller(lambda _: SELLER)
    await make_company(database)
    provider = FakeProvider()
    services = services_of(wallets, provider)
    await services.top_ups.start(order(TopUpMethod.SAVED_CARD, "saved"))
    other_card = Card("pm_other", "mastercard", "5454", 1, 2031)
    provider.payments["pi_2"] = msgspec.structs.replace(provider.payments["pi_1"], id="pi_2", card=other_card)
    await services.top_ups.sync_payment("pi_2")
    await services.chargebacks.record_dispute(dispute(provider.payments["pi_1"], DisputeState.OPEN, name="dp_1"))
    await services.chargebacks.record_dispute(dispute(provider.payments["pi_2"], DisputeState.WON, name="dp_2"))
    first, second, *notes = [await wallets.receipts.get("acme", number) for number in range(1, 6)]
    assert (first.method, first.card_brand, first.card_last4) == (TopUpMethod.SAVED_CARD, "visa", "4242")
    assert (second.method, second.card_brand, second.card_last4) == (TopUpMethod.SAVED_CARD, "mastercard", "5454")
    assert [(note.original_number, note.original_text, note.card_last4) for note in notes] == [
        (1, first.serial_text, "4242"),
        (2, second.serial_text, "5454"),
        (2, second.serial_text, "5454"),
    ]


async def test_a_credit_note_issues_the_missing_receipt_first(paid: Wallets) -> None:
    await paid.engine.submit(refund_debit(refund_of("by-card", 10_000_000)))
    note = await paid.receipts.get("acme", 4)
    original = await paid.receipts.get("acme", 1)
    assert note.serial_text.endswith("-000002")
    assert original.serial_text.endswith("-000001")
    assert (note.net, note.tax) == (-original.net, -original.tax)


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE receipts SET content = jsonb_set(content, '{amount}', '1') WHERE serial = 2",
        "UPDATE receipts SET content = jsonb_set(content, '{tax}', '1') WHERE serial = 2",
        "UPDATE receipts SET number = 99 WHERE serial = 2",
        "DELETE FROM receipts WHERE serial = 2",
        "DELETE FROM receipts WHERE serial = 4",
        "UPDATE receipts SET serial = 7 WHERE serial = 2",
        "UPDATE receipt_series SET last = last + 1",
        "DELETE FROM receipt_series",
        "UPDATE receipt_marks SET number = 6",
    ],
)
async def test_verify_ledger_finds_gaps_and_wrong_receipts(
    paid: Wallets, database: asyncpg.Connection, tampering: str
) -> None:
    async def problems() -> int:
        # Of receipts only: the top-ups of this test are incomplete in other respects.
        return sum(problem.check is Check.RECEIPTS for problem in (await paid.verify()).problems)

    await paid.engine.submit(refund_debit(refund_of("by-card", 10_000_000)))
    await ReceiptWorker(paid.receipts).run_once()
    for _ in range(2):
        await paid.engine.submit(top_up(1))
    assert not await problems(), "a receipt that is not issued yet is no problem"
    await database.execute(tampering)
    assert await problems()

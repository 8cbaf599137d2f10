"""Requests of the workloads: keys, choices, kinds; and the booking of their answers."""

import asyncio
from collections import Counter
from itertools import islice

import pytest

from benchmarks.loadgen.back_office import CREDITED_CHARGES, Listings, TopUps
from benchmarks.loadgen.batches import StreamedBatches
from benchmarks.loadgen.books import Books
from benchmarks.loadgen.distributions import CHOICES, uniform, zipf, zipf_weights
from benchmarks.loadgen.stream_loop import StreamLoop
from benchmarks.loadgen.templates import KEY_CHARS, fresh_keys
from benchmarks.loadgen.voice import VoiceCalls
from benchmarks.loadgen.workloads import Charges, Declines, Replays
from tests.support.polling import until
from tests.unit.benchmarks.bench_wallets import (
    AMOUNT_MICROS,
    COMPANIES,
    Wallets,
    by_company,
    endpoint,
    insufficient,
    run,
    run_load,
    served,
)
from veloconnect.wallet.v1 import wallet_pb2


@pytest.fixture
def wallets() -> Wallets:
    return Wallets()


@pytest.fixture
def books() -> Books:
    return Books(COMPANIES, AMOUNT_MICROS)


def test_keys_have_one_width_and_do_not_come_in_order() -> None:
    source = fresh_keys()
    keys = [next(source).decode() for _ in range(10_000)]
    assert len(set(keys)) == len(keys)
    assert {len(key) for key in keys} == {KEY_CHARS}
    assert keys != sorted(keys)
    assert not set(keys) & {next(fresh_keys()).decode() for _ in range(10)}


async def test_charges_leave_the_amount_to_the_card(wallets: Wallets, books: Books) -> None:
    usages = [wallet_pb2.Usage(channel=wallet_pb2.CHANNEL_VOICE, destination=to) for to in ("+4915112345678", "FR")]
    async with served(wallets) as target:
        await run(Charges(books, usages=usages, names_amount=False), target)
    assert not any(request.HasField("amount_micros") for request in wallets.charges)
    assert {request.usage.destination for request in wallets.charges} == {"+4915112345678", "FR"}
    assert all(
        books.difference(number, -wallets.balances[company]) is None for number, company in enumerate(books.companies)
    )


def test_the_books_find_differences_of_the_ledger() -> None:
    books = Books(["companies/a"], 10)
    books.acknowledged[0], books.unclear[0] = 5, 2
    assert [books.difference(0, micros) is None for micros in (40, 50, 55, 60, 70, 80)] == [
        False,
        True,
        False,
        True,
        True,
        False,
    ]


def test_a_credit_pays_for_charges_in_the_books() -> None:
    books = Books(["companies/a"], 10)
    books.acknowledged[0], books.credited[0], books.unclear_credits[0] = 5, 20, 3
    assert [micros for micros in range(-200, 1, 10) if books.difference(0, micros) is None] == [-180, -170, -160, -150]


def test_zipf_is_zipf() -> None:
    companies = 1_000
    drawn = Counter(islice(zipf(companies), CHOICES))
    weights = zipf_weights(companies)
    assert weights[0] / weights[9] == pytest.approx(10)
    for number in (0, 1, 2, 9, 99):
        expected = CHOICES * weights[number] / sum(weights)
        # Five standard deviations.
        assert abs(drawn[number] - expected) < 5 * expected**0.5, number
    assert len(drawn) > companies * 0.9


def test_uniform_is_uniform_and_endless() -> None:
    drawn = Counter(islice(uniform(100), 2 * CHOICES))
    expected = 2 * CHOICES / 100
    assert drawn.total() == 2 * CHOICES
    # Each draw comes twice, which doubles the variance.
    assert all(abs(count - expected) < 6 * (2 * expected) ** 0.5 for count in drawn.values())
    assert set(drawn) == set(range(100))


async def test_charges_go_to_the_chosen_companies(wallets: Wallets, books: Books) -> None:
    async with served(wallets) as target:
        await run(Charges(books, choices=iter([3] * 10_000)), target, in_flight=4, connections=1, seconds=0.1)
    assert {request.company for request in wallets.charges} == {COMPANIES[3]}


async def test_a_phone_call_is_authorized_incremented_and_captured(wallets: Wallets, books: Books) -> None:
    async with served(wallets) as target:
        measured = await run(VoiceCalls(books), target)
    assert not measured.tally.errors
    assert wallets.calls["Authorize"] >= wallets.calls["IncrementAuthorization"] >= wallets.calls["Capture"] > 20
    # At most one phone call for each that was in flight has not come to its end, and the books know its hold.
    assert wallets.calls["Authorize"] - wallets.calls["Capture"] <= 16
    assert {f"{COMPANIES[company]}/authorizations/{hold.decode()}" for company, hold in books.open_holds} == set(
        wallets.held
    )
    spent = [-wallets.balances[company] for company in COMPANIES]
    assert spent == [count * AMOUNT_MICROS for count in books.acknowledged]
    assert measured.tally.units == measured.tally.calls == sum(each.count for each in measured.tally.by_path)
    assert all(each.count for each in measured.tally.by_path)
    assert measured.tally.latencies.count == measured.tally.calls


async def test_holds_of_failed_phone_calls_stay_in_the_books(wallets: Wallets, books: Books) -> None:
    wallets.loses_captures = True
    async with served(wallets) as target:
        measured = await run(VoiceCalls(books), target)
    assert set(measured.tally.errors) == {"UNAVAILABLE/LEDGER_UNAVAILABLE"}
    assert len(books.open_holds) == len(wallets.held) > 20
    assert sum(books.unclear) == 0


async def test_a_replay_has_a_used_key_and_costs_nothing(wallets: Wallets, books: Books) -> None:
    async with served(wallets) as target:
        measured = await run(Replays(books, share=0.5), target)
    assert not measured.tally.errors
    assert dict(zip(COMPANIES, books.acknowledged, strict=True)) == by_company(wallets.charges)
    assert wallets.replays > 20
    assert wallets.replays / (wallets.replays + len(wallets.charges)) == pytest.approx(0.5, abs=0.15)


async def test_a_decline_of_an_empty_wallet_is_expected(wallets: Wallets, books: Books) -> None:
    wallets.decline = lambda _: insufficient()
    async with served(wallets) as target:
        measured = await run(Declines(books), target)
    assert not measured.tally.errors
    assert measured.tally.units == measured.tally.calls == measured.tally.latencies.count > 20
    assert sum(books.acknowledged) + sum(books.unclear) == 0


async def test_a_charge_of_an_empty_wallet_is_an_error(wallets: Wallets, books: Books) -> None:
    async with served(wallets) as target:
        measured = await run(Declines(books), target)
    assert measured.tally.units == 0
    assert set(measured.tally.errors) == {"OK, of a dry wallet"}
    assert books.difference(0, -wallets.balances[COMPANIES[0]]) is not None


async def test_top_ups_are_credited_in_the_books(wallets: Wallets, books: Books) -> None:
    async with served(wallets) as target:
        measured = await run(TopUps(books, currency_code="EUR"), target)
    assert not measured.tally.errors
    assert sum(books.credited) == CREDITED_CHARGES * wallets.calls["CreateTopUp"] > 0
    assert all(books.difference(number, -wallets.balances[name]) is None for number, name in enumerate(COMPANIES))
    assert books.difference(0, AMOUNT_MICROS - wallets.balances[COMPANIES[0]]) is not None


async def test_listing_reads_statements_and_wallets_in_turn(wallets: Wallets, books: Books) -> None:
    async with served(wallets) as target:
        measured = await run(Listings(books), target)
    assert not measured.tally.errors
    statements, read = (each.count for each in measured.tally.by_path)
    assert abs(statements - read) <= 17
    assert wallets.calls["ListTransactions"] > 20


async def test_batches_of_streams_are_matched_by_their_names(wallets: Wallets, books: Books) -> None:
    wallets.decline = lambda request: insufficient() if request.company == COMPANIES[3] else None
    async with served(wallets) as target:
        loop = StreamLoop(StreamedBatches(books, size=100), endpoint(target), streams=2, in_flight=4)
        measured = await run_load(loop, seconds=0.5)
    assert set(measured.tally.errors) == {"FAILED_PRECONDITION/INSUFFICIENT_FUNDS"}
    assert measured.tally.units + measured.tally.errors.total() == 100 * measured.tally.calls
    assert dict(zip(COMPANIES, books.acknowledged, strict=True)) == by_company(wallets.charges)
    assert sum(books.unclear) == 0


async def test_a_stream_that_is_lost_is_opened_again(wallets: Wallets, books: Books) -> None:
    async with served(wallets) as target:
        loop = StreamLoop(StreamedBatches(books, size=10), endpoint(target), streams=1, in_flight=2)
        task = asyncio.create_task(run_load(loop, warm_up_seconds=0, seconds=2.5))
        await until(lambda: len(wallets.charges) >= 100)
    before = len(wallets.charges)
    async with served(wallets, port=target.port):
        measured = await task
    assert len(wallets.charges) > before > 0
    assert measured.tally.errors
    assert sum(books.acknowledged) <= len(wallets.charges) <= sum(books.acknowledged) + sum(books.unclear)

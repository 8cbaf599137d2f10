"""The cost of rating: import a large deck, load it, look up numbers, and charge by it."""

import asyncio
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import uvloop

from benchmarks.companies import FUNDS_MICROS, Admin, each
from benchmarks.company_groups import AMOUNT_MICROS
from benchmarks.decks import VoiceDeck, numbers, sms_rates, voice_deck
from benchmarks.http2.endpoint import Endpoint, Target
from benchmarks.isolated.rate_charges import PricedLoad, RateCharges
from benchmarks.isolated.rate_loading import Loading, measure_loading
from benchmarks.isolated.scenario import Outcome, print_progress
from benchmarks.loadgen.books import Books
from benchmarks.loadgen.cpu import Processes
from benchmarks.loadgen.templates import SMS
from devstack import Ports, Stack
from server.countries import country_of
from veloconnect.admin.v1 import rate_pb2
from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain.ratebook import RateBooks
from wallet.domain.resource_names import RATE_CARD
from wallet.domain.usage import Channel, Usage
from wallet.ledger.pool import open_pool
from wallet.rate_snapshot import RateSnapshot

IMPORTS = LOADINGS = 3
SETTLED_SECONDS = 3.0
"""The time after a change of prices in which every process loads it and frees the old ones."""
COMPANY_CARDS, OWN_RATES = 1_000, 20
NUMBERS = 20_000
PASSES = 5
CALL_SECONDS = 60
"""The duration of the charged calls."""


@dataclass(frozen=True)
class Rates:
    """The scenario."""

    companies: int = 1_000
    """Companies charged with each of the two cards."""
    rounds: int = 40
    seconds: float = 0.5
    """The measured time of each run."""
    name: ClassVar[str] = "rates"

    def run(self, directory: Path) -> Outcome:
        """Measure rating on a temporary service."""
        deck = voice_deck()
        with Stack(directory, ports=Ports.free(), appendonly=False) as stack:
            measuring = _Measuring(stack, deck)
            uvloop.run(measuring.run(companies=self.companies, rounds=self.rounds, seconds=self.seconds))
            return measuring.outcome


class _Measuring:
    """The steps of the measurement on one service."""

    def __init__(self, stack: Stack, deck: VoiceDeck) -> None:
        """Prepare; send nothing."""
        self._stack = stack
        self._deck = deck
        self._charging = Endpoint((Target.parse(stack.charging_address),), stack.token)
        self._admin = Endpoint((Target.parse(stack.admin_address),), stack.token)
        self._processes = Processes(
            {"charging": stack.charging.pid, "postgres": stack.postgres.pid, "valkey": stack.valkey.pid}
        )
        self.outcome = Outcome(lines=[deck.title])

    async def run(self, *, companies: int, rounds: int, seconds: float) -> None:
        """Run all steps. Raise `TargetUnreachable`, `AdminFailed` or `grpc.RpcError`."""
        async with Admin.at(self._admin) as admin:
            card = await admin.make_rate_card()
            imports = [await self._import(admin, card)]
            loadings = [await asyncio.to_thread(measure_loading, self._stack.database_url) for _ in range(LOADINGS)]
            books = await self._books()
            self._look_up(books, RATE_CARD.parse(card))
            await self._add_company_cards(admin, card)
            with_cards = await asyncio.to_thread(measure_loading, self._stack.database_url)
            loads = await self._loads(admin, books, card, companies)
            differences: list[str] = []
            charges = RateCharges(self._charging, self._processes, rounds, seconds)
            for load in loads:
                await charges.compare(load, self.outcome)
                differences += await admin.differences(load.books, initial_micros=FUNDS_MICROS)
            imports += [await self._import(admin, await admin.make_rate_card()) for _ in range(IMPORTS - 1)]
        self.outcome.differences = differences
        self._add_imports(imports, loadings, with_cards)

    async def _import(self, admin: Admin, card: str) -> float:
        began = time.perf_counter()
        await admin.import_deck(card, self._deck.csv)
        seconds = time.perf_counter() - began
        print_progress(f"imported in {seconds:.2f} s")
        await asyncio.sleep(SETTLED_SECONDS)
        return seconds

    async def _books(self) -> RateBooks:
        pool = await open_pool(self._stack.database_url, size_max=1)
        try:
            rating = RateSnapshot(pool, self._stack.database_url)
            await rating.refresh()
            return rating.books
        finally:
            await pool.close()

    def _look_up(self, books: RateBooks, card: str) -> None:
        """Measure look-ups in this process, as the charging service does them for each charge."""
        book, now = books.books[card], time.time_ns() // 1_000
        called = [(number, _call_to(number)) for number in numbers(self._deck, NUMBERS)]

        def find() -> None:
            for number, usage in called:
                book.find(usage, number, now)

        def price() -> None:
            for number, usage in called:
                books.price(card, usage, number, now)

        self.outcome.metrics["rate_lookup_us"] = round(_microseconds(find), 2)
        self.outcome.metrics["rate_price_us"] = round(_microseconds(price), 2)

    async def _add_company_cards(self, admin: Admin, parent: str) -> None:
        print_progress(f"making {COMPANY_CARDS:,} companies' own cards")
        prefixes = self._deck.prefixes
        step = len(prefixes) // OWN_RATES

        async def make(number: int) -> None:
            rates = [
                rate_pb2.Rate(
                    channel=wallet_pb2.CHANNEL_VOICE,
                    destination=f"+{prefixes[place * step + number % step]}",
                    unit_price_micros=number + 1,
                    next_increment=6,
                )
                for place in range(OWN_RATES)
            ]
            await admin.make_rate_card(rates, parent=parent)

        await each(range(COMPANY_CARDS), make)
        await asyncio.sleep(SETTLED_SECONDS)

    async def _loads(self, admin: Admin, books: RateBooks, voice_card: str, companies: int) -> list[PricedLoad]:
        """Create the companies. Calls go to many countries, all at one price, so the books need one amount only."""
        sms_card = await admin.make_rate_card(sms_rates(AMOUNT_MICROS))
        now = time.time_ns() // 1_000
        by_price: dict[int, list[str]] = {}
        for number in numbers(self._deck, NUMBERS):
            price = books.price(RATE_CARD.parse(voice_card), _call_to(number), number, now)
            assert price is not None, "each number begins with a prefix of the deck"
            by_price.setdefault(price.amount, []).append(number)
        amount_micros = max(by_price, key=lambda amount: len(set(map(country_of, by_price[amount]))))
        called = by_price[amount_micros][:companies]
        print_progress(f"calling {len(called):,} numbers in {len(set(map(country_of, called)))} countries")
        return [
            PricedLoad("sms", Books(await admin.make_companies(companies, rate_card=sms_card), AMOUNT_MICROS), [SMS]),
            PricedLoad(
                "voice",
                Books(await admin.make_companies(companies, rate_card=voice_card), amount_micros),
                [
                    wallet_pb2.Usage(channel=wallet_pb2.CHANNEL_VOICE, destination=number, quantity=CALL_SECONDS)
                    for number in called
                ],
            ),
        ]

    def _add_imports(self, imports: Sequence[float], loadings: Sequence[Loading], with_cards: Loading) -> None:
        import_seconds, load_seconds = statistics.median(imports), statistics.median(each.seconds for each in loadings)
        deck_bytes = statistics.median(each.bytes for each in loadings)
        cards_bytes = with_cards.bytes - deck_bytes
        metrics = self.outcome.metrics
        self.outcome.lines += [
            f"{import_seconds:10.2f} s  to import it (should be less than 5)",
            f"{load_seconds:10.2f} s  to load it into a process (should be less than 1)",
            f"{metrics['rate_lookup_us']:10.2f} µs to look a number up (should be less than 3)",
            f"{metrics['rate_price_us']:10.2f} µs to price a call",
            f"{deck_bytes / 1e6:10.1f} MB of memory for the deck",
            (
                f"{cards_bytes / 1e6:10.1f} MB more for {COMPANY_CARDS:,} cards of {OWN_RATES} rates over it "
                f"(should be less than 100 with the deck); all loaded in {with_cards.seconds:.2f} s"
            ),
        ]
        metrics |= {
            "rates_import_ms": round(import_seconds * 1e3),
            "rates_load_ms": round(load_seconds * 1e3),
            "rates_deck_bytes": round(deck_bytes),
            "rates_cards_bytes": round(with_cards.bytes),
        }


def _call_to(number: str) -> Usage:
    return Usage(Channel.VOICE, country=country_of(number), quantity=CALL_SECONDS)


def _microseconds(work: Callable[[], None]) -> float:
    """Return the median time per number in µs, including the loop."""
    times = [time.perf_counter()]
    for _ in range(PASSES):
        work()
        times.append(time.perf_counter())
    return statistics.median(end - start for start, end in pairwise(times)) / NUMBERS * 1e6

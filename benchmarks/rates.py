"""What prices cost: `python -m benchmarks.rates` imports a large deck, loads it, looks it up and charges by it.

Charges that name their amount and charges that leave it to the rate card take turns on one service; what counts is the
ratio of a round, since the machine's speed drifts, and of the ratios the one in the middle.

Exit status: 0; 1 where a wallet is not what was acknowledged; 2 where nothing could be measured.
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import click
import grpc
import uvloop

from benchmarks.companies import FUNDS_MICROS, Admin, AdminFailed, each
from benchmarks.decks import VoiceDeck, numbers, sms_rates, voice_deck
from benchmarks.http2.client import TargetUnreachable
from benchmarks.http2.endpoint import Endpoint, Target
from benchmarks.ledgers import AMOUNT_MICROS
from benchmarks.loadgen.books import Books
from benchmarks.loadgen.closed_loop import ClosedLoop
from benchmarks.loadgen.cpu import Processes
from benchmarks.loadgen.measuring import measure
from benchmarks.loadgen.templates import SMS
from benchmarks.loadgen.workloads import Charges
from benchmarks.rate_loading import Loading, loading_of
from devstack import DevstackError, Ports, Stack
from server.countries import country_of
from veloconnect.admin.v1 import rate_pb2
from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain.ratebook import RateBooks
from wallet.domain.usage import Channel, Usage
from wallet.ledger.pool import open_pool
from wallet.rating import Rating

LOCAL_DIRECTORY = Path(".local")
"""Not /tmp, which may be memory."""
IN_FLIGHT, CONNECTIONS = 64, 4
FIRST_SECONDS, WARM_UP_SECONDS = 1.0, 0.1
"""Before the first round, for plans, caches and pools; and before each stretch, for its connections."""
IMPORTS = LOADINGS = 3
SETTLED_SECONDS = 3.0
"""After a change of prices: until every process has it, and is done with what it had before."""
COMPANY_CARDS, OWN_RATES = 1_000, 20
NUMBERS = 20_000
PASSES = 5
CALL_SECONDS = 60
"""Of the calls that are charged."""


@dataclass(frozen=True, slots=True)
class Wares:
    """What is charged for, by which companies: once named and once left to the card."""

    name: str
    books: Books
    usages: Sequence[wallet_pb2.Usage]

    def loop(self, endpoint: Endpoint, *, names_amount: bool) -> ClosedLoop:
        """Return a load of one kind."""
        workload = Charges(self.books, usages=self.usages, names_amount=names_amount)
        return ClosedLoop(workload, endpoint, in_flight=IN_FLIGHT, connections=CONNECTIONS)


@dataclass(frozen=True, slots=True)
class Stretch:
    """What one kind of charges has shown in a round."""

    per_second: float
    cpu_us: float
    """Of all processes together for each charge, the generator among them."""


@dataclass(frozen=True, slots=True)
class Round:
    """Both kinds, one right after the other."""

    named: Stretch
    priced: Stretch


class Rates:
    """The benchmark of one service, which is thrown away afterwards."""

    def __init__(self, stack: Stack, deck: VoiceDeck) -> None:
        """Prepare; nothing is sent yet."""
        self._stack = stack
        self._deck = deck
        self._charging = Endpoint((Target.parse(stack.charging_address),), stack.token)
        self._admin = Endpoint((Target.parse(stack.admin_address),), stack.token)
        self._processes = Processes(
            {"charging": stack.charging.pid, "postgres": stack.postgres.pid, "valkey": stack.valkey.pid}
        )
        self.figures: dict[str, float] = {}
        self.differences: list[str] = []

    async def run(self, *, companies: int, rounds: int, seconds: float) -> None:
        """Measure everything. Raises `TargetUnreachable`, `AdminFailed`, `grpc.RpcError`."""
        async with Admin.at(self._admin) as admin:
            card = await admin.make_rate_card()
            imports = [await self._import(admin, card)]
            loadings = [await asyncio.to_thread(loading_of, self._stack.database_url) for _ in range(LOADINGS)]
            books = await self._books()
            self._look_up(books, card.removeprefix("rateCards/"))
            await self._add_company_cards(admin, card)
            with_cards = await asyncio.to_thread(loading_of, self._stack.database_url)
            wares = await self._wares(admin, books, card, companies)
            for one in wares:
                await self._compare(one, rounds, seconds)
                self.differences += await admin.differences(one.books, initial_micros=FUNDS_MICROS)
            imports += [await self._import(admin, await admin.make_rate_card()) for _ in range(IMPORTS - 1)]
        self._add_imports(imports, loadings, with_cards)

    async def _import(self, admin: Admin, card: str) -> float:
        began = time.perf_counter()
        await admin.import_deck(card, self._deck.csv)
        seconds = time.perf_counter() - began
        _say(f"imported in {seconds:.2f} s")
        await asyncio.sleep(SETTLED_SECONDS)
        return seconds

    async def _books(self) -> RateBooks:
        pool = await open_pool(self._stack.database_url, size_max=1)
        try:
            rating = Rating(pool, self._stack.database_url)
            await rating.refresh()
            return rating.books
        finally:
            await pool.close()

    def _look_up(self, books: RateBooks, card: str) -> None:
        """Look numbers up in this process, as the charging service does for each charge."""
        book, now = books.books[card], time.time_ns() // 1_000
        called = [(number, _call_to(number)) for number in numbers(self._deck, NUMBERS)]

        def find() -> None:
            for number, usage in called:
                book.find(usage, number, now)

        def price() -> None:
            for number, usage in called:
                books.price(card, usage, number, now)

        self.figures["rate_lookup_us"] = round(_microseconds(find), 2)
        self.figures["rate_price_us"] = round(_microseconds(price), 2)

    async def _add_company_cards(self, admin: Admin, parent: str) -> None:
        _say(f"making {COMPANY_CARDS:,} companies' own cards")
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

    async def _wares(self, admin: Admin, books: RateBooks, voice_card: str, companies: int) -> list[Wares]:
        """Make the companies. Calls go to many places, all at one price: so the books need no prices of their own."""
        sms_card = await admin.make_rate_card(sms_rates(AMOUNT_MICROS))
        now = time.time_ns() // 1_000
        by_price: dict[int, list[str]] = {}
        for number in numbers(self._deck, NUMBERS):
            price = books.price(voice_card.removeprefix("rateCards/"), _call_to(number), number, now)
            assert price is not None, "each number begins with a prefix of the deck"
            by_price.setdefault(price.amount, []).append(number)
        amount_micros = max(by_price, key=lambda amount: len(set(map(country_of, by_price[amount]))))
        called = by_price[amount_micros][:companies]
        _say(f"calling {len(called):,} numbers in {len(set(map(country_of, called)))} countries")
        return [
            Wares("sms", Books(await admin.make_companies(companies, rate_card=sms_card), AMOUNT_MICROS), [SMS]),
            Wares(
                "voice",
                Books(await admin.make_companies(companies, rate_card=voice_card), amount_micros),
                [
                    wallet_pb2.Usage(channel=wallet_pb2.CHANNEL_VOICE, destination=number, quantity=CALL_SECONDS)
                    for number in called
                ],
            ),
        ]

    async def _compare(self, wares: Wares, rounds: int, seconds: float) -> None:
        for names_amount in (True, False):
            await self._charge(wares, FIRST_SECONDS, names_amount=names_amount)
        found = []
        for number in range(1, rounds + 1):
            stretches = {}
            # Which goes first alternates: whatever the first one leaves behind meets both.
            for names_amount in (True, False) if number % 2 else (False, True):
                stretches[names_amount] = await self._charge(wares, seconds, names_amount=names_amount)
            found.append(Round(named=stretches[True], priced=stretches[False]))
        _say(f"{wares.name}: {rounds} rounds")
        named, priced = (statistics.median(each.per_second for each in kind) for kind in _kinds(found))
        named_us, priced_us = (statistics.median(each.cpu_us for each in kind) for kind in _kinds(found))
        speed, speeds = _middle([each.priced.per_second / each.named.per_second for each in found])
        cpu, cpus = _middle([each.priced.cpu_us / each.named.cpu_us for each in found])
        print(
            f"{priced:10,.0f}/s  {wares.name}, priced by card; {named:,.0f}/s with amounts: {speeds}, "
            "should be 0.950 or more\n"
            f"{priced_us:10,.0f} µs of CPU a charge in all, {named_us:,.0f} with amounts: {cpus}"
        )
        self.figures |= {
            f"charge_priced_ratio_{wares.name}": round(speed, 3),
            f"charge_priced_cpu_ratio_{wares.name}": round(cpu, 3),
        }

    async def _charge(self, wares: Wares, seconds: float, *, names_amount: bool) -> Stretch:
        measurement = await measure(
            {"charge": wares.loop(self._charging, names_amount=names_amount)},
            warm_up_seconds=WARM_UP_SECONDS,
            seconds=seconds,
            processes=self._processes,
        )
        if errors := measurement.tally.errors:
            _say(f"{wares.name}: {dict(errors)}")
        cpu_seconds = measurement.client_cpu_seconds + sum(measurement.server_cpu_seconds.values())
        return Stretch(measurement.units_per_second, cpu_seconds / max(1, measurement.units) * 1e6)

    def _add_imports(self, imports: Sequence[float], loadings: Sequence[Loading], with_cards: Loading) -> None:
        import_seconds, load_seconds = statistics.median(imports), statistics.median(each.seconds for each in loadings)
        deck_bytes = statistics.median(each.bytes for each in loadings)
        cards_bytes = with_cards.bytes - deck_bytes
        print(f"{import_seconds:10.2f} s  to import it (should be less than 5)")
        print(f"{load_seconds:10.2f} s  to load it into a process (should be less than 1)")
        print(f"{self.figures['rate_lookup_us']:10.2f} µs to look a number up (should be less than 3)")
        print(f"{self.figures['rate_price_us']:10.2f} µs to price a call")
        print(f"{deck_bytes / 1e6:10.1f} MB of memory for the deck")
        print(
            f"{cards_bytes / 1e6:10.1f} MB more for {COMPANY_CARDS:,} cards of {OWN_RATES} rates over it "
            f"(should be less than 100 with the deck); all loaded in {with_cards.seconds:.2f} s"
        )
        self.figures |= {
            "rates_import_ms": round(import_seconds * 1e3),
            "rates_load_ms": round(load_seconds * 1e3),
            "rates_deck_bytes": round(deck_bytes),
            "rates_cards_bytes": round(with_cards.bytes),
        }


def _kinds(rounds: Sequence[Round]) -> tuple[list[Stretch], list[Stretch]]:
    return [each.named for each in rounds], [each.priced for each in rounds]


def _middle(ratios: Sequence[float]) -> tuple[float, str]:
    """Return the median of the rounds' ratios, and that in words, with where half of them are."""
    low, middle, high = statistics.quantiles(ratios, n=4)
    return middle, f"× {middle:.3f} (half of the rounds from {low:.3f} to {high:.3f})"


def _call_to(number: str) -> Usage:
    return Usage(Channel.VOICE, country=country_of(number), quantity=CALL_SECONDS)


def _microseconds(work: Callable[[], None]) -> float:
    """Return the median time of one of NUMBERS steps, the loop around them included."""
    times = [time.perf_counter()]
    for _ in range(PASSES):
        work()
        times.append(time.perf_counter())
    return statistics.median(end - start for start, end in pairwise(times)) / NUMBERS * 1e6


@click.command(context_settings={"show_default": True})
@click.option("--companies", type=click.IntRange(1, 10_000), default=1_000, help="Charged, with each of two cards.")
@click.option("--rounds", type=click.IntRange(2, 200), default=40, help="Figures are their medians.")
@click.option("--seconds", type=click.FloatRange(0.1, 600), default=0.5, help="Measured in each run.")
def main(*, companies: int, rounds: int, seconds: float) -> None:
    """Measure prices on a service of its own. Works under .local, and removes what it made."""
    LOCAL_DIRECTORY.mkdir(exist_ok=True)
    deck = voice_deck()
    print(deck.title)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="rates-", dir=LOCAL_DIRECTORY) as name,
            Stack(Path(name), ports=Ports.free(), appendonly=False) as stack,
        ):
            rates = Rates(stack, deck)
            uvloop.run(rates.run(companies=companies, rounds=rounds, seconds=seconds))
    except (DevstackError, TargetUnreachable, AdminFailed, grpc.RpcError) as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    for difference in rates.differences[:5]:
        print(difference)
    _print(rates.figures)
    sys.exit(1 if rates.differences else 0)


def _print(figures: Mapping[str, float]) -> None:
    print(json.dumps(figures), flush=True)


def _say(text: str) -> None:
    """Show progress; figures go to stdout."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()

"""What is measured: which requests, how many at once or how often, against which server."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.companies import CURRENCY
from benchmarks.company_groups import Ledgers
from benchmarks.load_models import Closed, Open, Shape, Streamed
from benchmarks.loadgen.back_office import Listings, TopUps
from benchmarks.loadgen.batches import BatchCharges
from benchmarks.loadgen.books import Books
from benchmarks.loadgen.distributions import zipf
from benchmarks.loadgen.voice import VoiceCalls
from benchmarks.loadgen.workloads import Charges, Declines, Replays, Workload
from benchmarks.servers import Place

BATCH_SIZE = 100
RATE_DEFAULT = 1_100.0
"""Of the open loop, a second."""
REPLAYED_SHARE = 0.2
BURST_RATE_SHARE = 0.25
"""What others send while one company floods, of the open loop's rate."""
BURST_BATCHES = 16
TOP_UP_RATE = 20.0
LISTING_RATE = 20.0
WORKERS2_CONNECTIONS = 16
"""The system deals connections out to worker processes at random: enough of them that each gets some."""


@dataclass(frozen=True, slots=True)
class Part:
    """One load of a scenario."""

    title: str
    place: Place
    books: Callable[[Ledgers], Books]
    """Whose wallets it charges."""
    shape: Shape


@dataclass(frozen=True, slots=True)
class Scenario:
    """Loads that run at the same time; the first is the main one."""

    name: str
    """For `--only`, and in the report."""
    parts: tuple[Part, ...]
    in_full_only: bool = False
    seconds_factor: float = 1.0
    """Its stretch is so many times as long as others': rare latencies need many calls."""

    @property
    def main(self) -> Part:
        """The load that it is named for."""
        return self.parts[0]

    def part_name(self, number: int) -> str:
        """Name a part, in the report."""
        return self.name if number == 0 else f"{self.name}/{number}"


def scenarios(rate: float = RATE_DEFAULT) -> Sequence[Scenario]:
    """All scenarios in the order of a round; `rate` is the open loop's."""
    return (
        _one("echo", "bare handler, 64 in flight", _echo, Closed(Charges, 64), Place.ECHO),
        _one("charge64", "Charge, 64 in flight", _many, Closed(Charges, 64)),
        _one("priced", "Charge, 64 in flight, priced by card", _many, Closed(_priced, 64), Place.PRICED),
        _one("charge16", "Charge, 16 in flight", _many, Closed(Charges, 16)),
        _one("one", "Charge, one in flight", _many, Closed(Charges, 1)),
        _one("hot1", "Charge, 64 in flight, one company", _hot, Closed(Charges, 64)),
        _one("naive_hot", "peer: Charge, 64 in flight, one company", _naive_hot, Closed(Charges, 64), Place.NAIVE),
        _one("zipf", "Charge, 64 in flight, Zipf", _many, Closed(_zipf, 64)),
        Scenario(
            "open",
            (Part(f"Charge, open loop at {rate:,.0f}/s", Place.CHARGING, _many, Open(Charges, rate)),),
            seconds_factor=2.0,
        ),
        _burst(rate * BURST_RATE_SHARE),
        _one("calls", "authorize, increment, capture, 64 in flight", _many, Closed(VoiceCalls, 64)),
        _one("replays", f"Charge, 64 in flight, {REPLAYED_SHARE:.0%} retries", _many, Closed(_replays, 64)),
        _one("declines", "Charge, 64 in flight, dry wallets", _dry, Closed(Declines, 64)),
        Scenario(
            "mixed",
            (
                Part("mixed: Charge, 64 in flight", Place.CHARGING, _many, Closed(Charges, 64)),
                Part(f"mixed: top-ups at {TOP_UP_RATE:,.0f}/s", Place.ADMIN, _many, Open(_top_ups, TOP_UP_RATE)),
                Part(f"mixed: listing at {LISTING_RATE:,.0f}/s", Place.ADMIN, _many, Open(Listings, LISTING_RATE)),
            ),
        ),
        _one("batch100", "BatchCharge of 100, 8 in flight", _many, Closed(_batches, 8)),
        _one("stream", "StreamCharges of 100, 2 streams of 4", _many, Streamed(BATCH_SIZE, streams=2, in_flight=4)),
        _one("naive_batch", "peer: BatchCharge of 100, 8 in flight", _naive_many, Closed(_batches, 8), Place.NAIVE),
        Scenario(
            "workers2",
            (
                Part(
                    "Charge, 64 in flight, two workers",
                    Place.WORKERS2,
                    _many,
                    Closed(Charges, 64, connections=WORKERS2_CONNECTIONS),
                ),
            ),
            in_full_only=True,
        ),
    )


def _one(
    name: str, title: str, books: Callable[[Ledgers], Books], shape: Shape, place: Place = Place.CHARGING
) -> Scenario:
    return Scenario(name, (Part(title, place, books, shape),))


def _burst(rate: float) -> Scenario:
    return Scenario(
        "burst",
        (
            Part(f"burst: the others, open loop at {rate:,.0f}/s", Place.CHARGING, _many, Open(Charges, rate)),
            Part(
                f"burst: one company, BatchCharge of 100, {BURST_BATCHES} in flight",
                Place.CHARGING,
                _hot,
                Closed(_batches, BURST_BATCHES),
            ),
        ),
    )


def _many(ledgers: Ledgers) -> Books:
    return ledgers.many


def _hot(ledgers: Ledgers) -> Books:
    return ledgers.hot


def _dry(ledgers: Ledgers) -> Books:
    return ledgers.dry


def _echo(ledgers: Ledgers) -> Books:
    return ledgers.echo


def _naive_many(ledgers: Ledgers) -> Books:
    return ledgers.naive_many


def _naive_hot(ledgers: Ledgers) -> Books:
    return ledgers.naive_hot


def _batches(books: Books) -> Workload:
    return BatchCharges(books, size=BATCH_SIZE)


def _priced(books: Books) -> Workload:
    return Charges(books, names_amount=False)


def _zipf(books: Books) -> Workload:
    return Charges(books, zipf(len(books.companies)))


def _replays(books: Books) -> Workload:
    return Replays(books, share=REPLAYED_SHARE)


def _top_ups(books: Books) -> Workload:
    return TopUps(books, currency_code=CURRENCY)

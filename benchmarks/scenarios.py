"""The scenarios: their requests, load models and servers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.companies import CURRENCY
from benchmarks.company_groups import CompanyGroups
from benchmarks.load_models import Closed, LoadModel, Open, Streamed
from benchmarks.loadgen.back_office import Listings, TopUps
from benchmarks.loadgen.batches import BatchCharges
from benchmarks.loadgen.books import Books
from benchmarks.loadgen.distributions import zipf
from benchmarks.loadgen.voice import VoiceCalls
from benchmarks.loadgen.workloads import Charges, Declines, Replays, Workload
from benchmarks.servers import ServerRole

BATCH_SIZE = 100
RATE_DEFAULT = 1_100.0
"""Calls per second of the open loop."""
REPLAYED_SHARE = 0.2
BURST_RATE_SHARE = 0.25
"""The others' rate while one company floods, as a share of the open loop's rate."""
BURST_BATCHES = 16
TOP_UP_RATE = 20.0
LISTING_RATE = 20.0
_GRPC = "gRPC's own front"
WORKERS2_CONNECTIONS = 16
"""The system assigns connections to worker processes at random; with this many, each gets some."""


@dataclass(frozen=True, slots=True)
class Part:
    """One load of a scenario."""

    title: str
    role: ServerRole
    books: Callable[[CompanyGroups], Books]
    """The wallets that it charges."""
    model: LoadModel


@dataclass(frozen=True, slots=True)
class Scenario:
    """Loads that run at the same time; the first is the main one."""

    name: str
    """For `--only`, and in the report."""
    parts: tuple[Part, ...]
    in_full_only: bool = False
    seconds_factor: float = 1.0
    """The factor of its measured time: rare latencies need many calls."""

    @property
    def main(self) -> Part:
        """The main load."""
        return self.parts[0]

    def part_name(self, number: int) -> str:
        """Return the name of a part in the report."""
        return self.name if number == 0 else f"{self.name}/{number}"


def scenarios(rate: float = RATE_DEFAULT) -> Sequence[Scenario]:
    """Return all scenarios in the order of a round; `rate` is the open loop's."""
    return (
        _one("echo", "bare handler, 64 in flight", _echo, Closed(Charges, 64), ServerRole.ECHO),
        _one(
            "echo_envoy", "bare handler behind Envoy, 64 in flight", _echo, Closed(Charges, 64), ServerRole.ECHO_ENVOY
        ),
        _one("charge64", "Charge, 64 in flight", _many, Closed(Charges, 64)),
        _one("charge64_grpc", f"Charge, 64 in flight, {_GRPC}", _many, Closed(Charges, 64), ServerRole.GRPC),
        _one("priced", "Charge, 64 in flight, priced by card", _many, Closed(_priced, 64), ServerRole.PRICED),
        _one("charge16", "Charge, 16 in flight", _many, Closed(Charges, 16)),
        _one("charge16_grpc", f"Charge, 16 in flight, {_GRPC}", _many, Closed(Charges, 16), ServerRole.GRPC),
        _one("one", "Charge, one in flight", _many, Closed(Charges, 1)),
        _one("one_grpc", f"Charge, one in flight, {_GRPC}", _many, Closed(Charges, 1), ServerRole.GRPC),
        _one("hot1", "Charge, 64 in flight, one company", _hot, Closed(Charges, 64)),
        _one("naive_hot", "peer: Charge, 64 in flight, one company", _naive_hot, Closed(Charges, 64), ServerRole.NAIVE),
        _one("zipf", "Charge, 64 in flight, Zipf", _many, Closed(_zipf, 64)),
        Scenario(
            "open",
            (Part(f"Charge, open loop at {rate:,.0f}/s", ServerRole.CHARGING, _many, Open(Charges, rate)),),
            seconds_factor=2.0,
        ),
        _burst(rate * BURST_RATE_SHARE),
        _one("calls", "authorize, increment, capture, 64 in flight", _many, Closed(VoiceCalls, 64)),
        _one("replays", f"Charge, 64 in flight, {REPLAYED_SHARE:.0%} retries", _many, Closed(_replays, 64)),
        _one("declines", "Charge, 64 in flight, dry wallets", _dry, Closed(Declines, 64)),
        Scenario(
            "mixed",
            (
                Part("mixed: Charge, 64 in flight", ServerRole.CHARGING, _many, Closed(Charges, 64)),
                Part(f"mixed: top-ups at {TOP_UP_RATE:,.0f}/s", ServerRole.ADMIN, _many, Open(_top_ups, TOP_UP_RATE)),
                Part(f"mixed: listing at {LISTING_RATE:,.0f}/s", ServerRole.ADMIN, _many, Open(Listings, LISTING_RATE)),
            ),
        ),
        _one("batch100", "BatchCharge of 100, 8 in flight", _many, Closed(_batches, 8)),
        _one("stream", "StreamCharges of 100, 2 streams of 4", _many, Streamed(BATCH_SIZE, streams=2, in_flight=4)),
        _one(
            "naive_batch", "peer: BatchCharge of 100, 8 in flight", _naive_many, Closed(_batches, 8), ServerRole.NAIVE
        ),
        Scenario(
            "workers2",
            (
                Part(
                    "Charge, 64 in flight, two workers",
                    ServerRole.WORKERS2,
                    _many,
                    Closed(Charges, 64, connections=WORKERS2_CONNECTIONS),
                ),
            ),
            in_full_only=True,
        ),
    )


def _one(
    name: str,
    title: str,
    books: Callable[[CompanyGroups], Books],
    model: LoadModel,
    role: ServerRole = ServerRole.CHARGING,
) -> Scenario:
    return Scenario(name, (Part(title, role, books, model),))


def _burst(rate: float) -> Scenario:
    return Scenario(
        "burst",
        (
            Part(f"burst: the others, open loop at {rate:,.0f}/s", ServerRole.CHARGING, _many, Open(Charges, rate)),
            Part(
                f"burst: one company, BatchCharge of 100, {BURST_BATCHES} in flight",
                ServerRole.CHARGING,
                _hot,
                Closed(_batches, BURST_BATCHES),
            ),
        ),
    )


def _many(groups: CompanyGroups) -> Books:
    return groups.many


def _hot(groups: CompanyGroups) -> Books:
    return groups.hot


def _dry(groups: CompanyGroups) -> Books:
    return groups.dry


def _echo(groups: CompanyGroups) -> Books:
    return groups.echo


def _naive_many(groups: CompanyGroups) -> Books:
    return groups.naive_many


def _naive_hot(groups: CompanyGroups) -> Books:
    return groups.naive_hot


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

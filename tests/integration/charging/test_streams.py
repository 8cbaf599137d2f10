"""A stream of batches waits for room, keeps its order, and ends if its caller does not receive the answers."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import asyncpg
import pytest

from charging import streams
from charging.batches import Batches
from charging.pricing import Pricing
from charging.streams import ChargeStream, Request, Response, Write
from charging.turns import Turns
from server.rejections import CallerTooSlow, StreamEnded
from tests.support.builders import make_company, top_up
from tests.support.engine_steps import entries_of
from tests.support.flood import USAGE
from tests.support.polling import until
from tests.support.wallets import Wallets
from veloconnect.charging.v1 import charging_pb2
from wallet import room
from wallet.domain.errors import Applied

pytestmark = pytest.mark.usefixtures("clean_afterwards")

BALANCE = 10**9


def batch(begin: int, count: int, companies: Sequence[str] = ("acme",)) -> Request:
    """Return a batch of charges whose amounts are their numbers, for the companies in turn."""
    return Request(
        batch_id=str(begin),
        requests=[
            charging_pb2.ChargeRequest(
                company=f"companies/{companies[number % len(companies)]}",
                idempotency_key=f"key-{number}",
                usage=USAGE,
                amount_micros=number,
            )
            for number in range(begin, begin + count)
        ],
    )


async def sent(*requests: Request) -> AsyncIterator[Request]:
    """Yield the batches, and then wait for the end of the stream."""
    for request in requests:
        yield request


def stream(wallets: Wallets, write: Write, stopping: asyncio.Event | None = None) -> ChargeStream:
    """Return a stream into the engine."""
    pricing = Pricing(lambda: wallets.rating.books, wallets.reader)
    batches = Batches(wallets.engine, pricing, Turns(), method="StreamCharges")
    return ChargeStream(batches, write, stopping=stopping or asyncio.Event(), time_remaining=lambda: None)


@pytest.fixture
async def companies(wallets: Wallets, database: asyncpg.Connection) -> Wallets:
    """The companies acme and other, with money."""
    for company in ("acme", "other"):
        await make_company(database, company)
        await wallets.engine.submit(top_up(BALANCE, company=company))
    return wallets


async def test_a_stream_waits_for_room_and_keeps_its_order(
    companies: Wallets, database: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of a stream is OVERLOADED, and the charges of a company are recorded in the order of the stream."""
    monkeypatch.setattr("wallet.lane.LINE_COMMANDS_MAX", 20)
    monkeypatch.setattr("wallet.lane.COMPANY_QUEUE_COMMANDS_MAX", 25)
    answers: list[Response] = []

    async def write(response: Response) -> None:
        answers.append(response)

    await stream(companies, write).run(sent(*(batch(1 + 100 * i, 100, ("acme", "other")) for i in range(5))))
    assert sorted(int(answer.batch_id) for answer in answers) == [1, 101, 201, 301, 401]
    assert all(result.HasField("charge") for answer in answers for result in answer.results)
    for company, first in (("acme", 2), ("other", 1)):
        charged = [-amount for _, _, amount in await entries_of(database, company) if amount < 0]
        assert charged == list(range(first, 501, 2))


async def test_a_stream_ends_where_its_answers_are_not_received(
    companies: Wallets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it read may be charged, and the error says so."""
    monkeypatch.setattr(streams, "ANSWER_SECONDS_MAX", 0.1)

    async def write(_: Response) -> None:
        await asyncio.Event().wait()

    async def endless() -> AsyncIterator[Request]:
        number = 1
        while True:
            yield batch(number, 10)
            number += 10

    with pytest.raises(CallerTooSlow, match=r"not received within 0\.1 s") as raised:
        await stream(companies, write).run(endless())
    assert raised.value.applied is Applied.UNKNOWN


async def test_a_batch_that_waits_for_room_is_answered_before_the_stream_ends(
    companies: Wallets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """StreamEnded says that every batch that was read is answered, also one that is half in the queue."""
    monkeypatch.setattr("wallet.lane.LINE_COMMANDS_MAX", 5)
    monkeypatch.setattr(room, "WOKEN_PER_CYCLE_MAX", 1)
    stopping = asyncio.Event()
    answers: list[Response] = []

    async def write(response: Response) -> None:
        answers.append(response)

    async def read_on() -> AsyncIterator[Request]:
        yield batch(1, 200)
        await asyncio.Event().wait()

    running = asyncio.create_task(stream(companies, write, stopping).run(read_on()))
    await until(lambda: companies.engine.lane("acme")._room._waiting, poll_seconds=0)
    stopping.set()
    with pytest.raises(StreamEnded):
        await running
    assert [len(answer.results) for answer in answers] == [200]
    assert all(result.HasField("charge") for result in answers[0].results)

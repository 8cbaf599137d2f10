"""The base class of gateways: a client, books, traffic until the session ends, and retries after a top-up."""

import asyncio
import itertools
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from google.protobuf.duration_pb2 import Duration

from demos.half_minute.books import Books
from demos.half_minute.companies import Company
from demos.half_minute.destinations import Destination, PhoneBook
from demos.half_minute.gateways.answers import Declined
from demos.half_minute.gateways.client import Client
from demos.half_minute.metrics import Metrics
from demos.half_minute.payer import Payer
from demos.half_minute.prices import Item, price
from veloconnect.charging.v1 import charging_pb2
from veloconnect.wallet.v1 import wallet_pb2

AT_ONCE_MAX = 200
"""The number of deliveries or calls that one gateway has in progress at most."""

HOLD_SECONDS = 3_600
ATTEMPTS_MAX = 20
"""The number of top-ups that one charge waits for at most: other charges may spend them first."""

Answer = TypeVar("Answer")
Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True)
class Sale:
    """A usage and its price in micros."""

    usage: wallet_pb2.Usage
    amount: int


@dataclass(frozen=True, slots=True)
class Session:
    """The service, the time and the traffic that all gateways of one demo share."""

    target: str
    token: str
    seed: int
    began: float
    ends: float
    """Both are times of the event loop's clock."""

    phone_book: PhoneBook
    metrics: Metrics


class Gateway(ABC):
    """One gateway of one company. `run` returns after the session has ended and all its operations are finished."""

    def __init__(self, name: str, session: Session, payer: Payer) -> None:
        """Take a name that is unique in the company: all idempotency keys begin with it."""
        self.name = name
        self.session = session
        self.payer = payer
        self.company: Company = payer.company
        self.books = Books(f"{self.company.id}'s {name}")
        self.metrics = session.metrics
        self.random = Random(f"{session.seed} {self.company.id} {name}")
        self.client = Client(session.target, session.token, self.random, session.metrics, self.books)
        self._numbers = itertools.count(1)
        self._slots = asyncio.Semaphore(AT_ONCE_MAX)

    @abstractmethod
    async def run(self) -> None:
        """Send and charge until the session ends."""

    @property
    def is_over(self) -> bool:
        """Whether the session has ended, so that nothing new begins."""
        return asyncio.get_running_loop().time() >= self.session.ends

    async def sleep(self, seconds: float) -> None:
        """Wait, at most until the session ends."""
        left = self.session.ends - asyncio.get_running_loop().time()
        await asyncio.sleep(max(0.0, min(seconds, left)))

    async def arrivals(self, per_second: float) -> AsyncIterator[int]:
        """Yield at random times, `per_second` on average, until the session ends."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        for number in itertools.count(1):
            due += self.random.expovariate(per_second)
            await self.sleep(due - loop.time())
            if self.is_over:
                return
            yield number

    async def at_rate(self, per_second: float, one: Callable[[], Awaitable[None]]) -> None:
        """Start `one` concurrently, `per_second` on average, until the session ends; return when all are done."""
        async with asyncio.TaskGroup() as group:
            async for _ in self.arrivals(per_second):
                await self._slots.acquire()
                group.create_task(self._run_one(one))

    async def _run_one(self, one: Callable[[], Awaitable[None]]) -> None:
        try:
            await one()
        finally:
            self._slots.release()

    async def for_all(
        self,
        things: Iterable[Thing],
        do: Callable[[Thing], Awaitable[object]],
        at_once: int,
        *,
        after_end: bool = False,
    ) -> None:
        """Call `do` for each thing, `at_once` at a time; begin none after the session's end unless `after_end`."""
        left = iter(things)

        async def work() -> None:
            for thing in left:
                if self.is_over and not after_end:
                    return
                await do(thing)

        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(work())

    def key(self) -> str:
        """Return a new idempotency key."""
        return f"{self.name}-{next(self._numbers)}"

    def destination(self) -> Destination:
        """Return a random recipient."""
        return self.session.phone_book.pick(self.random)

    def sale(self, item: Item, destination: Destination, quantity: int = 1, campaign: str = "") -> Sale:
        """Return a usage with its price in this company's currency."""
        channel, variant = item.value
        usage = wallet_pb2.Usage(
            channel=channel,
            variant=variant,
            destination=destination.number,
            quantity=quantity,
            campaign_id=campaign,
        )
        return Sale(usage, price(item, destination.country, self.company.currency, quantity))

    def request(self, sale: Sale) -> charging_pb2.ChargeRequest:
        """Return a request to charge, with a new key."""
        return charging_pb2.ChargeRequest(
            company=self.company.name, idempotency_key=self.key(), usage=sale.usage, amount_micros=sale.amount
        )

    async def charge(self, request: charging_pb2.ChargeRequest) -> bool:
        """Charge and record it; return False if it was declined after each of ATTEMPTS_MAX top-ups."""
        answer = await self.retry_after_top_ups(lambda: self.client.charge(request))
        if answer is not None:
            self.record_charge(request, answer)
        return answer is not None

    def record_charge(self, request: charging_pb2.ChargeRequest, answer: charging_pb2.ChargeResponse) -> None:
        """Record a charge."""
        self.metrics.charges += 1
        self.books.post(request.idempotency_key, -request.amount_micros, answer.transaction.name)

    async def authorize(self, sale: Sale, seconds: int = HOLD_SECONDS) -> str | None:
        """Authorize and record it; return the authorization's name, or None if it was declined each time."""
        key = self.key()
        request = charging_pb2.AuthorizeRequest(
            company=self.company.name,
            idempotency_key=key,
            usage=sale.usage,
            amount_micros=sale.amount,
            ttl=Duration(seconds=seconds),
        )
        answer = await self.retry_after_top_ups(lambda: self.client.authorize(request))
        if answer is None:
            return None
        self.books.open(key, answer.name, sale.amount, answer.transaction)
        return answer.name

    async def increment(self, authorization: str, total: Sale) -> None:
        """Raise the hold to `total` and record it. Raise `Declined` if the funds do not suffice."""
        key = self.key()
        await self.client.increment(
            charging_pb2.IncrementAuthorizationRequest(
                authorization=authorization, idempotency_key=key, usage=total.usage, amount_micros=total.amount
            )
        )
        self.books.extend(key, authorization, total.amount)

    async def capture(self, authorization: str, sale: Sale, *, keep_open: bool = False) -> None:
        """Capture and record it."""
        key = self.key()
        answer = await self.client.capture(
            charging_pb2.CaptureRequest(
                authorization=authorization,
                idempotency_key=key,
                usage=sale.usage,
                amount_micros=sale.amount,
                keep_open=keep_open,
            )
        )
        self.metrics.charges += 1
        self.books.capture(key, authorization, sale.amount, answer.transaction.name, keep_open=keep_open)

    async def void(self, authorization: str) -> None:
        """Void the authorization and record it."""
        key = self.key()
        await self.client.void(charging_pb2.VoidRequest(authorization=authorization, idempotency_key=key))
        self.books.void(key, authorization)

    async def retry_after_top_ups(self, ask: Callable[[], Awaitable[Answer]]) -> Answer | None:
        """Call `ask`, and again under the same key after each top-up; return None after ATTEMPTS_MAX declines."""
        for _ in range(ATTEMPTS_MAX):
            seen = self.payer.payments
            try:
                return await ask()
            except Declined as decline:
                await self.payer.wait_for_top_up(seen, decline)
        return None

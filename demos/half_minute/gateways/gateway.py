"""What all gateways share: a line to the service, books, traffic until the end, and patience when the money is gone."""

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
from demos.half_minute.gateways.client import Line
from demos.half_minute.metrics import Measures
from demos.half_minute.payer import Treasury
from demos.half_minute.prices import Item, price
from veloconnect.charging.v1 import charging_pb2 as charging
from veloconnect.wallet.v1 import wallet_pb2 as wallet

AT_ONCE_MAX = 200
"""How many deliveries or calls one gateway has under way."""

HOLD_SECONDS = 3_600
ATTEMPTS_MAX = 20
"""How many top-ups one charge waits for: others may spend them first."""

Answer = TypeVar("Answer")
Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True)
class Sale:
    """What was used, and its price in micros."""

    usage: wallet.Usage
    amount: int


@dataclass(frozen=True, slots=True)
class Scene:
    """What the gateways of one play have in common."""

    target: str
    token: str
    seed: int
    began: float
    ends: float
    """Both by the event loop's clock."""

    phone_book: PhoneBook
    measures: Measures


class Gateway(ABC):
    """One gateway of one company. `play` runs until the scene ends and what was begun is finished."""

    def __init__(self, name: str, scene: Scene, treasury: Treasury) -> None:
        """`name` begins all its keys: no two gateways of a company share one."""
        self.name = name
        self.scene = scene
        self.treasury = treasury
        self.company: Company = treasury.company
        self.books = Books(f"{self.company.id}'s {name}")
        self.measures = scene.measures
        self.random = Random(f"{scene.seed} {self.company.id} {name}")
        self.line = Line(scene.target, scene.token, self.random, scene.measures, self.books)
        self._numbers = itertools.count(1)
        self._slots = asyncio.Semaphore(AT_ONCE_MAX)

    @abstractmethod
    async def play(self) -> None:
        """Send and charge until the scene ends."""

    @property
    def is_over(self) -> bool:
        """Whether nothing new begins any more."""
        return asyncio.get_running_loop().time() >= self.scene.ends

    async def sleep(self, seconds: float) -> None:
        """Wait, but not beyond the end of the scene."""
        left = self.scene.ends - asyncio.get_running_loop().time()
        await asyncio.sleep(max(0.0, min(seconds, left)))

    async def arrivals(self, per_second: float) -> AsyncIterator[int]:
        """Yield at random moments, so often on average, until the scene ends."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        for number in itertools.count(1):
            due += self.random.expovariate(per_second)
            await self.sleep(due - loop.time())
            if self.is_over:
                return
            yield number

    async def each(self, per_second: float, one: Callable[[], Awaitable[None]]) -> None:
        """Do one thing so often on average until the scene ends, each beside the others; return when all are done."""
        async with asyncio.TaskGroup() as group:
            async for _ in self.arrivals(per_second):
                await self._slots.acquire()
                group.create_task(self._one(one))

    async def _one(self, one: Callable[[], Awaitable[None]]) -> None:
        try:
            await one()
        finally:
            self._slots.release()

    async def all_of(
        self,
        things: Iterable[Thing],
        do: Callable[[Thing], Awaitable[object]],
        at_once: int,
        *,
        after_end: bool = False,
    ) -> None:
        """Do something with each of the things, some at a time; begin nothing after the scene's end unless told to."""
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
        """Return an idempotency key that was never used."""
        return f"{self.name}-{next(self._numbers)}"

    def destination(self) -> Destination:
        """Return somebody to write to or call."""
        return self.scene.phone_book.pick(self.random)

    def sale(self, item: Item, destination: Destination, quantity: int = 1, campaign: str = "") -> Sale:
        """Return what is charged for, at its price in this company's currency."""
        channel, variant = item.value
        usage = wallet.Usage(
            channel=channel,
            variant=variant,
            destination=destination.number,
            quantity=quantity,
            campaign_id=campaign,
        )
        return Sale(usage, price(item, destination.country, self.company.currency, quantity))

    def request(self, sale: Sale) -> charging.ChargeRequest:
        """Return a charge with a key of its own."""
        return charging.ChargeRequest(
            company=self.company.name, idempotency_key=self.key(), usage=sale.usage, amount_micros=sale.amount
        )

    async def charge(self, request: charging.ChargeRequest) -> bool:
        """Charge and write it down; False when there never was the money."""
        answer = await self.affordable(lambda: self.line.charge(request))
        if answer is not None:
            self.charged(request, answer)
        return answer is not None

    def charged(self, request: charging.ChargeRequest, answer: charging.ChargeResponse) -> None:
        """Write a charge down."""
        self.measures.charges += 1
        self.books.post(request.idempotency_key, -request.amount_micros, answer.transaction.name)

    async def authorize(self, sale: Sale, seconds: int = HOLD_SECONDS) -> str | None:
        """Hold money and write it down; return the authorization's name, or None when there never was the money."""
        key = self.key()
        request = charging.AuthorizeRequest(
            company=self.company.name,
            idempotency_key=key,
            usage=sale.usage,
            amount_micros=sale.amount,
            ttl=Duration(seconds=seconds),
        )
        answer = await self.affordable(lambda: self.line.authorize(request))
        if answer is None:
            return None
        self.books.open(key, answer.name, sale.amount, answer.transaction)
        return answer.name

    async def increment(self, authorization: str, total: Sale) -> None:
        """Hold `total` from now on and write it down; `Declined` where there is no money for it."""
        key = self.key()
        await self.line.increment(
            charging.IncrementAuthorizationRequest(
                authorization=authorization, idempotency_key=key, usage=total.usage, amount_micros=total.amount
            )
        )
        self.books.extend(key, authorization, total.amount)

    async def capture(self, authorization: str, sale: Sale, *, keep_open: bool = False) -> None:
        """Take held money and write it down."""
        key = self.key()
        answer = await self.line.capture(
            charging.CaptureRequest(
                authorization=authorization,
                idempotency_key=key,
                usage=sale.usage,
                amount_micros=sale.amount,
                keep_open=keep_open,
            )
        )
        self.measures.charges += 1
        self.books.capture(key, authorization, sale.amount, answer.transaction.name, keep_open=keep_open)

    async def void(self, authorization: str) -> None:
        """Give held money back and write it down."""
        key = self.key()
        await self.line.void(charging.VoidRequest(authorization=authorization, idempotency_key=key))
        self.books.void(key, authorization)

    async def affordable(self, ask: Callable[[], Awaitable[Answer]]) -> Answer | None:
        """Ask, and after each top-up ask again under the same key; None when others always spend it first."""
        for _ in range(ATTEMPTS_MAX):
            seen = self.treasury.payments
            try:
                return await ask()
            except Declined as decline:
                await self.treasury.replenish(seen, decline)
        return None

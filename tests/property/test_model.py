"""P1-P4, P6: the engine on real servers answers as the model does, whatever happens behind it."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import count
from typing import Any

import asyncpg
import pytest
import redis
import uvloop
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.builders import change_settings, fingerprint, make_company, make_due
from tests.property.audit import at_rest, faults_of_hot, faults_of_ledger
from tests.property.model import Entry, Model, No
from wallet.domain.commands import Command, Kind
from wallet.domain.entries import Authorization, AuthorizationState, Outcome, WalletState
from wallet.domain.entries import Entry as LedgerEntry
from wallet.domain.errors import InsufficientFunds, RefundExceedsCharge, WalletError
from wallet.domain.money import MICROS_MAX
from wallet.domain.usage import Channel, Usage
from wallet.expiry import expire
from wallet.hot.store import START, Batch
from wallet.ledger.append import Appender
from wallet.recovery import Recovery
from wallet.requests import Result
from wallet.runtime import Wallets, open_wallets
from wallet.settings import WalletSettings

AMOUNTS = st.sampled_from([1, 50, 100, 400, 1_000, 2_500])
HUGE = MICROS_MAX - 1_000
FLOORS = st.sampled_from([-1_000, -100, 0, 0, 50, 1_500])
HOLDS = st.sampled_from(["call-1", "call-2", "call-3"])
ENGINES = st.integers(0, 1)
TTL_SECONDS = 3_600


class World:
    """Real servers, two engines on them as of two processes, and a loop to run them on."""

    def __init__(self, settings: WalletSettings) -> None:
        """Open nothing yet."""
        self._settings = settings
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._stack = AsyncExitStack()
        self._companies = count(1)
        self.engines: list[Wallets] = []
        self.database: asyncpg.Connection
        self.redis = redis.Redis.from_url(settings.redis_url)
        self.appender = Appender(settings.database_url)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do something on the loop."""
        return self._runner.run(work)

    async def open(self) -> None:
        """Connect."""
        self.database = await asyncpg.connect(self._settings.database_url)
        self._stack.push_async_callback(self.database.close)
        for _ in range(2):
            self.engines.append(await self._stack.enter_async_context(open_wallets(self._settings, sweeps=False)))

    def close(self) -> None:
        """Disconnect."""
        self.appender.close()
        self.run(self._stack.aclose())
        self._runner.close()
        self.redis.close()

    def new_company(self) -> str:
        """Return a name that no example has used."""
        return f"company-{next(self._companies):07}"


@st.composite
def commands(draw: st.DrawFn, company: str, *, entries: int = 0) -> Command:
    """Return a command of any kind, under a key of a few: so that requests meet their own earlier tries."""
    kind = draw(st.sampled_from([kind for kind in Kind if kind is not Kind.EXPIRY]))
    amount = draw(AMOUNTS)
    fields: dict[str, Any] = {}
    if kind in (Kind.AUTHORIZATION, Kind.INCREMENT, Kind.CAPTURE, Kind.VOID):
        fields["authorization"] = draw(HOLDS)
    if kind is Kind.TOP_UP:
        amount = draw(st.one_of(AMOUNTS, st.just(HUGE)))
    elif kind is Kind.ADJUSTMENT:
        amount = draw(st.sampled_from([-1, 1])) * amount
        fields["below_floor"] = draw(st.booleans())
    elif kind is Kind.REFUND:
        fields["refunded_number"] = draw(st.integers(1, max(1, entries + 1)))
    elif kind is Kind.AUTHORIZATION:
        fields["ttl_seconds"] = TTL_SECONDS
    elif kind is Kind.CAPTURE:
        fields["keep_open"] = draw(st.booleans())
    elif kind is Kind.VOID:
        amount = 0
    if kind in (Kind.CHARGE, Kind.CAPTURE, Kind.AUTHORIZATION):
        fields["usage"] = Usage(draw(st.sampled_from(Channel)), country="DE", quantity=draw(st.integers(1, 3)))
    key = fields["authorization"] if kind is Kind.AUTHORIZATION else f"key-{draw(st.integers(1, 40))}"
    return Command(kind, company, key, fingerprint(kind, amount, fields), amount=amount, **fields)


class WalletMachine(RuleBasedStateMachine):
    """Drives the engine and the model side by side."""

    world: World

    def __init__(self) -> None:
        """Begin with a company of its own."""
        super().__init__()
        self.company = self.world.new_company()
        self.model = Model()
        self.requests: list[Command] = []
        self.outcomes: dict[str, Outcome] = {}
        self.copy: dict[bytes, tuple[int, Any]] = {}
        self.journal_copy: dict[Any, Any] = {}
        self.was_copied = False

    @initialize(floor=FLOORS, balance=st.sampled_from([0, 1_000, 5_000]))
    def begin(self, floor: int, balance: int) -> None:
        """Make the company."""
        self.model.floor = floor
        self.world.run(make_company(self.world.database, self.company, floor=floor))
        if balance:
            self._submit(0, Command(Kind.TOP_UP, self.company, "first", fingerprint("first"), amount=balance))

    # What gateways and the back office do

    @rule(data=st.data(), engine=ENGINES)
    def submit(self, data: st.DataObject, engine: int) -> None:
        """Any command."""
        self._submit(engine, data.draw(commands(self.company, entries=len(self.model.entries))))

    @rule(hold=HOLDS, amount=AMOUNTS, engine=ENGINES)
    def authorize(self, hold: str, amount: int, engine: int) -> None:
        """Open a hold, more often than chance would have it."""
        fields: dict[str, Any] = {"authorization": hold, "ttl_seconds": TTL_SECONDS}
        self._submit(
            engine,
            Command(Kind.AUTHORIZATION, self.company, hold, fingerprint(amount, fields), amount=amount, **fields),
        )

    @rule(data=st.data(), engine=ENGINES)
    @precondition(lambda self: self.requests)
    def replay(self, data: st.DataObject, engine: int) -> None:
        """An earlier request once more, as it was sent."""
        self._submit(engine, data.draw(st.sampled_from(self.requests)))

    @rule(data=st.data(), engine=ENGINES)
    @precondition(lambda self: self.outcomes)
    def reuse_key(self, data: st.DataObject, engine: int) -> None:
        """Another request under a key that has an entry."""
        key = data.draw(st.sampled_from(sorted(self.outcomes)))
        self._submit(engine, Command(Kind.CHARGE, self.company, key, fingerprint("another"), amount=1))

    @rule(data=st.data(), engine=ENGINES)
    @precondition(lambda self: self.outcomes)
    def replay_at_another_price(self, data: st.DataObject, engine: int) -> None:
        """The same request, which costs something else by now."""
        earlier = [request for request in self.requests if request.kind is Kind.CHARGE]
        if earlier:
            request = data.draw(st.sampled_from(earlier))
            self._submit(
                engine,
                Command(
                    Kind.CHARGE,
                    self.company,
                    request.idempotency_key,
                    request.fingerprint,
                    amount=request.amount + 7,
                    usage=request.usage,
                ),
            )

    @rule(data=st.data(), split=st.booleans())
    def submit_several_at_once(self, data: st.DataObject, split: bool) -> None:
        """Commands that meet in one cycle, or in the cycles of two processes: as if one after the other."""
        several = data.draw(st.lists(commands(self.company, entries=len(self.model.entries)), min_size=2, max_size=8))
        self.requests += several
        halves = [several[::2], several[1::2]] if split else [several, []]
        results = self.world.run(self._submit_all(halves))
        self._check_as_if_in_turn(several[::2] + several[1::2] if split else several, results)

    # What time does

    @rule(hold=HOLDS)
    def time_is_up(self, hold: str) -> None:
        """An authorization becomes due."""
        if (known := self.model.holds.get(hold)) and known.state is AuthorizationState.OPEN:
            self.model.holds[hold] = replace(known, due=True)
            self.world.run(make_due(self.world.database, hold, self.company))

    @rule(hold=HOLDS, engine=ENGINES)
    def sweep(self, hold: str, engine: int) -> None:
        """The sweep comes by, due or not."""
        self._submit(engine, expire(self.company, hold))

    @rule()
    def keys_are_forgotten(self) -> None:
        """The time to live of every settled key is over."""
        for key in self._hot_keys("key"):
            self.world.redis.delete(key)

    # What the back office changes

    @rule(floor=FLOORS)
    def change_floor(self, floor: int) -> None:
        """A new floor, above or below what there is."""
        self.model.floor = floor
        self.world.run(change_settings(self.world.database, self.company, floor=floor))

    @rule(state=st.sampled_from([WalletState.ACTIVE, WalletState.ACTIVE, WalletState.SUSPENDED, WalletState.CLOSED]))
    def change_state(self, state: WalletState) -> None:
        """Suspend, close or resume."""
        self.model.state = state
        self.world.run(change_settings(self.world.database, self.company, state=state))

    @rule(engine=ENGINES)
    def rebuild(self, engine: int) -> None:
        """Load the wallet anew."""
        self.world.run(self.world.engines[engine].rebuild(self.company))

    # What breaks

    @rule()
    def redis_is_flushed(self) -> None:
        """All of the hot state is gone."""
        self.world.redis.flushall()

    @rule()
    def redis_is_copied(self) -> None:
        """A replica gets what Redis has."""
        hot: Any = self.world.redis
        self.copy = {key: (max(0, hot.pttl(key)), hot.dump(key)) for key in self._hot_keys("*")}
        self.journal_copy = self._journal()
        self.was_copied = True

    @rule()
    @precondition(lambda self: self.was_copied)  # Not whether anything was there: clean-ups come when they come.
    def replica_takes_over(self) -> None:
        """The replica that was behind is the server now. What it has in journals may be from before the last flush."""
        self.world.redis.flushall()
        for key, (ttl, value) in self.copy.items():
            self.world.redis.restore(key, ttl, value)
            if b":wallet:" in key:
                self.world.redis.hset(key, "run", "0123456789abcdef")
        if self.journal_copy:
            self.world.redis.hset("{w:0}:journal", mapping=self.journal_copy)
        self._recover(0)

    @rule(data=st.data(), engine=ENGINES, aftermath=st.sampled_from(["recovery", "retry", "another", "flush"]))
    def process_crashes(self, data: st.DataObject, engine: int, aftermath: str) -> None:
        """A process applies a command in Redis and dies. Recovery, a retry or anybody's next load finishes it."""
        command = data.draw(commands(self.company, entries=len(self.model.entries)))
        self.requests.append(command)
        self.world.run(self._apply_and_die(command))
        if aftermath == "recovery":
            self._recover(engine)
        elif aftermath == "retry":
            self._submit(engine, command)
        elif aftermath == "another":
            self._submit_another_then_retry(engine, command)
        else:
            self.world.redis.flushall()

    # How it is told

    @invariant()
    def ledger_agrees(self) -> None:
        """The ledger's wallet is the model's after every step."""
        row = self.world.run(self.world.database.fetchrow("SELECT * FROM wallets WHERE company_id = $1", self.company))
        if row is not None:
            found = (row["balance"], row["held"], row["floor"], row["state"], row["last_number"])
            model = self.model
            assert found == (model.balance, model.held, model.floor, model.state, len(model.entries))

    @rule()
    def come_to_rest(self) -> None:
        """When all is quiet, Redis says what the ledger says."""
        self.world.run(self._rest())

    def teardown(self) -> None:
        """At the end every entry and authorization of the ledger is the model's, and no promise is broken."""
        self.world.run(self._rest())
        assert self.world.run(self._entries()) == self.model.entries
        assert self.world.run(self._holds()) == {
            name: (hold.state, hold.amount, hold.captured, hold.held) for name, hold in self.model.holds.items()
        }

    def _submit(self, engine: int, command: Command) -> None:
        self.requests.append(command)
        (result,) = self.world.run(self.world.engines[engine].engine.submit_many([command]))
        self._check(command, result, self.model.submit(command))

    def _check(self, command: Command, result: Result, expected: Entry | No) -> None:
        if isinstance(expected, No):
            assert _no(result) == expected, repr(result)
            return
        assert isinstance(result, Outcome), repr(result)
        self._check_entry(command, result, expected)
        wallet, model = result.wallet, self.model
        assert (wallet.balance, wallet.held, wallet.floor, wallet.state) == (
            model.balance,
            model.held,
            model.floor,
            model.state,
        )
        if expected.authorization:
            hold = model.holds[expected.authorization]
            assert result.authorization is not None
            assert _numbers(result.authorization) == (hold.state, hold.amount, hold.captured, hold.held)

    def _check_entry(self, command: Command, result: Outcome, expected: Entry) -> None:
        """Every answer for a key names the same entry, down to its time."""
        assert _entry(result.entry) == expected
        first = self.outcomes.setdefault(command.idempotency_key, result)
        assert result.entry == first.entry
        assert result.entry.currency == result.wallet.currency == "EUR"

    def _check_as_if_in_turn(self, several: list[Command], results: list[Result]) -> None:
        """There is an order in which the model gives all these answers: that of the entries' numbers."""
        before = len(self.model.entries)
        pairs = list(zip(several, results, strict=True))
        written = sorted(
            ((command, result) for command, result in pairs if isinstance(result, Outcome)),
            key=lambda pair: pair[1].entry.number,
        )
        moments = [self.model.copy()]
        for command, result in written:
            expected = self.model.submit(command)
            assert isinstance(expected, Entry), (command, expected)
            self._check_entry(command, result, expected)
            if expected.number > before:
                moments.append(self.model.copy())
        for command, answer in pairs:
            if not isinstance(answer, Outcome):
                possible = [moment.copy().submit(command) for moment in moments]
                assert _no(answer) in possible, (command, answer, possible)

    def _recover(self, engine: int) -> None:
        """Recovery sees to what Redis took and nobody wrote. What it finds in a journal, the model would have taken."""
        self.world.run(Recovery(self.world.engines[engine].hot, self.world.appender).run_once(age_seconds_min=0))
        for entry in self.world.run(self._entries())[len(self.model.entries) :]:
            requests = [request for request in self.requests if request.idempotency_key == entry.key]
            assert entry in [self.model.copy().submit(request) for request in requests]
            next(request for request in requests if self._takes(request, entry))

    def _takes(self, request: Command, entry: Entry) -> bool:
        """Let the model take the request if that makes the entry."""
        if self.model.copy().submit(request) != entry:
            return False
        self.model.submit(request)
        return True

    def _submit_another_then_retry(self, engine: int, command: Command) -> None:
        """Two commands at once, the first of which is in the journal already."""
        another = Command(Kind.TOP_UP, self.company, f"{command.idempotency_key}-another", fingerprint(1), amount=100)
        results = self.world.run(self._submit_all([[another], [command]] if engine else [[another, command], []]))
        self._check_as_if_in_turn([another, command], results)

    async def _submit_all(self, halves: list[list[Command]]) -> list[Result]:
        submits = [each.engine.submit_many(half) for each, half in zip(self.world.engines, halves, strict=True)]
        return [result for results in await asyncio.gather(*submits) for result in results]

    async def _apply_and_die(self, command: Command) -> None:
        hot = self.world.engines[0].hot
        await hot.apply(hot.keys.partition(self.company), Batch(commands=[(command, START)]))

    async def _rest(self) -> None:
        await Recovery(self.world.engines[0].hot, self.world.appender).run_once(age_seconds_min=0)
        await at_rest(self.world.engines[0])
        assert await faults_of_hot(self.world.engines[0], self.world.database, self.company) == []
        assert await faults_of_ledger(self.world.database, self.company) == []

    async def _entries(self) -> list[Entry]:
        rows = await self.world.database.fetch(
            "SELECT * FROM entries WHERE company_id = $1 ORDER BY number", self.company
        )
        return [
            Entry(
                row["number"],
                Kind(row["kind"]),
                row["amount"],
                row["held_delta"],
                row["balance_after"],
                row["held_after"],
                row["floor"],
                row["idempotency_key"],
                row["authorization_id"] or "",
                row["refunded_number"] or 0,
            )
            for row in rows
        ]

    async def _holds(self) -> dict[str, tuple[int, int, int, int]]:
        rows = await self.world.database.fetch("SELECT * FROM authorizations WHERE company_id = $1", self.company)
        return {row["authorization_id"]: (row["state"], row["amount"], row["captured"], row["held"]) for row in rows}

    def _journal(self) -> dict[Any, Any]:
        journal: Any = self.world.redis.hgetall("{w:0}:journal")
        return {field: entry for field, entry in journal.items() if field.startswith(f"{self.company} ".encode())}

    def _hot_keys(self, kind: str) -> list[bytes]:
        found: Any = self.world.redis.keys(f"{{w:0}}:{kind}:{self.company}*")
        return list(found)


def _no(result: Result) -> No:
    """Return an error as the model says it."""
    assert isinstance(result, WalletError), repr(result)
    match result:
        case InsufficientFunds():
            return No(type(result), (result.available, result.required, result.floor))
        case RefundExceedsCharge():
            return No(type(result), (result.refundable, result.required))
        case _:
            return No(type(result))


def _entry(entry: LedgerEntry) -> Entry:
    """Return an entry as the model says it."""
    return Entry(
        entry.number,
        entry.kind,
        entry.amount,
        entry.held_delta,
        entry.balance_after,
        entry.held_after,
        entry.floor,
        entry.idempotency_key,
        entry.authorization,
        entry.refunded_number,
    )


def _numbers(authorization: Authorization) -> tuple[AuthorizationState, int, int, int]:
    return authorization.state, authorization.amount, authorization.captured, authorization.held


@pytest.fixture
def world(settings: WalletSettings) -> Iterator[World]:
    """Servers and engines for all examples of a test."""
    world = World(settings)
    world.run(world.open())
    yield world
    world.close()


@pytest.mark.timeout(0)
def test_p1_p2_p3_p4_p6_the_engine_answers_as_the_model_does_whatever_happens_behind_it(world: World) -> None:
    machine = type("WalletMachine", (WalletMachine,), {"world": world})
    run_state_machine_as_test(machine)
    assert world.run(world.engines[0].verify()).problems == []

"""P1-P4, P6, P8: the engine on real servers answers as the model does, over faults.

The servers' clocks are real. The model gets the time of each entry from its answer, so an hour may end at any time; an
answer without an entry must be right for the time before the call or for the time after it.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from admin.companies.domain import CompanyChange
from admin.documents.months import Month
from tests.property.wallet.model import Entry, Model, No
from tests.property.wallet.requests import (
    AMOUNTS,
    CHANNELS,
    COUNTRIES,
    FLOORS,
    HOLDS,
    LIMIT_AMOUNTS,
    LIMIT_NAMES,
    LIMITS,
    PLACES,
    PRICED,
    TTL_SECONDS,
    USAGES,
    commands,
    picked,
    unpriced,
)
from tests.property.wallet.spending import Limit
from tests.property.wallet.world import World
from tests.support.audit import at_rest, faults_of_hot, faults_of_ledger
from tests.support.builders import change_settings, fingerprint, make_company, make_due
from wallet.domain.commands import Command, Kind
from wallet.domain.entries import Authorization, AuthorizationState, Outcome, WalletState
from wallet.domain.entries import Entry as LedgerEntry
from wallet.domain.errors import (
    CompanyClosed,
    DestinationBlocked,
    InsufficientFunds,
    RateNotFound,
    RefundExceedsCharge,
    SpendLimitAlreadyExists,
    SpendLimitNotFound,
    SpendLimitReached,
    WalletError,
)
from wallet.domain.limits import DAY_US, SpendLimit, SpendLimitState, window_start
from wallet.domain.usage import Channel, Usage
from wallet.expiry import expire
from wallet.hot.store import START, Batch
from wallet.recovery import Recovery
from wallet.requests import Result
from wallet.settings import WalletSettings

ENGINES = st.integers(0, 1)
FOUR_YEARS_US = (3 * 365 + 366) * DAY_US
"""From 1901 to 2099, the calendar repeats itself: every window begins where another one of its kind does."""
TIMES_MAX = 4


class WalletMachine(RuleBasedStateMachine):
    """Drives the engine and the model side by side."""

    world: World

    def __init__(self) -> None:
        """Begin with a company of its own."""
        super().__init__()
        self.company = self.world.new_company()
        self.model = Model()
        self.leaps = 0
        """The number of times that four years have passed."""
        self.requests: list[Command] = []
        self.outcomes: dict[str, Outcome] = {}
        self.copy: dict[bytes, tuple[int, Any]] = {}
        self.journal_copy: dict[Any, Any] = {}
        self.was_copied = False

    @initialize(
        floor=FLOORS,
        balance=st.sampled_from([0, 1_000, 5_000]),
        limits=st.dictionaries(LIMIT_NAMES, LIMITS, max_size=2),
    )
    def begin(self, floor: int, balance: int, limits: dict[str, Limit]) -> None:
        """Make the company."""
        self.model.floor = floor
        self.world.run(make_company(self.world.database, self.company, floor=floor))
        if balance:
            self._submit(0, Command(Kind.TOP_UP, self.company, "first", fingerprint("first"), amount=balance))
        for name, limit in limits.items():
            self._create_limit(0, name, limit)

    # What gateways and the back office do

    @rule(data=st.data(), engine=ENGINES)
    def submit(self, data: st.DataObject, engine: int) -> None:
        """Any command."""
        self._submit(engine, data.draw(commands(self.company, entries=len(self.model.entries))))

    @rule(hold=HOLDS, amount=AMOUNTS, usage=USAGES, engine=ENGINES)
    def authorize(self, hold: str, amount: int, usage: Usage, engine: int) -> None:
        """Open a hold, more often than chance would have it."""
        fields: dict[str, Any] = {"authorization": hold, "ttl_seconds": TTL_SECONDS, "usage": usage}
        self._submit(
            engine,
            Command(Kind.AUTHORIZATION, self.company, hold, fingerprint(amount, fields), amount=amount, **fields),
        )

    @rule(place=PLACES, engine=ENGINES)
    @precondition(lambda self: self.requests)
    def replay(self, place: int, engine: int) -> None:
        """An earlier request once more, as it was sent."""
        self._submit(engine, picked(self.requests, place))

    @rule(place=PLACES, engine=ENGINES)
    def reuse_key(self, place: int, engine: int) -> None:
        """Another request under a key that has an entry."""
        if self.outcomes:
            key = picked(sorted(self.outcomes), place)
            self._submit(engine, Command(Kind.CHARGE, self.company, key, fingerprint("another"), amount=1))

    @rule(place=PLACES, engine=ENGINES)
    @precondition(lambda self: self.requests)
    def replay_without_a_price(self, place: int, engine: int) -> None:
        """An earlier request once more, whose rate has gone since: recorded or not, that decides."""
        request = picked(self.requests, place)
        if request.kind in PRICED and request.usage is not None:
            self._submit(engine, unpriced(request))

    @rule(place=PLACES, engine=ENGINES)
    def replay_at_another_price(self, place: int, engine: int) -> None:
        """The same request, which costs something else by now."""
        earlier = [request for request in self.requests if request.kind is Kind.CHARGE]
        if earlier:
            request = picked(earlier, place)
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
        several += [unpriced(command) for command in several[:2] if command.kind in PRICED]
        if split:
            several = _in_any_order(several)
        self.requests += several
        halves = [several[::2], several[1::2]] if split else [several, []]
        began_at = self._now()
        results = self.world.run(self._submit_all(halves))
        self._check_as_if_in_turn(several[::2] + several[1::2] if split else several, results, began_at)

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

    @rule()
    @precondition(lambda self: self.leaps < TIMES_MAX)
    def windows_begin_anew(self) -> None:
        """Four years pass: earlier spending and holds belong to another hour, day and month."""
        self.world.run(self._four_years_pass())
        self.leaps += 1
        for key, outcome in self.outcomes.items():
            entry = msgspec.structs.replace(outcome.entry, created_at=outcome.entry.created_at - FOUR_YEARS_US)
            self.outcomes[key] = msgspec.structs.replace(outcome, entry=entry)

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

    @rule(channels=st.sets(CHANNELS, max_size=1), countries=st.sets(COUNTRIES.filter(bool), max_size=1), engine=ENGINES)
    def block(self, channels: set[Channel], countries: set[str], engine: int) -> None:
        """Block channels and countries, or none any more."""
        change = CompanyChange(blocked_channels=tuple(channels), blocked_countries=tuple(countries))
        if self.model.state is WalletState.CLOSED:
            with pytest.raises(CompanyClosed):
                self.world.run(self.world.engines[engine].companies.update(self.company, change))
            return
        self.world.run(self.world.engines[engine].companies.update(self.company, change))
        self.model.blocked_channels, self.model.blocked_countries = frozenset(channels), frozenset(countries)

    @rule(name=LIMIT_NAMES, limit=LIMITS, engine=ENGINES)
    def create_limit(self, name: str, limit: Limit, engine: int) -> None:
        """A spend limit, in the middle of its window."""
        self._create_limit(engine, name, limit)

    @rule(name=LIMIT_NAMES, amount=LIMIT_AMOUNTS, engine=ENGINES)
    def change_limit(self, name: str, amount: int, engine: int) -> None:
        """Raise a limit, or lower it, below what is spent even."""
        limits = self.world.engines[engine].spend_limits
        if error := self._refusal_of_change(name):
            with pytest.raises(error):
                self.world.run(limits.set_amount(self.company, name, amount))
            return
        self.model.limits[name] = self.model.limits[name]._replace(amount=amount)
        began_at = self._now()
        self._check_limit(name, self.world.run(limits.set_amount(self.company, name, amount)), began_at)

    @rule(name=LIMIT_NAMES, engine=ENGINES)
    def delete_limit(self, name: str, engine: int) -> None:
        """End a limit."""
        limits = self.world.engines[engine].spend_limits
        if error := self._refusal_of_change(name):
            with pytest.raises(error):
                self.world.run(limits.delete(self.company, name))
            return
        self.world.run(limits.delete(self.company, name))
        del self.model.limits[name]

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

    @rule(
        data=st.data(),
        engine=ENGINES,
        aftermath=st.sampled_from(["recovery", "retry", "retry without a price", "another", "flush"]),
    )
    def process_crashes(self, data: st.DataObject, engine: int, aftermath: str) -> None:
        """A process applies a command in Redis and crashes. Recovery, a retry or the next load finishes it."""
        command = data.draw(commands(self.company, entries=len(self.model.entries)))
        self.requests.append(command)
        self.world.run(self._apply_and_die(command))
        if aftermath == "recovery":
            self._recover(engine)
        elif aftermath == "retry":
            self._submit(engine, command)
        elif aftermath == "retry without a price":
            self._retry_without_a_price(engine, command)
        elif aftermath == "another":
            self._submit_another_then_retry(engine, command)
        else:
            self.world.redis.flushall()

    # Checks

    @invariant()
    def ledger_agrees(self) -> None:
        """The ledger's wallet is the model's after every step."""
        row = self.world.run(self.world.database.fetchrow("SELECT * FROM wallets WHERE company_id = $1", self.company))
        if row is not None:
            found = (row["balance"], row["held"], row["floor"], row["state"], row["last_number"])
            model = self.model
            assert found == (model.balance, model.held, model.floor, model.state, len(model.entries))
        if self.model.limits:
            began_at = self._now()
            for state in self.world.run(self.world.engines[0].spend_limits.list(self.company)):
                self._check_limit(state.limit.id, state, began_at)

    @rule()
    def come_to_rest(self) -> None:
        """When all is quiet, Redis says what the ledger says."""
        self.world.run(self._rest())

    def teardown(self) -> None:
        """At the end every entry, authorization and counter of the ledger is the model's; no promise is broken."""
        self.world.run(self._rest())
        assert [_recorded(row) for row in self.world.run(self._rows())] == self.model.entries
        assert self.world.run(self._counters()) == self._expected_counters()
        # It raises where it does not add up. At the end only: entries are moved into the past meanwhile.
        this_month = Month.parse(f"{datetime.now(UTC):%Y-%m}")
        self.world.run(self.world.engines[0].monthly_statements.read(self.company, this_month))
        assert self.world.run(self._holds()) == {
            name: (hold.state, hold.amount, hold.captured, hold.held) for name, hold in self.model.holds.items()
        }

    def _create_limit(self, engine: int, name: str, drawn: Limit) -> None:
        limits = self.world.engines[engine].spend_limits
        wanted = SpendLimit(self.company, name, drawn.window, drawn.amount, drawn.channel, drawn.country)
        error = CompanyClosed if self.model.state is WalletState.CLOSED else SpendLimitAlreadyExists
        if error is CompanyClosed or name in self.model.limits:
            with pytest.raises(error):
                self.world.run(limits.create(wanted))
            return
        began_at = self._now()
        state = self.world.run(limits.create(wanted))
        since = self._model_time(state.limit.counts_from)
        assert window_start(drawn.window, began_at) <= since <= self._now()
        self.model.limits[name] = drawn._replace(since=since, made_at=len(self.model.entries))
        self._check_limit(name, state, began_at)

    def _refusal_of_change(self, name: str) -> type[WalletError] | None:
        if name not in self.model.limits:
            return SpendLimitNotFound
        return CompanyClosed if self.model.state is WalletState.CLOSED else None

    def _check_limit(self, name: str, state: SpendLimitState, began_at: int) -> None:
        """Check a limit and its present window, which is that of a time since `began_at`."""
        limit, found = self.model.limits[name], state.limit
        last_at = self._model_time(state.resets_at) - 1
        assert began_at <= last_at
        assert window_start(limit.window, last_at) <= self._now()
        assert (found.window, found.amount, found.channel, found.country, state.spent) == (
            limit.window,
            limit.amount,
            limit.channel,
            limit.country,
            self.model.spent(name, last_at),
        )

    def _submit(self, engine: int, command: Command) -> None:
        self.requests.append(command)
        began_at = self._now()
        (result,) = self.world.run(self.world.engines[engine].engine.submit_many([command]))
        self._check(command, result, began_at)

    def _now(self) -> int:
        return self._model_time(time.time_ns() // 1_000)

    def _model_time(self, at: int) -> int:
        """Return a time of the servers, where four years pass by moving the past, on the clock of the model."""
        return at + self.leaps * FOUR_YEARS_US

    def _check(self, command: Command, result: Result, began_at: int) -> None:
        if not isinstance(result, Outcome):
            possible = [self.model.copy().submit(command, at) for at in (began_at, self._now())]
            assert _no(result) in possible, repr(result)
            return
        expected = self.model.submit(command, self._model_time(result.entry.created_at))
        assert isinstance(expected, Entry), (command, expected)
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

    def _check_as_if_in_turn(self, several: list[Command], results: list[Result], began_at: int) -> None:
        """Check that the model gives all these answers in the order of the entries' numbers."""
        before, times = len(self.model.entries), (began_at, self._now())
        pairs = list(zip(several, results, strict=True))
        written = sorted(
            ((command, result) for command, result in pairs if isinstance(result, Outcome)),
            key=lambda pair: (pair[1].entry.number, bool(pair[0].unpriced)),
        )
        moments = [self.model.copy()]
        for command, result in written:
            expected = self.model.submit(command, self._model_time(result.entry.created_at))
            assert isinstance(expected, Entry), (command, expected)
            self._check_entry(command, result, expected)
            if expected.number > before:
                moments.append(self.model.copy())
        for command, answer in pairs:
            if not isinstance(answer, Outcome):
                possible = [moment.copy().submit(command, at) for moment in moments for at in times]
                assert _no(answer) in possible, (command, answer, possible)

    def _recover(self, engine: int) -> None:
        """Recovery writes the journal. The model would have applied what it finds there."""
        self.world.run(Recovery(self.world.engines[engine].hot, self.world.appender).run_once(age_seconds_min=0))
        for row in self.world.run(self._rows())[len(self.model.entries) :]:
            entry, at = _recorded(row), self._model_time(row["created_at"])
            requests = [request for request in self.requests if request.idempotency_key == entry.key]
            assert entry in [self.model.copy().submit(request, at) for request in requests]
            next(request for request in requests if self._makes(request, at, entry))

    def _makes(self, request: Command, at: int, entry: Entry) -> bool:
        """Submit the request to the model if that makes the entry; return whether it does."""
        if self.model.copy().submit(request, at) != entry:
            return False
        self.model.submit(request, at)
        return True

    def _retry_without_a_price(self, engine: int, command: Command) -> None:
        """The answer is the first try's change in Redis, although the ledger has not written it yet."""
        if command.kind not in PRICED or command.usage is None:
            self._submit(engine, command)
            return
        retry = unpriced(command)
        began_at = self._now()
        (result,) = self.world.run(self.world.engines[engine].engine.submit_many([retry]))
        if isinstance(result, Outcome):
            self.model.submit(command, self._model_time(result.entry.created_at))
        self._check(retry, result, began_at)

    def _submit_another_then_retry(self, engine: int, command: Command) -> None:
        """Two commands at once, the first of which is in the journal already."""
        another = Command(Kind.TOP_UP, self.company, f"{command.idempotency_key}-another", fingerprint(1), amount=100)
        began_at = self._now()
        results = self.world.run(self._submit_all([[another], [command]] if engine else [[another, command], []]))
        self._check_as_if_in_turn([another, command], results, began_at)

    async def _submit_all(self, halves: list[list[Command]]) -> list[Result]:
        submits = [each.engine.submit_many(half) for each, half in zip(self.world.engines, halves, strict=True)]
        return [result for results in await asyncio.gather(*submits) for result in results]

    async def _apply_and_die(self, command: Command) -> None:
        hot = self.world.engines[0].hot
        await hot.apply(hot.keys.partition(self.company), Batch(commands=[(command, START)]))

    async def _four_years_pass(self) -> None:
        await at_rest(self.world.engines[0])
        database = self.world.database
        for table, column in (
            ("entries", "created_at"),
            ("authorizations", "created_at"),
            ("spend_limits", "counts_from"),
        ):
            await database.execute(
                f"UPDATE {table} SET {column} = {column} - $2 WHERE company_id = $1", self.company, FOUR_YEARS_US
            )
        # The oldest first: each takes the place of the one before it.
        for counter in await database.fetch(
            "SELECT * FROM spend_counters WHERE company_id = $1 ORDER BY starts_at", self.company
        ):
            await database.execute(
                "UPDATE spend_counters SET starts_at = starts_at - $4"
                " WHERE company_id = $1 AND limit_id = $2 AND starts_at = $3",
                self.company,
                counter["limit_id"],
                counter["starts_at"],
                FOUR_YEARS_US,
            )
        last_at = await database.fetchval("SELECT last_at FROM wallets WHERE company_id = $1", self.company)
        await change_settings(database, self.company, last_at=max(0, last_at - FOUR_YEARS_US))

    async def _counters(self) -> dict[tuple[str, int], int]:
        rows = await self.world.database.fetch("SELECT * FROM spend_counters WHERE company_id = $1", self.company)
        return {(row["limit_id"], row["starts_at"]): row["spent"] for row in rows if row["spent"]}

    def _expected_counters(self) -> dict[tuple[str, int], int]:
        return {
            (name, starts_at - self.leaps * FOUR_YEARS_US): spent
            for name in self.model.limits
            for starts_at, spent in self.model.counters(name).items()
        }

    async def _rest(self) -> None:
        await Recovery(self.world.engines[0].hot, self.world.appender).run_once(age_seconds_min=0)
        await at_rest(self.world.engines[0])
        assert await faults_of_hot(self.world.engines[0], self.world.database, self.company) == []
        assert await faults_of_ledger(self.world.database, self.company) == []

    async def _rows(self) -> list[asyncpg.Record]:
        return await self.world.database.fetch(
            "SELECT * FROM entries WHERE company_id = $1 ORDER BY number", self.company
        )

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
    """Return an error as the model has it."""
    assert isinstance(result, WalletError), repr(result)
    match result:
        case InsufficientFunds():
            return No(type(result), (result.available, result.required, result.floor))
        case RefundExceedsCharge():
            return No(type(result), (result.refundable, result.required))
        case SpendLimitReached():
            return No(type(result), (result.limit.id, result.spent, result.required))
        case DestinationBlocked() | RateNotFound():
            return No(type(result), (result.channel, result.country))
        case _:
            return No(type(result))


def _recorded(row: asyncpg.Record) -> Entry:
    """Return a row of the ledger as the model has it."""
    return Entry(
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


def _entry(entry: LedgerEntry) -> Entry:
    """Return an entry as the model has it."""
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


def _in_any_order(commands: list[Command]) -> list[Command]:
    """Leave out what changes a hold beside another such change, and closes it neither time.

    Entries of two processes may reach the ledger in another order than Redis took them. They add up to the same, but
    each has what it took in Redis's order.
    """
    changed: set[str] = set()
    kept = []
    for command in commands:
        if command.authorization and command.kind is not Kind.AUTHORIZATION and not command.closes:
            if command.authorization in changed:
                continue
            changed.add(command.authorization)
        kept.append(command)
    return kept


@pytest.fixture
def world(settings: WalletSettings) -> Iterator[World]:
    """Servers and engines for all examples of a test."""
    world = World(settings)
    world.run(world.open())
    yield world
    world.close()


@pytest.mark.timeout(0)
def test_p1_p2_p3_p4_p6_p8_the_engine_answers_as_the_model_does(world: World) -> None:
    """The engine answers as the model does, whatever fails behind it."""
    machine = type("WalletMachine", (WalletMachine,), {"world": world})
    run_state_machine_as_test(machine)
    assert world.run(world.engines[0].verify()).problems == []

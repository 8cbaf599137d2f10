"""The hot state: apply commands to wallets in Redis, clean up after them, load wallets and read them."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import msgspec
from redis.asyncio import Redis, RedisCluster
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError, RedisError

from wallet.domain.attempts import Attempt
from wallet.domain.commands import Command
from wallet.domain.entries import Authorization, Wallet
from wallet.domain.errors import Applied, WalletUnavailable
from wallet.domain.limits import SpendCounter, SpendLimit
from wallet.hot.connect import SOCKET_SECONDS_MAX, Client, Direct
from wallet.hot.fields import counter_field, limits_text, usage_text
from wallet.hot.keys import OWNER, Keys
from wallet.hot.operations import ON_HOLD, WITH_USAGE, encode_command, operation_of, signed_amount
from wallet.hot.replies import Proposal, journaled, proposal
from wallet.hot.script import Run, Script

KEY_TTL_MS = 3_600_000
"""How long Redis remembers a key. It bounds memory and is not needed for safety: Postgres keeps every key."""

AUTHORIZATIONS_PER_LOAD_CALL = 500

RECONNECTS_MAX = 3
RECONNECT_SECONDS = 0.02
"""How often, and after how long, a call is tried again if its connection broke."""


class CleanUpAction(StrEnum):
    """The kinds of clean-ups of attempts that are not entries; hot/scripts/apply.lua defines each."""

    DISCARD = "DISCARD"
    UNDO = "UNDO"
    DROP = "DROP"
    FORGET = "FORGET"


class CleanUp(msgspec.Struct, frozen=True, gc=False):
    """One clean-up. `attempt` is "epoch:seq"; the fields after it are for UNDO, amounts in micros."""

    action: CleanUpAction
    company: str
    idempotency_key: str
    attempt: str
    amount: int = 0
    held_delta: int = 0
    applied_at: int = 0
    usage: str = ""
    """As returned by `usage_text`; empty if the attempt did not count as spending."""


class Position(msgspec.Struct, frozen=True, order=True, gc=False):
    """The position of a wallet in the ledger: a hot wallet behind it is not trusted."""

    epoch: int = 0
    seq: int = 0


START = Position()


@dataclass(slots=True)
class Batch:
    """The work of one cycle in one partition. Redis does it in the order of the fields."""

    settled: list[Attempt] = field(default_factory=list)
    """Committed attempts, which leave the journal."""
    clean_ups: list[CleanUp] = field(default_factory=list)
    commands: list[tuple[Command, Position]] = field(default_factory=list)


class Loaded(msgspec.Struct, frozen=True, gc=False):
    """A wallet in the ledger at the beginning of an epoch, with its authorizations and rules."""

    wallet: Wallet
    epoch: int
    authorizations: list[Authorization]
    """The open authorizations."""
    blocked: str = ""
    """Channels and countries, as in "1 3 DE"."""
    limits: list[SpendLimit] = []
    counters: list[SpendCounter] = []
    signal_at: int | None = None
    """The available amount in micros below which a signal is given; None: no signals."""


class Journal(msgspec.Struct, frozen=True, gc=False):
    """The unsettled attempts of a partition. `now` in microseconds on Redis's clock."""

    now: int
    attempts: list[Attempt]


class Peek(msgspec.Struct, frozen=True, gc=False):
    """A wallet and its journal, read at one moment. `now` in microseconds on Redis's clock."""

    warm: bool
    position: Position
    balance: int
    held: int
    floor: int
    state: int
    now: int
    journal: list[Attempt]
    blocked: str
    limits: str
    counters: dict[str, int]
    """Field of the wallet's hash → the spending that it counts, in micros."""


class _Clock:
    """An estimate of a server's clock, which tells the server when a call is given up here."""

    def __init__(self) -> None:
        self._ahead: int | None = None
        """Microseconds that the server's clock is ahead of ours, by its last answer. A little less than it is, since
        the answer took some time."""

    def record(self, now: int) -> None:
        self._ahead = now - time.monotonic_ns() // 1000

    def sent_at_and_not_after(self) -> tuple[int, int]:
        if self._ahead is None:
            return 0, 0
        now = time.monotonic_ns() // 1000 + self._ahead
        return now, now + int(SOCKET_SECONDS_MAX * 1e6)


class HotStore:
    """The adapter to Redis. Every method raises WalletUnavailable if Redis does not answer as it should."""

    def __init__(self, client: Client, keys: Keys) -> None:
        """Use an open client, which the caller closes."""
        self.keys = keys
        self._client = client
        self._direct = Direct(client) if isinstance(client, Redis) else None
        self._clocks: dict[int, _Clock] = {}
        self._apply = Script("apply")
        self._load = Script("load")
        self._peek = Script("peek")
        self._journal = Script("journal")

    def lanes(self) -> dict[int, int]:
        """Return the lane of each partition: partitions on one node share a lane, and lanes do not wait for each other.

        Slots may move later; then a lane calls two nodes, which only costs time.
        """
        if not isinstance(self._client, RedisCluster):
            return dict.fromkeys(range(self.keys.partitions), 0)
        nodes: dict[str, int] = {}
        lanes = {}
        for partition in range(self.keys.partitions):
            slot = self._client.keyslot(self.keys.journal(partition))
            node = self._client.nodes_manager.get_node_from_slot(slot)
            lanes[partition] = nodes.setdefault(node.name, len(nodes))
        return lanes

    async def apply(self, partition: int, batch: Batch) -> list[Proposal]:
        """Settle a batch's attempts, run its clean-ups and commands; return a proposal for each command, in order."""
        by_company: dict[str, list[int]] = {}
        for i, (command, _) in enumerate(batch.commands):
            by_company.setdefault(command.company, []).append(i)
        keys: list[str] = [self.keys.journal(partition), self.keys.signals(partition)]
        arguments: list[Any] = [KEY_TTL_MS, 0, 0, len(batch.settled), len(batch.clean_ups), len(by_company)]
        arguments += [f"{attempt.command.company} {attempt.epoch}:{attempt.seq}" for attempt in batch.settled]
        for clean_up in batch.clean_ups:
            self._add_clean_up(clean_up, keys, arguments)
        for company, members in by_company.items():
            self._add_commands(company, [batch.commands[i] for i in members], keys, arguments)
        clock = self._clock(partition)
        arguments[1:3] = clock.sent_at_and_not_after()
        # Running it twice does no harm: the second time it finds its keys and its clean-ups done.
        now, *replies = await self._run(self._apply, keys, arguments, Applied.UNKNOWN, reconnects=RECONNECTS_MAX)
        clock.record(int(now))
        proposals: list[Proposal | None] = [None] * len(batch.commands)
        places = (i for members in by_company.values() for i in members)
        for i, reply in zip(places, replies, strict=True):
            proposals[i] = proposal(batch.commands[i][0], reply)
        return [proposal for proposal in proposals if proposal is not None]

    def _clock(self, partition: int) -> _Clock:
        return self._clocks.setdefault(partition, _Clock())

    def _add_clean_up(self, clean_up: CleanUp, keys: list[str], arguments: list[Any]) -> None:
        company = clean_up.company
        keys += (self.keys.wallet(company), self.keys.record(company, clean_up.idempotency_key))
        arguments += (clean_up.action.value, company, clean_up.attempt, clean_up.amount, clean_up.held_delta)
        arguments += (clean_up.applied_at, clean_up.usage)

    def _add_commands(
        self, company: str, commands: Sequence[tuple[Command, Position]], keys: list[str], arguments: list[Any]
    ) -> None:
        names = self.keys.of(company)
        # The latest position that one of them has seen holds for all.
        seen = max(seen for _, seen in commands) if len(commands) > 1 else commands[0][1]
        keys.append(names.wallet)
        arguments += (company, seen.epoch, seen.seq, len(commands))
        for command, _ in commands:
            operation = operation_of(command)
            keys.append(names.record_prefix + command.idempotency_key)
            arguments += (operation, command.fingerprint, signed_amount(command), encode_command(command))
            if operation in ON_HOLD:
                keys.append(names.authorization_prefix + command.authorization)
            if operation in WITH_USAGE:
                arguments.append(usage_text(command.usage))
                if operation == "AUTHORIZE":
                    arguments.append(command.ttl_seconds)

    async def load(self, loaded: Loaded) -> None:
        """Write a wallet as it is in the ledger, with its open authorizations.

        Not tried again here: the wallet may have changed and been deleted since, and would return as it was, with the
        same epoch.
        """
        wallet, authorizations = loaded.wallet, loaded.authorizations
        wallet_key = self.keys.wallet(wallet.company)
        signals_key = self.keys.signals(self.keys.partition(wallet.company))
        signal_at = "" if loaded.signal_at is None else loaded.signal_at
        rules: list[Any] = [loaded.blocked, limits_text(loaded.limits), signal_at, wallet.company, len(loaded.counters)]
        for counter in loaded.counters:
            rules += (counter_field(counter), counter.spent)
        head = (wallet.balance, wallet.held, wallet.floor, wallet.state.value, wallet.updated_at, *rules)
        step = AUTHORIZATIONS_PER_LOAD_CALL
        for start in range(0, max(1, len(authorizations)), step):
            part = authorizations[start : start + step]
            keys = [wallet_key, signals_key, *(self.keys.authorization(hold.company, hold.id) for hold in part)]
            arguments = [loaded.epoch, int(start == 0), int(start + step >= len(authorizations)), *head]
            for hold in part:
                arguments += (hold.held, hold.captured, hold.expires_at, hold.ttl_seconds)
                arguments += (hold.created_at, usage_text(hold.usage))
            _, now = await self._run(self._load, keys, arguments, Applied.NO)
            self._clock(self.keys.partition(wallet.company)).record(int(now))

    async def peek(self, company: str) -> Peek:
        """Return a wallet and its journal as of one moment."""
        keys = [self.keys.wallet(company), self.keys.journal(self.keys.partition(company))]
        reply: list[Any] = await self._run(self._peek, keys, [company], Applied.NO, reconnects=RECONNECTS_MAX)
        epoch, seq, balance, held, floor, state = (int(value or 0) for value in reply[1:7])
        return Peek(
            warm=reply[0] == 1,
            position=Position(epoch, seq),
            balance=balance,
            held=held,
            floor=floor,
            state=state,
            now=int(reply[7]),
            blocked=reply[8].decode(),
            limits=reply[9].decode(),
            counters={field.decode(): int(spent) for field, spent in zip(reply[10][::2], reply[10][1::2], strict=True)},
            journal=[journaled(value) for value in reply[11:]],
        )

    async def authorizations(self, company: str, authorizations: Sequence[str]) -> dict[str, str]:
        """Return each authorization as "epoch:held:captured:expires at:ttl:created at:usage"; "" if there is none."""
        if not authorizations:
            return {}
        try:
            keys = [self.keys.authorization(company, hold) for hold in authorizations]
            values: list[Any] = await self._client.mget(keys)
        except (RedisError, OSError, TimeoutError) as error:
            raise _unavailable(error, Applied.NO) from error
        return {hold: (value or b"").decode() for hold, value in zip(authorizations, values, strict=True)}

    async def take_signals(self, limit: int) -> list[str]:
        """Remove and return companies whose available amount fell below `signal_at`, up to `limit` of each partition.

        Each is returned to one caller; if that process crashes before it acts, the signal is lost. Raises
        WalletUnavailable, after which some may still have been removed.
        """
        partitions = range(self.keys.partitions)
        taken = await asyncio.gather(*(self._take_signals(partition, limit) for partition in partitions))
        return [company for some in taken for company in some]

    async def _take_signals(self, partition: int, limit: int) -> list[str]:
        try:
            taken: Any = await self._client.spop(self.keys.signals(partition), limit)
        except (RedisError, OSError, TimeoutError) as error:
            raise _unavailable(error, Applied.UNKNOWN) from error
        return [bytes(company).decode() for company in taken or ()]

    async def claim(self, ledger: str) -> str:
        """Return the id of the ledger that this hot state belongs to; if it belonged to none, that is now `ledger`."""
        try:
            owner: Any = await self._client.set(OWNER, ledger, nx=True, get=True)
        except (RedisError, OSError, TimeoutError) as error:
            raise _unavailable(error, Applied.NO) from error
        return ledger if owner is None else bytes(owner).decode()

    async def journals(self) -> list[Journal]:
        """Return the unsettled attempts, a journal for each partition."""
        return await asyncio.gather(*(self._read_journal(partition) for partition in range(self.keys.partitions)))

    async def _read_journal(self, partition: int) -> Journal:
        keys = [self.keys.journal(partition)]
        now, *entries = await self._run(self._journal, keys, [], Applied.NO, reconnects=RECONNECTS_MAX)
        self._clock(partition).record(int(now))  # Recovery reads journals before the first command, and when idle.
        return Journal(int(now), [journaled(entry) for entry in entries])

    def _runner(self) -> Run:
        if self._direct is not None and not self._direct.busy:
            return self._direct.run
        return self._client.execute_command

    async def close(self) -> None:
        """Close the connection that this store opened itself."""
        if self._direct is not None:
            await self._direct.close()

    async def _disconnect(self) -> None:
        await self.close()
        if isinstance(self._client, Redis):
            await self._client.connection_pool.disconnect(inuse_connections=False)

    async def _run(
        self, script: Script, keys: list[str], arguments: list[Any], applied: Applied, *, reconnects: int = 0
    ) -> Any:
        while True:
            try:
                return await script(self._runner(), keys, arguments)
            except ReadOnlyError as error:
                # The server has become a replica, and its name may resolve to another one now. Nothing was written.
                await self._disconnect()
                if not reconnects:
                    raise _unavailable(error, Applied.NO) from error
                reconnects -= 1
                await asyncio.sleep(RECONNECT_SECONDS)
            except RedisConnectionError as error:
                if not reconnects:
                    raise _unavailable(error, applied) from error
                reconnects -= 1
                await asyncio.sleep(RECONNECT_SECONDS)
            except (RedisError, OSError, TimeoutError) as error:
                raise _unavailable(error, applied) from error


def _unavailable(error: BaseException, applied: Applied) -> WalletUnavailable:
    return WalletUnavailable(f"Redis does not answer: {type(error).__name__}: {error}", applied=applied)

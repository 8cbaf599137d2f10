"""Check what the service promises from the data alone: the ledger against itself, and Redis against the ledger.

Every promise is one of a company, and each check is one statement that sees one snapshot. So the ledger is checked
range by range of companies and check by check, and no snapshot is old. One snapshot over all of it would keep Postgres
from clearing away the versions that each commit leaves of a wallet's row: measured, a busy wallet then takes a quarter
of the commits after a minute, and ever fewer.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import asyncpg

from wallet.domain.attempts import Attempt
from wallet.domain.commands import Kind
from wallet.domain.entries import AuthorizationState
from wallet.domain.errors import Applied
from wallet.hot.store import HotStore, Peek
from wallet.ledger.failures import translated
from wallet.ledger.pool import Connection
from wallet.ledger.queries import Codes, load

PROBLEMS_LISTED_MAX = 1000

RANGE_ENTRIES_MAX = 250_000
"""Entries that one statement checks; those of a company with more are checked in one all the same."""
RANGE_WALLETS_MAX = 20_000
STATEMENT_SECONDS_MAX = 3600.0
"""How long one check of a range may take. Only that of a single huge company takes more than seconds."""

HOT_WALLETS_PER_PAGE = 500
HOT_WALLETS_AT_ONCE_MAX = 32
HOLDS_PER_READ_MAX = 500
READS_MAX = 20
"""Tries to read a wallet's authorizations from Redis with no command in between."""
READ_AGAIN_SECONDS = 0.01
JOURNAL_SECONDS_MAX = 30.0
"""Age at which an entry should have been settled many times over: recovery looks every second."""
HOLD_KEPT_US = 86_400_000_000
"""How long Redis keeps an authorization after its time is up, as in hot/scripts."""

_SQL = load(__name__, AuthorizationState, Kind)


class Check(StrEnum):
    """Which promise is broken; README has the promises."""

    FLOOR = "FLOOR"
    """A charge, hold or increment took balance − held below the floor in force."""
    ONCE = "ONCE"
    """A key, or an attempt of Redis, made two entries."""
    CONSERVED = "CONSERVED"
    """Numbers have a gap, a sum is off, or a wallet or an authorization is not the sum of its entries."""
    REFUNDS = "REFUNDS"
    """Refunds add up to more than the charge, there is no charge, or a case or a report does not name its refund."""
    PRICES = "PRICES"
    """An entry's amount is not what the price that it pins comes to."""
    LIMITS = "LIMITS"
    """A spend limit's counter is not the sum of what it counts."""
    USAGE = "USAGE"
    """Usage by day is not the sum of the entries that it counts."""
    SUBSCRIPTIONS = "SUBSCRIPTIONS"
    """A subscription's periods and its entries do not agree."""
    TOP_UPS = "TOP_UPS"
    """A top-up, its refund or its chargeback, and the entries do not agree."""
    RECEIPTS = "RECEIPTS"
    """A receipt is not what its transaction says, a top-up has none, or the numbers have a gap."""
    HOT = "HOT"
    """Redis does not agree with the ledger."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One broken promise of one company, and in words what was found and what was expected."""

    company: str
    check: Check
    detail: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What was checked, and what is wrong, by company; at most PROBLEMS_LISTED_MAX of `problems_found` are listed.

    Where there are more, every company's first problem is listed before any company's second.
    """

    wallets_checked: int
    transactions_checked: int
    hot_wallets_checked: int
    problems: list[Problem]
    problems_found: int


class LedgerCheck(NamedTuple):
    """A statement that finds what breaks a promise in the ledger.

    Its parameters are a range of companies: after $1, up to $2 (NULL: all the rest). Its rows are `company_id`, `place`
    (a number that orders what is found within a company) and `detail`.
    """

    check: Check
    sql: str


def checks_of(module: str, promises: Mapping[str, Check], *codes: Codes) -> list[LedgerCheck]:
    """Return the checks whose statements lie beside a module, which is named as its `__name__` is, by block.

    `codes` are the enums that the statements name, as for `load`.
    """
    statements = load(module, *codes)
    assert statements.keys() == promises.keys(), f"{module}: each block is a check, and has its promise"
    return [LedgerCheck(check, statements[name]) for name, check in promises.items()]


_ENGINE_CHECKS = {
    "steps": Check.CONSERVED,
    "changes": Check.CONSERVED,
    "wallets": Check.CONSERVED,
    "holds": Check.CONSERVED,
    "authorizations": Check.CONSERVED,
    "floor": Check.FLOOR,
    "keys": Check.ONCE,
    "attempts": Check.ONCE,
    "refunds": Check.REFUNDS,
    "prices": Check.PRICES,
    "limits": Check.LIMITS,
}
"""What the engine itself promises; features add checks of what they keep."""
ENGINE_CHECKS = [LedgerCheck(check, _SQL[name]) for name, check in _ENGINE_CHECKS.items()]


class Verifier:
    """Checks everything while charging goes on. It writes nothing, neither to Postgres nor to Redis."""

    def __init__(self, pool: asyncpg.Pool, hot: HotStore, checks: Sequence[LedgerCheck] = ()) -> None:
        """Use an open pool on the primary (a standby would be behind Redis) and an open store.

        `checks` are those of features; the engine's own are always done.
        """
        self._pool = pool
        self._hot = hot
        self._checks = [
            LedgerCheck(check, _SQL["listed"].replace("/* check */", sql)) for check, sql in (*ENGINE_CHECKS, *checks)
        ]

    async def run(self) -> Verification:
        """Check the whole ledger, then all of Redis. Raises LedgerUnavailable, WalletUnavailable."""
        findings = _Findings()
        with translated(Applied.NO):
            wallets, transactions = await self._check_ledger(findings)
            hot_wallets = await _HotCheck(self._pool, self._hot, findings).run()
        return Verification(wallets, transactions, hot_wallets, findings.listed(), findings.count)

    async def _check_ledger(self, findings: "_Findings") -> tuple[int, int]:
        """Check range after range of companies; return the number of wallets and of entries."""
        wallets = entries = 0
        async with self._pool.acquire() as connection:
            after, end = "", ""
            while end is not None:
                end = await connection.fetchval(_SQL["range_end"], after, RANGE_ENTRIES_MAX, RANGE_WALLETS_MAX)
                async with connection.transaction(isolation="read_committed", readonly=True):
                    counts = await self._check_range(connection, after, end, findings)
                wallets += counts["wallets"]
                entries += counts["entries"]
                after = end
        return wallets, entries

    async def _check_range(
        self, connection: Connection, after: str, end: str | None, findings: "_Findings"
    ) -> asyncpg.Record:
        """Check companies after `after` up to `end` (None: all the rest); each statement sees a snapshot of its own."""
        await connection.execute(_SQL["range_settings"], str(int(STATEMENT_SECONDS_MAX * 1000)))
        for check, sql in self._checks:
            rows = await connection.fetch(sql, after, end, PROBLEMS_LISTED_MAX, timeout=STATEMENT_SECONDS_MAX)
            problems = [Problem(row["company_id"], check, row["detail"]) for row in rows]
            findings.add(problems, rows[0]["found"] if rows else 0)
        counts = await connection.fetchrow(_SQL["range_counts"], after, end, timeout=STATEMENT_SECONDS_MAX)
        assert counts is not None
        return counts


class _Findings:
    """Counts all problems and keeps those that are listed."""

    def __init__(self) -> None:
        self.count = 0
        self._kept: list[Problem] = []

    def add(self, problems: Sequence[Problem], count: int) -> None:
        """Count the problems of one check, of which these are listed: every company's first one before any second."""
        self.count += count
        self._kept += problems
        if len(self._kept) > 2 * PROBLEMS_LISTED_MAX:
            self._cut()

    def listed(self) -> list[Problem]:
        """Return the problems to list, by company."""
        self._cut()
        return sorted(self._kept, key=lambda problem: problem.company)

    def _cut(self) -> None:
        """Drop what is beyond the bound: every company's first problem stays before any company's second."""
        rank: Counter[str] = Counter()
        ranked = []
        for place, problem in enumerate(self._kept):
            rank[problem.company] += 1
            ranked.append((rank[problem.company], place, problem))
        self._kept = [problem for _, _, problem in sorted(ranked)[:PROBLEMS_LISTED_MAX]]


class _HotCheck:
    """Compares wallets in Redis with the ledger's.

    The two are never read in one moment, and on a busy wallet there is always something between them. But what is
    between them can be told exactly. A wallet is read thrice:

    1. in the ledger, where its last entry has number n;
    2. in Redis, in one moment: the hash, of epoch e and with seq s, and the journal;
    3. in the ledger, in one snapshot: the wallet, the entries after n, and those of the journal's keys.

    If the ledger is of epoch e at 3, it was at 2, since epochs only grow. So both began e with the same sums, and since
    then nothing but attempts of e has moved either.

    - Redis has the attempts of e up to s, less those that it gave back, which are never written.
    - An attempt leaves the journal only once it is committed or given back. So of the attempts up to s, those not in
      the journal are in the ledger; of those in the journal the ledger says which are (the same epoch and seq under
      that key; under another attempt the key is a duplicate, which Redis gives back later).
    - What the ledger has beyond s was applied to Redis after 2, hence committed after 1, hence has a number above n.

    So Redis = the ledger − its entries after n with a seq above s + the journal's entries of e that it does not have:
    a difference is never one of timing. An authorization is compared where none of those entries touches it; it is
    read from Redis between two looks at the same seq, and so belongs to it.

    A wallet of an older epoch is fenced: no command on it will be written, so it may say what it likes.
    """

    def __init__(self, pool: asyncpg.Pool, hot: HotStore, findings: _Findings) -> None:
        self._pool = pool
        self._hot = hot
        self._findings = findings
        self._slots = asyncio.Semaphore(HOT_WALLETS_AT_ONCE_MAX)

    async def run(self) -> int:
        """Compare every wallet; return how many were in Redis and could be compared. Raises WalletUnavailable."""
        compared = 0
        after = ""
        while page := await self._pool.fetch(_SQL["hot_page"], after, HOT_WALLETS_PER_PAGE):
            try:
                async with asyncio.TaskGroup() as group:
                    checks = [group.create_task(self._check(row)) for row in page]
            except ExceptionGroup as failures:
                raise failures.exceptions[0] from failures
            compared += sum(check.result() for check in checks)
            after = page[-1]["company_id"]
        return compared

    async def _check(self, seen: asyncpg.Record) -> bool:
        """Compare one wallet and its authorizations; return whether they could be compared."""
        async with self._slots:
            peek = await self._hot.peek(seen["company_id"])
            self._check_journal(seen["company_id"], peek)
            if not peek.warm or not await self._compare_wallet(seen, peek):
                return False
            return not seen["has_holds"] or await self._compare_holds(seen)

    def _check_journal(self, company: str, peek: Peek) -> None:
        """Report the oldest entry of a journal where nobody has settled it for too long."""
        oldest = min(peek.journal, key=lambda attempt: attempt.applied_at, default=None)
        if oldest is not None and (age := (peek.now - oldest.applied_at) / 1e6) > JOURNAL_SECONDS_MAX:
            key = oldest.command.idempotency_key
            self._report(company, f"entry {oldest.name} of key {key} has not been settled for {age:.0f} s")

    async def _compare_wallet(self, seen: asyncpg.Record, peek: Peek) -> bool:
        """Compare a wallet with the ledger of now; return False where it is fenced."""
        company, epoch, seq = seen["company_id"], peek.position.epoch, peek.position.seq
        ledger = await self._ledger(seen, peek, [])
        if ledger is None or epoch < ledger["epoch"]:
            return False
        if epoch > ledger["epoch"]:
            self._report(company, f"Redis has epoch {epoch}, the ledger only {ledger['epoch']}: was it restored?")
            return True
        if seen["epoch"] == epoch and seen["last_seq"] > seq:
            self._report(company, f"Redis has seq {seq}, the ledger has had {seen['last_seq']} before")
        under_way = _under_way(peek, ledger)
        expected = {
            "balance": ledger["balance"] - ledger["later_amount"] + sum(a.amount for a in under_way),
            "held": ledger["held"] - ledger["later_held_delta"] + sum(a.held_delta for a in under_way),
            "floor": ledger["floor"],
            "state": ledger["state"],
            "blocked": ledger["blocked"],
            "limits": ledger["limits"],
        }
        for field, value in expected.items():
            if (found := getattr(peek, field)) != value:
                self._report(company, f"Redis has {field} {found}, by the ledger it is {value}")
        if not under_way and not ledger["later_entries"]:
            self._compare_counters(company, peek, {field: int(spent) for field, spent in ledger["counters"]})
        return True

    def _compare_counters(self, company: str, peek: Peek, expected: Mapping[str, int]) -> None:
        """Compare what is spent, on a wallet where nothing is under way. Redis need not have every counter."""
        for field, spent in peek.counters.items():
            if spent != expected.get(field, 0):
                self._report(company, f"Redis has {field}: {spent}, by the ledger it is {expected.get(field, 0)}")

    async def _compare_holds(self, seen: asyncpg.Record) -> bool:
        """Compare a wallet's open authorizations, part by part; return False where it never stood still for one."""
        company, after = seen["company_id"], ""
        while True:
            rows = await self._pool.fetch(_SQL["hot_holds"], company, after, HOLDS_PER_READ_MAX)
            holds = [row["authorization_id"] for row in rows]
            read = await self._read(company, holds)
            if read is None:
                return False
            peek, stored = read
            ledger = await self._ledger(seen, peek, holds)
            if ledger is None or peek.position.epoch != ledger["epoch"]:
                return False
            touched = {attempt.command.authorization for attempt in _under_way(peek, ledger)}
            touched.update(ledger["later_authorizations"])
            for hold, entry in ledger["holds"]:
                expected = f"{peek.position.epoch}:{entry}"
                if hold not in touched and stored[hold] != expected and not _forgotten(entry, peek.now):
                    found = stored[hold] or "nothing"
                    self._report(company, f"Redis has authorization {hold} as {found}, by the ledger it is {expected}")
            if len(holds) < HOLDS_PER_READ_MAX:
                return True
            after = holds[-1]

    async def _read(self, company: str, holds: Sequence[str]) -> tuple[Peek, dict[str, str]] | None:
        """Return a wallet and authorizations of it as of one moment; None where it is cold or never stood still."""
        for _ in range(READS_MAX):
            before = await self._hot.peek(company)
            stored = await self._hot.authorizations(company, holds)
            after = await self._hot.peek(company)
            if not before.warm or not after.warm:
                return None
            if before.position == after.position:
                return before, stored
            await asyncio.sleep(READ_AGAIN_SECONDS)
        return None

    async def _ledger(self, seen: asyncpg.Record, peek: Peek, holds: Sequence[str]) -> asyncpg.Record | None:
        """Return what the ledger says now about a wallet that was read from Redis."""
        keys = [attempt.command.idempotency_key for attempt in peek.journal]
        position = peek.position
        return await self._pool.fetchrow(
            _SQL["hot_wallet"], seen["company_id"], seen["last_number"], position.epoch, position.seq, keys, holds
        )

    def _report(self, company: str, detail: str) -> None:
        self._findings.add([Problem(company, Check.HOT, detail)], 1)


def _under_way(peek: Peek, ledger: asyncpg.Record) -> list[Attempt]:
    """Return what Redis has applied to the wallet and the ledger has not written."""
    recorded = set(ledger["recorded"])
    return [a for a in peek.journal if a.epoch == peek.position.epoch and a.name not in recorded]


def _forgotten(entry: str, now: int) -> bool:
    """Return whether Redis need not have an authorization any more: its time was up long ago, and no sweep ran."""
    _, _, expires_at, *_ = entry.split(":")
    return int(expires_at) + HOLD_KEPT_US <= now

"""Check Redis against the ledger."""

import asyncio
from collections.abc import Mapping, Sequence

import asyncpg

from wallet.domain.attempts import Attempt
from wallet.domain.entries import AuthorizationState
from wallet.hot.store import HotStore, Peek
from wallet.ledger.queries import load
from wallet.ledger.transactions import reading
from wallet.verification.problems import Check, Findings, Problem

WALLETS_PER_READ_MAX = 500
WALLETS_AT_ONCE_MAX = 32
HOLDS_PER_READ_MAX = 500
READS_MAX = 20
"""Tries to read a wallet's authorizations from Redis with no command in between."""
READ_AGAIN_SECONDS = 0.01
JOURNAL_SECONDS_MAX = 30.0
"""Age at which an entry should have been settled many times over: recovery runs every second."""
HOLD_KEPT_US = 86_400_000_000
"""How long Redis keeps an authorization after it expired, as in hot/scripts."""

_SQL = load(__name__, AuthorizationState)


class HotVerifier:
    """Compares wallets in Redis with the ledger's.

    The two are never read at one moment, and a busy wallet changes between the reads. But the difference that these
    changes make can be computed exactly. A wallet is read three times:

    1. in the ledger, where its last entry has number n;
    2. in Redis, at one moment: the hash, of epoch e and with seq s, and the journal;
    3. in the ledger, in one snapshot: the wallet, the entries after n, and those of the journal's keys.

    If the ledger is of epoch e at 3, it was at 2, since epochs only grow. So both began e with the same sums, and since
    then nothing but attempts of e has moved either.

    - Redis has the attempts of e up to s, less those that it gave back, which are never written.
    - An attempt leaves the journal only once it is committed or given back. So of the attempts up to s, those not in
      the journal are in the ledger; of those in the journal the ledger says which are (the same epoch and seq under
      that key; under another attempt the key is a duplicate, which Redis gives back later).
    - What the ledger has beyond s was applied to Redis after 2, hence committed after 1, hence has a number above n.

    So Redis = the ledger − its entries after n with a seq above s + the journal's entries of e that it does not have:
    a difference is never one of timing. An authorization is compared if none of those entries touches it; it is read
    from Redis between two reads of the same seq, and so belongs to that seq.

    A wallet of an older epoch is fenced: no command on it will be written, so its values do not matter.
    """

    def __init__(self, pool: asyncpg.Pool, hot: HotStore, findings: Findings) -> None:
        """Use an open pool on the primary and an open store; add what is found to `findings`."""
        self._pool = pool
        self._hot = hot
        self._findings = findings
        self._slots = asyncio.Semaphore(WALLETS_AT_ONCE_MAX)

    async def run(self) -> int:
        """Compare every wallet; return how many were in Redis and could be compared.

        Raises LedgerUnavailable, WalletUnavailable.
        """
        compared = 0
        after = ""
        while wallets := await self._fetch(_SQL["wallets"], after, WALLETS_PER_READ_MAX):
            try:
                async with asyncio.TaskGroup() as group:
                    checks = [group.create_task(self._check(wallet)) for wallet in wallets]
            except ExceptionGroup as failures:
                raise failures.exceptions[0] from failures
            compared += sum(check.result() for check in checks)
            after = wallets[-1]["company_id"]
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
        """Report the oldest entry of a journal if it has not been settled for too long."""
        oldest = min(peek.journal, key=lambda attempt: attempt.applied_at, default=None)
        if oldest is not None and (age := (peek.now - oldest.applied_at) / 1e6) > JOURNAL_SECONDS_MAX:
            key = oldest.command.idempotency_key
            self._report(company, f"entry {oldest.name} of key {key} has not been settled for {age:.0f} s")

    async def _compare_wallet(self, seen: asyncpg.Record, peek: Peek) -> bool:
        """Compare a wallet with the ledger as it is now; return False if it is fenced."""
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
        """Compare the counters of spend limits of a wallet with nothing under way. Redis need not have all of them."""
        for field, spent in peek.counters.items():
            if spent != expected.get(field, 0):
                self._report(company, f"Redis has {field}: {spent}, by the ledger it is {expected.get(field, 0)}")

    async def _compare_holds(self, seen: asyncpg.Record) -> bool:
        """Compare a wallet's open authorizations, part by part; return False if it changed during every read."""
        company, after = seen["company_id"], ""
        while True:
            rows = await self._fetch(_SQL["open_authorizations"], company, after, HOLDS_PER_READ_MAX)
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
        """Return a wallet and authorizations of it as of one moment; None if it is cold or changed in every read."""
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
        """Return the present row of the ledger for a wallet that was read from Redis."""
        keys = [attempt.command.idempotency_key for attempt in peek.journal]
        position = peek.position
        rows = await self._fetch(
            _SQL["wallet"], seen["company_id"], seen["last_number"], position.epoch, position.seq, keys, holds
        )
        return rows[0] if rows else None

    async def _fetch(self, statement: str, *parameters: object) -> list[asyncpg.Record]:
        """Return the rows of a statement on a connection that is returned at once, so that the checks share them."""
        async with reading(self._pool) as connection:
            return await connection.fetch(statement, *parameters)

    def _report(self, company: str, detail: str) -> None:
        self._findings.add([Problem(company, Check.HOT, detail)], 1)


def _under_way(peek: Peek, ledger: asyncpg.Record) -> list[Attempt]:
    """Return the attempts that Redis has applied to the wallet and the ledger has not written."""
    recorded = set(ledger["recorded"])
    return [a for a in peek.journal if a.epoch == peek.position.epoch and a.name not in recorded]


def _forgotten(entry: str, now: int) -> bool:
    """Return whether Redis need not have an authorization any more: it expired long ago, and no sweep has run."""
    _, _, expires_at, *_ = entry.split(":")
    return int(expires_at) + HOLD_KEPT_US <= now

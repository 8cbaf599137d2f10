"""Fill a ledger with companies and entries, quickly.

The entries are those that charges would have made: companies in turn, numbers without a gap, running balances, keys
in random order, and index pages as full as such keys leave them. `python -m admin verify` finds no problem.
"""

import time

import psycopg

from benchmarks.isolated.scenario import InsufficientSpace

AMOUNT_MICROS = 75_000
"""The amount of each charge."""
FUNDS_MICROS = 9_000_000_000_000
"""The balance that each company begins with, more than any can spend here."""
ROWS_PER_STATEMENT = 250_000
BYTES_PER_ENTRY = 700
"""Bytes on disk, with indexes, the write-ahead log and sorting."""
FILL_FACTOR = 70
"""How full random insertions leave index pages, in percent."""

_NAME = "'growth-' || lpad(({})::text, 6, '0')"
_COMPANIES = f"""
INSERT INTO companies (company_id, display_name, billing_email)
SELECT {_NAME.format("c")}, 'Growth', '' FROM generate_series(0, %(companies)s - 1) c;
"""
_WALLETS = f"""
INSERT INTO wallets (company_id, currency, floor, last_seq, last_number, balance, last_at)
SELECT {_NAME.format("c")}, 'EUR', 0, n, n, %(funds)s - (n - 1) * %(amount)s::bigint, %(began)s + n
FROM (SELECT c, 1 + %(entries)s / %(companies)s + (c < %(entries)s %% %(companies)s)::int AS n
      FROM generate_series(0::bigint, %(companies)s - 1) c) counted;
"""
_COLUMNS = """
INSERT INTO entries (company_id, number, kind, amount, held_delta, balance_after, held_after, floor, checked,
    idempotency_key, fingerprint, epoch, seq, channel, country, quantity, campaign_id, created_at)
"""
_TOP_UPS = f"""{_COLUMNS}
SELECT {_NAME.format("c")}, 1, 2, %(funds)s, 0, %(funds)s, 0, 0, false,
    'funds', decode(left(md5('f' || c), 24), 'hex'), 0, 1, NULL, NULL, NULL, NULL, %(began)s + 1
FROM generate_series(0, %(companies)s - 1) c;
"""
_CHARGES = f"""{_COLUMNS}
SELECT {_NAME.format("i %% %(companies)s")}, n, 1, -%(amount)s, 0, %(funds)s - (n - 1) * %(amount)s::bigint, 0, 0, true,
    left(md5('k' || i), 24), decode(left(md5('f' || i), 24), 'hex'), 0, n, 1, 'DE', 1, 'spring-sale', %(began)s + n
FROM (SELECT i, 2 + i / %(companies)s AS n FROM generate_series(%(first)s::bigint, %(last)s) i) numbered;
"""
_UNIQUE = """
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid = 'entries'::regclass AND contype IN ('p', 'u')
"""


def fill(database_url: str, *, companies: int, entries: int, seconds_max: float = 3600.0) -> None:
    """Create funded companies with `entries` charges in all, in an empty database. Raise `InsufficientSpace`."""
    give_up_at = time.monotonic() + seconds_max
    values = {"companies": companies, "entries": entries, "funds": FUNDS_MICROS, "amount": AMOUNT_MICROS}
    values["began"] = time.time_ns() // 1000 - 86_400_000_000
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off; SET maintenance_work_mem = '512MB'")
        unique = connection.execute(_UNIQUE).fetchall()
        for name, _ in unique:
            connection.execute(f"ALTER TABLE entries DROP CONSTRAINT {name}".encode())
        for statement in (_COMPANIES, _WALLETS, _TOP_UPS):
            connection.execute(statement.encode(), values)
        for first in range(0, entries, ROWS_PER_STATEMENT):
            if time.monotonic() > give_up_at:
                raise InsufficientSpace(f"{first} of {entries} entries after {seconds_max:g} s: too slow")
            last = min(first + ROWS_PER_STATEMENT, entries) - 1
            connection.execute(_CHARGES.encode(), {**values, "first": first, "last": last})
        for name, definition in unique:
            statement = f"ALTER TABLE entries ADD CONSTRAINT {name} {definition} WITH (fillfactor = {FILL_FACTOR})"
            connection.execute(statement.encode())
        # Maintenance that Postgres would otherwise do in the middle of a measurement.
        connection.execute("VACUUM (FREEZE, ANALYZE)")
        connection.execute("CHECKPOINT")

"""The types and codes in Python agree with those of the database."""

import re
from importlib.resources import files

import asyncpg
import msgspec

from tests.support.codes import CODES, comment_of
from wallet.domain.attempts import Attempt, Question
from wallet.domain.commands import Command, Kind
from wallet.domain.pricing import Price
from wallet.domain.usage import Channel, Usage
from wallet.ledger.append import LedgerAttempt, _parameters

ATTRIBUTES = """
    SELECT a.attname AS name FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relname = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
SMALL_NUMBERS = """
    SELECT c.relname || '.' || a.attname AS name, col_description(c.oid, a.attnum) AS comment
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND a.atttypid = 'smallint'::regtype
      AND a.attnum > 0 AND NOT a.attisdropped
"""
APPEND = (files("wallet.ledger") / "functions" / "append.sql").read_text()
NO_CODES = {"subscriptions.anchor_day"}
"""Small numbers that count something."""

PRICE = Price("retail", 3, "voice-de", 21, unit_price=5, used=61, billed=62)
COMMAND = Command(
    kind=Kind.CAPTURE,
    company="acme",
    idempotency_key="key",
    fingerprint=b"fingerprint.",
    amount=11,
    usage=Usage(Channel.VOICE, variant="mobile", country="DE", quantity=62, campaign_id="spring", contact_id="kim"),
    authorization="call",
    ttl_seconds=12,
    keep_open=True,
    late=False,
    refunded_number=13,
    reference="reference",
    price=PRICE,
    reason="GOODWILL",
    requested_by="ann",
)
ATTEMPT = Attempt(COMMAND, Question.APPLIED, epoch=14, seq=15, amount=-16, held_delta=-17, applied_at=18)


async def test_an_attempt_has_the_fields_of_the_composite_type_in_its_order(database: asyncpg.Connection) -> None:
    names = [row["name"] for row in await database.fetch(ATTRIBUTES, "ledger_attempt")]
    assert list(LedgerAttempt._fields) == names


async def test_each_field_of_an_attempt_reaches_the_attribute_of_its_name(database: asyncpg.Connection) -> None:
    row = await database.fetchrow("SELECT (unnest($1::ledger_attempt[])).*", [_parameters(ATTEMPT)])
    assert row is not None
    found = dict(row)
    assert msgspec.json.decode(found.pop("price"), type=Price) == PRICE
    assert found == {
        "asked": "APPLIED",
        "company_id": "acme",
        "idempotency_key": "key",
        "fingerprint": b"fingerprint.",
        "kind": Kind.CAPTURE,
        "epoch": 14,
        "seq": 15,
        "amount": -16,
        "held_delta": -17,
        "checked": True,
        "closes": False,
        "late": False,
        "applied_at": 18,
        "authorization_id": "call",
        "ttl_seconds": 12,
        "refunded_number": 13,
        "channel": Channel.VOICE,
        "variant": "mobile",
        "country": "DE",
        "quantity": 62,
        "campaign_id": "spring",
        "contact_id": "kim",
        "reference": "reference",
        "reason": "GOODWILL",
        "requested_by": "ann",
    }


async def test_append_makes_a_row_of_the_columns_of_entries_in_order(
    database: asyncpg.Connection,
) -> None:
    row = re.search(r"entry := ROW\((.*?)\);(.*?)\n", APPEND, re.DOTALL)
    assert row is not None
    values = re.findall(r"^ *[aw]\.(\w+),?(?:  -- (\w+))?$", row[1] + row[2], re.MULTILINE)
    columns = [record["name"] for record in await database.fetch(ATTRIBUTES, "entries")]
    assert [column or value for value, column in values] == columns


async def test_each_column_of_codes_names_its_values_in_a_comment(database: asyncpg.Connection) -> None:
    """A new value, or a new column of codes, comes with a migration that says it; the failure says how."""
    comments = {row["name"]: row["comment"] or "" for row in await database.fetch(SMALL_NUMBERS)}
    assert comments.keys() == CODES.keys() | NO_CODES
    wanted = [
        f"COMMENT ON COLUMN {name} IS '{comment_of(codes)}';"
        for name, codes in CODES.items()
        if not comments[name].startswith(comment_of(codes))
    ]
    assert wanted == []

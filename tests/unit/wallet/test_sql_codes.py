"""SQL files write stored codes by their names; a bare number does not come back."""

import ast
import re
from pathlib import Path

import pytest

import wallet
from tests.support.codes import CODES

SRC = Path(wallet.__file__).parent.parent
STATEMENTS = sorted(path for path in SRC.rglob("*.sql") if "migrations" not in path.parts)

MODULES = sorted(path for path in SRC.rglob("*.py") if not {"buf", "veloconnect"} & set(path.parts))
VERB = re.compile(r"\b(?:SELECT|INSERT INTO|UPDATE|DELETE FROM)\b")

_COLUMN = rf"\b(?:{'|'.join(sorted({name.partition('.')[2] for name in CODES}))})\b"
_OPERATOR = r"(?:=|<>|<=|>=|<|>|:=|\b(?:NOT\s+)?IN\s*\(|\bIS\s+(?:NOT\s+)?DISTINCT\s+FROM\b|\b(?:NOT\s+)?BETWEEN\b)"
_IN_CASE = r"(?:(?!\bEND\b).)*?"
BARE = re.compile(
    "|".join(
        [
            rf"(?:{_COLUMN}|::smallint)\s*{_OPERATOR}\s*\d",
            rf"(?<![\w$])\d+\s*{_OPERATOR}\s*(?:\w+\.)?{_COLUMN}",
            rf"(?<![\w$])\d+\s+AS\s+{_COLUMN}",
            rf"\bCASE\s+(?:\w+\.)?{_COLUMN}{_IN_CASE}\bWHEN\s+\d",
            rf"{_COLUMN}\s*{_OPERATOR}\s*CASE\b{_IN_CASE}\b(?:THEN|ELSE)\s+\d",
        ]
    ),
    re.DOTALL | re.IGNORECASE,
)


def without_comments(sql: str) -> str:
    """Return SQL without its comments to the end of a line."""
    return re.sub(r"--[^\n]*", "", sql)


@pytest.mark.parametrize("path", STATEMENTS, ids=[str(path.relative_to(SRC)) for path in STATEMENTS])
def test_a_code_is_written_by_its_name(path: Path) -> None:
    found = BARE.search(without_comments(path.read_text()))
    assert found is None, f"a bare code: {found[0]!r}; name it as wallet.ledger.queries says"


def test_statements_in_modules_have_no_bare_codes() -> None:
    """A statement with codes lies in a file beside its module, where they have names."""
    found = [
        (path.name, bare[0])
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and VERB.search(node.value)
        if (bare := BARE.search(node.value))
    ]
    assert found == []


@pytest.mark.parametrize(
    "sql",
    [
        "WHERE kind = 1",
        "WHERE e.kind IN (1, 7)",
        "AND original.kind NOT IN (1, 7)",
        "hold.state IS DISTINCT FROM 1",
        "(entry).kind<>4",
        "state >= 2",
        "state BETWEEN 2 AND 3",
        "SET delivery = 2, due_at = now()",
        "CASE method WHEN 1 THEN top_up_id ELSE payment END",
        "CASE t.method WHEN TopUpMethod.CARD THEN card WHEN 3 THEN card END",
        "state = CASE WHEN a.closes THEN AuthorizationState.VOIDED ELSE 4 END",
        "SELECT company_id, 2 AS kind",
        "CASE WHEN $4::smallint = 1 THEN $5::bigint END",
        "WHERE 3 = a.state",
    ],
)
def test_bare_codes_are_found(sql: str) -> None:
    assert BARE.search(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "WHERE e.kind IN (Kind.CHARGE, Kind.CAPTURE)",
        "($2::smallint IS NULL OR state = $2)",
        "coalesce(channel, 0), coalesce(country, '')",
        "changes = changes + CASE WHEN state <> $2 THEN 1 ELSE 0 END",
        "SELECT sum(amount) AS amount, count(*) AS kind_1",
        "kind = Kind.VOID AND amount = 0",
        "CASE WHEN $4 <> state THEN 0 ELSE failures END",
    ],
)
def test_names_parameters_and_other_numbers_are_not_bare_codes(sql: str) -> None:
    assert not BARE.search(sql)

"""The headers of scripts and functions list their inputs and answers, and the code agrees."""

import re
from collections.abc import Iterator
from importlib.resources import files

import pytest
from luaparser import ast as lua
from luaparser import astnodes

from wallet.domain.attempts import Question, Verdict
from wallet.domain.commands import Command, Kind, Unpriced
from wallet.domain.entries import WalletState
from wallet.domain.limits import Window
from wallet.hot.fields import usage_text
from wallet.hot.operations import OPERATIONS, operation_of
from wallet.hot.replies import Reply
from wallet.hot.script import Script
from wallet.hot.store import CleanUpAction

SCRIPTS = {
    file.name.removesuffix(".lua"): Script(file.name.removesuffix(".lua")).source
    for file in (files("wallet.hot") / "scripts").iterdir()
    if file.is_file()
}
FUNCTIONS = {file.name: file.read_text() for file in (files("wallet.ledger") / "functions").iterdir()}
APPEND = FUNCTIONS["append.sql"]

LUA_GLOBALS = {"KEYS", "ARGV", "redis", "ipairs", "math", "pairs", "string", "table", "tonumber", "unpack"}
"""The globals that a script may use."""


def header(source: str, comment: str = "--") -> str:
    """Return the comment that a script begins with."""
    lines = []
    for line in source.splitlines():
        if not line.startswith(comment):
            if line:
                break
            continue
        lines.append(line.removeprefix(comment))
    return "\n".join(lines)


def body(source: str) -> str:
    """Return a script without its comments."""
    return "\n".join(line.split("--")[0] for line in source.splitlines())


def declared(tree: lua.Node) -> Iterator[str]:
    """Yield the names that a script declares: local variables and functions, parameters, and variables of loops."""
    for node in lua.walk(tree):
        match node:
            case astnodes.LocalAssign(targets=names) | astnodes.Forin(targets=names):
                yield from (name.id for name in names)
            case astnodes.Fornum(target=name):
                yield name.id
            case astnodes.LocalFunction(name=function, args=names):
                yield function.id
                yield from (name.id for name in names if isinstance(name, astnodes.Name))
            case astnodes.Function(args=names) | astnodes.AnonymousFunction(args=names):
                yield from (name.id for name in names if isinstance(name, astnodes.Name))


def named(tree: lua.Node) -> Iterator[str]:
    """Yield the names that a script uses as variables: neither members, as in `string.sub`, nor keys of tables."""
    members = set()
    for node in lua.walk(tree):
        match node:
            case astnodes.Index(idx=member, notation=astnodes.IndexNotation.DOT) | astnodes.Field(key=member):
                members.add(id(member))
    yield from (node.id for node in lua.walk(tree) if isinstance(node, astnodes.Name) and id(node) not in members)


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_a_lua_script_parses_and_has_no_global_of_its_own(name: str) -> None:
    """Redis refuses a global only when a call comes to it."""
    tree = lua.parse(SCRIPTS[name])
    assert set(named(tree)) - set(declared(tree)) <= LUA_GLOBALS


def test_an_undeclared_name_in_lua_is_found() -> None:
    tree = lua.parse("local a, t = 1, { key = 2 }\nfor i = 1, a do b = t.member + i end")
    assert set(named(tree)) - set(declared(tree)) == {"b"}


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_a_lua_script_lists_its_keys_arguments_and_reply(name: str) -> None:
    top = header(SCRIPTS[name])
    for part in ("KEYS", "ARGV", "Reply"):
        assert re.search(rf"^ {part}\b", top, re.MULTILINE), f"{name}.lua does not say its {part}"


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_a_lua_script_uses_only_its_keys_and_the_server_clock(name: str) -> None:
    """A Lua script touches only keys that it was given, and no client's clock."""
    code = body(SCRIPTS[name])
    assert "{w:" not in code
    assert not re.search(r"\b(KEYS|SCAN|RANDOMKEY)'", code)
    assert "os." not in code


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_a_lua_script_prints_no_number_as_lua_would(name: str) -> None:
    """A plain tostring of 1e15 is "1e+15"."""
    assert "tostring" not in body(SCRIPTS[name])


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_a_lua_script_is_run_by_its_hash(name: str) -> None:
    script = Script(name)
    assert "-- include:" not in script.source
    assert len(script.sha) == 40


def test_apply_lists_every_operation_clean_up_and_rule() -> None:
    top = header(SCRIPTS["apply"])
    operations = {*OPERATIONS.values(), "CAPTURE_ON", "CAPTURE_LATE", "MOVE_CHECKED"}
    operations |= {"UNPRICED", "UNPRICED_CAPTURE", "UNOPENED"}
    rules = {asked.value for asked in Question} - {Question.APPLIED, Question.KNOWN}
    for word in operations | rules | {action.value for action in CleanUpAction}:
        assert re.search(rf"\b{word}\b", top), f"apply.lua's header does not say {word}"
    for reply in Reply:
        assert re.search(rf"^       {reply.value}\b", top, re.MULTILINE), f"apply.lua's header does not say {reply}"


def test_apply_answers_nothing_that_is_not_a_reply() -> None:
    replies = set(re.findall(r"'([A-Z]):?'", body(SCRIPTS["apply"])))
    assert replies == {reply.value for reply in Reply}


def test_codes_in_lua_are_those_of_the_domain() -> None:
    """They are named at the top of a script, and nothing is compared with a bare number."""
    code = body(SCRIPTS["apply"])
    for line in (
        f"local ACTIVE, CLOSED = {WalletState.ACTIVE.value}, {WalletState.CLOSED.value}",
        f"local HOUR, DAY = '{Window.HOUR.value}', '{Window.DAY.value}'",
        f"local NO_USAGE = '{usage_text(None)}'",
    ):
        assert re.search(rf"^{line}\s*$", code, re.MULTILINE), f"not in the script: {line}"
    assert re.findall(r"\b(?:state|window|usage|channel)\s*[~=]=\s*'?\d", code) == []


def test_every_kind_has_anoperation_of() -> None:
    operations = {operation_of(Command(kind, "acme", "key", b"")) for kind in Kind}
    assert {*OPERATIONS} == {*Kind}
    assert operations == {*OPERATIONS.values(), "MOVE_CHECKED"}
    assert operation_of(Command(Kind.ADJUSTMENT, "acme", "key", b"")) == "MOVE_CHECKED"
    assert operation_of(Command(Kind.ADJUSTMENT, "acme", "key", b"", below_floor=True)) == "MOVE"
    assert operation_of(Command(Kind.CAPTURE, "acme", "key", b"", keep_open=True)) == "CAPTURE_ON"
    for why in set(Unpriced) - {Unpriced.UNOPENED}:
        assert operation_of(Command(Kind.CHARGE, "acme", "key", b"", unpriced=why)) == "UNPRICED"
        assert operation_of(Command(Kind.CAPTURE, "acme", "key", b"", unpriced=why)) == "UNPRICED_CAPTURE"
    for kind in (Kind.CAPTURE, Kind.INCREMENT):
        assert operation_of(Command(kind, "acme", "key", b"", unpriced=Unpriced.UNOPENED)) == "UNOPENED"
    assert operation_of(Command(Kind.CAPTURE, "acme", "key", b"", keep_open=True, late=True)) == "CAPTURE_LATE"


def test_every_answer_of_append_is_a_verdict_and_every_verdict_an_answer() -> None:
    given = set(re.findall(r"(?:verdict :=|THEN|ELSE|CASE)\s+'([A-Z_]+)'", body(APPEND)))
    assert given == {verdict.value for verdict in Verdict} - {Verdict.QUARANTINED}


def test_append_says_in_its_header_when_each_answer_is_given() -> None:
    top = header(APPEND)
    for verdict in set(Verdict) - {Verdict.QUARANTINED}:
        assert re.search(rf"\b{verdict.value}\b", top), f"append.sql's header does not say {verdict}"
    for asked in Question:
        assert re.search(rf"\b{asked.value}\b", top), f"append.sql's header does not say {asked}"


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_sql_function_says_what_it_does_and_is_volatile(name: str) -> None:
    """Volatile: each of its statements sees what was committed while an earlier one waited for a lock."""
    assert len(header(FUNCTIONS[name])) > 80
    assert "VOLATILE" in FUNCTIONS[name]

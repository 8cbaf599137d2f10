"""The headers of scripts and functions list their inputs and answers, and the code agrees."""

import re
from importlib.resources import files

import pytest

from tools import lua
from tools.lua import header
from wallet.domain.attempts import Question, Verdict
from wallet.domain.commands import Command, Kind, Unpriced
from wallet.domain.entries import WalletState
from wallet.domain.limits import Window
from wallet.hot.fields import usage_text
from wallet.hot.operations import OPERATIONS, operation_of
from wallet.hot.replies import Reply
from wallet.hot.script import Script
from wallet.hot.store import CleanUpAction

SCRIPTS = lua.scripts()
FUNCTIONS = {file.name: file.read_text() for file in (files("wallet.ledger") / "functions").iterdir()}
APPEND = FUNCTIONS["append.sql"]


def body(source: str) -> str:
    """Return a script without its comments."""
    return "\n".join(line.split("--")[0] for line in source.splitlines())


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_a_lua_script_keeps_the_rules_of_make_check(name: str) -> None:
    """It parses, has no global of its own, and lists its keys, arguments and reply."""
    assert list(lua.faults(SCRIPTS[name])) == []


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("local a, t = 1, { key = 2 }\nfor i = 1, a do b = t.member + i end", "uses the global b"),
        ("local a = os.time()", "uses the global os"),
        ("local = 1", "does not parse"),
    ],
)
def test_a_mistake_in_lua_is_found(code: str, fault: str) -> None:
    found = list(lua.faults(f"-- A script.\n-- KEYS, none\n-- ARGV, none\n-- Reply, none\n{code}\n"))
    assert len(found) == 1
    assert found[0].startswith(fault)


def test_a_header_without_arguments_is_found() -> None:
    assert list(lua.faults("-- KEYS, none\n-- Reply, none\n")) == ["has no ARGV in its header"]


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

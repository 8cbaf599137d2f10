"""System keys have one owner; SQL, which spells them again, agrees; and no client may send one."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.message_factory import GetMessageClass

import wallet
from server.rejections import InvalidRequest
from server.validation import check
from veloconnect.admin.v1 import adjustment_pb2, refund_pb2, subscription_pb2, top_up_pb2
from veloconnect.charging.v1 import charging_pb2
from wallet.domain import system_keys

SRC = Path(wallet.__file__).parent.parent
OWNER = Path(system_keys.__file__)
STATEMENTS = sorted(path for path in SRC.rglob("*.sql") if "migrations" not in path.parts)
PROTOS = (adjustment_pb2, charging_pb2, refund_pb2, subscription_pb2, top_up_pb2)
REQUESTS = [
    message
    for proto in PROTOS
    for name, message in proto.DESCRIPTOR.message_types_by_name.items()
    if name.endswith("Request")
]
ENTRIES = "veloconnect.wallet.v1"
GIVEN_BY_CLIENTS = {"idempotency_key", "requested_by", "decided_by", "refund_case_id", "subscription_id"}

VALUE = "17"
KEYS = {
    system_keys.expiry(VALUE),
    system_keys.top_up(VALUE),
    system_keys.payment(VALUE),
    system_keys.second_payment(VALUE),
    system_keys.top_up_refund_debit(VALUE),
    system_keys.top_up_refund_return(VALUE),
    system_keys.chargeback_debit(VALUE),
    system_keys.chargeback_won(VALUE),
    system_keys.subscription_period(VALUE, int(VALUE)),
    system_keys.subscription_refund(VALUE, int(VALUE)),
    system_keys.job_refund(VALUE, int(VALUE)),
    system_keys.delivery_refund(int(VALUE)),
    system_keys.case_refund(VALUE),
    system_keys.delivery_case(int(VALUE)),
    system_keys.contradiction_case(int(VALUE)),
}
"""All that the module makes, each for 17."""
NAMES = {system_keys.AUTO_TOP_UPS, system_keys.REFUND_POLICY, system_keys.SUBSCRIPTIONS}
PREFIXES = {key.split(VALUE)[0] for key in KEYS}


def literals(path: Path) -> Iterator[tuple[str, str, str]]:
    """Yield each SQL string that begins as a key does, what is put before its closing, and what follows the value.

    `'~chargeback:' || chargeback_id || ':won'` is ("~chargeback:", "chargeback_id", ":won").
    """
    code = "\n".join(line.split("--")[0] for line in path.read_text().splitlines())
    yield from re.findall(r"'(\^?~[^']*)'(?:\s*\|\|\s*([\w.]+)(?:\s*\|\|\s*'([^']*)')?)?", code)


def begins_like(literal: str) -> set[str]:
    """Return the beginnings of a literal or a pattern of SQL, each alternative of "^~(case|delivery):" on its own."""
    pattern = literal.removeprefix("^")
    if alternatives := re.match(r"~\(([a-z|-]+)\):$", pattern):
        return {f"~{word}:" for word in alternatives[1].split("|")}
    head = re.match(r"~[a-z-]*:?", pattern)
    assert head is not None
    return {head[0]}


@pytest.mark.parametrize("path", STATEMENTS, ids=lambda path: str(path.relative_to(SRC)))
def test_sql_spells_the_keys_as_their_owner_does(path: Path) -> None:
    for literal, value, end in literals(path):
        if value:
            assert f"{literal}{VALUE}{end}" in KEYS
        else:
            assert begins_like(literal) <= PREFIXES | {system_keys.PREFIX} | NAMES


def test_sql_with_keys_is_found() -> None:
    """The test above reads something: the checks of the ledger and the receipts find entries by their keys."""
    found = {path.relative_to(SRC).as_posix() for path in STATEMENTS if any(literals(path))}
    assert {"admin/top_ups/verify.sql", "admin/subscriptions/verify.sql", "refunds/verify.sql"} <= found


def test_no_other_module_spells_a_key() -> None:
    spelled = [
        f"{path.relative_to(SRC)}:{node.lineno}"
        for path in SRC.rglob("*.py")
        if path != OWNER and not path.name.endswith(("_pb2.py", "_pb2_grpc.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(system_keys.PREFIX)
    ]
    assert not spelled


def test_no_two_keys_or_names_meet() -> None:
    assert len(KEYS) == len(PREFIXES) + 2, "two steps each of a top-up's refund and of a chargeback"
    for prefix in PREFIXES:
        assert not [other for other in (PREFIXES | NAMES) - {prefix} if other.startswith(prefix)]
    assert all(key.startswith(system_keys.PREFIX) for key in KEYS | NAMES)


def test_a_refund_says_by_its_key_what_made_it() -> None:
    origins = {
        system_keys.origin_of(system_keys.job_refund("outage", 17)): "bulk",
        system_keys.origin_of(system_keys.delivery_refund(17)): "policy",
        system_keys.origin_of(system_keys.case_refund("mail-17")): "case",
        system_keys.origin_of(system_keys.subscription_refund("line", 2)): "subscription",
        system_keys.origin_of("refund:17"): "single",
        system_keys.origin_of(""): "single",
    }
    assert all(found == expected for found, expected in origins.items())
    assert len(origins) == len(system_keys.REFUND_ORIGINS) + 1


def test_refunds_of_a_job_need_a_job() -> None:
    """An estimate, which has none, must not search for keys that no job could have made."""
    with pytest.raises(AssertionError):
        system_keys.job_refunds("")


def given(message: Descriptor) -> Iterator[tuple[str, ...]]:
    """Yield the path of each field of a request by which a client gives a key, an id or a name.

    Entries, whose messages are of the package `veloconnect.wallet`, are in requests only as a part of what is answered.
    """
    for field in message.fields:
        if field.name in GIVEN_BY_CLIENTS:
            yield (field.name,)
        elif (within := field.message_type) is not None and not field.is_repeated and within.file.package != ENTRIES:
            yield from ((field.name, *path) for path in given(within))


@pytest.mark.parametrize(
    ("message", "path"),
    [(message, path) for message in REQUESTS for path in given(message)],
    ids=lambda part: part.name if isinstance(part, Descriptor) else ".".join(part),
)
def test_a_client_may_give_none(message: Descriptor, path: tuple[str, ...]) -> None:
    request = GetMessageClass(message)()
    holder = request
    for field in path[:-1]:
        holder = getattr(holder, field)
    for ours in sorted(KEYS | NAMES | {system_keys.PREFIX}):
        setattr(holder, path[-1], ours)
        with pytest.raises(InvalidRequest) as refused:
            check(request)
        assert ".".join(path) in {violation.field for violation in refused.value.violations}


def test_requests_with_keys_and_names_are_found() -> None:
    """The test above reads something: a gateway's calls, and people's orders."""
    found = {(message.name, path[-1]) for message in REQUESTS for path in given(message)}
    assert {("ChargeRequest", "idempotency_key"), ("AuthorizeRequest", "idempotency_key")} <= found
    assert {("CreateTopUpRequest", "requested_by"), ("CreateRefundCaseRequest", "refund_case_id")} <= found

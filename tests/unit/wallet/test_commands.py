"""Commands: their encoding in the journal, for older and newer processes too, and the rules of their kinds."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet.domain.attempts import Attempt, Question
from wallet.domain.commands import FINGERPRINT_BYTES, Command, Kind, Unpriced
from wallet.domain.entries import AuthorizationState, Wallet, WalletState
from wallet.domain.limits import Window
from wallet.domain.money import MICROS_MAX, within_bounds
from wallet.domain.pricing import Price
from wallet.domain.usage import Channel, Usage
from wallet.hot.operations import encode_command
from wallet.hot.replies import Reply, journaled
from wallet.hot.replies import proposal as proposal_of

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
MICROS = st.integers(-MICROS_MAX, MICROS_MAX)

USAGES = st.builds(
    Usage,
    channel=st.sampled_from(Channel),
    variant=TEXT,
    country=TEXT,
    quantity=st.integers(0, 2**31),
    campaign_id=TEXT,
    contact_id=TEXT,
)
PRICES = st.builds(
    Price,
    card=TEXT,
    version=st.integers(1, 2**40),
    rate=TEXT,
    effective_at=MICROS,
    unit_price=MICROS,
    used=st.integers(1, 10**9),
    billed=st.integers(1, 10**9),
    unit=st.sampled_from([1, 60]),
    connect_fee=MICROS,
    next=st.integers(1, 10**9),
)
COMMANDS = st.builds(
    Command,
    kind=st.sampled_from(Kind),
    company=TEXT,
    idempotency_key=TEXT,
    fingerprint=st.binary(min_size=FINGERPRINT_BYTES, max_size=FINGERPRINT_BYTES),
    amount=MICROS,
    usage=st.none() | USAGES,
    authorization=TEXT,
    ttl_seconds=st.integers(0, 2**31 - 1),
    keep_open=st.booleans(),
    late=st.booleans(),
    below_floor=st.booleans(),
    refunded_number=st.integers(0, 2**40),
    reference=TEXT,
    price=st.none() | PRICES,
    unpriced=st.none() | st.sampled_from(Unpriced),
    reason=TEXT,
    requested_by=TEXT,
)


@given(COMMANDS, st.integers(0, 2**50), st.integers(0, 2**50), MICROS, MICROS, st.integers(1, 2**52))
def test_p3_a_journal_entry_gives_back_the_attempt_that_was_written(
    command: Command, epoch: int, seq: int, amount: int, held_delta: int, applied_at: int
) -> None:
    """The command may have any bytes, colons and line ends among them."""
    change = f"{epoch}:{seq}:{amount}:{held_delta}:{applied_at}".encode()
    attempt = Attempt(command, Question.APPLIED, epoch, seq, amount, held_delta, applied_at)
    encoded = change + b":" + encode_command(command)
    assert journaled(encoded) == attempt
    assert proposal_of(command, b"A:" + change).attempt == attempt
    pending = proposal_of(command, b"P:" + encoded)
    assert (pending.reply, pending.attempt) == (Reply.PENDING, attempt)
    reused = proposal_of(command, b"R:" + encoded)
    assert (reused.reply, reused.other) == (Reply.REUSED, attempt)
    assert reused.attempt == Attempt(command, Question.KNOWN)


@pytest.mark.parametrize("rule", sorted({*Question} - {Question.APPLIED, Question.KNOWN}))
def test_p5_a_decline_carries_what_the_ledger_is_asked(rule: str) -> None:
    command = Command(Kind.CHARGE, "acme", "key", b"f" * FINGERPRINT_BYTES)
    proposal = proposal_of(command, f"D:{rule}:3:14:-100:5:77".encode())
    assert proposal.reply is Reply.DECLINED
    assert proposal.attempt == Attempt(command, Question(rule), 3, 14, -100, 5, declined_at=77)


def test_a_known_key_may_come_without_an_attempt() -> None:
    command = Command(Kind.AUTHORIZATION, "acme", "key", b"f" * FINGERPRINT_BYTES)
    assert proposal_of(command, b"K:").attempt == Attempt(command, Question.KNOWN)
    assert proposal_of(command, b"K:3:14").attempt == Attempt(command, Question.KNOWN, 3, 14)
    assert proposal_of(command, b"C").attempt is None


FIRST_BYTES = bytes.fromhex(
    "9d01a461636d65a56b65792d31c40c66696e6765727072696e7421cd01909601a0a2444503a0a0a000c2c2c200a0"
)
"""A charge of 400 as the first version of this service put it into journals. Never change these bytes."""


def test_p3_a_journal_of_the_first_version_can_be_read() -> None:
    command = msgspec.msgpack.decode(FIRST_BYTES, type=Command)
    assert command == Command(
        Kind.CHARGE,
        "acme",
        "key-1",
        b"fingerprint!",
        amount=400,
        usage=Usage(Channel.SMS, country="DE", quantity=3),
    )
    header_bytes = 3  # of an array with more than 15 elements; the first version's had a byte
    assert encode_command(command)[header_bytes:].startswith(FIRST_BYTES[1:])


@given(COMMANDS)
def test_p3_a_command_of_an_older_process_decodes_with_defaults(command: Command) -> None:
    """P3: fields that the older process does not know get their defaults."""
    values = msgspec.msgpack.decode(encode_command(command))
    required = 4
    for length in range(required, len(values) + 1):
        older = msgspec.msgpack.decode(msgspec.msgpack.encode(values[:length]), type=Command)
        names = Command.__struct_fields__
        assert [getattr(older, name) for name in names[:length]] == [getattr(command, name) for name in names[:length]]
        defaults = Command(older.kind, older.company, older.idempotency_key, older.fingerprint)
        assert all(getattr(older, name) == getattr(defaults, name) for name in names[length:])


@given(COMMANDS, st.lists(st.one_of(st.integers(0, 9), st.text("ab"), st.booleans()), min_size=1, max_size=3))
def test_p3_a_command_of_a_newer_process_decodes(command: Command, more: list[Any]) -> None:
    """P3: fields that are unknown here are ignored."""
    values = [*msgspec.msgpack.decode(encode_command(command)), *more]
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(values), type=Command) == command


@pytest.mark.parametrize(
    ("enum", "values"),
    [
        (
            Kind,
            {
                "CHARGE": 1,
                "TOP_UP": 2,
                "ADJUSTMENT": 3,
                "REFUND": 4,
                "AUTHORIZATION": 5,
                "INCREMENT": 6,
                "CAPTURE": 7,
                "VOID": 8,
                "EXPIRY": 9,
            },
        ),
        (Channel, {"SMS": 1, "WHATSAPP": 2, "VOICE": 3, "PHONE_NUMBER": 4}),
        (Window, {"HOUR": 1, "DAY": 2, "MONTH": 3}),
        (WalletState, {"ACTIVE": 1, "SUSPENDED": 2, "CLOSED": 3}),
        (AuthorizationState, {"OPEN": 1, "CAPTURED": 2, "VOIDED": 3, "EXPIRED": 4}),
    ],
)
def test_stored_values_are_never_renumbered(enum: Any, values: dict[str, int]) -> None:
    members = {member.name: member.value for member in enum}
    assert {name: members.get(name) for name in values} == values
    assert len(set(members.values())) == len(members)


@given(COMMANDS)
def test_p1_only_credits_and_what_a_person_forces_pass_the_floor_unchecked(command: Command) -> None:
    free = command.kind in (Kind.TOP_UP, Kind.REFUND, Kind.VOID, Kind.EXPIRY)
    forced = command.kind is Kind.ADJUSTMENT and command.below_floor
    assert command.checked is not (free or forced)


@given(COMMANDS)
def test_p4_which_commands_close_their_authorization(command: Command) -> None:
    """P4: a command closes its authorization unless that is kept open or was closed before."""
    ends = command.kind in (Kind.VOID, Kind.EXPIRY)
    captures = command.kind is Kind.CAPTURE and not command.keep_open and not command.late
    assert command.closes is (ends or captures)


@given(st.integers(-(2**60), 2**60))
def test_money_within_bounds_is_exact_as_a_double(micros: int) -> None:
    if within_bounds(micros):
        assert int(float(micros)) == micros
        assert within_bounds(-micros)
    else:
        assert abs(micros) > MICROS_MAX


@given(MICROS, MICROS, MICROS)
def test_p1_what_is_available_ends_at_the_floor(balance: int, held: int, floor: int) -> None:
    wallet = Wallet("acme", "EUR", balance, held, floor, WalletState.ACTIVE, 0)
    assert wallet.balance - wallet.held - wallet.available == floor

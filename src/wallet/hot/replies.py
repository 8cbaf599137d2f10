"""Replies of scripts/apply.lua, and entries of the journal."""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from wallet.domain.attempts import Attempt, Question
from wallet.domain.commands import Command

_decode_command = msgspec.msgpack.Decoder(Command).decode
_QUESTIONS = {question.value.encode(): question for question in Question}


class Reply(StrEnum):
    """The script's reply to a command; its header describes each."""

    APPLIED = "A"
    PENDING = "P"
    KNOWN = "K"
    REUSED = "R"
    COLD = "C"
    LATE = "L"
    DECLINED = "D"


class Proposal(msgspec.Struct, frozen=True, gc=False):
    """Redis's reply to a command. `attempt` is for the ledger to judge (None for COLD and LATE).

    For REUSED, `other` is the unsettled attempt of the request that has the key, if there is one.
    """

    reply: Reply
    attempt: Attempt | None = None
    other: Attempt | None = None


def proposal(command: Command, reply: bytes) -> Proposal:
    """Return the proposal in the script's reply to a command."""
    kind, _, rest = reply.partition(b":")
    match kind:
        case b"A":
            return Proposal(Reply.APPLIED, _applied(command, rest.split(b":")))
        case b"P":
            return Proposal(Reply.PENDING, journaled(rest))
        case b"K":
            known_epoch, _, known_seq = rest.partition(b":")
            return Proposal(Reply.KNOWN, Attempt(command, Question.KNOWN, int(known_epoch or 0), int(known_seq or 0)))
        case b"R":
            by_epoch, by_seq, *entry = rest.split(b":", 2)
            if entry:
                return Proposal(Reply.REUSED, Attempt(command, Question.KNOWN), journaled(rest))
            return Proposal(Reply.REUSED, Attempt(command, Question.KNOWN, int(by_epoch), int(by_seq)))
        case b"D":
            rule, *numbers = rest.split(b":")
            epoch, seq, amount, held_delta, at = [int(number) for number in numbers]
            return Proposal(Reply.DECLINED, Attempt(command, _QUESTIONS[rule], epoch, seq, amount, held_delta, 0, at))
        case b"L":
            return Proposal(Reply.LATE)
        case _:
            return Proposal(Reply.COLD)


def _applied(command: Command, change: list[bytes]) -> Attempt:
    epoch, seq, amount, held_delta, applied_at = map(int, change)
    return Attempt(command, Question.APPLIED, epoch, seq, amount, held_delta, applied_at)


def journaled(value: bytes) -> Attempt:
    """Return the attempt in a journal entry: "epoch:seq:amount:held delta:microseconds:" and the command's bytes."""
    *change, encoded = value.split(b":", 5)
    return _applied(_decode_command(encoded), change)


def attempts_of(proposals: Sequence[Proposal]) -> tuple[list[Attempt], list[int]]:
    """Return the attempts to judge, each once, and for each proposal the index of its attempt.

    Two requests of one cycle may be one attempt: the same key sent twice at once.
    """
    attempts: list[Attempt] = []
    places: list[int] = []
    applied: dict[tuple[str, int, int], int] = {}

    def place_of(attempt: Attempt) -> int:
        place = len(attempts)
        if attempt.applied_at:
            place = applied.setdefault((attempt.command.company, attempt.epoch, attempt.seq), place)
        if place == len(attempts):
            attempts.append(attempt)
        return place

    for proposal in proposals:
        assert proposal.attempt is not None
        places.append(place_of(proposal.attempt))
        if proposal.other is not None:
            place_of(proposal.other)
    return attempts, places

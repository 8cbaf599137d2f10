"""One attack in a process of its own: `python -m tests.security.attacker NAME HOST PORT`.

It attacks while `+` was the last word on standard input, rests after `-`, and ends with the input or after SECONDS_MAX.
Then it prints in JSON what it sent and what it saw.
"""

import json
import select
import sys
import time
from collections import Counter
from collections.abc import Generator
from functools import partial

from tests.security.attacks import ATTACKS, Attack
from tests.security.wire import Closed, Connection

SECONDS_MAX = 60.0
REST_SECONDS = 0.02
AFTER_CLOSED_SECONDS = 0.01
"""A server that closes connections costs the attacker a new one."""


def attack(chosen: Attack, address: tuple[str, int]) -> Counter[str]:
    """Attack as the input says; return what was sent and seen."""
    seen: Counter[str] = Counter()
    dial = partial(Connection, address, seen)
    steps = _nothing()
    attacking, owed, last = False, 0.0, time.monotonic()
    give_up_at = last + SECONDS_MAX
    while time.monotonic() < give_up_at:
        if select.select([sys.stdin], [], [], 0 if attacking else REST_SECONDS)[0]:
            word = sys.stdin.readline()
            if not word:
                break
            attacking, owed, last = word.strip() == "+", 0.0, time.monotonic()
        if not attacking:
            continue
        now = time.monotonic()
        owed, last = owed + (now - last) * chosen.per_second, now
        if owed < 1:
            time.sleep(1 / chosen.per_second)
            continue
        owed -= 1
        try:
            next(steps)
            seen["sent"] += 1
        except (Closed, StopIteration):
            time.sleep(AFTER_CLOSED_SECONDS)
            steps.close()
            steps = chosen.steps(dial)
    steps.close()
    return seen


def _nothing() -> Generator[None]:
    yield from ()


def main() -> None:
    """Attack, and print what was sent and seen."""
    name, host, port = sys.argv[1:]
    chosen = next(each for each in ATTACKS if each.name == name)
    print(json.dumps(attack(chosen, (host, int(port)))))


if __name__ == "__main__":
    main()

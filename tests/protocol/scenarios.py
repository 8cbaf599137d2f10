"""Which commands meet which misfortunes: small scenarios, each about one danger."""

from __future__ import annotations

from .model import Scenario
from .records import AUTHORIZE, CAPTURE, CHARGE, CREDIT, VOID, Budget, Command

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "charges",
        (
            Command("charge A", CHARGE, 4, key=0, submissions=2),
            Command("credit B", CREDIT, 3, key=1),
        ),
        balance=5,
        budget=Budget(flushes=1, crashes=1, expiries=1),
    ),
)
DEEP: tuple[Scenario, ...] = SCENARIOS

"""The number of examples of a property: few in every run, many on request.

HYPOTHESIS_PROFILE=deep runs for about half an hour.
"""

import os
from typing import Any

from hypothesis import HealthCheck, settings

_COMMON: dict[str, Any] = {
    "deadline": None,
    "database": None,
    "print_blob": True,
    # A fixture is one set of servers for all examples: each takes a company of its own.
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
}

settings.register_profile("quick", max_examples=40, stateful_step_count=30, **_COMMON)
settings.register_profile("deep", max_examples=2_000, stateful_step_count=60, **_COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

"""Search deeper than `make test` does: larger scenarios, each within a bound of states and seconds.

python -m tests.protocol                          every deep scenario, a few minutes and GB each at the most
python -m tests.protocol --quick                  those of `make test`
python -m tests.protocol floor loads              by name
python -m tests.protocol --without run_id         one safeguard taken out
python -m tests.protocol --states-max 20000000 --seconds-max 3600
"""

import argparse
import sys

from .explore import describe, explore
from .records import Safeguards
from .scenarios import DEEP, SCENARIOS

STATES_MAX = 3_000_000
SECONDS_MAX = 300.0


def main() -> int:
    """Explore from the command line; 1 where a promise is broken."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.protocol", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="scenarios, all of them by default")
    parser.add_argument("--quick", action="store_true", help="the scenarios of `make test`")
    parser.add_argument("--without", action="append", default=[], choices=Safeguards.names(), metavar="SAFEGUARD")
    parser.add_argument("--states-max", type=int, default=STATES_MAX)
    parser.add_argument("--seconds-max", type=float, default=SECONDS_MAX)
    options = parser.parse_args()
    guard = Safeguards(**dict.fromkeys(options.without, False))
    scenarios = {scenario.name: scenario for scenario in (SCENARIOS if options.quick else DEEP)}
    if unknown := set(options.names) - scenarios.keys():
        parser.error(f"no scenario {', '.join(sorted(unknown))}; there are: {', '.join(scenarios)}")
    broken = False
    for name in options.names or scenarios:
        result = explore(
            scenarios[name],
            guard,
            states_max=options.states_max,
            seconds_max=options.seconds_max,
            progress=not options.quick,
        )
        print(result, flush=True)
        if result.counterexample is not None:
            broken = True
            print(describe(result.counterexample, scenarios[name]))
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())

"""`python -m demos.half_minute`: run gateways, then compare all books with the wallets. `make demo` calls it.

Without --target it starts a service of its own (real Postgres and Valkey, admin, charging) on fresh data and stops it
afterwards. The exit status is 0 if the gateways' books agree with the wallets and VerifyLedger finds nothing, else 1.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import uvloop

from demos.half_minute.local import run_with_service
from demos.half_minute.run import Service, Settings, run
from devstack.errors import DevstackError

SECONDS = 30.0
SEED = 20_26
EXIT_INTERRUPTED = 130
"""The exit status of a program that Ctrl-C has ended, as in shells."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo with the options of the command line and return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        if options.target is None:
            return run_with_service(options.local, ["--seconds", str(options.seconds), "--seed", str(options.seed)])
        service = Service(options.target, options.admin_target, options.token_file)
        settings = Settings(options.seconds, options.seed, suffix=time.strftime("-%y%m%d-%H%M%S"))
        return uvloop.run(run(service, settings))
    except DevstackError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demos.half_minute", description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="seconds of traffic (default: %(default)g)")
    parser.add_argument("--seed", type=int, default=SEED, help="of the random traffic (default: %(default)s)")
    own = parser.add_argument_group("with a service of its own")
    own.add_argument(
        "--local",
        type=Path,
        default=Path(".local/demo"),
        help="where its data and logs are kept; emptied at start (default: %(default)s)",
    )
    running = parser.add_argument_group("with a service that is running")
    running.add_argument("--target", help="charging's host:port")
    running.add_argument("--admin-target", default="127.0.0.1:50052", help="admin's (default: %(default)s)")
    running.add_argument(
        "--token-file", type=Path, default=Path(".local/token"), help="the bearer token (default: %(default)s)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())

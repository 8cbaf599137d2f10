"""`python -m demos.month`: run a company's month on a service of its own. `make demo-month` calls it.

Postgres, Valkey, admin, charging, a Stripe server, a mail server and the company's webhook are started on this machine,
on fresh data, and stopped afterwards. The exit status is 0 if all books agree and VerifyLedger finds nothing, else 1.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from demos.half_minute.local import interrupted_by_signals
from demos.month.days import run
from demos.month.service import Service
from devstack.errors import DevstackError

EXIT_INTERRUPTED = 130
"""The exit status of a program that Ctrl-C has ended, as in shells."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo with the options of the command line and return the exit status."""
    output: Path = _parser().parse_args(arguments).output
    service = output / "service"
    try:
        output.mkdir(parents=True, exist_ok=True)
        print(f"starting the service; files go to {output}, data and logs to {service}", flush=True)
        with interrupted_by_signals(), Service(service, output / "mails") as running:
            return run(running, output)
    except (DevstackError, OSError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demos.month", description=__doc__)
    parser.add_argument(
        "--output",
        type=Path,
        default=Path(".local/demo-month"),
        help="where statement, documents and mails go; files of an earlier run are replaced (default: %(default)s)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())

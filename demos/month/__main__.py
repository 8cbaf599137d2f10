"""`python -m demos.month`: play a month of a company's life on a service of its own. `make demo-month` calls it.

Postgres, Valkey, admin, charging, a Stripe server, a mail server and the company's webhook are started on this machine,
on fresh data, and stopped afterwards. The exit status is 0 if everything adds up, by VerifyLedger too, else 1.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from demos.half_minute.local import terminable
from demos.month.days import play
from demos.month.service import Service
from devstack.errors import DevstackError

EXIT_INTERRUPTED = 130
"""As shells count a program that Ctrl-C has ended."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Play as the command line says and return the exit status."""
    output: Path = _parser().parse_args(arguments).output
    service = output / "service"
    try:
        output.mkdir(parents=True, exist_ok=True)
        print(f"starting the service; files go to {output}, data and logs to {service}", flush=True)
        with terminable(), Service(service, output / "mails") as running:
            return play(running, output)
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
        help="where statement, documents and mails go; what an earlier month left there is replaced "
        "(default: %(default)s)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())

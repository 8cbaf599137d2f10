"""`python -m devstack run` serves from this directory until Ctrl-C; see `run`."""

import argparse
import os
import sys
from pathlib import Path

from devstack.run import run


def main() -> int:
    """Run with the options of the command line and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m devstack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("run", help="serve from this directory until Ctrl-C")
    command.add_argument(
        "--local",
        type=Path,
        default=Path(".local"),
        help="directory of data, logs and the token (default: %(default)s)",
    )
    command.add_argument(
        "--with-parent",
        action="store_true",
        help="stop when the process that started this one ends",
    )
    options = parser.parse_args()
    return run(os.environ, local_directory=options.local, with_parent=options.with_parent)


if __name__ == "__main__":
    sys.exit(main())

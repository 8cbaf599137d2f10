"""Lint every *.sql file with sqruff, by the rules of .sqruff.

    python -m tools.sql    exit 1 where a file breaks a rule

It passes over the few statements that it cannot parse: whether a statement is right is for the tests, which run it.

Files of named blocks (see wallet/ledger/queries.py) have statements without a semicolon. sqruff reads copies in which
each block ends with one: lines and columns are those of the file.
"""

import re
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

from tools.stubs import ROOT

SQRUFF = Path(sys.executable).with_name("sqruff")
_BLOCK = re.compile(r"^-- [a-z_]+ --$")


def with_semicolons(sql: str) -> str:
    """Return SQL in which the last line of each named block ends with a semicolon."""
    lines = sql.splitlines()
    starts = [number for number, line in enumerate(lines) if _BLOCK.match(line)]
    for start, end in pairwise([*starts, len(lines)]):
        last = max(number for number in range(start, end) if lines[number].strip())
        lines[last] += ";"
    return "\n".join(lines) + "\n" * sql.endswith("\n")


def main() -> int:
    """Lint; return the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        for path in sorted((ROOT / "src").rglob("*.sql")):
            copy = Path(folder) / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(with_semicolons(path.read_text()))
        arguments = ["--ignore-local-config", "--config", str(ROOT / ".sqruff"), "lint", "src"]
        done = subprocess.run([SQRUFF, *arguments], check=False, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
    return 1 if done.returncode else 0


if __name__ == "__main__":
    sys.exit(main())

"""The statements of queries/*.sql, by name.

A file holds blocks: a line `-- name --`, further comment lines that describe it, then the statement.
"""

import re
from functools import cache
from importlib.resources import files

_BLOCK = re.compile(r"^-- ([a-z_]+) --\n", re.MULTILINE)


@cache
def load(name: str) -> dict[str, str]:
    """Return the statements of queries/<name>.sql by the names of their blocks."""
    text = (files("wallet.ledger") / "queries" / f"{name}.sql").read_text()
    _, *parts = _BLOCK.split(text)
    return dict(zip(parts[::2], (part.strip() for part in parts[1::2]), strict=True))

"""The SQL statements of a module, by name.

They lie beside the module, in a file of its name: `store.py` has those of `store.sql`. The file holds blocks: a line
`-- name --`, further comment lines that describe the statement, then the statement.
"""

import re
from functools import cache
from importlib.resources import files

_BLOCK = re.compile(r"^-- ([a-z_]+) --\n", re.MULTILINE)


@cache
def load(module: str) -> dict[str, str]:
    """Return the statements beside a module, which is named as its `__name__` is, by the names of their blocks."""
    package, _, name = module.rpartition(".")
    text = (files(package) / f"{name}.sql").read_text()
    _, *parts = _BLOCK.split(text)
    return dict(zip(parts[::2], (part.strip() for part in parts[1::2]), strict=True))

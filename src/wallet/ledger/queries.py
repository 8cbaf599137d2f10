"""The SQL statements of a module, by name.

They are in a file beside the module with the same name: `store.py` uses `store.sql`. The file has blocks: a line
`-- name --`, further comment lines that describe the statement, then the statement.

Stored codes, such as the kinds of entries, have one owner: an enum of the domain. A file writes them as Python does,
`kind IN (Kind.CHARGE, Kind.CAPTURE)`, and they are replaced by their numbers when the file is read. So Postgres gets
literals, which partial indexes need, and a name that does not exist fails at import.

A function for each code (`kind_charge()`, immutable) was measured on the append: as fast, within 1 %, but a second list
that the database has to have first. A type of Postgres would rewrite every table that has a code, entries first.
"""

import re
from collections.abc import Sequence
from enum import IntEnum
from functools import cache
from importlib.resources import files

_BLOCK = re.compile(r"^-- ([a-z_]+) --\n", re.MULTILINE)
_CODE = re.compile(r"(?<![\w.])([A-Z]\w+)\.([A-Z][A-Z0-9_]*)\b")

Codes = type[IntEnum]


@cache
def load(module: str, *codes: Codes) -> dict[str, str]:
    """Return the statements of the file beside `module` (its `__name__`), by the names of their blocks.

    `codes` are the enums that the statements name. Raises ValueError as `with_numbers` does.
    """
    package, _, name = module.rpartition(".")
    text = with_numbers((files(package) / f"{name}.sql").read_text(), codes)
    _, *parts = _BLOCK.split(text)
    return dict(zip(parts[::2], (part.strip() for part in parts[1::2]), strict=True))


def with_numbers(sql: str, codes: Sequence[Codes]) -> str:
    """Return SQL with each code, as in `Kind.CHARGE`, replaced by its number.

    Raises ValueError if none of `codes` has the name, and if one of `codes` is not used.
    """
    enums = {enum.__name__: enum for enum in codes}
    used = set()

    def number(match: re.Match[str]) -> str:
        enum, name = match.groups()
        if enum not in enums or name not in enums[enum].__members__:
            raise ValueError(f"SQL names {match[0]}, which is no code of: {', '.join(enums) or 'no enum'}")
        used.add(enum)
        return str(enums[enum][name].value)

    text = _CODE.sub(number, sql)
    if used != enums.keys():
        raise ValueError(f"SQL names no code of {', '.join(sorted(enums.keys() - used))}")
    return text

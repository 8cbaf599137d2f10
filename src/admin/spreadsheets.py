"""CSV that people open in a spreadsheet: text in it never becomes a formula."""

import csv
import re
from collections.abc import Callable, Iterable

_FORMULA = re.compile(r"[\s']*[=+\-@＝＋－＠]")
"""How a cell begins that a spreadsheet would calculate, or that was kept from it already."""


class _Line:
    """Where a csv writer writes: the line comes back from `writerow`."""

    def write(self, line: str) -> str:
        return line


def line_writer() -> Callable[[Iterable[object]], str]:
    """Return what makes a line of CSV, with its end, of cells. Cells with text from outside go through `text_cell`."""
    return csv.writer(_Line(), lineterminator="\n").writerow


def text_cell(text: str) -> str:
    """Return a text as a cell that no spreadsheet takes for a formula: where it would, with an apostrophe before it."""
    return "'" + text if _FORMULA.match(text) else text


def text_in_cell(cell: str) -> str:
    """Return the text that `text_cell` made the cell of."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell

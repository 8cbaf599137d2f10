"""CSV for spreadsheets, in which no text becomes a formula."""

import csv
import re
from collections.abc import Callable, Iterable

_FORMULA = re.compile(r"[\s']*[=+\-@＝＋－＠]")
"""The beginning of a cell that a spreadsheet would calculate, or that is escaped already."""


class _Line:
    """A file for csv.writer, whose `writerow` returns the line."""

    def write(self, line: str) -> str:
        return line


def line_writer() -> Callable[[Iterable[object]], str]:
    """Return a function that formats cells as a line of CSV with its line end. Escape foreign text by `text_cell`."""
    return csv.writer(_Line(), lineterminator="\n").writerow


def text_cell(text: str) -> str:
    """Return a text as a cell, with an apostrophe before it if a spreadsheet would take it for a formula."""
    return "'" + text if _FORMULA.match(text) else text


def text_in_cell(cell: str) -> str:
    """Return the text of a cell: the inverse of `text_cell`."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell

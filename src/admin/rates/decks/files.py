"""Rows of a CSV file: detection of its encoding and delimiter, and limits on bytes, rows and lines."""

import codecs
import csv
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from io import BytesIO, TextIOWrapper

DECK_BYTES_MAX = 64 * 1024 * 1024
DECK_ROWS_MAX = 250_000
LINE_LENGTH_MAX = 64 * 1024
"""In characters."""
ROW_LINES_MAX = 100
"""In a row of more lines a quote does not close."""

DELIMITERS = ",;\t|"

_BYTE_ORDER_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}

Row = tuple[int, list[str]]
"""The line where a row begins, from 1, and its cells."""


class BadFile(ValueError):
    """The file cannot be read any further than `line`. The text says why."""

    def __init__(self, line: int, description: str) -> None:
        """Describe the problem at a line, from 1."""
        super().__init__(description)
        self.line = line


def read_rows(data: bytes, score: Callable[[Sequence[str]], int]) -> Iterator[Row]:
    """Yield the rows of a file, its header first; empty rows are skipped.

    The delimiter is the one whose header has the highest `score`, then the one with the most cells in it. Raises
    BadFile at the start or at any row.
    """
    if len(data) > DECK_BYTES_MAX:
        raise BadFile(1, f"the file has {len(data)} bytes: at most {DECK_BYTES_MAX}")
    encoding = _encoding_of(data)
    delimiter = _delimiter_of(data, encoding, score)
    _check_size(data, encoding, delimiter)
    yield from _rows(data, encoding, delimiter)


def _encoding_of(data: bytes) -> str:
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS.items() if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = _line_after(error.object[: error.start].decode(encoding, "ignore"))
        name = encoding.removesuffix("-sig").upper()
        raise BadFile(
            line, f"byte 0x{error.object[error.start]:02X} is not valid {name}: save the deck as UTF-8"
        ) from error
    if (nul := text.find("\0")) >= 0:
        raise BadFile(_line_after(text[:nul]), "the character NUL is in it: save the deck as UTF-8")
    return encoding


def _line_after(text: str) -> int:
    return 1 + (text.count("\n") or text.count("\r"))


def _delimiter_of(data: bytes, encoding: str, score: Callable[[Sequence[str]], int]) -> str:
    best: tuple[int, int, str] | None = None
    failed: BadFile | None = None
    for delimiter in DELIMITERS:
        try:
            header = next(_rows(data, encoding, delimiter), None)
        except BadFile as error:
            failed = failed or error
            continue
        if header is None:
            raise BadFile(1, "the deck is empty: it must have a header line and rows")
        found = score(header[1]), len(header[1])
        if best is None or found > best[:2]:
            best = *found, delimiter
    if best is None:
        assert failed is not None
        raise failed
    return best[2]


def _check_size(data: bytes, encoding: str, delimiter: str) -> None:
    """Raise BadFile if there are too many rows, before any of them is parsed. Few lines need no count."""
    if max(data.count(b"\n"), data.count(b"\r")) <= DECK_ROWS_MAX:
        return
    try:
        for count, (line, _) in enumerate(_rows(data, encoding, delimiter, blank=True)):
            if count > DECK_ROWS_MAX:
                raise BadFile(line, f"the deck has more than {DECK_ROWS_MAX} rows, empty ones counted: divide it")
    except _BadCsv:
        return  # Reading the rows reports the same error, after the rows before it.


class _BadCsv(BadFile):
    """A quote is misplaced, or a row or line is too long."""


class _LineCounter:
    """The number of lines of the current row."""

    lines = 0


def _rows(data: bytes, encoding: str, delimiter: str, *, blank: bool = False) -> Iterator[Row]:
    begins = 1
    row = _LineCounter()
    with TextIOWrapper(BytesIO(data), encoding, newline="") as text:
        reader = csv.reader(_lines(text, row), delimiter=delimiter, strict=True, skipinitialspace=True)
        try:
            for cells in reader:
                if blank or any(map(str.strip, cells)):
                    yield begins, cells
                begins += row.lines
                row.lines = 0
        except csv.Error as error:
            raise _BadCsv(begins, f"a quote is misplaced, or does not close: {error}") from error
        except OverflowError as error:
            raise _BadCsv(begins, str(error)) from error


def _lines(text: TextIOWrapper, row: _LineCounter) -> Iterator[str]:
    for line in iter(partial(text.readline, LINE_LENGTH_MAX + 1), ""):
        row.lines += 1
        if row.lines > ROW_LINES_MAX:
            raise OverflowError(f"a row of more than {ROW_LINES_MAX} lines begins here: a quote does not close")
        if len(line) > LINE_LENGTH_MAX:
            raise OverflowError(f"a line of more than {LINE_LENGTH_MAX} characters is in the row that begins here")
        yield line

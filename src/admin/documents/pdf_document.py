"""The layout of PDF documents: font, lines, headings, tables, and a footer with page numbers.

The same content makes the same bytes: the only time in it is the document's own, and fpdf2 adds nothing random. The
font has Latin, Cyrillic, Greek, Armenian and Georgian letters. Others, such as Chinese ones, are printed as boxes.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.resources import as_file, files

from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import FontFace

_FONTS = files("admin.documents") / "fonts"
_FONT = "DejaVuSans"
_MARGIN_MM = 20
_LINE_MM = 5.5
_GREY = 110


class PdfDocument(FPDF):
    """A document in A4. Lengths are in millimetres."""

    def __init__(self, *, title: str, at: int, footer: str) -> None:
        """Begin the first page. `at` is the document's own time, in microseconds since the epoch."""
        super().__init__(format="A4")
        self._footer = footer
        with as_file(_FONTS) as folder:
            self.add_font(_FONT, "", folder / "DejaVuSans.ttf")
            self.add_font(_FONT, "B", folder / "DejaVuSans-Bold.ttf")
        self.set_margin(_MARGIN_MM)
        self.set_auto_page_break(auto=True, margin=_MARGIN_MM + 10)
        self.set_creation_date(datetime.fromtimestamp(at // 1_000_000, UTC))
        self.set_title(title)
        self.set_font(_FONT, size=9)
        self.add_page()

    def footer(self) -> None:
        """Write the footer text and the page number. fpdf2 calls this for each page."""
        self.set_y(-_MARGIN_MM)
        self.set_font(_FONT, size=7)
        self.set_text_color(_GREY)
        if self._footer:
            self.multi_cell(0, 3.5, self._footer, align="C", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.cell(0, 3.5, f"{self.page_no()} / {{nb}}", align="R")
        self.set_text_color(0)
        self.set_font(_FONT, size=9)

    def add_lines(self, lines: Sequence[str], *, bold_first: bool = False) -> None:
        """Write lines one below the other, without empty ones."""
        for index, line in enumerate(line for line in lines if line):
            self.set_font(style="B" if bold_first and not index else "")
            self.multi_cell(0, _LINE_MM, line, new_x=XPos.LMARGIN, new_y=YPos.NEXT, align="L")
        self.set_font(style="")

    def add_heading(self, text: str, size: int = 12) -> None:
        """Write a heading."""
        self.ln(_LINE_MM)
        self.set_font(style="B", size=size)
        self.multi_cell(0, size * 0.55, text, new_x=XPos.LMARGIN, new_y=YPos.NEXT, align="L")
        self.set_font(style="", size=9)
        self.ln(2)

    def add_facts(self, facts: Sequence[tuple[str, str]]) -> None:
        """Write names and values side by side, without those whose value is empty."""
        for name, value in facts:
            if value:
                self.set_text_color(_GREY)
                self.cell(45, _LINE_MM, name)
                self.set_text_color(0)
                self.multi_cell(0, _LINE_MM, value, new_x=XPos.LMARGIN, new_y=YPos.NEXT, align="L")

    def add_table(
        self, head: Sequence[str], rows: Sequence[Sequence[str]], *, widths: Sequence[int], bold: frozenset[int]
    ) -> None:
        """Write a table: the first column is aligned left, the others right. `bold` has the indexes of bold rows."""
        bold_face = FontFace(emphasis="BOLD")
        with self.table(
            col_widths=tuple(widths),
            text_align=("LEFT", *["RIGHT"] * (len(widths) - 1)),
            line_height=_LINE_MM,
            borders_layout="HORIZONTAL_LINES",
            headings_style=bold_face,
            first_row_as_headings=bool(head),
        ) as table:
            if head:
                table.row(head)
            for index, cells in enumerate(rows):
                table.row(cells, style=bold_face if index in bold else None)

    def to_bytes(self) -> bytes:
        """Return the PDF file."""
        return bytes(self.output())

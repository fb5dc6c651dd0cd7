"""Tables as files: CSV for programs and Excel, XLSX for people.

What is text stays text, whatever it looks like: no cell is computed by whoever opens the file. A file has the numbers as
they are; a workbook shows shares as percentages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from io import BytesIO

from flask import Response
from xlsxwriter import Workbook

from blueprints.edge.files import CSV, XLSX, send_file
from blueprints.monitor.spoken import spoken_unit
from rules.clock import ZONE
from rules.csv_text import Cell, write_lines

SAFE = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
FORMATS = ("csv", "xlsx")
PERCENT, DECIMAL = "0.0%", "0.00"
NUMBER_FORMATS = {"share": PERCENT, "mean": DECIMAL, "per_thousand": DECIMAL}
TABLE_ROW = 4  #: below title, place and period, moment, and an empty line
FIRST_WIDTH, WIDTH = 28, 16
#: The same file, whenever it is made.
MADE_AT = datetime(2000, 1, 1)  # noqa: DTZ001  xlsxwriter's own form


@dataclass(frozen=True, slots=True)
class Heading:
    """A column's title; `unit` decides how a workbook shows its numbers."""

    title: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table with its words in the caller's language."""

    title: str
    subtitle: str  #: the place and the period
    as_of: datetime
    headings: Sequence[Heading]
    rows: Sequence[Sequence[Cell | date]]
    name: str = field(default="")  #: of the file, without its ending; the title unless it is given


def send_sheet(sheet: Sheet, form: str) -> Response:
    """The table as a file of one of FORMATS, to be saved."""
    moment = sheet.as_of.astimezone(ZONE)
    name = f"{sheet.name or sheet.title} {moment:%Y-%m-%d %H%M}.{form}"
    if form == "csv":
        return send_file(as_csv(sheet), CSV, name=name, inline=False)
    return send_file(as_workbook(sheet), XLSX, name=name, inline=False)


def as_csv(sheet: Sheet) -> bytes:
    """A line of headings, then a line for each row."""
    headings = [_with_unit(heading) for heading in sheet.headings]
    return write_lines([headings, *([_plain(cell) for cell in row] for row in sheet.rows)]).encode()


def as_workbook(sheet: Sheet) -> bytes:
    """The bytes of an .xlsx."""
    content = BytesIO()
    with Workbook(content, SAFE) as book:
        book.set_properties({"created": MADE_AT, "title": sheet.title})
        page = book.add_worksheet()
        bold = book.add_format({"bold": True})
        shapes = {shape: book.add_format({"num_format": shape}) for shape in (PERCENT, DECIMAL)}
        page.write_string(0, 0, sheet.title, bold)
        page.write_string(1, 0, sheet.subtitle)
        page.write_string(2, 0, f"{sheet.as_of.astimezone(ZONE):%Y-%m-%d %H:%M:%S}")
        page.set_column(0, 0, FIRST_WIDTH)
        page.set_column(1, max(len(sheet.headings) - 1, 1), WIDTH)
        for column, heading in enumerate(sheet.headings):
            page.write_string(TABLE_ROW, column, _with_unit(heading), bold)
        for n, row in enumerate(sheet.rows, start=TABLE_ROW + 1):
            for column, value in enumerate(row):
                cell = _plain(value)
                if isinstance(cell, str):
                    page.write_string(n, column, cell)
                elif cell is not None:
                    shape = NUMBER_FORMATS.get(sheet.headings[column].unit)
                    page.write_number(n, column, cell, shapes.get(shape))
        page.freeze_panes(TABLE_ROW + 1, 1)
    return content.getvalue()


def _with_unit(heading: Heading) -> str:
    unit = spoken_unit(heading.unit)
    return f"{heading.title}（{unit}）" if unit else heading.title


def _plain(cell: Cell | date) -> Cell:
    if isinstance(cell, datetime):
        return f"{cell.astimezone(ZONE):%Y-%m-%d %H:%M:%S}"
    if isinstance(cell, bool):
        return int(cell)
    return str(cell) if isinstance(cell, date) else cell

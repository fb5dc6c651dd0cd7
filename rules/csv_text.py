"""CSV text: what people send, read line by line and cell by cell, and what is given out. Pure.

UTF-8; a byte order mark, Windows' line ends, quoted cells and empty lines are fine. A cell is text, also when it begins with
"=": nothing is computed. Days are written 2026-03-05 or, as Excel does in China, 2026/3/5.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date
from typing import TypeAlias

BYTE_ORDER_MARK = "\ufeff"

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_WHOLE_NUMBER = re.compile(r"[1-9][0-9]{0,18}")
_DAY = re.compile(r"([0-9]{4})([-/])([0-9]{1,2})\2([0-9]{1,2})")


class LineUnreadable(ValueError):
    """A line that is no CSV, or has control characters."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


def read_lines(text: str) -> list[tuple[int, list[str]]]:
    """The lines that aren't empty, each with its number and its cells without spaces around them.

    Raises LineUnreadable.
    """
    text = unicodedata.normalize("NFC", text.removeprefix(BYTE_ORDER_MARK))
    if found := _CONTROL.search(text):
        raise LineUnreadable(text.count("\n", 0, found.start()) + 1)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    lines: list[tuple[int, list[str]]] = []
    before = 0
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                lines.append((before + 1, cells))
            before = reader.line_num
    except csv.Error:
        raise LineUnreadable(before + 1) from None
    return lines


def read_number(text: str, most: int) -> int | None:
    """A whole number from 1 on, or None."""
    return int(text) if _WHOLE_NUMBER.fullmatch(text) and int(text) <= most else None


def read_day(text: str) -> date | None:
    """A day, or None."""
    found = _DAY.fullmatch(text)
    if found is None:
        return None
    try:
        return date(int(found[1]), int(found[3]), int(found[4]))
    except ValueError:
        return None


#: What a spreadsheet takes for the beginning of a formula, full-width forms included.
_BEGINS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
Cell: TypeAlias = "str | int | float | None"


def write_lines(lines: Iterable[Sequence[Cell]]) -> str:
    """CSV as Excel opens it: with a byte order mark and Windows' line ends. A text that looks like a formula stays text.

    Numbers are written as they are; before a text that begins like a formula stands an apostrophe.
    """
    written = io.StringIO(newline="")
    written.write(BYTE_ORDER_MARK)
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerows([_written(cell) for cell in line] for line in lines)
    return written.getvalue()


def _written(cell: Cell) -> str | int | float:
    if cell is None:
        return ""
    if not isinstance(cell, str):
        return cell
    text = _CONTROL.sub("", cell)
    return f"'{text}" if text.startswith(_BEGINS_FORMULA) else text

"""Files of awards: CSV text, read line by line. Pure: what can be said of a file without asking the database.

ref,resident_id,amount,occurred_on,reason
2026-春季-001,123456789012345678,20,2026-03-05,学雷锋日志愿服务

The first line is the header, as above. UTF-8; a byte order mark, Windows' line ends, quoted cells and empty lines are
fine. A cell is text, also when it begins with "=": nothing is computed. Days are written 2026-03-05 or, as Excel does
in China, 2026/3/5.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from rules.errors import Kind, RuleError
from rules.ids import ID_MAX
from rules.rulebook.sections.common import AMOUNT_MAX

BYTE_ORDER_MARK = "\ufeff"
HEADER = ("ref", "resident_id", "amount", "occurred_on", "reason")
ROWS_MAX = 2_000
REF_LENGTH_MAX = 64
REASON_LENGTH_MAX = 200

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_WHOLE_NUMBER = re.compile(r"[1-9][0-9]{0,18}")
_DAY = re.compile(r"([0-9]{4})([-/])([0-9]{1,2})\2([0-9]{1,2})")


class FileUnreadable(RuleError):
    code = "import.unreadable"
    kind = Kind.INVALID
    zh = "文件第 {line} 行无法按 CSV 读取：须为 UTF-8 文本，引号成对，且不含控制字符。"
    en = "Line {line} of the file can't be read as CSV: it must be UTF-8 text with paired quotes and no control characters."


class HeaderWrong(RuleError):
    code = "import.header_wrong"
    kind = Kind.INVALID
    zh = "文件第一行必须是：ref,resident_id,amount,occurred_on,reason。"
    en = "The file's first line must be: ref,resident_id,amount,occurred_on,reason."


class FileEmpty(RuleError):
    code = "import.empty"
    kind = Kind.INVALID
    zh = "文件里没有任何记录。"
    en = "There are no rows in the file."


class TooManyRows(RuleError):
    code = "import.too_many_rows"
    kind = Kind.INVALID
    zh = "一个文件最多 {most} 行记录，请拆分后再导入。"
    en = "A file has {most} rows at most. Please split it."


class RowResult(StrEnum):
    """What becomes of a row. The words below the line are problems: such a row can't be booked."""

    BOOKED = "booked"
    ALREADY_BOOKED = "already_booked"  #: it was paid before, just so, by another file
    WAITING = "waiting"  #: for a second person, with its file
    DECLINED = "declined"  #: with its file
    # ——
    COLUMNS_WRONG = "columns_wrong"  #: not five cells
    REF_MISSING = "ref_missing"  #: none, or longer than 64 characters
    REF_REPEATED = "ref_repeated"  #: an earlier line of the file has it
    REF_TAKEN = "ref_taken"  #: it was paid before, for something else
    RESIDENT_UNKNOWN = "resident_unknown"
    AMOUNT_INVALID = "amount_invalid"  #: not a whole number from 1 to 1,000,000
    DAY_INVALID = "day_invalid"  #: no day, before the first rulebook, or so long ago that the points have lapsed
    DAY_IN_FUTURE = "day_in_future"
    REASON_MISSING = "reason_missing"  #: none, or longer than 200 characters


@dataclass(frozen=True, slots=True)
class Award:
    """One row. What can't be read is None, and then there is a problem."""

    line: int  #: of the file; the header is 1
    ref: str
    resident_id: int | None
    amount: int | None
    occurred_on: date | None
    reason: str
    problem: RowResult | None = None  #: why it can't be booked (any more)


def read_awards(text: str) -> list[Award]:
    """The rows of a file, 1 to ROWS_MAX of them. Raises FileUnreadable, HeaderWrong, FileEmpty, TooManyRows."""
    lines = _read_lines(unicodedata.normalize("NFC", text.removeprefix(BYTE_ORDER_MARK)))
    if not lines:
        raise FileEmpty
    if tuple(lines[0][1]) != HEADER:
        raise HeaderWrong
    if len(lines) == 1:
        raise FileEmpty
    if len(lines) - 1 > ROWS_MAX:
        raise TooManyRows(most=f"{ROWS_MAX:,}")
    awards: list[Award] = []
    refs: set[str] = set()
    for number, cells in lines[1:]:
        award = _award(number, cells, refs)
        if award.problem not in (RowResult.COLUMNS_WRONG, RowResult.REF_MISSING):
            refs.add(award.ref)
        awards.append(award)
    return awards


def _read_lines(text: str) -> list[tuple[int, list[str]]]:
    """The lines that aren't empty, each with its number and its cells without spaces around them."""
    if found := _CONTROL.search(text):
        raise FileUnreadable(line=text.count("\n", 0, found.start()) + 1)
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
        raise FileUnreadable(line=before + 1) from None
    return lines


def _award(line: int, cells: list[str], refs: set[str]) -> Award:
    """A row as far as it can be read. `refs`: those of the lines before it."""
    if len(cells) != len(HEADER):
        return Award(line, cells[0][:REF_LENGTH_MAX], None, None, None, "", RowResult.COLUMNS_WRONG)
    ref, resident, amount_text, day, reason = cells
    resident_id = _number(resident, ID_MAX)
    amount = _number(amount_text, AMOUNT_MAX)
    occurred_on = _day(day)
    problem: RowResult | None = None
    if not 0 < len(ref) <= REF_LENGTH_MAX:
        problem = RowResult.REF_MISSING
    elif ref in refs:
        problem = RowResult.REF_REPEATED
    elif resident_id is None:
        problem = RowResult.RESIDENT_UNKNOWN
    elif amount is None:
        problem = RowResult.AMOUNT_INVALID
    elif occurred_on is None:
        problem = RowResult.DAY_INVALID
    elif not 0 < len(reason) <= REASON_LENGTH_MAX:
        problem = RowResult.REASON_MISSING
    return Award(line, ref[:REF_LENGTH_MAX], resident_id, amount, occurred_on, reason[:REASON_LENGTH_MAX], problem)


def _number(text: str, most: int) -> int | None:
    return int(text) if _WHOLE_NUMBER.fullmatch(text) and int(text) <= most else None


def _day(text: str) -> date | None:
    found = _DAY.fullmatch(text)
    if found is None:
        return None
    try:
        return date(int(found[1]), int(found[3]), int(found[4]))
    except ValueError:
        return None

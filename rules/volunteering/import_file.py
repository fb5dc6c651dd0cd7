"""Files of hours from another system: CSV text, read line by line. Pure.

ref,resident_id,minutes,served_on,description
ZJ-2026-0001,123456789012345678,120,2026-03-05,学雷锋日清扫

The first line is the header, as above. `ref` is what the other system calls the record: it counts once, in whatever file it
stands.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.volunteering import DAY_MINUTES
from rules.csv_text import LineUnreadable, read_day, read_lines, read_number
from rules.ids import ID_MAX
from rules.points.award_file import FileEmpty, FileUnreadable, TooManyRows
from rules.volunteering.entries import Entry
from rules.volunteering.limits import DESCRIPTION_LENGTH_MAX, RECORDS_MAX
from rules.volunteering.refusals import FileHeaderWrong, RecordProblem

HEADER = ("ref", "resident_id", "minutes", "served_on", "description")
REF_LENGTH_MAX = 64


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file: an entry, or why it is none."""

    number: int  #: the header is 1
    ref: str
    entry: Entry | None
    problem: RecordProblem | None = None


def read_file(text: str) -> list[Line]:
    """The lines of a file, 1 to RECORDS_MAX. Raises FileUnreadable, FileHeaderWrong, FileEmpty, TooManyRows."""
    try:
        lines = read_lines(text)
    except LineUnreadable as error:
        raise FileUnreadable(line=error.line) from None
    if not lines:
        raise FileEmpty
    if tuple(lines[0][1]) != HEADER:
        raise FileHeaderWrong
    if len(lines) == 1:
        raise FileEmpty
    if len(lines) - 1 > RECORDS_MAX:
        raise TooManyRows(most=RECORDS_MAX)
    read: list[Line] = []
    refs: set[str] = set()
    for number, cells in lines[1:]:
        line = _line(number, cells, refs)
        if line.problem not in (RecordProblem.COLUMNS_WRONG, RecordProblem.REF_MISSING):
            refs.add(line.ref)
        read.append(line)
    return read


def _line(number: int, cells: list[str], refs: set[str]) -> Line:
    """A line as far as it can be read. `refs`: those of the lines before it."""
    if len(cells) != len(HEADER):
        return Line(number, cells[0][:REF_LENGTH_MAX], None, RecordProblem.COLUMNS_WRONG)
    ref, resident, minutes_text, day, description = cells
    resident_id, minutes, served_on = (
        read_number(resident, ID_MAX),
        read_number(minutes_text, DAY_MINUTES),
        read_day(day),
    )
    if not 0 < len(ref) <= REF_LENGTH_MAX:
        return Line(number, ref[:REF_LENGTH_MAX], None, RecordProblem.REF_MISSING)
    if ref in refs:
        return Line(number, ref, None, RecordProblem.REF_REPEATED)
    if resident_id is None:
        return Line(number, ref, None, RecordProblem.RESIDENT_UNKNOWN)
    if minutes is None:
        return Line(number, ref, None, RecordProblem.MINUTES_INVALID)
    if served_on is None:
        return Line(number, ref, None, RecordProblem.DAY_INVALID)
    if not 0 < len(description) <= DESCRIPTION_LENGTH_MAX:
        return Line(number, ref, None, RecordProblem.DESCRIPTION_MISSING)
    return Line(number, ref, Entry(resident_id, minutes, served_on, description, ref=ref))

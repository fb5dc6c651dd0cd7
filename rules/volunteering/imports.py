"""Hours of another system, from a file. They are kept apart from what was signed for and from what staff write down here.

A line is named by its author (`ref`) and counts once, in whatever file it stands; what was voided or declined may come
again. The same file, to the letter, is the same batch and gets the same answer. Lines with a problem are listed and left
out; all others are kept together. What a file brings is numbered and flagged as what staff write down by hand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sqlalchemy import bindparam, select

from models.volunteering import BATCH, LIVE, RECORD, Provenance
from rules.csv_text import BYTE_ORDER_MARK
from rules.residents.identity import Forbidden
from rules.sets import is_text_in
from rules.volunteering.entries import Judged, judge, keep, take_days
from rules.volunteering.import_file import Line, read_file
from rules.volunteering.records import BatchView, show_batch, told_of
from rules.volunteering.refusals import BatchUnknown, RecordProblem
from rules.work import Work

_same_file = select(BATCH.c.id).where(BATCH.c.town_id == bindparam("town"), BATCH.c.file_hash == bindparam("hash"))
_refs_taken = select(RECORD.c.source_ref).where(
    RECORD.c.town_id == bindparam("town"),
    RECORD.c.provenance == Provenance.IMPORTED,
    is_text_in(RECORD.c.source_ref, "refs"),
    RECORD.c.status.in_(LIVE),
)


def import_hours(work: Work, name: str, text: str) -> BatchView:
    """Keep the hours of a file; the same text again is the same batch.

    `name`: what the file is called, for people. `text`: as in `rules.volunteering.import_file`. Raises Forbidden (somebody
    else's file), FileUnreadable, FileHeaderWrong, FileEmpty, TooManyRows, PointsInsufficient.
    """
    text = text.removeprefix(BYTE_ORDER_MARK)  # which some programs hand over and some don't
    file_hash = hashlib.sha256(text.encode()).digest()
    known = work.core.scalar(_same_file, {"town": work.town_id, "hash": file_hash})
    if known is not None:
        try:
            return show_batch(work, known)
        except BatchUnknown:
            raise Forbidden from None
    lines = read_file(text)
    judged = judge(work, Provenance.IMPORTED, {line.number: line.entry for line in lines if line.entry is not None})
    _leave_out_taken(work, judged)
    take_days(work, judged)
    problems = _problems(lines, judged)
    columns = {"name": name, "file_hash": file_hash, "rows_total": len(lines), "problems": problems}
    return told_of(work, keep(work, Provenance.IMPORTED, judged, columns))


def _leave_out_taken(work: Work, judged: Sequence[Judged]) -> None:
    refs = [each.entry.ref for each in judged if each.problem is None]
    taken = set(work.core.scalars(_refs_taken, {"town": work.town_id, "refs": refs})) if refs else set()
    for each in judged:
        if each.problem is None and each.entry.ref in taken:
            each.problem = RecordProblem.REF_TAKEN


def _problems(lines: Sequence[Line], judged: Sequence[Judged]) -> list[dict[str, object]]:
    """The lines that were left out, in the order of the file."""
    found = {line.number: line.problem for line in lines} | {
        each.place: each.problem for each in judged if each.problem is not None
    }
    return [
        {"line": line.number, "ref": line.ref, "problem": problem.value}
        for line in lines
        if (problem := found[line.number]) is not None
    ]

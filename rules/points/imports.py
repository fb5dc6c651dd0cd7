"""Imports: files of awards, each row of which pays once, in whatever file it stands.

A row is named by its author (`ref`), and the event that it books carries this name. So a corrected file pays only what
is new; a ref that was paid for something else is refused. The same file again, to the letter, is the same import and
gets the same answer. Rows with a problem are listed with their line and left out; all others are booked in one
transaction, or none of them.

Up to the rulebook's threshold a file is booked at once; what the same person has imported alone on the same local day
counts. Above it, it waits for a second person, and its rows are judged anew when they are booked.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import BigInteger, Table, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from models.adjustments import AwardImport, AwardImportRow, DecisionStatus
from models.residents import Role
from rules import bulk
from rules.errors import Kind, RuleError
from rules.ids import ID_MAX
from rules.paging import Page, Position, cut
from rules.points.award_file import BYTE_ORDER_MARK, Award, RowResult, read_awards
from rules.points.awards import Judged, book, judge, terms_of
from rules.points.second_person import SecondPersonRequired, lock_actor, rulebook_today, today_alone
from rules.residents.identity import require_role_at_root
from rules.rows import AnyRow
from rules.sets import is_id_in
from rules.work import TryAgain, Work


class ImportUnknown(RuleError):
    code = "import.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这次导入。"
    en = "There is no such import."


class ImportDecided(RuleError):
    code = "import.decided"
    kind = Kind.CONFLICT
    zh = "这次导入已经处理过了。"
    en = "This import was decided already."


@dataclass(frozen=True, slots=True)
class RowCounts:
    """How many rows of a file came out how."""

    booked: int
    already_booked: int
    waiting: int
    declined: int
    problems: int


@dataclass(frozen=True, slots=True)
class ImportView:
    """An import, and what became of its rows."""

    id: int
    name: str
    status: DecisionStatus
    rows_total: int
    amount_total: int  #: of the rows that are booked or wait
    needs_second_person: bool
    requested_by: int
    requested_at: datetime
    decided_by: int | None
    decided_at: datetime | None
    rows: RowCounts


@dataclass(frozen=True, slots=True)
class ImportRowView:
    """A row of a file, and what became of it."""

    line: int
    ref: str
    resident_id: int | None
    amount: int | None
    occurred_on: date | None
    reason: str
    result: RowResult
    txn_id: int | None


_imports = select(
    AwardImport.id,
    AwardImport.name,
    AwardImport.status,
    AwardImport.rows_total,
    AwardImport.amount_total,
    AwardImport.needs_second_person,
    AwardImport.requested_by,
    AwardImport.requested_at,
    AwardImport.decided_by,
    AwardImport.decided_at,
).where(AwardImport.town_id == bindparam("town"))
_one = _imports.where(AwardImport.id == bindparam("import"))
_lock_one = _one.with_for_update()
_list = _imports.where(AwardImport.id < bindparam("before")).order_by(AwardImport.id.desc()).limit(bindparam("limit"))
_same_file = select(AwardImport.id).where(
    AwardImport.town_id == bindparam("town"), AwardImport.file_hash == bindparam("hash")
)
_alone_today = select(func.coalesce(func.sum(AwardImport.amount_total), 0)).where(
    AwardImport.town_id == bindparam("town"),
    AwardImport.id >= bindparam("since"),
    AwardImport.requested_at >= bindparam("midnight"),
    AwardImport.requested_by == bindparam("actor"),
    AwardImport.needs_second_person.is_(False),
)
_note = upsert(AwardImport).on_conflict_do_nothing(index_elements=["town_id", "file_hash"]).returning(AwardImport.id)
_decide = (
    update(AwardImport)
    .where(
        AwardImport.town_id == bindparam("town"),
        AwardImport.id == bindparam("import"),
        AwardImport.status == DecisionStatus.PENDING,
    )
    .values(
        status=bindparam("decision"),
        decided_by=bindparam("actor"),
        decided_at=bindparam("now"),
        amount_total=func.coalesce(bindparam("booked", type_=BigInteger), AwardImport.amount_total),
    )
    .returning(AwardImport.id)
    .execution_options(synchronize_session=False)
)
_counts = (
    select(
        AwardImportRow.import_id,
        AwardImportRow.problem,
        AwardImportRow.txn_id.is_not(None).label("is_booked"),
        func.count().label("rows"),
    )
    .where(
        AwardImportRow.town_id == bindparam("town"),
        is_id_in(AwardImportRow.import_id, "imports"),
    )
    .group_by(AwardImportRow.import_id, AwardImportRow.problem, AwardImportRow.txn_id.is_not(None))
)
_rows = select(
    AwardImportRow.n,
    AwardImportRow.ref,
    AwardImportRow.resident_id,
    AwardImportRow.amount,
    AwardImportRow.occurred_on,
    AwardImportRow.reason,
    AwardImportRow.problem,
    AwardImportRow.txn_id,
).where(AwardImportRow.town_id == bindparam("town"), AwardImportRow.import_id == bindparam("import"))
_page_of_rows = _rows.where(AwardImportRow.n > bindparam("after")).order_by(AwardImportRow.n).limit(bindparam("limit"))
_waiting_rows = _rows.where(AwardImportRow.problem.is_(None)).order_by(AwardImportRow.n)
_ROW = cast(Table, AwardImportRow.__table__)
_settle_row = (
    update(_ROW)
    .where(_ROW.c.town_id == bindparam("town"), _ROW.c.import_id == bindparam("import"), _ROW.c.n == bindparam("line"))
    .values(problem=bindparam("what"), txn_id=bindparam("txn"))
)


def import_file(work: Work, name: str, text: str) -> ImportView:
    """Book a file of awards, or keep it for a second person; the same text again is the same import.

    `name`: what the file is called, for people. `text`: as in `rules.points.award_file`. Raises Forbidden (no manager at
    the root of the tree), FileUnreadable, HeaderWrong, FileEmpty, TooManyRows, BudgetExhausted.
    """
    require_role_at_root(work, Role.MANAGER)
    text = text.removeprefix(BYTE_ORDER_MARK)  # which some programs hand over and some don't
    file_hash = hashlib.sha256(text.encode()).digest()
    if (known := work.db.scalar(_same_file, {"town": work.town_id, "hash": file_hash})) is not None:
        return _read(work, known)
    read = read_awards(text)
    lock_actor(work)
    terms = terms_of(work, read)
    awards = judge(work, read, terms)
    needs_second_person = _needs_second_person(work, awards)
    rows = [Judged(award) for award in awards] if needs_second_person else book(work, awards, terms)
    facts = {"name": name, "file_hash": file_hash, "needs_second_person": needs_second_person}
    return _read(work, _keep(work, facts, rows))


def approve_import(work: Work, import_id: int) -> ImportView:
    """Book the rows of a file that waited for a second person.

    Raises Forbidden, ImportUnknown, ImportDecided, SecondPersonRequired, BudgetExhausted.
    """
    _lock_pending(work, import_id)
    asked = {"town": work.town_id, "import": import_id}
    waiting = [_award(row) for row in work.db.execute(_waiting_rows, asked)]
    terms = terms_of(work, waiting)
    rows = book(work, judge(work, waiting, terms), terms)
    settled = [{**asked, "line": row.award.line, "what": row.award.problem, "txn": row.txn_id} for row in rows]
    if settled:
        work.core.execute(_settle_row, settled)
    return _settle(work, import_id, DecisionStatus.BOOKED, _amount_of(row.award for row in rows))


def decline_import(work: Work, import_id: int) -> ImportView:
    """Turn down a file that waits. Raises Forbidden, ImportUnknown, ImportDecided, SecondPersonRequired."""
    _lock_pending(work, import_id)
    return _settle(work, import_id, DecisionStatus.DECLINED, None)


def list_imports(work: Work, after: Position | None, limit: int) -> Page[ImportView]:
    """The town's imports, the latest first, for managers at the root of the tree. Raises Forbidden."""
    require_role_at_root(work, Role.MANAGER)
    before = ID_MAX if after is None else int(after[0])
    rows = work.db.execute(_list, {"town": work.town_id, "before": before, "limit": limit + 1}).all()
    page = cut(rows, limit, lambda row: (row.id,))
    return Page(_views(work, page.items), page.next_after)


def show_import(work: Work, import_id: int) -> ImportView:
    """One import, for managers at the root of the tree. Raises Forbidden, ImportUnknown."""
    require_role_at_root(work, Role.MANAGER)
    return _read(work, import_id)


def list_import_rows(work: Work, import_id: int, after: Position | None, limit: int) -> Page[ImportRowView]:
    """The rows of an import in the order of the file. Raises Forbidden, ImportUnknown."""
    status = show_import(work, import_id).status
    last = 0 if after is None else int(after[0])
    asked = {"town": work.town_id, "import": import_id, "after": last, "limit": limit + 1}
    rows = [_row_view(row, status) for row in work.db.execute(_page_of_rows, asked)]
    return cut(rows, limit, lambda row: (row.line,))


# Keeping and deciding


def _needs_second_person(work: Work, awards: Sequence[Award]) -> bool:
    amount = _amount_of(awards)
    if amount == 0:
        return False
    alone = int(work.db.scalar(_alone_today, today_alone(work)) or 0)
    return alone + amount > rulebook_today(work).rulebook.adjustment.second_person_above


def _amount_of(awards: Iterable[Award]) -> int:
    return sum(award.amount or 0 for award in awards if award.problem is None)


def _keep(work: Work, facts: dict[str, Any], rows: Sequence[Judged]) -> int:
    """Write the import down with its rows, and return its id."""
    import_id = work.new_id()
    row = facts | {
        "town_id": work.town_id,
        "id": import_id,
        "rows_total": len(rows),
        "amount_total": _amount_of(row.award for row in rows),
        "status": DecisionStatus.PENDING if facts["needs_second_person"] else DecisionStatus.BOOKED,
        "requested_by": work.actor.id,
        "requested_at": work.now,
    }
    if work.db.scalar(_note, row) is None:  # somebody sent the same file at the same moment
        raise TryAgain
    bulk.insert_rows(work.core, _ROW, [_row_columns(work, import_id, row) for row in rows])
    return import_id


def _row_columns(work: Work, import_id: int, row: Judged) -> dict[str, Any]:
    award = row.award
    return {
        "town_id": work.town_id,
        "import_id": import_id,
        "n": award.line,
        "ref": award.ref,
        "resident_id": award.resident_id,
        "amount": award.amount,
        "occurred_on": award.occurred_on,
        "reason": award.reason,
        "problem": award.problem,
        "txn_id": row.txn_id,
    }


def _award(row: AnyRow) -> Award:
    return Award(row.n, row.ref, row.resident_id, row.amount, row.occurred_on, row.reason)


def _lock_pending(work: Work, import_id: int) -> None:
    """An import that waits for the actor's decision, locked until the work ends."""
    require_role_at_root(work, Role.MANAGER)
    row = work.db.execute(_lock_one, {"town": work.town_id, "import": import_id}).first()
    if row is None:
        raise ImportUnknown
    if row.status is not DecisionStatus.PENDING:
        raise ImportDecided
    if row.requested_by == work.actor.id:
        raise SecondPersonRequired


def _settle(work: Work, import_id: int, decision: DecisionStatus, amount: int | None) -> ImportView:
    decided = {"actor": work.actor.id, "now": work.now, "decision": decision, "booked": amount}
    settled = work.db.scalar(_decide, {"town": work.town_id, "import": import_id} | decided)
    assert settled is not None, "the import is locked and pending"
    return _read(work, import_id)


# Reading


def _read(work: Work, import_id: int) -> ImportView:
    row = work.db.execute(_one, {"town": work.town_id, "import": import_id}).first()
    if row is None:
        raise ImportUnknown
    [view] = _views(work, [row])
    return view


def _views(work: Work, imports: Sequence[AnyRow]) -> list[ImportView]:
    if not imports:
        return []
    status = {row.id: row.status for row in imports}
    counts: dict[int, Counter[RowResult]] = {id_: Counter() for id_ in status}
    for row in work.db.execute(_counts, {"town": work.town_id, "imports": list(status)}):
        counts[row.import_id][_result(row.problem, row.is_booked, status[row.import_id])] += row.rows
    return [ImportView(**row._mapping, rows=_row_counts(counts[row.id])) for row in imports]


def _row_counts(counts: Counter[RowResult]) -> RowCounts:
    no_problem = (RowResult.BOOKED, RowResult.ALREADY_BOOKED, RowResult.WAITING, RowResult.DECLINED)
    named = {result.value: counts[result] for result in no_problem}
    return RowCounts(**named, problems=counts.total() - sum(named.values()))


def _row_view(row: AnyRow, status: DecisionStatus) -> ImportRowView:
    result = _result(row.problem, row.txn_id is not None, status)
    return ImportRowView(row.n, row.ref, row.resident_id, row.amount, row.occurred_on, row.reason, result, row.txn_id)


def _result(problem: str | None, is_booked: bool, status: DecisionStatus) -> RowResult:
    if problem is not None:
        return RowResult(problem)
    if is_booked:
        return RowResult.BOOKED
    return RowResult.WAITING if status is DecisionStatus.PENDING else RowResult.DECLINED

"""What comes of time: late steps are written down, residents reminded, what is done counts as confirmed, numbers are wiped.

Each is one guarded UPDATE of a batch that says which rows it has changed, and what follows is written for those alone; so
the job can be run twice, or two at once, and nothing is told twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Table, Update, bindparam, select, update

from models.estates import IS_DONE, IS_OPEN, IS_UNANSWERED, Complaint, Repair, RepairDeed, RepairEvent, RepairStatus
from models.territory import Territory
from rules import bulk
from rules.estates import telling
from rules.estates.states import NOW
from rules.rows import AnyRow
from rules.sets import is_id_in
from rules.work import SYSTEM, Transactions, Work

AT_A_TIME = 500


@dataclass(frozen=True, slots=True)
class Tended:
    """What a run has done, in rows."""

    late: int
    reminded: int
    confirmed: int
    complaints_late: int
    wiped: int


_for_staff = (
    select(Repair.id, Repair.category_name, Repair.place, Repair.revision, Repair.due_at, Territory.path)
    .join(Territory, (Territory.town_id == Repair.town_id) & (Territory.id == Repair.estate_id))
    .where(Repair.town_id == bindparam("town"), is_id_in(Repair.id, "repairs"))
)
_repair_events = cast(Table, RepairEvent.__table__)
_TOLD = (Repair.id, Repair.resident_id, Repair.category_name, Repair.revision, Repair.due_at)


def _batch(table: type[Any], *conditions: Any, **becomes: Any) -> Update:
    """The change of some rows that are due. The condition stands twice: the second holds when a row was waited for."""
    due = select(table.id).where(table.town_id == bindparam("town"), *conditions).limit(bindparam("at_a_time"))
    due = due.correlate(None)
    statement = update(table).where(table.town_id == bindparam("town"), table.id.in_(due), *conditions)
    return statement.values(**becomes).execution_options(synchronize_session=False)


_note_late = _batch(
    Repair,
    IS_OPEN,
    Repair.due_at < NOW,
    Repair.overdue_at.is_(None),
    overdue_at=NOW,
    steps_late=Repair.steps_late + 1,
).returning(*_TOLD)
_remind = _batch(Repair, IS_DONE, Repair.remind_at <= NOW, Repair.due_at > NOW, remind_at=None).returning(*_TOLD)
_confirm = _batch(
    Repair,
    IS_DONE,
    Repair.due_at <= NOW,
    status=RepairStatus.CONFIRMED,
    revision=Repair.revision + 1,
    confirmed_at=NOW,
    was_confirmed_by_time=True,
    remind_at=None,
    due_at=None,
    overdue_at=None,
).returning(*_TOLD)
_note_complaints_late = _batch(
    Complaint, IS_UNANSWERED, Complaint.due_at < NOW, Complaint.overdue_at.is_(None), overdue_at=NOW
).returning(Complaint.id, Complaint.resident_id)
_wipe = _batch(Repair, Repair.forget_at <= NOW, forget_at=None, phone_sealed=None, worker_phone_sealed=None).returning(
    Repair.id
)


def tend_repairs(transactions: Transactions, town_id: int) -> Tended:
    """Do all that time has brought about in a town."""
    counts = (
        _until_none_left(transactions, town_id, deed)
        for deed in (note_late, remind_of_confirming, confirm_by_time, note_complaints_late, wipe_numbers)
    )
    return Tended(*counts)


def note_late(work: Work) -> int:
    """Write down steps of the company that took too long, and tell the residents and the company. Returns how many."""
    rows = _changed(work, _note_late)
    _add_events(work, rows, RepairDeed.OVERDUE)
    telling.tell(work, telling.OVERDUE, rows)
    asked = {"town": work.town_id, "repairs": [row.id for row in rows]}
    telling.tell_staff(work, telling.LATE, work.core.execute(_for_staff, asked).all())
    return len(rows)


def remind_of_confirming(work: Work) -> int:
    """Remind residents of what will count as confirmed. Returns how many."""
    rows = _changed(work, _remind)
    telling.tell(work, telling.CONFIRM_SOON, rows)
    return len(rows)


def confirm_by_time(work: Work) -> int:
    """Take as confirmed what residents haven't answered in time, and tell them. Returns how many."""
    rows = _changed(work, _confirm)
    _add_events(work, rows, RepairDeed.CONFIRMED_BY_TIME)
    telling.tell(work, telling.AUTO_CONFIRMED, rows)
    return len(rows)


def note_complaints_late(work: Work) -> int:
    """Write down complaints and praise that nobody answered in time, and tell the residents. Returns how many."""
    rows = _changed(work, _note_complaints_late)
    telling.tell_of_complaint(work, telling.COMPLAINT_OVERDUE, rows)
    return len(rows)


def wipe_numbers(work: Work) -> int:
    """Forget the telephone numbers of repairs that nobody can reopen any more. Returns of how many."""
    return len(_changed(work, _wipe))


def _changed(work: Work, statement: Update) -> Sequence[AnyRow]:
    return work.core.execute(statement, {"town": work.town_id, "now": work.now, "at_a_time": AT_A_TIME}).all()


def _add_events(work: Work, rows: Sequence[AnyRow], deed: RepairDeed) -> None:
    first = work.new_ids(len(rows)) if rows else 0
    by = {"deed": deed.value, "by_kind": work.actor.kind.value, "by_id": work.actor.id, "at": work.now}
    events = [
        {"town_id": work.town_id, "id": first + n, "repair_id": row.id, "due_at": row.due_at, **by}
        for n, row in enumerate(rows)
    ]
    bulk.insert_rows(work.core, _repair_events, events)


def _until_none_left(transactions: Transactions, town_id: int, deed: Callable[[Work], int]) -> int:
    done = 0
    while (batch := transactions.write(town_id, SYSTEM, deed)) > 0:
        done += batch
    return done

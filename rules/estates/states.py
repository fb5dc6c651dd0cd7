"""The states of a repair: which deed leads from which to which, and whose it is.

Each change is one guarded UPDATE: of the state that the deed begins in and of the revision that was seen. Of two at once
one finds no row and is told that somebody was quicker. What happened is a row of `repair_event`, which nothing changes;
the words and photos beside it are rows of their own, which an erasure may take away.

A step that ends later than promised is counted once: here, or by the job that looks for what is overdue
(`tending`), whichever comes first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sqlalchemy import Update, and_, bindparam, case, insert, update

from models.base import UtcDateTime
from models.estates import OPEN, Repair, RepairDeed, RepairEvent, RepairNote, RepairStatus
from rules.clock import local_day
from rules.estates.refusals import RepairChanged, StepNotAllowed
from rules.estates.terms import Terms, deadline, terms_on
from rules.rows import AnyRow
from rules.work import Work


class Side(StrEnum):
    """Whose deed it is."""

    COMPANY = "company"
    RESIDENT = "resident"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class Transition:
    """A deed that may be done in some states; `after` is the state that it leads to, None where the state stays."""

    before: tuple[RepairStatus, ...]
    after: RepairStatus | None
    side: Side
    minutes: str | None = None  #: which of the terms says how long the step may take that begins now


@dataclass(frozen=True, slots=True)
class Said:
    """What goes with a deed in words and photos."""

    words: str = ""
    upload_ids: Sequence[int] = ()


NOTHING_SAID = Said()
TRANSITIONS: dict[RepairDeed, Transition] = {
    RepairDeed.ASSIGNED: Transition(
        (RepairStatus.SUBMITTED, RepairStatus.REOPENED), RepairStatus.ASSIGNED, Side.COMPANY, "start_minutes"
    ),
    RepairDeed.REASSIGNED: Transition((RepairStatus.ASSIGNED, RepairStatus.IN_PROGRESS), None, Side.COMPANY),
    RepairDeed.VISIT_SET: Transition((RepairStatus.ASSIGNED, RepairStatus.IN_PROGRESS), None, Side.COMPANY),
    RepairDeed.STARTED: Transition((RepairStatus.ASSIGNED,), RepairStatus.IN_PROGRESS, Side.COMPANY, "finish_minutes"),
    RepairDeed.DONE: Transition((RepairStatus.IN_PROGRESS,), RepairStatus.DONE, Side.COMPANY, "confirm_minutes"),
    RepairDeed.REJECTED: Transition(
        (RepairStatus.SUBMITTED, RepairStatus.ASSIGNED), RepairStatus.REJECTED, Side.COMPANY
    ),
    RepairDeed.CANCELLED: Transition(
        (RepairStatus.SUBMITTED, RepairStatus.ASSIGNED), RepairStatus.CANCELLED, Side.RESIDENT
    ),
    RepairDeed.CONFIRMED: Transition((RepairStatus.DONE,), RepairStatus.CONFIRMED, Side.RESIDENT),
    RepairDeed.CONFIRMED_BY_TIME: Transition((RepairStatus.DONE,), RepairStatus.CONFIRMED, Side.CLOCK),
    RepairDeed.REOPENED: Transition(
        (RepairStatus.DONE, RepairStatus.CONFIRMED), RepairStatus.REOPENED, Side.RESIDENT, "assign_minutes"
    ),
}
#: A resident is reminded a day before what is done counts as confirmed, or halfway where there is less time.
REMINDED_BEFORE = timedelta(days=1)

NOW = bindparam("now", type_=UtcDateTime())
_is_late_now = and_(Repair.status.in_(OPEN), Repair.due_at < NOW, Repair.overdue_at.is_(None))
_add_event = insert(RepairEvent)
_add_note = insert(RepairNote)


def turn(deed: RepairDeed, **becomes: Any) -> Update:
    """The guarded change that a deed is: returns the repair's id, or nothing. `becomes`: other columns that it sets."""
    transition = TRANSITIONS[deed]
    new: dict[str, Any] = {"revision": Repair.revision + 1, **becomes}
    if transition.after is not None:
        new |= {
            "status": transition.after,
            "due_at": bindparam("new_due_at"),
            "overdue_at": None,
            "steps_late": Repair.steps_late + case((_is_late_now, 1), else_=0),
        }
    return (
        update(Repair)
        .where(
            Repair.town_id == bindparam("town"),
            Repair.id == bindparam("repair"),
            Repair.revision == bindparam("seen"),
            Repair.status.in_(transition.before),
        )
        .values(new)
        .returning(Repair.id)
        .execution_options(synchronize_session=False)
    )


def check_step(repair: AnyRow, deed: RepairDeed) -> None:
    """Raises StepNotAllowed unless the deed may be done in the state that the repair is in."""
    if repair.status not in TRANSITIONS[deed].before:
        raise StepNotAllowed(status=repair.status.value)


def terms_for(work: Work, repair: AnyRow) -> Terms:
    """The terms of a step of the repair that begins today."""
    return terms_on(work, repair.company_id, repair.category, local_day(work.now))


def change(
    work: Work,
    repair: AnyRow,
    deed: RepairDeed,
    statement: Update,
    said: Said = NOTHING_SAID,
    *,
    revision: int | None = None,
    values: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Do a deed by its guarded change, and write down that it was done.

    `revision`: the one that the caller saw; the one read just now unless it is given. Raises StepNotAllowed,
    RepairChanged.
    """
    check_step(repair, deed)
    transition = TRANSITIONS[deed]
    asked = {"town": work.town_id, "repair": repair.id, "seen": revision or repair.revision, "now": work.now}
    if transition.after is not None:
        asked["new_due_at"] = due_after(work, deed, terms_for(work, repair)) if transition.minutes else None
    if work.core.execute(statement, {**asked, **values}).first() is None:
        raise RepairChanged
    step_due_at = repair.due_at if transition.after is not None else None
    add_event(work, repair.id, deed, said, due_at=step_due_at)


def due_after(work: Work, deed: RepairDeed, terms: Terms) -> datetime:
    """When the step must be over that begins with the deed."""
    minutes = TRANSITIONS[deed].minutes
    assert minutes is not None, "no step begins with this deed"
    return deadline(work, getattr(terms, minutes), terms.in_working_days)


def add_event(
    work: Work,
    repair_id: int,
    deed: RepairDeed,
    said: Said = NOTHING_SAID,
    *,
    due_at: datetime | None = None,
    stars: int | None = None,
) -> None:
    """Write down what happened to a repair. `due_at`: when the step that ends with it was due. `stars`: of a rating."""
    whose: dict[str, Any] = {"by_kind": work.actor.kind.value, "by_id": work.actor.id, "at": work.now}
    whose |= {"due_at": due_at, "stars": stars}
    event_id = work.new_id()
    row = {"town_id": work.town_id, "id": event_id, "repair_id": repair_id, "deed": deed, **whose}
    work.core.execute(_add_event, row)
    if said.words or said.upload_ids:
        beside = {"words": said.words, "photos": photos_column(said.upload_ids)}
        work.core.execute(_add_note, {"town_id": work.town_id, "event_id": event_id, **beside})


def photos_column(upload_ids: Sequence[int]) -> dict[str, list[str]] | None:
    """Ids of uploads as a column keeps them."""
    return {"upload_ids": [str(each) for each in dict.fromkeys(upload_ids)]} if upload_ids else None


def photos_of(column: dict[str, list[str]] | None) -> list[int]:
    """The ids that `photos_column` wrote."""
    return [int(each) for each in column["upload_ids"]] if column else []

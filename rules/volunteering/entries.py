"""Records that staff write down: what may be right, what is flagged, and how they are kept.

The rows that bound them are changed before a record is written (`rules.volunteering.days`): first the day of the member of
staff, which gives each record its number, then the days of the residents, in order. A record with a flag waits for a
second person; one without counts at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import bindparam, exists, select
from sqlalchemy.dialects.postgresql import insert

from models.residents import Resident, Role
from models.territory import Scene, Territory
from models.volunteering import BATCH, RECORD, REGISTRATION, Provenance, ServiceFlag, ServiceStatus
from rules import bulk
from rules.clock import local_day
from rules.residents.identity import holds_at_root
from rules.sets import is_id_in
from rules.volunteering.counting import Service, count_services
from rules.volunteering.days import PersonDay, lock_days, number_entries, take_entered
from rules.volunteering.limits import (
    ENTRY_DAYS_MAX,
    ENTRY_MINUTES_UNFLAGGED,
    ENTRY_RECORDS_UNFLAGGED,
    IMPORT_DAYS_MAX,
    PERSON_DAY_MINUTES_FLAGGED,
)
from rules.volunteering.refusals import RecordProblem
from rules.work import TryAgain, Work

DAYS_MAX = {Provenance.STAFF: ENTRY_DAYS_MAX, Provenance.IMPORTED: IMPORT_DAYS_MAX}


@dataclass(frozen=True, slots=True)
class Entry:
    """Hours that somebody writes down."""

    resident_id: int
    minutes: int
    served_on: date
    description: str
    category: str | None = None
    scene: Scene | None = None
    ref: str | None = None  #: what the file calls it; None: by its place in the request


@dataclass(slots=True)
class Judged:
    """An entry at its place in the request or file, and what is to be said of it."""

    place: int
    entry: Entry
    problem: RecordProblem | None = None
    flags: list[ServiceFlag] = field(default_factory=list)


_people = (
    select(
        Resident.id,
        Territory.path,
        exists()
        .where(REGISTRATION.c.town_id == Resident.town_id, REGISTRATION.c.resident_id == Resident.id)
        .label("is_volunteer"),
    )
    .outerjoin(Territory, (Territory.town_id == Resident.town_id) & (Territory.id == Resident.territory_id))
    .where(Resident.town_id == bindparam("town"), is_id_in(Resident.id, "residents"))
)
_keep_batch = insert(BATCH).on_conflict_do_nothing(index_elements=["town_id", "file_hash"]).returning(BATCH.c.id)
_kept = select(RECORD).where(RECORD.c.town_id == bindparam("town"), RECORD.c.batch_id == bindparam("batch"))


def judge(work: Work, provenance: Provenance, entries: Mapping[int, Entry]) -> list[Judged]:
    """The entries by place, with the problems that the database knows of."""
    named = {entry.resident_id for entry in entries.values()}
    rows = work.core.execute(_people, {"town": work.town_id, "residents": sorted(named)})
    people = {row.id: row for row in rows}
    reach = _reach(work, people.values())
    today = local_day(work.now)
    since = today - timedelta(days=DAYS_MAX[provenance])

    def problem_of(entry: Entry) -> RecordProblem | None:
        person = people.get(entry.resident_id)
        if person is None:
            return RecordProblem.RESIDENT_UNKNOWN
        if person.id not in reach:
            return RecordProblem.OUT_OF_REACH
        if entry.served_on > today:
            return RecordProblem.DAY_IN_FUTURE
        if entry.served_on < since:
            return RecordProblem.DAY_TOO_LONG_AGO
        return None if person.is_volunteer else RecordProblem.NOT_A_VOLUNTEER

    return [Judged(place, entry, problem_of(entry)) for place, entry in entries.items()]


def _reach(work: Work, people: Any) -> set[int]:
    """Those for whom the actor is an organiser. Whoever has no place is within reach from the root of the tree alone."""
    at_root = holds_at_root(work, Role.ORGANISER)
    return {row.id for row in people if (at_root if row.path is None else work.actor.may(Role.ORGANISER, row.path))}


def take_days(work: Work, judged: Sequence[Judged]) -> None:
    """Give each entry without a problem its number and its place in its person's day, and flag what should be looked at.

    An entry that doesn't fit into the day any more has a problem from now on; a number that it took stays taken.
    """
    hopeful = [each for each in judged if each.problem is None]
    if not hopeful:
        return
    records, minutes = number_entries(work, len(hopeful), sum(each.entry.minutes for each in hopeful))
    for n, each in enumerate(hopeful, records + 1):
        minutes += each.entry.minutes
        each.flags += [ServiceFlag.MANY_RECORDS] if n > ENTRY_RECORDS_UNFLAGGED else []
        each.flags += [ServiceFlag.MANY_HOURS] if minutes > ENTRY_MINUTES_UNFLAGGED else []
    lock_days(work, {(each.entry.resident_id, each.entry.served_on) for each in hopeful})
    for each in hopeful:
        day = take_entered(work, each.entry.resident_id, each.entry.served_on, each.entry.minutes)
        if day is None:
            each.problem = RecordProblem.DAY_FULL
        else:
            each.flags += _flags_of_day(day)


def _flags_of_day(day: PersonDay) -> list[ServiceFlag]:
    flags = [ServiceFlag.LONG_DAY] if day.total > PERSON_DAY_MINUTES_FLAGGED else []
    return flags + ([ServiceFlag.OVERLAPS_SIGNED] if day.signed else [])


def keep(work: Work, provenance: Provenance, judged: Sequence[Judged], columns: Mapping[str, Any]) -> int:
    """Write down a batch of entries without problems, and count those without flags. Returns the batch's id.

    `columns`: of the batch. Raises TryAgain when somebody wrote the same file, or one of its lines, at the same moment.
    """
    batch_id = work.new_id()
    of_batch = {"name": None, "file_hash": None, "problems": []} | dict(columns)
    written = {"town_id": work.town_id, "recorded_by": work.actor.id, "recorded_at": work.now}
    batch = of_batch | written | {"id": batch_id, "provenance": provenance}
    if work.core.scalar(_keep_batch, batch) is None:
        raise TryAgain
    good = [each for each in judged if each.problem is None]
    rows = [written | _columns_of(work, batch_id, provenance, each) for each in good]
    bulk.insert_rows(work.core, RECORD, rows, skip_conflicts=True)
    kept = work.core.execute(_kept, {"town": work.town_id, "batch": batch_id}).all()
    if len(kept) < len(good):
        raise TryAgain
    count_services(work, [Service.of_entry(row, has_second_person=False) for row in kept if not row.flags])
    return batch_id


def _columns_of(work: Work, batch_id: int, provenance: Provenance, judged: Judged) -> dict[str, Any]:
    entry = judged.entry
    return {
        "id": work.new_id(),
        "resident_id": entry.resident_id,
        "provenance": provenance,
        "source_ref": entry.ref or f"{batch_id}:{judged.place}",
        "batch_id": batch_id,
        "minutes": entry.minutes,
        "served_on": entry.served_on,
        "description": entry.description,
        "category": entry.category,
        "scene": entry.scene,
        "status": ServiceStatus.PENDING,
        "flags": " ".join(dict.fromkeys(flag.value for flag in judged.flags)),
    }

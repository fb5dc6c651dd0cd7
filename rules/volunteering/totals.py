"""My hours: by where they come from, by year, record by record; my stars, and what is missing for the next one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import bindparam, extract, func, select

from models.territory import Scene
from models.volunteering import RECORD, Provenance, ServiceStatus
from rules.ids import ID_MAX
from rules.paging import Position, cut
from rules.points.standings import Missing, Rung, show_standing
from rules.residents.acting import resident_for
from rules.rows import AnyRow
from rules.rulebook.plan import Plan
from rules.rulebook.quantities import HOURS as HOURS_QUANTITY
from rules.rulebook.quantities import MINUTES as MINUTES_QUANTITY
from rules.rulebook.versions import rulebook_in_force
from rules.volunteering.book import Minutes, read_minutes
from rules.work import Actor, ActorKind, Work

TALLY = "tally."  #: what the measures of a ladder that are counted begin with


@dataclass(frozen=True, slots=True)
class YearView:
    """What was served in one year."""

    year: int
    minutes: Minutes


@dataclass(frozen=True, slots=True)
class MyRecordView:
    """A record of service, for whom it is about."""

    id: int
    provenance: Provenance
    minutes: int
    served_on: date
    description: str
    category: str | None
    scene: Scene | None
    status: ServiceStatus
    recorded_at: datetime
    void_reason: str | None
    decision_note: str | None


@dataclass(frozen=True, slots=True)
class HoursView:
    """All of it; the records are a page."""

    minutes: Minutes
    years: Sequence[YearView]
    stars: Sequence[Rung]
    items: Sequence[MyRecordView]
    next_after: Position | None


_year = extract("year", RECORD.c.served_on)
_by_year = (
    select(_year.label("year"), RECORD.c.provenance, func.sum(RECORD.c.minutes).label("minutes"))
    .where(
        RECORD.c.town_id == bindparam("town"),
        RECORD.c.resident_id == bindparam("resident"),
        RECORD.c.status == ServiceStatus.COUNTED,
    )
    .group_by(_year, RECORD.c.provenance)
)
_between = (
    select(RECORD.c.provenance, func.sum(RECORD.c.minutes))
    .where(
        RECORD.c.town_id == bindparam("town"),
        RECORD.c.resident_id == bindparam("resident"),
        RECORD.c.status == ServiceStatus.COUNTED,
        RECORD.c.served_on.between(bindparam("first"), bindparam("last")),
    )
    .group_by(RECORD.c.provenance)
)
_records = (
    select(*(RECORD.c[name] for name in MyRecordView.__slots__))
    .where(
        RECORD.c.town_id == bindparam("town"),
        RECORD.c.resident_id == bindparam("resident"),
        RECORD.c.id < bindparam("before"),
    )
    .order_by(RECORD.c.id.desc())
    .limit(bindparam("limit"))
)


def show_hours(work: Work, resident_id: int | None, after: Position | None, limit: int) -> HoursView:
    """The hours of the actor, or of somebody they act for. Raises the refusals of `rules.residents.acting`."""
    whom = resident_for(work, resident_id)
    before = ID_MAX if after is None else int(after[0])
    asked = {"town": work.town_id, "resident": whom}
    rows = work.core.execute(_records, asked | {"before": before, "limit": limit + 1}).all()
    page = cut([MyRecordView(**row._mapping) for row in rows], limit, lambda view: (view.id,))
    years = _years(work.core.execute(_by_year, asked).all())
    return HoursView(read_minutes(work, whom), years, read_stars(work, whom), page.items, page.next_after)


def minutes_between(work: Work, resident_id: int, first: date, last: date) -> Minutes:
    """What counts of the days from `first` to `last`, both included."""
    asked = {"town": work.town_id, "resident": resident_id, "first": first, "last": last}
    return Minutes.of((row[0], row[1]) for row in work.core.execute(_between, asked))


def read_stars(work: Work, resident_id: int) -> list[Rung]:
    """Where a resident is in the ladders of the rulebook in force that ask for hours of service.

    Whoever acts for somebody isn't told of their points, which a level may ask for as well: only what is counted.
    """
    in_force = rulebook_in_force(work, work.now)
    if in_force is None:
        return []
    of_hours = ladders_of_hours(in_force.plan)
    standing = show_standing(replace(work, actor=Actor(ActorKind.RESIDENT, resident_id)))
    rungs = [rung for rung in standing.ladders if rung.id in of_hours]
    return rungs if work.actor.id == resident_id else [replace(rung, missing=_counted(rung)) for rung in rungs]


def _counted(rung: Rung) -> tuple[Missing, ...]:
    return tuple(each for each in rung.missing if each.measure.startswith(TALLY))


def ladders_of_hours(plan: Plan) -> set[str]:
    """The ladders one of whose levels asks for a tally of hours."""
    counting = {f"{TALLY}{each.id}" for each in plan.rulebook.tally if each.of in (HOURS_QUANTITY, MINUTES_QUANTITY)}
    return {ladder.id for ladder in plan.rulebook.ladder if any(counting & level.at.keys() for level in ladder.level)}


def _years(rows: Sequence[AnyRow]) -> list[YearView]:
    """By year, the latest first."""
    found: dict[int, list[tuple[str, int]]] = {}
    for row in rows:
        found.setdefault(int(row.year), []).append((row.provenance, row.minutes))
    return [YearView(year, Minutes.of(of_year)) for year, of_year in sorted(found.items(), reverse=True)]

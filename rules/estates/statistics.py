"""How repairs go: of an estate or a company, of the repairs submitted in a period.

What everybody sees says nothing of single people: a mean of few ratings, a median of few repairs would, so they are shown
from SHOWN_MIN on. Staff see it all, each category by itself, and how complaints are answered.

On time: every step of the company ended by the deadline that was stored when it began. Minutes are those from the
submission to the first time that somebody was assigned, that the work began, that it was done.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import fmean, median
from typing import Any, TypeAlias

from sqlalchemy import Select, bindparam, func, select

from models.estates import OPEN, Addressee, Complaint, ComplaintKind, ComplaintStatus, Repair, RepairStatus
from rules.clock import local_day, local_moment
from rules.estates.companies import find_company
from rules.estates.places import READERS, STREET, find_estate
from rules.estates.refusals import StatisticsPeriodInvalid
from rules.residents.identity import Forbidden, holds_at_root
from rules.rows import AnyRow
from rules.venues.places import holds_any, require_any
from rules.work import Work

Wanted: TypeAlias = Select[*tuple[Any, ...]]
DAYS_MAX = 366
DAYS_DEFAULT = 90
SHOWN_MIN = 5


@dataclass(frozen=True, slots=True)
class Period:
    """Local days, both included."""

    first: date
    last: date

    @property
    def begins_at(self) -> datetime:
        return local_moment(self.first, "00:00")

    @property
    def ends_at(self) -> datetime:
        return local_moment(self.last + timedelta(days=1), "00:00")


@dataclass(frozen=True, slots=True)
class Figures:
    """How some repairs went. Medians in minutes; None where there is nothing to take one of."""

    opened: int
    done: int
    on_time: int  #: of those done
    reopened: int
    median_minutes_to_assign: float | None
    median_minutes_to_start: float | None
    median_minutes_to_done: float | None
    ratings: int
    rating_mean: float | None


@dataclass(frozen=True, slots=True)
class CategoryFigures:
    """How the repairs of one category went."""

    category: str
    category_name: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class PublicStatistics:
    """What everybody sees."""

    period: Period
    figures: Figures


@dataclass(frozen=True, slots=True)
class StaffStatistics:
    """What staff see besides."""

    period: Period
    figures: Figures
    categories: Sequence[CategoryFigures]
    open_now: int
    overdue_now: int
    cancelled: int
    rejected: int
    confirmed_by_time: int
    complaints: int
    praise: int
    complaints_answered: int
    complaints_answered_on_time: int


_repairs: Wanted = select(
    Repair.category,
    Repair.category_name,
    Repair.status,
    Repair.submitted_at,
    Repair.assigned_at,
    Repair.started_at,
    Repair.done_at,
    Repair.due_at,
    Repair.steps_late,
    Repair.reopens,
    Repair.rating,
    Repair.was_confirmed_by_time,
).where(
    Repair.town_id == bindparam("town"),
    Repair.submitted_at >= bindparam("begin"),
    Repair.submitted_at < bindparam("end"),
)
_complaints: Wanted = (
    select(Complaint.kind, Complaint.status, Complaint.answered_at <= Complaint.due_at, func.count())
    .where(
        Complaint.town_id == bindparam("town"),
        Complaint.made_at >= bindparam("begin"),
        Complaint.made_at < bindparam("end"),
    )
    .group_by(Complaint.kind, Complaint.status, Complaint.answered_at <= Complaint.due_at)
)
_TO_COMPANY = Complaint.addressee == Addressee.COMPANY
_of_estate = _repairs.where(Repair.estate_id == bindparam("whose"))
_of_company = _repairs.where(Repair.company_id == bindparam("whose"))
_said_of_estate = _complaints.where(Complaint.estate_id == bindparam("whose"))
_said_of_company = _complaints.where(Complaint.company_id == bindparam("whose"))


def show_estate_statistics(work: Work, estate_id: int, first: date | None, last: date | None) -> PublicStatistics:
    """How repairs go in an estate. Raises EstateUnknown, StatisticsPeriodInvalid."""
    find_estate(work, estate_id)
    return _public(work, _of_estate, estate_id, first, last)


def show_company_statistics(work: Work, company_id: int, first: date | None, last: date | None) -> PublicStatistics:
    """How a company's repairs go, in all its estates. Raises CompanyUnknown, StatisticsPeriodInvalid."""
    find_company(work, company_id)
    return _public(work, _of_company, company_id, first, last)


def show_estate_statistics_to_staff(
    work: Work, estate_id: int, first: date | None, last: date | None
) -> StaffStatistics:
    """The whole of it, to staff of the estate; the company isn't told of complaints to the street.

    Raises EstateUnknown, Forbidden, StatisticsPeriodInvalid.
    """
    path = find_estate(work, estate_id).path
    require_any(work, READERS, path)
    said = _said_of_estate if holds_any(work, STREET, path) else _said_of_estate.where(_TO_COMPANY)
    return _for_staff(work, _of_estate, said, estate_id, first, last)


def show_company_statistics_to_staff(
    work: Work, company_id: int, first: date | None, last: date | None
) -> StaffStatistics:
    """The whole of it, to managers and auditors of the whole town.

    Raises CompanyUnknown, Forbidden, StatisticsPeriodInvalid.
    """
    find_company(work, company_id)
    if not any(holds_at_root(work, role) for role in STREET):
        raise Forbidden
    return _for_staff(work, _of_company, _said_of_company, company_id, first, last)


def _public(work: Work, statement: Wanted, whose: int, first: date | None, last: date | None) -> PublicStatistics:
    period = _period(work, first, last)
    return PublicStatistics(period, _figures(_read(work, statement, whose, period), least=SHOWN_MIN))


def _for_staff(
    work: Work,
    statement: Wanted,
    said: Wanted,
    whose: int,
    first: date | None,
    last: date | None,
) -> StaffStatistics:
    period = _period(work, first, last)
    rows = _read(work, statement, whose, period)
    by_category: dict[str, list[AnyRow]] = {}
    for row in rows:
        by_category.setdefault(row.category, []).append(row)
    still_open = [row for row in rows if row.status in OPEN]
    spoken = [tuple(row) for row in _read(work, said, whose, period)]
    complaints = [row for row in spoken if row[0] is ComplaintKind.COMPLAINT]
    answered = [row for row in complaints if row[1] is ComplaintStatus.ANSWERED]
    return StaffStatistics(
        period,
        _figures(rows),
        [CategoryFigures(code, of[-1].category_name, _figures(of)) for code, of in sorted(by_category.items())],
        open_now=len(still_open),
        overdue_now=sum(row.due_at < work.now for row in still_open),
        cancelled=_count(rows, RepairStatus.CANCELLED),
        rejected=_count(rows, RepairStatus.REJECTED),
        confirmed_by_time=sum(row.was_confirmed_by_time for row in rows),
        complaints=sum(row[3] for row in complaints),
        praise=sum(row[3] for row in spoken if row[0] is ComplaintKind.PRAISE),
        complaints_answered=sum(row[3] for row in answered),
        complaints_answered_on_time=sum(row[3] for row in answered if row[2]),
    )


def _period(work: Work, first: date | None, last: date | None) -> Period:
    """Raises StatisticsPeriodInvalid. Ends today, and has DAYS_DEFAULT days, unless it is given."""
    end = last or local_day(work.now)
    begin = first or end - timedelta(days=DAYS_DEFAULT - 1)
    if not 0 <= (end - begin).days < DAYS_MAX:
        raise StatisticsPeriodInvalid(days=DAYS_MAX)
    return Period(begin, end)


def _read(work: Work, statement: Wanted, whose: int, period: Period) -> Sequence[AnyRow]:
    asked = {"town": work.town_id, "whose": whose, "begin": period.begins_at, "end": period.ends_at}
    return work.core.execute(statement, asked).all()


def _figures(rows: Sequence[AnyRow], *, least: int = 1) -> Figures:
    done = [row for row in rows if row.done_at is not None]
    stars = [row.rating for row in rows if row.rating is not None]
    return Figures(
        opened=len(rows),
        done=len(done),
        on_time=sum(row.steps_late == 0 for row in done),
        reopened=sum(row.reopens > 0 for row in rows),
        median_minutes_to_assign=_median(((row.submitted_at, row.assigned_at) for row in rows), least),
        median_minutes_to_start=_median(((row.submitted_at, row.started_at) for row in rows), least),
        median_minutes_to_done=_median(((row.submitted_at, row.done_at) for row in rows), least),
        ratings=len(stars),
        rating_mean=round(fmean(stars), 2) if len(stars) >= least else None,
    )


def _median(spans: Iterable[tuple[datetime, datetime | None]], least: int) -> float | None:
    minutes = [(end - begin).total_seconds() / 60 for begin, end in spans if end is not None]
    return round(median(minutes), 1) if len(minutes) >= least else None


def _count(rows: Sequence[AnyRow], status: RepairStatus) -> int:
    return sum(row.status is status for row in rows)

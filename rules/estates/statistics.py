"""How repairs go: of an estate or a company, of the repairs submitted in a period.

What everybody sees says nothing of single people: a mean of few ratings, a median of few repairs would, so they are shown
from SHOWN_MIN on. Staff see it all, each category by itself, and how complaints are answered.

On time: every step of the company ended by the deadline that was stored when it began. Minutes are those from the
submission to the first time that somebody was assigned, that the work began, that it was done, fractions of a second left
out. The database adds up and finds the middle: a company in a large town has some ten thousand repairs in a season.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Text, and_, bindparam, case, func, literal, null, select, union_all
from sqlalchemy import cast as turned_into
from sqlalchemy.orm import aliased

from models.estates import OPEN, Addressee, Complaint, ComplaintKind, ComplaintStatus, Repair, RepairStatus
from rules.clock import local_day, local_moment
from rules.estates.companies import find_company
from rules.estates.places import READERS, STREET, find_estate
from rules.estates.refusals import StatisticsPeriodInvalid
from rules.monitor.days import seconds_between
from rules.residents.identity import Forbidden, holds_at_root
from rules.rows import AnyRow
from rules.venues.places import holds_any, require_any
from rules.work import Work

Wanted: TypeAlias = Any
#: What counts the repairs, and what finds the medians.
Statements: TypeAlias = Sequence[Wanted]
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


_R = Repair
_ONE_OF_PERIOD = (
    _R.town_id == bindparam("town"),
    _R.submitted_at >= bindparam("begin"),
    _R.submitted_at < bindparam("end"),
)
#: How long repairs took, from the submission: by what ended it.
_SPANS = {"assign": _R.assigned_at, "start": _R.started_at, "done": _R.done_at}


def _how_many(condition: Any) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _counted(whose: ColumnElement[bool]) -> Wanted:
    """What there is of each category, and the name that it had last."""
    of_category = (
        select(
            _R.category,
            func.max(_R.id).label("latest"),
            func.count().label("opened"),
            func.count(_R.done_at).label("done"),
            _how_many(and_(_R.done_at.is_not(None), _R.steps_late == 0)).label("on_time"),
            _how_many(_R.reopens > 0).label("reopened"),
            func.count(_R.rating).label("ratings"),
            func.coalesce(func.sum(_R.rating), 0).label("stars"),
            _how_many(_R.status.in_(OPEN)).label("open_now"),
            _how_many(and_(_R.status.in_(OPEN), _R.due_at < bindparam("now"))).label("overdue_now"),
            _how_many(_R.status == RepairStatus.CANCELLED).label("cancelled"),
            _how_many(_R.status == RepairStatus.REJECTED).label("rejected"),
            _how_many(_R.was_confirmed_by_time).label("confirmed_by_time"),
        )
        .where(*_ONE_OF_PERIOD, whose)
        .group_by(_R.category)
        .subquery("of_category")
    )
    latest = aliased(Repair)
    its_latest = and_(latest.town_id == bindparam("town"), latest.id == of_category.c.latest)
    return select(of_category, latest.category_name).join(latest, its_latest).order_by(of_category.c.category)


def _medians(whose: ColumnElement[bool]) -> Wanted:
    """The one or two in the middle of each span, of all and of each category (in that column, NULL: of all)."""
    spans = union_all(
        *(
            select(
                literal(name).label("span"), _R.category, seconds_between(_R.submitted_at, end).label("seconds")
            ).where(*_ONE_OF_PERIOD, whose, end.is_not(None))
            for name, end in _SPANS.items()
        )
    ).subquery("spans")
    return union_all(
        *(
            _middle(spans, category, partition)
            for category, partition in (
                (turned_into(null(), Text), (spans.c.span,)),
                (spans.c.category, (spans.c.span, spans.c.category)),
            )
        )
    )


def _middle(spans: Any, category: Any, partition: Any) -> Any:
    place = func.row_number().over(partition_by=partition, order_by=spans.c.seconds).label("place")
    size = func.count().over(partition_by=partition).label("size")
    ranked = select(spans.c.span, category.label("category"), spans.c.seconds, place, size).subquery("ranked")
    # Twice the place, so that nothing is rounded: the middle of n is from n to n + 2.
    is_middle = (2 * ranked.c.place).between(ranked.c.size, ranked.c.size + 2)
    return (
        select(
            ranked.c.span,
            ranked.c.category,
            func.max(ranked.c.size).label("size"),
            func.sum(ranked.c.seconds).label("seconds"),
            func.count().label("middles"),
        )
        .where(is_middle)
        .group_by(ranked.c.span, ranked.c.category)
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
_OF_ESTATE, _OF_COMPANY = (
    tuple(make(column == bindparam("whose")) for make in (_counted, _medians))
    for column in (_R.estate_id, _R.company_id)
)
_said_of_estate = _complaints.where(Complaint.estate_id == bindparam("whose"))
_said_of_company = _complaints.where(Complaint.company_id == bindparam("whose"))


def show_estate_statistics(work: Work, estate_id: int, first: date | None, last: date | None) -> PublicStatistics:
    """How repairs go in an estate. Raises EstateUnknown, StatisticsPeriodInvalid."""
    find_estate(work, estate_id)
    return _public(work, _OF_ESTATE, estate_id, first, last)


def show_company_statistics(work: Work, company_id: int, first: date | None, last: date | None) -> PublicStatistics:
    """How a company's repairs go, in all its estates. Raises CompanyUnknown, StatisticsPeriodInvalid."""
    find_company(work, company_id)
    return _public(work, _OF_COMPANY, company_id, first, last)


def show_estate_statistics_to_staff(
    work: Work, estate_id: int, first: date | None, last: date | None
) -> StaffStatistics:
    """The whole of it, to staff of the estate; the company isn't told of complaints to the street.

    Raises EstateUnknown, Forbidden, StatisticsPeriodInvalid.
    """
    path = find_estate(work, estate_id).path
    require_any(work, READERS, path)
    said = _said_of_estate if holds_any(work, STREET, path) else _said_of_estate.where(_TO_COMPANY)
    return _for_staff(work, _OF_ESTATE, said, estate_id, first, last)


def show_company_statistics_to_staff(
    work: Work, company_id: int, first: date | None, last: date | None
) -> StaffStatistics:
    """The whole of it, to managers and auditors of the whole town.

    Raises CompanyUnknown, Forbidden, StatisticsPeriodInvalid.
    """
    find_company(work, company_id)
    if not any(holds_at_root(work, role) for role in STREET):
        raise Forbidden
    return _for_staff(work, _OF_COMPANY, _said_of_company, company_id, first, last)


def _public(work: Work, statements: Statements, whose: int, first: date | None, last: date | None) -> PublicStatistics:
    period = _period(work, first, last)
    counted, medians = (_read(work, statement, whose, period) for statement in statements)
    return PublicStatistics(period, _figures(counted, medians, None, least=SHOWN_MIN))


def _for_staff(
    work: Work,
    statements: Statements,
    said: Wanted,
    whose: int,
    first: date | None,
    last: date | None,
) -> StaffStatistics:
    period = _period(work, first, last)
    counted, medians = (_read(work, statement, whose, period) for statement in statements)
    spoken = [tuple(row) for row in _read(work, said, whose, period)]
    complaints = [row for row in spoken if row[0] is ComplaintKind.COMPLAINT]
    answered = [row for row in complaints if row[1] is ComplaintStatus.ANSWERED]
    return StaffStatistics(
        period,
        _figures(counted, medians, None),
        [CategoryFigures(row.category, row.category_name, _figures([row], medians, row.category)) for row in counted],
        **{
            name: _sum(counted, name)
            for name in ("open_now", "overdue_now", "cancelled", "rejected", "confirmed_by_time")
        },
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
    asked = {"town": work.town_id, "whose": whose, "begin": period.begins_at, "end": period.ends_at, "now": work.now}
    return work.core.execute(statement, asked).all()


def _figures(counted: Sequence[AnyRow], medians: Sequence[AnyRow], category: str | None, *, least: int = 1) -> Figures:
    """Of these categories added up. `category`: whose medians they are; None: those of all."""
    minutes = {
        row.span: round(float(row.seconds) / row.middles / 60, 1)
        for row in medians
        if row.category == category and row.size >= least
    }
    sums = {name: _sum(counted, name) for name in ("opened", "done", "on_time", "reopened", "ratings")}
    stars = _sum(counted, "stars")
    return Figures(
        **sums,
        median_minutes_to_assign=minutes.get("assign"),
        median_minutes_to_start=minutes.get("start"),
        median_minutes_to_done=minutes.get("done"),
        rating_mean=round(stars / sums["ratings"], 2) if sums["ratings"] >= least else None,
    )


def _sum(rows: Sequence[AnyRow], name: str) -> int:
    return sum(int(getattr(row, name)) for row in rows)

"""What every question to the monitoring names: a place, a period, and the moment as of which it is answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from rules.monitor.periods import Period, PeriodKind, find_period
from rules.monitor.places import Reach, find_reach
from rules.monitor.reading import find_as_of
from rules.work import Work


@dataclass(frozen=True, slots=True)
class Question:
    """As it is asked. Without a place: of the whole town; without `as_of`: of now."""

    territory_id: int | None = None
    operator_id: int | None = None
    period: PeriodKind = PeriodKind.MONTH
    first_day: date | None = None
    last_day: date | None = None
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """As it is answered."""

    reach: Reach
    period: Period
    as_of: datetime


def ask(work: Work, question: Question) -> Asked:
    """Find what a question is about. Raises Forbidden, PlaceUnknown, OperatorUnknown, PeriodInvalid, AsOfInvalid."""
    reach = find_reach(work, question.territory_id, question.operator_id)
    as_of = find_as_of(work, question.as_of)
    period = find_period(work, question.period, question.first_day, question.last_day, as_of)
    return Asked(reach, period, as_of)

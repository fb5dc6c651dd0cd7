"""The report of a month that is over: what a street prints and hands on.

It is made from the snapshots, as of the last one of its days and those of the month before, so it is the same page until
one of these is corrected.
"""

from __future__ import annotations

import calendar
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import bindparam, func, select

from models.monitor import Snapshot
from rules.errors import Kind, RuleError
from rules.monitor.asking import Asked, Question
from rules.monitor.communities import compare_communities
from rules.monitor.operators import Ranking, rank_operators
from rules.monitor.overview import Overview, show_overview
from rules.monitor.periods import Period, PeriodKind, previous
from rules.monitor.places import find_reach, find_whole_reach
from rules.monitor.reading import read_series
from rules.monitor.scenes import show_scenes
from rules.monitor.tables import Table
from rules.monitor.trends import Trends, trends_of
from rules.work import Work

_MONTH = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")
CHARTS = (
    ("sessions.held", "reservations.attended"),
    ("points.issued", "points.redeemed", "points.expired"),
)


class ReportUnknown(RuleError):
    code = "report.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这个月的月报，请写成 2026-03。"
    en = "There is no report of such a month; write 2026-03."


class ReportNotReady(RuleError):
    code = "report.not_ready"
    kind = Kind.CONFLICT
    zh = "这个月的数据还没有汇总完，请在次月 1 日凌晨汇总之后再取。"
    en = "The numbers of this month aren't complete yet. Come back after the snapshot of the night that follows it."


@dataclass(frozen=True, slots=True)
class MonthlyReport:
    """What stands in the report of a place."""

    place: str
    first: date
    last: date
    as_of: datetime
    overview: Overview
    charts: Sequence[Trends]
    scenes: Table
    operators: Ranking
    communities: Table


@dataclass(frozen=True, slots=True)
class ReportKey:
    """Which report it is. `version` names all that it is made from."""

    territory_id: int | None
    first: date
    last: date
    as_of: datetime
    version: str


_ready = select(
    func.max(Snapshot.recorded_at).label("recorded_at"),
    func.count(Snapshot.day.distinct()).filter(Snapshot.day == bindparam("last")).label("has_last"),
).where(
    Snapshot.town_id == bindparam("town"),
    Snapshot.day.between(bindparam("first"), bindparam("last")),
    Snapshot.recorded_at <= bindparam("now"),
)


def find_report(work: Work, territory_id: int | None, month: str) -> ReportKey:
    """Which report is asked for: "2026-03". Raises Forbidden, PlaceUnknown, ReportUnknown, ReportNotReady."""
    reach = find_whole_reach(work, territory_id)
    found = _MONTH.fullmatch(month)
    if found is None:
        raise ReportUnknown
    first = date(int(found[1]), int(found[2]), 1)
    last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
    shown_from = previous(Period(PeriodKind.MONTH, first, last)).first
    asked = {"town": work.town_id, "first": shown_from, "last": last, "now": work.now}
    row = work.core.execute(_ready, asked).one()
    if not row.has_last:
        raise ReportNotReady
    named = f"{work.town_id}|{reach.territory_id}|{first}|{row.recorded_at.isoformat()}"
    return ReportKey(territory_id, first, last, row.recorded_at, hashlib.sha256(named.encode()).hexdigest())


def make_report(work: Work, key: ReportKey) -> MonthlyReport:
    """The report itself. Raises Forbidden, PlaceUnknown."""
    question = Question(key.territory_id, None, PeriodKind.MONTH, key.first, None, key.as_of)
    reach = find_reach(work, key.territory_id)
    asked = Asked(reach, Period(PeriodKind.MONTH, key.first, key.last), key.as_of)
    charts = [trends_of(key.as_of, read_series(work, reach, names, key.first, key.last, key.as_of)) for names in CHARTS]
    return MonthlyReport(
        reach.name,
        key.first,
        key.last,
        key.as_of,
        show_overview(work, asked),
        charts,
        show_scenes(work, question),
        rank_operators(work, question),
        compare_communities(work, question),
    )

"""Which rankings a town has, and the periods that they are of. Pure.

Every town has the ranking `earned`: points earned in a month, a quarter or a year of the calendar. Its rulebook may have
others (`[[ranking]]`), by what is counted (`tally.…`), by points ever earned (`earned.…`) or by points held (`balance.…`)
of the main currency. One that asks who somebody is, or counts in a window that rolls or apart by facts, is published in
words and not worked out here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from models.ranking import EARNED
from rules.clock import local_moment
from rules.rulebook.periods import Calendar, bucket_of, day_before, end_of
from rules.rulebook.plan import Plan
from rules.rulebook.sections.standing import Ranking

CALENDAR_YEAR = "01-01"
TOP = 100  #: places of the ranking that every town has
TITLE = "积分获得排名"


class Span(StrEnum):
    """The periods of the ranking that every town has."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class Source(StrEnum):
    """Where a ranking's numbers come from."""

    LEDGER = "ledger"  #: awards of the period, less what was taken back of them
    COUNTER = "counter"  #: a counter of the standings
    BALANCE = "balance"  #: what wallets hold now


@dataclass(frozen=True, slots=True)
class RankingPlan:
    """A ranking as it is worked out."""

    id: str
    title: str
    every: Calendar
    source: Source
    top: int
    unit: str
    scale: int  #: whole numbers in one of its unit
    least: int = 1  #: in whole numbers; who has less has no place
    counter: str = ""
    bucket: Calendar = Calendar.EVER  #: of the counter
    reward: str | None = None
    year_starts: str = CALENDAR_YEAR

    def period_of(self, day: date) -> str:
        """The key of the period that a day is in."""
        return bucket_of(self.every, day, self.year_starts)

    def bucket_of(self, day: date) -> str:
        """The key of the counter's bucket that a day is in."""
        return bucket_of(self.bucket, day, self.year_starts)

    def days_to_count(self, today: date) -> list[date]:
        """A day of each period whose numbers its counter can still tell: this one, and the one that is over."""
        if self.source is not Source.COUNTER or self.every is Calendar.EVER or self.bucket is not self.every:
            return [today]
        return [day_before(self.every, today, self.year_starts), today]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some days of the calendar, and the key by which they are kept."""

    key: str
    first: date
    last: date

    @property
    def begins_at(self) -> datetime:
        return local_moment(self.first, "00:00")

    @property
    def ends_at(self) -> datetime:
        """The first moment after it."""
        return local_moment(self.last + timedelta(days=1), "00:00")


def stretch_of(calendar: Calendar, day: date, year_starts: str = CALENDAR_YEAR) -> Stretch:
    """The part of the calendar that a day is in; of all time, everything that has a date."""
    key = bucket_of(calendar, day, year_starts)
    if calendar is Calendar.EVER:
        return Stretch(key, date(2000, 1, 1), date(2099, 12, 31))
    return Stretch(key, day_before(calendar, day, year_starts) + timedelta(days=1), end_of(calendar, day, year_starts))


def months_of(stretch: Stretch) -> list[str]:
    """The keys of the months that a quarter or a year of the calendar consists of."""
    return [month.key for month in months_between(stretch.first, stretch.last)]


def months_between(first: date, last: date) -> Iterator[Stretch]:
    """The months from the one of a day to the one of another."""
    month = stretch_of(Calendar.MONTH, first)
    while month.first <= last:
        yield month
        month = stretch_of(Calendar.MONTH, month.last + timedelta(days=1))


def earned_by(span: Span, plan: Plan | None) -> RankingPlan:
    """The ranking that every town has, by one of its periods."""
    currency = None if plan is None else plan.rulebook.main_currency
    unit, scale = ("分", 1) if currency is None else (currency.unit, 10**currency.decimals)
    return RankingPlan(EARNED, TITLE, Calendar(span.value), Source.LEDGER, TOP, unit, scale)


def of_rulebook(plan: Plan) -> list[RankingPlan]:
    """The rankings of a rulebook that are worked out."""
    return [found for each in plan.rulebook.ranking if (found := _plan_of(plan, each)) is not None]


def not_worked_out(plan: Plan) -> list[str]:
    """The ids of a rulebook's rankings that are published in words only."""
    done = {each.id for each in of_rulebook(plan)}
    return [each.id for each in plan.rulebook.ranking if each.id not in done]


def _plan_of(plan: Plan, ranking: Ranking) -> RankingPlan | None:
    space, _, of = ranking.measure.partition(".")
    currency = plan.rulebook.main_currency
    if ranking.where or ranking.id == EARNED or ranking.every is Calendar.EVENT:
        return None
    if space in ("balance", "earned") and of == currency.id:
        source = Source.BALANCE if space == "balance" else Source.COUNTER
        return _made(plan, ranking, source, currency.unit, 10**currency.decimals, f"earned:{of}", Calendar.EVER)
    counted = plan.tallies.get(of) if space == "tally" else None
    if counted is None or counted.tally.per.is_rolling or counted.tally.by or counted.tally.streak is not None:
        return None
    unit = currency.unit if counted.tally.of in ("points", "net_points") else ""
    return _made(plan, ranking, Source.COUNTER, unit, counted.scale, counted.name, counted.tally.per.counts_in)


def _made(
    plan: Plan, ranking: Ranking, source: Source, unit: str, scale: int, counter: str, bucket: Calendar
) -> RankingPlan:
    least = 1 if ranking.least is None else max(int(ranking.least * scale), 1)
    return RankingPlan(
        ranking.id,
        ranking.title,
        ranking.every,
        source,
        ranking.top,
        unit,
        scale,
        least,
        counter,
        bucket,
        ranking.reward,
        plan.year_starts,
    )

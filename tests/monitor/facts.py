"""Facts of a family as the monitoring asks for them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select

from models.base import Base
from rules.clock import local_moment
from rules.monitor.definitions import Facts, Family
from rules.work import SYSTEM, Work
from tests.build import TownBuilder


def facts(town: TownBuilder, family: Family, first: date, last: date, as_of: datetime) -> list[dict[str, Any]]:
    """The facts of the days from the first to the last; of a state those at the last day's end."""
    end = local_moment(last + timedelta(days=1), "00:00")
    begin = end - timedelta(days=family.window_days) if family.is_state else local_moment(first, "00:00")
    return [row._asdict() for row in ask(town, family.facts, begin=begin, end=end, as_of=as_of)]


def touched(town: TownBuilder, family: Family, since: datetime, until: datetime) -> set[date]:
    """Days of which something was recorded between two moments, though they had ended."""
    assert family.touched is not None
    return {row.day for row in ask(town, family.touched, since=since, until=until)}


def ask(town: TownBuilder, statement: Facts, **asked: Any) -> list[Any]:
    return town.database.read(town.id, SYSTEM, lambda work: work.send(statement, {"town": town.id, **asked}).all())


def rows_of(town: TownBuilder, *tables: type[Base]) -> dict[type[Base], list[Any]]:
    """All rows of these tables in the town."""

    def read(work: Work) -> dict[type[Base], list[Any]]:
        return {
            table: list(work.db.scalars(select(table).where(table.town_id == town.id)))  # type: ignore[attr-defined]
            for table in tables
        }

    return town.database.read(town.id, SYSTEM, read)

"""Moments go in and come out aware and in UTC; paths sort byte by byte, so that a subtree is one range."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import StatementError

from models.residents import Resident
from models.territory import Territory, TerritoryKind
from rules.clock import ZONE
from rules.work import Work
from tests.build import TownBuilder, add

MOMENTS = [
    datetime(2026, 5, 1, 9, 30, tzinfo=ZONE),
    datetime(2026, 5, 1, 1, 30, 0, 123456, tzinfo=UTC),
    datetime(2026, 12, 31, 23, 59, 59, 999999, tzinfo=ZONE),
    datetime(2024, 2, 29, 0, 0, tzinfo=timezone(timedelta(hours=-9, minutes=-30))),
    datetime(2000, 1, 1, tzinfo=UTC),
]


@pytest.mark.parametrize("moment", MOMENTS, ids=str)
def test_a_moment_comes_out_as_it_went_in_and_in_utc(town: TownBuilder, moment: datetime) -> None:
    resident = town.resident(registered_at=moment)
    [(kept,)] = town.rows(Resident.registered_at, id=resident.id)
    assert kept == moment
    assert kept.tzinfo is UTC


@pytest.mark.parametrize("moment", MOMENTS, ids=str)
def test_a_moment_is_found_in_whatever_zone_it_is_asked_for(town: TownBuilder, moment: datetime) -> None:
    resident = town.resident(registered_at=moment)
    assert town.rows(Resident.id, registered_at=moment.astimezone(ZONE)) == [(resident.id,)]
    assert town.rows(Resident.id, registered_at=moment.astimezone(UTC)) == [(resident.id,)]


def test_moments_sort_by_time_whatever_their_zone(town: TownBuilder) -> None:
    for moment in MOMENTS:
        town.resident(registered_at=moment)
    in_order = select(Resident.registered_at).where(Resident.town_id == town.id).order_by(Resident.registered_at)
    assert town.act(None, lambda work: list(work.db.scalars(in_order))) == sorted(MOMENTS)


def test_a_moment_without_a_zone_is_refused(town: TownBuilder) -> None:
    with pytest.raises(StatementError, match="without a time zone"):
        town.resident(registered_at=datetime(2026, 5, 1, 9, 30))  # noqa: DTZ001  that is the point
    assert town.rows(Resident.id) == []


PATHS = ["1/", "1/10/", "1/2/", "10/", "2/", "B/", "a/", "a-b/", "a/b/", "_/", "~/", "é/", "中/"]


def test_paths_sort_byte_by_byte(town: TownBuilder) -> None:
    def deed(work: Work) -> list[str]:
        for path in PATHS:
            add(work, Territory, kind=TerritoryKind.BUILDING, name=path, path=path)
        mine = select(Territory.path).where(Territory.town_id == town.id, Territory.path.in_(PATHS))
        return list(work.db.scalars(mine.order_by(Territory.path)))

    assert town.act(None, deed) == sorted(PATHS, key=str.encode)


def test_on_postgresql_paths_do_not_follow_the_language_of_the_server(town: TownBuilder) -> None:
    if town.database.engine.dialect.name == "postgresql":
        collation = text(
            "SELECT collation_name FROM information_schema.columns "
            "WHERE table_name = 'territory' AND column_name = 'path'"
        )
        assert town.act(None, lambda work: work.db.scalar(collation)) == "C"

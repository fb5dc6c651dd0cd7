"""A town with numbers to show: sessions of two operators that were held in these days, and who came to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from flask import Flask
from sqlalchemy import insert

from blueprints.edge.house import House
from models.monitor import WHOLE_TOWN, Slice, Snapshot, SnapshotValue
from models.reservations import Reservation, ReservationStatus
from models.residents import Role
from models.territory import Operator, Scene
from rules.clock import local_day, utc_now
from rules.work import SYSTEM, Work
from tests.build import ApiClient, TownBuilder, add, new_town

DAYS = 5
CAME, MISSED = ReservationStatus.CHECKED_IN, ReservationStatus.NO_SHOW


@dataclass(frozen=True)
class Numbers:
    """A town, and who looks at it."""

    town: TownBuilder
    api: ApiClient
    auditor: ApiClient  #: of the whole town
    manager: ApiClient  #: of the first community
    rival_id: int  #: another operator

    def ask(self, path: str, caller: ApiClient | None = None, **query: Any) -> Any:
        """Ask about the last days, as of this moment."""
        days = {"period": "custom", "first_day": str(today() - timedelta(days=DAYS)), "last_day": str(today())}
        return (caller or self.auditor).get(f"/monitor{path}", **({"as_of": utc_now().isoformat()} | days | query))


def today() -> date:
    return local_day(utc_now())


def numbers(app: Flask, house: House) -> Numbers:
    """The first operator holds three sessions to which three and a half of four come, the rival one for two of four."""
    town = new_town(house)
    rival = operator(town, "=HYPERLINK(邻里服务社)")
    for n in range(3):
        hold(town, town.operator_id, came=3 + (n > 0), missed=1 - (n > 0), days_ago=n + 1)
    hold(town, rival, came=2, missed=2, days_ago=1, scene=Scene.HEALTH, community_id=town.other_community_id)
    api = ApiClient(app, town)
    auditor, manager = town.staff(Role.AUDITOR, Role.MANAGER), town.staff(Role.MANAGER, at=town.community_id)
    return Numbers(town, api, api.as_(auditor), api.as_(manager), rival)


def operator(town: TownBuilder, name: str) -> int:
    return town.database.write(town.id, SYSTEM, lambda work: add(work, Operator, name=name))


def hold(
    town: TownBuilder,
    operator_id: int,
    *,
    came: int,
    missed: int,
    days_ago: int,
    scene: Scene = Scene.EDUCATION,
    community_id: int | None = None,
) -> None:
    """A session for four that is over, with who came and who didn't."""
    place = community_id or town.community_id
    activity = town.activity(operator_id=operator_id, scene=scene, community_id=place)
    session = town.session(activity_id=activity, capacity=4, begins_in=timedelta(days=-days_ago))
    people = [town.resident(community_id=place) for _ in range(came + missed)]

    def deed(work: Work) -> None:
        then = work.now - timedelta(days=days_ago)
        rows = [
            {
                "town_id": town.id,
                "id": work.new_id(),
                "session_id": session,
                "resident_id": person.id,
                "party_size": 1,
                "reserved_at": then - timedelta(days=1),
                "confirmed_at": then - timedelta(days=1),
                "status": CAME if n < came else MISSED,
                "checked_in_at": then if n < came else None,
                "no_show_at": None if n < came else then,
            }
            for n, person in enumerate(people)
        ]
        work.db.execute(insert(Reservation), rows)

    town.database.write(town.id, SYSTEM, deed)


def store(
    town: TownBuilder, day: date, recorded_at: datetime, numbers: dict[str, int], *, key: str = "", **where: Any
) -> None:
    """Put numbers of a day into the store, as a snapshot does. `where`: territory_id, slice."""
    columns = {"territory_id": WHOLE_TOWN, "slice": Slice.ALL, "key": key, "recorded_at": recorded_at} | where

    def deed(work: Work) -> None:
        rows = [
            {"town_id": town.id, "measure": name, "day": day, "change": change, **columns}
            for name, change in numbers.items()
        ]
        work.db.execute(insert(SnapshotValue), rows)

    town.database.write(town.id, SYSTEM, deed)


def snapshot(town: TownBuilder, day: date, recorded_at: datetime, n: int = 1) -> None:
    """Say that a day was stored."""
    row = {"town_id": town.id, "day": day, "n": n, "recorded_at": recorded_at, "as_of": recorded_at, "changes": 1}
    town.database.write(town.id, SYSTEM, lambda work: work.db.execute(insert(Snapshot), row))

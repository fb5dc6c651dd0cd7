"""People at the desk and in the app: what these tests say in one line each."""

from __future__ import annotations

import itertools
from datetime import date
from typing import Any

from werkzeug.test import TestResponse

from models.residents import Resident, Role
from rules.clock import local_day, utc_now
from rules.residents.phones import phone_columns, read_phone
from tests.build import ApiClient, Person, TownBuilder

_numbers = itertools.count(10_000_000)


def a_mobile() -> str:
    """A number that nobody else in these tests has."""
    return f"138{next(_numbers)}"


def today() -> date:
    return local_day(utc_now())


def years_ago(years: int, *, born: date | None = None) -> str:
    """The birthday of somebody who is so many years old today."""
    day = born or today()
    return (day.replace(day=28) if (day.month, day.day) == (2, 29) else day).replace(year=day.year - years).isoformat()


def at_the_desk(town: TownBuilder, api: ApiClient, role: Role = Role.SCANNER, *, at: int | None = None) -> ApiClient:
    """The API as staff at a desk call it, of the whole street unless a place is given."""
    return api.as_(town.staff(role, at=at))


def register(desk: ApiClient, town: TownBuilder, **wishes: Any) -> TestResponse:
    """Register somebody of the first community unless the wishes say otherwise."""
    form = {"name": "陈阿婆", "territory_id": str(town.community_id), "consent_note": "纸质同意书 2026-031"}
    return desk.post("/residents", form | wishes)


def registered(desk: ApiClient, town: TownBuilder, **wishes: Any) -> int:
    """The id of somebody who was registered."""
    answer = register(desk, town, **wishes)
    assert answer.status_code == 201, answer.text
    return int(answer.json["id"])


def with_phone(town: TownBuilder, phone: str, name: str = "王小明", **columns: Any) -> Person:
    """A resident who has a number."""
    resident = town.resident(name, **columns)
    columns = phone_columns(town.house.keys, town.id, resident.id, read_phone(phone))
    town.act(None, lambda work: work.db.execute(_update(town, resident), columns))
    return resident


def _update(town: TownBuilder, resident: Person) -> Any:
    return Resident.__table__.update().where(Resident.town_id == town.id, Resident.id == resident.id)


def register_child(guardian: ApiClient, **wishes: Any) -> TestResponse:
    return guardian.post("/me/dependants", {"name": "小宝", "born_on": years_ago(6), "relation": "母亲"} | wishes)

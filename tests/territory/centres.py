"""Centres as tests set them up: through the desk of a manager, at a moment that is said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import time_machine
from sqlalchemy import update
from werkzeug.test import TestResponse

from models.residents import Role
from models.territory import ServiceCentre
from rules.clock import ZONE
from tests.build import ApiClient, Person, TownBuilder

#: An ordinary Monday, and the next days as they come.
MONDAY = datetime(2025, 6, 9, 9, 0, tzinfo=ZONE)
HERE = (30.1864, 120.2105)


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    with time_machine.travel(moment, tick=False):
        yield


def centre_of(town: TownBuilder) -> int:
    """The service centre of the town's first community."""
    return int(town.rows(ServiceCentre.id, territory_id=town.community_id)[0].id)


def place(town: TownBuilder, centre_id: int, latitude: float, longitude: float) -> None:
    """Say where a centre lies."""
    moved = update(ServiceCentre).where(ServiceCentre.town_id == town.id, ServiceCentre.id == centre_id)
    town.act(None, lambda work: work.core.execute(moved.values(latitude=latitude, longitude=longitude)))


def near(position: tuple[float, float] = HERE) -> str:
    return f"{position[0]},{position[1]}"


class Desk:
    """A manager of the first community, at nine on an ordinary Monday unless another moment is said."""

    def __init__(self, town: TownBuilder, api: ApiClient, person: Person | None = None) -> None:
        self.town, self._api = town, api
        self.person = person or town.staff(Role.MANAGER, at=town.community_id)
        self.centre = centre_of(town)

    def call(self, method: str, path: str, body: Any = None, *, now: datetime = MONDAY) -> TestResponse:
        with at(now):
            return self._api.as_(self.person, at=now).call(method, path, body)

    def done(self, method: str, path: str, body: Any = None, *, now: datetime = MONDAY) -> Any:
        """The answer to what has to go well."""
        answer = self.call(method, path, body, now=now)
        assert answer.status_code in {200, 201}, answer.text
        return answer.json

    def hours(self, **days: list[list[str]]) -> Any:
        """Set the centre's hours: `monday=[["09:00", "12:00"]]`, an empty list is closed."""
        return self.done("PUT", f"/service-centres/{self.centre}/hours", week(days))

    def member(self, name: str = "陈海燕", title: str = "社区工作者", **duty: list[list[str]]) -> str:
        """Somebody of the centre with a pattern. Their id."""
        staff = self.done("POST", f"/service-centres/{self.centre}/staff", {"name": name, "title": title})["id"]
        if duty:
            self.done("PUT", f"/service-centres/{self.centre}/staff/{staff}/duty", week(duty))
        return str(staff)

    def day_off(self, staff: str, day: str, spans: list[list[str]]) -> Any:
        """Say when somebody is on duty on one day."""
        body = {"day": day, "spans": [span(each) for each in spans]}
        return self.done("PUT", f"/service-centres/{self.centre}/staff/{staff}/duty-days", body)

    def service(self, name: str = "居住证明", **said: Any) -> str:
        """A service of the centre. Its id."""
        body = {"name": name, "description": "当场办结", "scene": "governance"} | said
        return str(self.done("POST", f"/service-centres/{self.centre}/services", body)["id"])


def week(days: dict[str, list[list[str]]]) -> dict[str, Any]:
    return {"hours": [{"day": day, "spans": [span(each) for each in spans]} for day, spans in days.items()]}


def span(ends: list[str]) -> dict[str, str]:
    return {"opens_at": ends[0], "closes_at": ends[1]}


def door(api: ApiClient, centre: int, now: datetime) -> tuple[bool, str | None, str | None]:
    """What a visitor reads at the door at a moment: open, until when, when next."""
    with at(now):
        shown = api.get(f"/service-centres/{centre}").json
    return shown["open_now"], shown["open_until"], shown["opens_next_at"]

"""What the tests of the organiser's desk say again and again, at the fixed moment of `plan`."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import time_machine
from werkzeug.test import TestResponse

from models.activities import Session
from models.residents import Role
from models.venues import Venue
from rules.activities.tending import Tended, tend_activities
from rules.clock import ZONE
from rules.work import SYSTEM
from tests.activities.plan import NOW, at_nine
from tests.build import ApiClient, Person, TownBuilder, add, fresh_key

TODAY = NOW.date()  #: Monday, 2 June 2025


class Desk:
    """An organiser of the first community at work, on a Monday at nine."""

    def __init__(self, town: TownBuilder, api: ApiClient, person: Person | None = None) -> None:
        self.town = town
        self.person = person or town.staff(Role.ORGANISER, at=town.community_id)
        self._api, self._visitor = api.as_(self.person, at=NOW), api

    def get(self, path: str, **query: Any) -> TestResponse:
        with at_nine():
            return self._api.get(path, **query)

    def post(self, path: str, body: Any = None) -> TestResponse:
        with at_nine():
            return self._api.post(path, body)

    def patch(self, path: str, body: Any) -> TestResponse:
        with at_nine():
            return self._api.call("PATCH", path, body, key=fresh_key())

    def put(self, path: str, body: Any) -> TestResponse:
        with at_nine():
            return self._api.call("PUT", path, body)

    def delete(self, path: str) -> TestResponse:
        with at_nine():
            return self._api.delete(path)

    def seen_by_all(self, path: str, **query: Any) -> TestResponse:
        with at_nine():
            return self._visitor.get(path, **query)

    def draft(self, **said: Any) -> str:
        """A draft that this desk has written. Its id, as the API writes it."""
        answer = self.post("/activities", activity_body(self.town, **said))
        assert answer.status_code == 201, answer.json
        return answer.json["id"]

    def activity(self, **columns: Any) -> int:
        """A published activity of the desk's community."""
        return self.town.activity(**columns)

    def series(self, activity_id: object, **said: Any) -> TestResponse:
        return self.post(f"/activities/{activity_id}/series", series_body(self.town, **said))

    def sessions(self, activity_id: int) -> list[Any]:
        """The sessions of an activity as they stand in the database, in order of time."""
        rows = self.town.rows(
            Session.id,
            Session.series_id,
            Session.starts_at,
            Session.ends_at,
            Session.reservable_from,
            Session.reservable_until,
            Session.allocates_at,
            Session.venue_id,
            Session.capacity,
            Session.status,
            activity_id=int(activity_id),
        )
        return sorted(rows, key=lambda row: (row.starts_at, row.id))

    def reserve(self, session_id: object, resident: Person, **wish: Any) -> TestResponse:
        with at_nine():
            client = self._visitor.as_(resident, at=NOW)
            return client.post(f"/sessions/{session_id}/reservations", wish)


def activity_body(town: TownBuilder, **said: Any) -> dict[str, Any]:
    """An activity as an organiser writes it."""
    body = {
        "title": "缤纷瑜伽",
        "summary": "每周两次，零基础可以参加。",
        "category": "瑜伽",
        "scene": "health",
        "community_id": str(town.community_id),
        "operator_id": str(town.operator_id),
    }
    return body | said


def plan_body(town: TownBuilder, **said: Any) -> dict[str, Any]:
    """What a session is, apart from when it begins."""
    return {"venue_id": str(town.venue_id), "duration_minutes": 60, "capacity": 20} | said


def session_body(town: TownBuilder, starts_at: datetime, **said: Any) -> dict[str, Any]:
    return plan_body(town, starts_at=starts_at.isoformat(), **said)


def series_body(town: TownBuilder, **said: Any) -> dict[str, Any]:
    """Mondays and Wednesdays at half past ten, from today on."""
    body = {"rrule": "FREQ=WEEKLY;BYDAY=MO,WE", "starts_on": TODAY.isoformat(), "starts_at": "10:30"}
    return plan_body(town, **body | said)


def a_room(town: TownBuilder, name: str = "小教室", capacity: int = 30) -> int:
    """Another room of the town's centre."""
    [centre] = {row.service_centre_id for row in town.rows(Venue.service_centre_id)}
    return town.database.write(
        town.id, SYSTEM, lambda work: add(work, Venue, service_centre_id=centre, name=name, capacity=capacity)
    )


def code_of(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def what_stands(town: TownBuilder) -> dict[str, list[Any]]:
    """Everything that the database holds of the town, but for the answers that were given."""
    return {table: rows for table, rows in town.contents().items() if table != "idempotency_record"}


def local_days(desk: Desk, activity_id: object) -> list[date]:
    """The days of an activity's sessions."""
    return [row.starts_at.astimezone(ZONE).date() for row in desk.sessions(int(str(activity_id)))]


def a_night(town: TownBuilder, moment: datetime) -> Tended:
    """What keeps activities going, run at a moment."""
    with time_machine.travel(moment, tick=False):
        return tend_activities(town.database, town.id, town.house.keys)

"""Protects when an activity is finished by itself: only where its organiser said an end, and all is over."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from models.activities import Activity, ActivityStatus, Series, SessionStatus
from rules.work import SYSTEM
from tests.activities.organising import Desk, a_night
from tests.activities.plan import DAY, HOUR, NOW, a_session
from tests.build import ApiClient, TownBuilder, add

YESTERDAY, TODAY, TOMORROW = date(2025, 6, 1), date(2025, 6, 2), date(2025, 6, 3)


def a_series(town: TownBuilder, activity_id: int, ends_on: date | None) -> None:
    columns: dict[str, Any] = {
        "activity_id": activity_id,
        "venue_id": town.venue_id,
        "rrule": "FREQ=WEEKLY;BYDAY=SU",
        "starts_on": date(2025, 5, 4),
        "starts_at": "09:00",
        "duration_minutes": 60,
        "capacity": 10,
        "ends_on": ends_on,
        "expanded_until": date(2025, 12, 31),
    }
    town.database.write(town.id, SYSTEM, lambda work: add(work, Series, **columns))


def is_finished(town: TownBuilder, activity_id: int) -> bool:
    [row] = town.rows(Activity.status, id=activity_id)
    return row.status is ActivityStatus.FINISHED


@pytest.mark.parametrize(
    ("ends", "over"),
    [
        ([YESTERDAY], True),
        ([YESTERDAY, YESTERDAY], True),
        ([TODAY], False),
        ([YESTERDAY, TOMORROW], False),
        ([YESTERDAY, None], False),
        ([None], False),
        ([], False),
    ],
    ids=str,
)
def test_an_activity_is_over_with_the_last_of_its_series(
    town: TownBuilder, ends: list[date | None], over: bool
) -> None:
    activity = town.activity()
    a_session(town, activity, NOW - DAY)
    for ends_on in ends:
        a_series(town, activity, ends_on)
    assert a_night(town, NOW).finished == (1 if over else 0)
    assert is_finished(town, activity) is over
    assert a_night(town, NOW).finished == 0


def test_a_session_that_is_not_over_keeps_its_activity(town: TownBuilder) -> None:
    activity = town.activity()
    a_series(town, activity, YESTERDAY)
    a_session(town, activity, NOW + DAY, status=SessionStatus.CANCELLED)
    moved = a_session(town, activity, NOW - HOUR)
    assert moved
    assert a_night(town, NOW).finished == 0
    assert a_night(town, NOW + HOUR).finished == 1


@pytest.mark.parametrize("status", [ActivityStatus.DRAFT, ActivityStatus.CANCELLED])
def test_only_what_is_published_is_finished(town: TownBuilder, status: ActivityStatus) -> None:
    activity = town.activity(status=status)
    a_series(town, activity, YESTERDAY)
    assert a_night(town, NOW).finished == 0
    assert town.rows(Activity.status) == [(status,)]


def test_a_course_that_was_planned_with_an_end_is_finished_by_itself(town: TownBuilder, api: ApiClient) -> None:
    desk = Desk(town, api)
    activity = desk.activity()
    desk.series(activity, rrule="FREQ=WEEKLY;COUNT=2", starts_at="10:30")
    assert a_night(town, NOW + 7 * DAY).finished == 0
    assert a_night(town, NOW + 8 * DAY).finished == 1

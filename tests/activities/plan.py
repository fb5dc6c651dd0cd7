"""A town's programme at a fixed moment: Monday 2 June 2025, nine in the morning, in the community's time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import time_machine

from rules.clock import ZONE
from tests.build import ApiClient, TownBuilder

NOW = datetime(2025, 6, 2, 9, 0, tzinfo=ZONE)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
PAGES_MAX = 50


@contextmanager
def at_nine() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def a_session(town: TownBuilder, activity_id: int, starts_at: datetime, **columns: Any) -> int:
    """Two hours from a moment on; places can be taken until it begins, check-in opens half an hour before."""
    times = {
        "starts_at": starts_at,
        "ends_at": starts_at + 2 * HOUR,
        "reservable_until": starts_at,
        "checkin_opens_at": starts_at - HOUR / 2,
    }
    return town.session(activity_id=activity_id, **times | columns)


def an_activity(town: TownBuilder, starts_at: datetime = NOW + DAY, **columns: Any) -> str:
    """An activity with one session. Its id, as the API writes it."""
    activity_id = town.activity(**columns)
    a_session(town, activity_id, starts_at)
    return str(activity_id)


def listed(api: ApiClient, **query: Any) -> list[str]:
    """The ids of what the list answers, page by page."""
    found: list[str] = []
    cursor: dict[str, Any] = {}
    for _ in range(PAGES_MAX):
        with at_nine():
            page = api.get("/activities", **query, **cursor)
        assert page.status_code == 200, page.json
        found += [item["id"] for item in page.json["items"]]
        if page.json["next_cursor"] is None:
            return found
        cursor = {"cursor": page.json["next_cursor"]}
    raise AssertionError("the pages have no end")

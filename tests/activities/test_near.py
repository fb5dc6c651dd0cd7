"""What is on near me, this weekend, for children and elders, free of charge."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
import time_machine

from models.activities import Audience
from models.territory import ServiceCentre
from models.venues import Venue
from rules.clock import ZONE
from tests.activities.plan import DAY, HOUR, NOW, a_session, an_activity, at_nine, listed
from tests.build import ApiClient, TownBuilder, add
from tests.territory.centres import HERE, centre_of, near, place


def a_room(town: TownBuilder, north: float | None) -> int:
    """A room of a centre that lies so many degrees north of HERE, or nobody knows where."""
    where = {} if north is None else {"latitude": HERE[0] + north, "longitude": HERE[1]}

    def deed(work: Any) -> int:
        hours = {"opens_at": "09:00", "closes_at": "17:00", "address": "测试路"}
        centre = add(work, ServiceCentre, territory_id=town.community_id, name=f"中心 {north}", **hours, **where)
        return add(work, Venue, service_centre_id=centre, name="多功能厅", capacity=100)

    return int(town.act(None, deed))


def at_room(town: TownBuilder, venue_id: int, starts_at: datetime, **columns: Any) -> str:
    """An activity with one session in a room. Its id, as the API writes it."""
    activity = town.activity(**columns)
    a_session(town, activity, starts_at, venue_id=venue_id)
    return str(activity)


def test_the_nearest_comes_first_and_at_one_distance_the_soonest(town: TownBuilder, api: ApiClient) -> None:
    close, middle, far, nowhere = (a_room(town, north) for north in (0.001, 0.005, 0.05, None))
    order = [
        at_room(town, close, NOW + DAY),
        at_room(town, close, NOW + DAY),  # as soon, added later
        at_room(town, close, NOW + 3 * DAY),
        at_room(town, middle, NOW + 2 * DAY),
        at_room(town, far, NOW + HOUR),
        at_room(town, nowhere, NOW + HOUR),
    ]
    for limit in (1, 2, 4, 100):
        assert listed(api, near=near(), limit=limit) == order
    assert listed(api)[:2] == order[4:]
    assert listed(api, near=near(), within_metres=600) == order[:4]
    with at_nine():
        items = api.get("/activities", near=near()).json["items"]
    assert [each["distance_metres"] for each in items] == [111, 111, 111, 555, 5559, None]


def test_an_activity_is_as_near_as_its_nearest_session_that_fits(town: TownBuilder, api: ApiClient) -> None:
    close, far = a_room(town, 0.001), a_room(town, 0.05)
    both, other = town.activity(), at_room(town, a_room(town, 0.01), NOW + DAY)
    a_session(town, both, NOW + DAY, venue_id=far)
    a_session(town, both, NOW + 2 * DAY, venue_id=close)
    assert listed(api, near=near()) == [str(both), other]
    assert listed(api, near=near(), to=(NOW + DAY + HOUR).isoformat()) == [other, str(both)]
    with at_nine():
        reachable = api.get("/activities", near=near(), within_metres=500).json["items"]
    assert [(each["id"], each["next_starts_at"][:10]) for each in reachable] == [(str(both), "2025-06-04")]


@pytest.mark.parametrize(
    ("now", "finds"),
    [
        (datetime(2025, 6, 9, 9, 0, tzinfo=ZONE), ["saturday", "sunday"]),
        (datetime(2025, 6, 13, 23, 59, tzinfo=ZONE), ["saturday", "sunday"]),
        (datetime(2025, 6, 14, 8, 0, tzinfo=ZONE), ["saturday", "sunday"]),
        (datetime(2025, 6, 15, 0, 0, tzinfo=ZONE), ["sunday"]),
        (datetime(2025, 6, 15, 23, 30, tzinfo=ZONE), []),
        (datetime(2025, 6, 16, 0, 0, tzinfo=ZONE), []),
    ],
)
def test_this_weekend_is_two_local_days(town: TownBuilder, api: ApiClient, now: datetime, finds: list[str]) -> None:
    days = {"friday": 13, "saturday": 14, "sunday": 15, "monday": 16}
    for name, day in days.items():
        hour = 0 if name == "monday" else 20
        an_activity(town, datetime(2025, 6, day, hour, 0, tzinfo=ZONE), title=name)
    with time_machine.travel(now, tick=False):
        items = api.get("/activities", weekend="true").json["items"]
    assert [each["title"] for each in items] == finds


@pytest.mark.parametrize("period", [{"from": "2025-06-09"}, {"to": "2025-06-09"}])
def test_a_weekend_is_a_period_of_its_own(api: ApiClient, period: dict[str, str]) -> None:
    answer = api.get("/activities", weekend="true", **period)
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["weekend"])


def test_an_audience_is_what_the_organiser_says_or_what_the_ages_say(town: TownBuilder, api: ApiClient) -> None:
    said = an_activity(town, NOW + DAY, audience=Audience.CHILDREN)
    teens = an_activity(town, NOW + 2 * DAY, age_min=6, age_max=17)
    an_activity(town, NOW + DAY, age_max=18)
    an_activity(town, NOW + DAY, age_min=59)
    old = an_activity(town, NOW + 3 * DAY, age_min=60)
    grandparents = an_activity(town, NOW + 4 * DAY, audience=Audience.ELDERS, age_max=12)
    assert listed(api, audience="children") == [said, teens]
    assert listed(api, audience="elders") == [old, grandparents]
    assert len(listed(api)) == 6
    answer = api.get("/activities", audience="cats")
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["audience"])


def test_what_costs_points_is_not_free(town: TownBuilder, api: ApiClient) -> None:
    free, paid = an_activity(town, NOW + DAY), an_activity(town, NOW + 2 * DAY, price=1)
    assert listed(api, free="true") == [free]
    assert listed(api, free="false") == [free, paid]


def test_filters_hold_together(town: TownBuilder, api: ApiClient) -> None:
    place(town, centre_of(town), *HERE)
    saturday = datetime(2025, 6, 7, 10, 0, tzinfo=ZONE)
    fits = an_activity(town, saturday, audience=Audience.CHILDREN)
    an_activity(town, saturday, audience=Audience.CHILDREN, price=5)
    an_activity(town, NOW + DAY, audience=Audience.CHILDREN)
    wanted = {"near": near(), "weekend": "true", "audience": "children", "free": "true", "available": "true"}
    assert listed(api, **wanted, within_metres=10) == [fits]

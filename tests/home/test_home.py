"""The first page, for a resident, a visitor and staff."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import delete

from models.centres import CentreHours
from models.moderation import Content, ContentKind, ContentState
from models.residents import Role
from models.search import FoundKind, SearchEntry
from models.venues import DayKind, Venue
from rules.clock import ZONE, utc_now
from rules.search.indexing import Entry
from rules.search.refreshing import rebuild
from rules.work import Work
from tests.build import ApiClient, TownBuilder, add
from tests.edge.test_query_budgets import READS, sent_by
from tests.plans import steps_of
from tests.search.finding import there_are

#: A Tuesday, at ten in the morning.
NOW = datetime(2025, 6, 3, 10, 0, tzinfo=ZONE)
HOUR = timedelta(hours=1)


def home(api: ApiClient, **query: Any) -> dict[str, Any]:
    answer = api.get("/home", **query)
    assert answer.status_code == 200, answer.json
    return answer.json


def session(town: TownBuilder, title: str, begins_in: timedelta, **activity: Any) -> int:
    return town.session(activity_id=town.activity(title=title, **activity), begins_in=begins_in)


def test_a_resident_sees_their_day(town: TownBuilder, api: ApiClient) -> None:
    with time_machine.travel(NOW, tick=False):
        resident = town.resident()
        tomorrow, mine = session(town, "明天的课", timedelta(days=1)), session(town, "我的课", 5 * HOUR)
        session(town, "社区的课", 2 * HOUR)
        session(town, "别处的课", 2 * HOUR, community_id=town.other_community_id)
        session(town, "早上的课", -4 * HOUR)
        me = api.as_(resident)
        for each in (tomorrow, mine):
            assert me.post(f"/sessions/{each}/reservations", {"party_size": 2}).status_code == 201
        seen = home(me)
        neighbour = home(api.as_(town.resident("邻居")))
    assert [(row["title"], row["status"], row["party_size"]) for row in seen["today"]] == [
        ("我的课", "confirmed", 2),
        ("社区的课", None, None),
    ]
    following = seen["next_reservation"]
    assert (following["title"], following["session_id"], following["venue_name"]) == ("我的课", str(mine), "多功能厅")
    assert seen["code_path"] == "/api/v1/me/code"
    assert seen["community"]["name"] == "星民社区"
    assert (seen["unread"], seen["points"], seen["levels"]) == (0, {"balance": 0, "expiring": []}, [])
    assert neighbour["next_reservation"] is None
    assert [(row["title"], row["status"]) for row in neighbour["today"]] == [("社区的课", None), ("我的课", None)]


def test_a_visitor_sees_what_is_public_and_the_community_that_the_phone_remembers(
    town: TownBuilder, api: ApiClient
) -> None:
    with time_machine.travel(NOW, tick=False):
        session(town, "社区的课", 2 * HOUR)
        town.act(None, rebuild)
        there_are(town, Entry(FoundKind.REWARD, 1, "一袋大米"))
        seen, here = home(api), home(api, community_id=str(town.community_id))
        staff = home(api.as_(town.staff(Role.MANAGER)))
    assert [(entry["name"], entry["count"], entry["path"]) for entry in seen["entries"]] == [
        ("找社区", 2, "/api/v1/communities"),
        ("找物业", 0, "/api/v1/estates"),
        ("找场馆", 1, "/api/v1/venues"),
        ("找活动", 1, "/api/v1/activities"),
        ("找朋友", 0, "/api/v1/groups"),
        ("找积分", 1, "/api/v1/rewards"),
    ]
    assert (seen["community"], seen["today"], seen["announcements"]) == (None, [], [])
    for each in (seen, here, staff):
        assert [each[name] for name in ("next_reservation", "code_path", "points", "unread")] == [None] * 4
    assert (here["community"]["name"], [row["title"] for row in here["today"]]) == ("星民社区", ["社区的课"])
    unknown = api.get("/home", community_id=str(town.street_id))
    assert (unknown.status_code, unknown.json["code"]) == (404, "community.unknown")


def test_a_room_with_many_things_is_not_counted_again_for_a_minute(
    town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def groups(seconds: int) -> int:
        with time_machine.travel(NOW + timedelta(seconds=seconds), tick=False):
            [count] = [entry["count"] for entry in home(api)["entries"] if entry["kind"] == "group"]
            return int(count)

    monkeypatch.setattr("rules.home.MANY", 2)
    there_are(town, *(Entry(FoundKind.GROUP, n, "球友") for n in range(2)))
    assert groups(0) == 2
    town.act(None, lambda work: work.core.execute(delete(SearchEntry)))
    assert [groups(59), groups(60), groups(61)] == [2, 0, 0]


def test_the_first_page_sends_no_more_statements_when_some_rooms_have_many_things(
    town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rules.home.MANY", 2)
    there_are(town, *(Entry(FoundKind.GROUP, n, "球友") for n in range(2)))
    mine = api.as_(town.resident())
    with time_machine.travel(utc_now(), tick=False):
        _, *sent = [sent_by(town, lambda: mine.get("/home")) for _ in range(4)]
    assert max(sent) <= READS["resident"]["/home"]


def test_of_the_towns_sessions_the_first_page_looks_at_mine_and_at_the_days(town: TownBuilder, api: ApiClient) -> None:
    mine = api.as_(town.resident())
    steps = [step for step in steps_of(town, "session", lambda: mine.get("/home")) if " session " in step]
    assert len(steps) == 2
    assert "(town_id=? AND id=?)" in steps[0]
    assert "(town_id=? AND ends_at>? AND ends_at<?)" in steps[1]


def test_a_group_is_counted_once_its_words_have_passed(town: TownBuilder, api: ApiClient) -> None:
    def hand_in(work: Work, state: ContentState) -> int:
        return add(work, Content, kind=ContentKind.GROUP, text="", place_path="1/", state=state, written_at=work.now)

    for n, state in enumerate((ContentState.PENDING, ContentState.REFUSED, ContentState.PASSED)):
        content_id = town.act(None, hand_in, state)
        there_are(town, Entry(FoundKind.GROUP, n, "球友", content_id=content_id))
    assert [entry["count"] for entry in home(api)["entries"] if entry["kind"] == "group"] == [1]


def test_the_door_of_my_community_says_whether_it_is_open(town: TownBuilder, api: ApiClient) -> None:
    me = api.as_(town.resident(), at=NOW)
    with time_machine.travel(NOW, tick=False):
        [plain] = home(me)["community"]["centres"]
    assert (plain["name"], plain["open_now"], plain["today"]) == (
        "党群服务中心",
        True,
        [{"opens_at": "09:00", "closes_at": "17:00"}],
    )
    assert plain["open_until"] == "2025-06-03T17:00:00+08:00"
    [centre_id] = {row.service_centre_id for row in town.rows(Venue.service_centre_id)}

    def set_hours(work: Work) -> None:
        for n, (kind, opens, closes) in enumerate(
            [(DayKind.TUESDAY, "14:00", "21:00"), (DayKind.WEDNESDAY, "09:00", "17:00")]
        ):
            row = {"service_centre_id": centre_id, "day_kind": kind, "n": n, "opens_at": opens, "closes_at": closes}
            work.db.execute(CentreHours.__table__.insert(), {"town_id": town.id, **row})

    town.act(None, set_hours)
    with time_machine.travel(NOW, tick=False):
        [late] = home(me)["community"]["centres"]
    assert (late["open_now"], late["opens_next_at"]) == (False, "2025-06-03T14:00:00+08:00")
    assert late["today"] == [{"opens_at": "14:00", "closes_at": "21:00"}]

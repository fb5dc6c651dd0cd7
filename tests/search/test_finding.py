"""What is found, by whom, and in which order."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from blueprints.edge.house import House
from models.moderation import Content, ContentKind, ContentState
from models.search import FoundKind
from rules.search.engines import FEW
from rules.search.finding import CANDIDATES, COUNT_MAX
from rules.search.indexing import Entry, put_all_entries
from rules.search.refreshing import rebuild, refresh
from rules.search.terms import read_query
from rules.work import Work
from tests.build import ApiClient, TownBuilder, add, new_town
from tests.plans import steps_of
from tests.search.finding import all_pages, found, groups_named, there_are, titles

TITLES = ("星民社区亲子瑜伽", "五月·音乐会（第3期）", "ＡＢＣ英语角", "重庆小面分享会", "长者食堂", "乐队招人")


def test_every_part_of_every_title_is_found_by_everybody(town: TownBuilder, api: ApiClient) -> None:
    groups_named(town, *TITLES)
    for title in TITLES:
        parts = {title[start : start + size] for size in (1, 2, 3, len(title)) for start in range(len(title))}
        for part in sorted(part for part in parts if read_query(part)):
            assert title in found(api, part, limit=20)["group"], part


def test_when_an_activity_is_on_next_is_found_among_its_own_sessions(town: TownBuilder, api: ApiClient) -> None:
    town.session(activity_id=town.activity(title="亲子瑜伽"))
    town.act(None, rebuild)
    steps = [step for step in steps_of(town, "session", lambda: found(api, "瑜伽")) if " session " in step]
    assert steps
    assert all("activity_id=?" in step for step in steps)


@pytest.mark.parametrize(
    ("typed", "title"),
    [
        ("wuyue", "五月·音乐会（第3期）"),
        ("wu yue", "五月·音乐会（第3期）"),
        ("WUYUE", "五月·音乐会（第3期）"),
        ("ｗｕｙｕｅ", "五月·音乐会（第3期）"),
        ("xmsq", "星民社区亲子瑜伽"),
        ("qzyj", "星民社区亲子瑜伽"),
        ("chongqing", "重庆小面分享会"),
        ("zhangzhe", "长者食堂"),
        ("yuedui", "乐队招人"),
        ("abc", "ＡＢＣ英语角"),
        ("第３期", "五月·音乐会（第3期）"),
        ("「五月」音乐", "五月·音乐会（第3期）"),
    ],
)
def test_sounds_initials_and_other_forms_find_what_they_mean(
    town: TownBuilder, api: ApiClient, typed: str, title: str
) -> None:
    groups_named(town, *TITLES)
    assert found(api, typed) == {"group": [title]}


def test_the_title_comes_before_the_text_and_the_whole_before_a_part(town: TownBuilder, api: ApiClient) -> None:
    there_are(
        town,
        Entry(FoundKind.GROUP, 1, "瑜伽"),
        Entry(FoundKind.GROUP, 2, "瑜伽伙伴"),
        Entry(FoundKind.GROUP, 3, "清晨瑜伽"),
        Entry(FoundKind.GROUP, 4, "晨练", "瑜伽和太极"),
        Entry(FoundKind.GROUP, 5, "晚间瑜伽"),
        Entry(FoundKind.GROUP, 6, "太极"),
    )
    assert found(api, "瑜伽", limit=9) == {"group": ["瑜伽", "瑜伽伙伴", "晚间瑜伽", "清晨瑜伽", "晨练"]}
    assert found(api, "yujia", limit=9) == {"group": ["瑜伽", "瑜伽伙伴", "晚间瑜伽", "清晨瑜伽"]}


def test_what_is_on_sooner_comes_first(town: TownBuilder, api: ApiClient) -> None:
    later, never, sooner = (town.activity(title="围棋课") for _ in range(3))
    for activity_id, days in ((later, 3), (sooner, 1)):
        town.session(activity_id=activity_id, begins_in=timedelta(days=days))
    town.session(activity_id=never, begins_in=timedelta(days=-3), reservable_for=timedelta(0))
    town.act(None, refresh, FoundKind.ACTIVITY, [later, never, sooner])
    [group] = api.get("/search", q="围棋").json["groups"]
    assert [item["id"] for item in group["items"]] == [str(sooner), str(later), str(never)]
    assert [item["next_starts_at"] is None for item in group["items"]] == [False, False, True]
    assert {item["community_name"] for item in group["items"]} == {"星民社区"}


def test_with_a_position_the_nearest_comes_first(town: TownBuilder, api: ApiClient) -> None:
    there_are(
        town,
        Entry(FoundKind.VENUE, 1, "球场", latitude=30.21, longitude=120.20),
        Entry(FoundKind.VENUE, 2, "羽毛球场", latitude=30.2001, longitude=120.2001),
        Entry(FoundKind.VENUE, 3, "旧球场"),
        Entry(FoundKind.VENUE, 4, "足球场", latitude=30.25, longitude=120.20),
    )
    [group] = api.get("/search", q="球场", near="30.2,120.2", limit=9).json["groups"]
    assert titles(group["items"]) == ["羽毛球场", "球场", "足球场", "旧球场"]
    metres = [item["distance_metres"] for item in group["items"]]
    assert [round(each, -1) if each else None for each in metres] == [20, 1110, 5560, None]
    assert titles(api.get("/search", q="球场", limit=9).json["groups"][0]["items"])[0] == "球场"


def test_at_the_edges_of_the_map_there_is_less_around(town: TownBuilder, api: ApiClient) -> None:
    groups_named(town, *TITLES[:1], latitude=-90.0, longitude=-180.0)
    for near in ("-90,-180", "-90,180", "90,-180", "90,180"):
        assert found(api, TITLES[0][:2], near=near) == {"group": [TITLES[0]]}


def test_rooms_are_shown_apart_and_gone_through_page_by_page(town: TownBuilder, api: ApiClient) -> None:
    groups_named(town, *(f"骑行{n:02}队" for n in range(45)))
    there_are(town, Entry(FoundKind.SERVICE, 9, "骑行装备借用", community_id=town.community_id))
    answer = api.get("/search", q="骑行").json
    assert [(group["kind"], group["count"], group["has_more"]) for group in answer["groups"]] == [
        ("service", 1, False),
        ("group", 45, False),
    ]
    assert len(answer["groups"][1]["items"]) == 3
    shown = all_pages(api, "骑行", "group", limit=20)
    assert shown == [f"骑行{n:02}队" for n in reversed(range(45))]
    assert found(api, "骑行", community_id=str(town.community_id)) == {"service": ["骑行装备借用"]}
    refused = api.get("/search", q="骑行", cursor=answer["groups"][1]["next_cursor"])
    assert (refused.status_code, refused.json["code"]) == (422, "search.kind_required")


def test_another_towns_things_are_never_found(town: TownBuilder, api: ApiClient, house: House) -> None:
    groups_named(new_town(house), "门球队")
    assert found(api, "门球") == {}
    groups_named(town, "门球协会")
    assert found(api, "门球") == {"group": ["门球协会"]}


def test_nothing_is_found_of_what_is_not_there_or_no_word(town: TownBuilder, api: ApiClient) -> None:
    groups_named(town, *TITLES)
    assert found(api, "量子纠缠") == found(api, "！？") == {}
    assert found(api, "100%") == found(api, "' OR 1 --") == found(api, '"*') == {}
    assert api.get("/search").status_code == 422


def test_what_users_wrote_is_found_while_it_is_passed(town: TownBuilder, api: ApiClient) -> None:
    def write(work: Work) -> int:
        return add(
            work,
            Content,
            kind=ContentKind.GROUP,
            text="拼车群",
            place_path="1/",
            state=ContentState.PENDING,
            written_at=work.now,
        )

    content_id = town.act(None, write)
    groups_named(town, "拼车群", content_id=content_id)
    assert found(api, "拼车") == {}

    def decide(state: ContentState) -> None:
        statement = update(Content).where(Content.town_id == town.id, Content.id == content_id).values(state=state)
        town.act(None, lambda work: work.core.execute(statement))

    decide(ContentState.PASSED)
    assert found(api, "拼车") == {"group": ["拼车群"]}
    decide(ContentState.REFUSED)
    assert found(api, "拼车") == {}


def test_a_term_that_nearly_everything_has_shows_the_newest_and_ends(town: TownBuilder, api: ApiClient) -> None:
    """The work is bounded, also where PostgreSQL has to look from the newest one back."""
    count = FEW + 400
    entries = [Entry(FoundKind.GROUP, n + 1, f"活动{n:04}", latitude=30.0, longitude=120.0) for n in range(count)]
    entries[3] = Entry(FoundKind.GROUP, 4, "活动近处", latitude=30.3, longitude=120.3)
    town.act(None, put_all_entries, entries)
    [group] = api.get("/search", q="活动").json["groups"]
    assert (group["count"], group["has_more"]) == (COUNT_MAX, True)
    shown = all_pages(api, "活动", "group", limit=100)
    assert shown == [f"活动{n:04}" for n in reversed(range(count - CANDIDATES, count))]
    assert found(api, "活", near="30.3001,120.3001", limit=1) == {"group": ["活动近处"]}

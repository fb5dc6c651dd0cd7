"""Ways to earn are the rules in force in plain words, with what the same limits leave for whoever looks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from rules.clock import local_day, utc_now
from tests.build import ApiClient, Person, TownBuilder
from tests.rulebook.live import organiser, put_in_force, recorded

RULES = """
name = "红星积分"
[expiry]
years = 1
[calculation]
round = "down"
order = "document"
[[earn]]
id = "borrow"
event = "borrow"
title = "借书"
each = "items"
unit = "本"
amount = 1
category = "reading"
limits = [{ points = 3, per = "day" }, { points = 20, per = "month" }]
[[earn]]
id = "read"
event = "read"
title = "读书打卡"
amount = 2
category = "reading"
limits = [{ times = 1, per = "day" }]
[[earn]]
id = "care"
event = "care"
title = "志愿服务"
each = "hours"
unit = "小时"
amount = 10
where = { person.volunteer = true, late = false }
limits = [{ quantity = 8, per = "day" }]
[[earn]]
id = "repair"
event = "mend"
title = "修书"
amount = 5
limits = [{ times = 1, per = "ever", by = ["book"] }]
[[limit]]
id = "reading-week"
title = "阅读类合计"
categories = ["reading"]
points = 4
per = "week"
"""


def ways_of(api: ApiClient, person: Person | None) -> dict[str, dict[str, Any]]:
    answer = api.get("/points/ways") if person is None else api.as_(person).get("/me/points/ways")
    assert answer.status_code == 200, answer.text
    return {way["id"]: way for way in answer.json["items"]}


def left(way: dict[str, Any]) -> list[tuple[str, float | None]]:
    return [(limit["words"], limit["left"]) for limit in way["limits"]]


def test_a_visitor_reads_the_rules_in_words_and_nothing_of_anybody(town: TownBuilder, api: ApiClient) -> None:
    put_in_force(town, RULES)
    ways = ways_of(api, None)
    assert list(ways) == ["borrow", "read", "care", "repair"]
    assert ways["borrow"]["words"] == "借书（borrow）：每本 1 分；每日最多 3 分；每月最多 20 分。"
    assert ways["borrow"]["amount_in_words"] == "每本 1 分"
    assert left(ways["borrow"]) == [("每日最多 3 分", None), ("每月最多 20 分", None), ("每周最多 4 分", None)]
    assert [limit["shared_title"] for limit in ways["borrow"]["limits"]] == [None, None, "阅读类合计"]
    assert all(way["is_open"] for way in ways.values())


def test_what_is_left_is_what_the_limits_leave_of_the_next_event(town: TownBuilder, api: ApiClient) -> None:
    put_in_force(town, RULES)
    me, other = town.resident(volunteer=True), town.resident()
    staff = organiser(town, api)
    assert left(ways_of(api, me)["borrow"]) == [("每日最多 3 分", 3), ("每月最多 20 分", 20), ("每周最多 4 分", 4)]
    recorded(staff, me, "borrow", items=2)
    recorded(staff, me, "care", hours=1.5)

    ways = ways_of(api, me)
    assert left(ways["borrow"]) == [("每日最多 3 分", 1), ("每月最多 20 分", 18), ("每周最多 4 分", 2)]
    assert ways["borrow"]["limits"][0]["left_in_words"] == "今天还可得 1 分"
    assert left(ways["read"]) == [("每日最多 1 次", 1), ("每周最多 4 分", 2)]
    assert (ways["care"]["limits"][0]["left"], ways["care"]["limits"][0]["left_in_words"]) == (
        6.5,
        "今天还可计 6.5 小时",
    )
    assert left(ways["repair"])[0][1] is None, "each book has a limit of its own"
    assert left(ways_of(api, other)["borrow"])[0][1] == 3

    outcome = recorded(staff, me, "borrow", items=5)
    assert [line["amount"] for line in outcome["lines"] if line["kind"] == "award"] == [1]
    closed = ways_of(api, me)["borrow"]
    assert (closed["is_open"], closed["why_closed"]) == (False, "今天已满")


def test_a_way_that_is_not_for_somebody_says_why_and_one_that_is_over_is_not_there(
    town: TownBuilder, api: ApiClient
) -> None:
    yesterday = local_day(utc_now()) - timedelta(days=1)
    put_in_force(
        town,
        RULES + f'[[earn]]\nid = "gone"\nevent = "read"\ntitle = "限时活动"\namount = 9\nends_on = {yesterday}\n',
    )
    ways = ways_of(api, town.resident())
    assert "gone" not in ways
    assert ways["care"]["is_open"] is False
    assert "注册志愿者" in ways["care"]["why_closed"]
    assert ways["read"]["is_open"] is True
    assert ways_of(api, town.resident(volunteer=True))["care"]["is_open"] is True


def test_a_town_without_limits_has_ways_all_the_same(town: TownBuilder, api: ApiClient) -> None:
    ways = ways_of(api, town.resident())
    assert [(way["title"], way["is_open"], way["limits"]) for way in ways.values()] == [("参加活动签到", True, [])]

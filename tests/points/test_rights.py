"""Levels are shown whole: what each asks for and gives, where somebody is, and what is missing to the next."""

from __future__ import annotations

from typing import Any

from tests.build import ApiClient, Person, TownBuilder
from tests.points.staff_events import HEAD, SERVICE
from tests.rulebook.live import organiser, put_in_force, recorded

RULES = (
    HEAD
    + SERVICE
    + """
[[ladder]]
id = "star"
title = "星级"
falls = false
[[ladder.level]]
id = "one"
title = "一星"
at = { "tally.hours" = 2 }
rights = [{ title = "公交卡一张" }]
[[ladder.level]]
id = "two"
title = "二星"
at = { "tally.hours" = 10 }
rights = [{ title = "免费体检一次" }, { title = "图书馆加借", value = 3 }]
"""
)


def ladder_of(api: ApiClient, person: Person) -> dict[str, Any]:
    answer = api.as_(person).get("/me/points/rights")
    assert answer.status_code == 200, answer.text
    [ladder] = answer.json["ladders"]
    return dict(ladder)


def test_a_ladder_is_shown_from_below_and_climbed(town: TownBuilder, api: ApiClient) -> None:
    put_in_force(town, RULES)
    resident, staff = town.resident(), organiser(town, api)
    below = ladder_of(api, resident)
    assert (below["level_title"], below["next_title"]) == (None, "一星")
    assert below["missing"] == ["“服务时长”还差 2 小时"]
    assert [level["is_reached"] for level in below["levels"]] == [False, False]

    recorded(staff, resident, "care", hours=2.5)
    first = ladder_of(api, resident)
    assert (first["level_title"], first["next_title"], first["missing"]) == (
        "一星",
        "二星",
        ["“服务时长”还差 7.5 小时"],
    )
    assert [(level["title"], level["is_reached"], level["is_mine"]) for level in first["levels"]] == [
        ("一星", True, True),
        ("二星", False, False),
    ]
    assert first["levels"][1]["rights"] == ["免费体检一次", "图书馆加借"]
    assert "“服务时长”达到 10 小时" in first["levels"][1]["words"]

    recorded(staff, resident, "care", hours=8)
    top = ladder_of(api, resident)
    assert (top["level_title"], top["next_title"], top["missing"]) == ("二星", None, [])


def test_a_rulebook_without_levels_has_none(town: TownBuilder, api: ApiClient) -> None:
    answer = api.as_(town.resident()).get("/me/points/rights").json
    assert (answer["rulebook"], answer["ladders"]) == ("测试积分规则", [])

"""Levels: reached by what residents do, kept while something holds, shown with what is missing for the next."""

from __future__ import annotations

from datetime import timedelta

from models.residents import Role
from models.rulebook import StandingLevel
from rules.clock import utc_now
from rules.rulebook.versions import publish
from tests.build import ApiClient, TownBuilder
from tests.ledger.keeping import audit
from tests.points.hands import manager
from tests.points.staff_events import HEAD, LADDER, SERVICE, THEN, at, standing, under
from tests.rulebook.live import organiser, put_in_force, recorded


def test_a_level_is_reached_and_shown_with_what_is_missing_for_the_next(town: TownBuilder, api: ApiClient) -> None:
    under(town, SERVICE, LADDER)
    resident, staff = town.resident(), organiser(town, api)
    recorded(staff, resident, "care", hours=2)
    assert standing(api, resident) == {
        "rulebook": "红星积分",
        "balances": [{"id": "points", "name": "积分", "amount": 20}],
        "ladders": [
            {
                "id": "star",
                "title": "星级志愿者",
                "level": None,
                "level_title": None,
                "rights": [],
                "next_title": "一星级",
                "missing": [{"measure": "tally.hours", "have": 2, "need": 3}],
            }
        ],
        "blocks": [],
    }
    outcome = recorded(staff, resident, "care", hours=1.5)
    assert [line["explanation"] for line in outcome["lines"] if line["kind"] in ("level", "right")] == [
        "星级志愿者：达到一星级",
        "星级志愿者一星级：可借图书",
    ]
    [ladder] = standing(api, resident)["ladders"]
    assert (ladder["level"], ladder["level_title"], ladder["next_title"]) == ("star-1", "一星级", "二星级")
    assert ladder["rights"] == [{"title": "可借图书", "id": "loans", "value": 2}]
    assert ladder["missing"] == [
        {"measure": "tally.hours", "have": 3.5, "need": 10},
        {"measure": "balance.points", "have": 35, "need": 60},
    ]
    assert town.rows(StandingLevel.ladder, StandingLevel.level, resident_id=resident.id) == [("star", "star-1")]


def test_the_highest_level_has_no_next_and_is_kept_though_points_go(town: TownBuilder, api: ApiClient) -> None:
    under(town, SERVICE, LADDER, '[[deduct]]\nid = "fault"\nevent = "fault"\ntitle = "违规"\namount = "all"\n')
    resident, staff = town.resident(), organiser(town, api)
    for _ in range(2):
        recorded(staff, resident, "care", hours=6)
    recorded(staff, resident, "fault")
    [ladder] = standing(api, resident)["ladders"]
    assert (ladder["level"], ladder["next_title"], ladder["missing"]) == ("star-2", None, [])


def test_a_level_that_the_next_rules_put_below_is_not_reached_again(town: TownBuilder, api: ApiClient) -> None:
    under(town, SERVICE, LADDER)
    resident, someone = town.resident(), town.staff(Role.ORGANISER)
    first = '[[ladder.level]]\nid = "star-1"'
    below = '[[ladder.level]]\nid = "star-0"\ntitle = "初级"\nat = { "tally.hours" = 1 }\n'
    town.act(None, publish, HEAD + SERVICE + LADDER.replace(first, below + first), THEN + timedelta(days=1))
    with at(0):
        recorded(api.as_(someone), resident, "care", hours=4)
        assert standing(api, resident)["ladders"][0]["level"] == "star-1"
    with at(2):
        assert standing(api, resident)["ladders"][0]["level"] == "star-1"
        outcome = recorded(api.as_(someone), resident, "care", hours=1)
        assert [line["kind"] for line in outcome["lines"]] == ["award"], "and its rights don't come again"
        [ladder] = standing(api, resident)["ladders"]
        assert (ladder["level"], ladder["next_title"]) == ("star-1", "二星级")


def test_a_level_that_follows_the_balance_is_shown_as_it_is_now(town: TownBuilder, api: ApiClient) -> None:
    under(
        town,
        '[[earn]]\nid = "good"\nevent = "good"\ntitle = "好事"\namount = 10\n',
        """
[[ladder]]
id = "credit"
title = "信用等级"
falls = true
[[ladder.level]]
id = "a"
title = "甲"
at = { "balance.points" = 10 }
""",
    )
    resident, staff = town.resident(), organiser(town, api)
    recorded(staff, resident, "good")
    assert standing(api, resident)["ladders"][0]["level"] == "a"
    body = {"resident_id": str(resident.id), "amount": -1, "reason": "更正"}
    adjusted = manager(town, api).post("/points/adjustments", body)
    assert adjusted.status_code == 201
    manager(town, api).post(f"/points/adjustments/{adjusted.json['id']}/approval")
    assert standing(api, resident)["ladders"][0]["level"] is None, (
        "no event is needed for a level that follows a balance"
    )


def test_a_level_that_is_kept_while_something_holds_is_shown_as_kept(town: TownBuilder, api: ApiClient) -> None:
    under(
        town,
        """
[[earn]]
id = "good"
event = "good"
title = "好事"
amount = 10
[[deduct]]
id = "bad"
event = "bad"
title = "坏事"
amount = 5
[[ladder]]
id = "credit"
title = "信用等级"
falls = true
kept_while = { person.volunteer = true }
[[ladder.level]]
id = "a"
title = "甲"
at = { "balance.points" = 10 }
""",
    )
    staff = organiser(town, api)
    for resident, level in ((town.resident(volunteer=True), "a"), (town.resident(), None)):
        recorded(staff, resident, "good")
        recorded(staff, resident, "bad")
        assert standing(api, resident)["ladders"][0]["level"] == level


def test_a_level_that_an_older_version_gives_a_late_event_is_not_kept(town: TownBuilder, api: ApiClient) -> None:
    """Levels on record are those of today's rules: a late event is judged by those of its day, and reaches theirs."""
    under(town, SERVICE, LADDER)
    put_in_force(town, HEAD + SERVICE + LADDER.replace('"tally.hours" = 3', '"tally.hours" = 9'), days_ago=1)
    resident, staff = town.resident(), organiser(town, api)
    late = recorded(staff, resident, "care", at=utc_now() - timedelta(days=2), hours=4)
    assert [line["kind"] for line in late["lines"]] == ["award", "level", "right"]
    assert town.rows(StandingLevel.level) == []
    assert standing(api, resident)["ladders"][0]["level"] is None
    recorded(staff, resident, "care", hours=5)
    assert town.rows(StandingLevel.level) == [("star-1",)]


def test_a_level_that_falls_is_not_kept_by_an_event_of_a_day_that_is_over(town: TownBuilder, api: ApiClient) -> None:
    """What a month or a balance was then says nothing of today; a level that doesn't fall is reached all the same."""
    today = '[[tally]]\nid = "today"\ntitle = "当日"\nevents = ["care"]\nper = "day"\n'
    falling = (
        '[[ladder]]\nid = "daily"\ntitle = "今日之星"\nfalls = true\n'
        '[[ladder.level]]\nid = "a"\ntitle = "甲"\nat = { "tally.today" = 1 }\n'
    )
    under(town, SERVICE, today, LADDER, falling)
    resident, staff = town.resident(), organiser(town, api)
    late = recorded(staff, resident, "care", at=utc_now() - timedelta(days=1), hours=4)
    assert [line["rule_id"] for line in late["lines"] if line["kind"] == "level"] == ["star", "daily"]
    assert town.rows(StandingLevel.ladder, StandingLevel.level) == [("star", "star-1")]
    recorded(staff, resident, "care", hours=1)
    assert sorted(town.rows(StandingLevel.ladder, StandingLevel.level)) == [("daily", "a"), ("star", "star-1")]


def test_two_levels_at_once_bring_the_points_of_both(town: TownBuilder, api: ApiClient) -> None:
    levels = "".join(
        f"""
[[ladder.level]]
id = "star-{n}"
title = "{n} 星"
at = {{ "tally.hours" = {n} }}
rights = [{{ title = "礼品", points = {points}, currency = "gifts" }}]
"""
        for n, points in ((1, 5), (2, 7))
    )
    under(
        town,
        '[[currency]]\nid = "points"\nname = "积分"\n[[currency]]\nid = "gifts"\nname = "礼品券"\n',
        SERVICE,
        '[[ladder]]\nid = "star"\ntitle = "星级"\nfalls = false\n' + levels,
    )
    resident, staff = town.resident(), organiser(town, api)
    recorded(staff, resident, "care", hours=2)
    assert [each["amount"] for each in standing(api, resident)["balances"]] == [20, 12]
    audit(town)

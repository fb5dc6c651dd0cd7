"""S53 村积分细则 (四净两规范…): every printed number."""

from __future__ import annotations

from typing import Any

import pytest

from rules.rulebook.sections.accounts import Holder
from tests.rulebook.story import Story, kinds, plan_of, reasons

DECIDED = {"evidence": True, "approved_by": "committee"}


def household(points: int = 0) -> Story:
    """A household that has so many points, from 50 to 100."""
    story = Story.at("village-list")
    if points:
        story.tell("inspectors_answered", "2026-03-01", amount=points)
        assert story.points() == points
    return story


@pytest.mark.parametrize(
    ("found", "points"),
    [
        ({"four_cleans": True}, 4),
        ({"two_standards": True}, 2),
        ({"four_cleans": True, "two_standards": True}, 6),
        ({"four_cleans": False, "two_standards": False}, 0),
    ],
)
def test_a_month_gives_4_for_the_four_cleans_and_2_for_the_two_standards(found: dict[str, bool], points: int) -> None:
    assert household().earns("monthly_check", **found, **DECIDED) == points


def test_a_month_counts_once_and_the_next_one_again() -> None:
    story = household()
    assert story.earns("monthly_check", "2026-03-02", four_cleans=True, two_standards=True, **DECIDED) == 6
    assert story.earns("monthly_check", "2026-03-31", four_cleans=True, two_standards=True, **DECIDED) == 0
    assert story.earns("monthly_check", "2026-04-01", four_cleans=True, two_standards=True, **DECIDED) == 6


@pytest.mark.parametrize(("claimed_on", "points"), [("2026-04-08", 6), ("2026-04-09", 0)])
def test_the_committee_decides_by_the_8th(claimed_on: str, points: int) -> None:
    story = household()
    found = {"four_cleans": True, "two_standards": True, "claimed_on": claimed_on}
    assert story.earns("monthly_check", "2026-03-20", **found, **DECIDED) == points


def test_a_check_without_a_photograph_gives_nothing_and_says_so() -> None:
    decision = household().tell("monthly_check", four_cleans=True, two_standards=True, approved_by="committee")
    assert kinds(decision) == ["nothing", "nothing"]
    assert "须有凭证" in reasons(decision)


def test_a_check_waits_for_the_committee() -> None:
    assert kinds(household().tell("monthly_check", four_cleans=True, evidence=True)) == ["pending"]


def test_helping_a_neighbour_clean_gives_20_a_month() -> None:
    story = household()
    assert story.earns("helped_neighbour", "2026-03-02") == 20
    assert story.earns("helped_neighbour", "2026-03-31") == 0
    assert story.earns("helped_neighbour", "2026-04-01") == 20


def test_dirt_at_a_higher_inspection_takes_3() -> None:
    story = household(50)
    assert story.earns("higher_inspection", dirty=True) == -3
    assert story.earns("higher_inspection", dirty=False) == 0
    assert story.points() == 47


def test_deductions_stop_at_0() -> None:
    assert household().earns("higher_inspection", dirty=True) == 0


def test_littering_once_sets_the_balance_to_0() -> None:
    story = household(87)
    decision = story.tell("littering")
    assert story.points() == 0
    assert "全部余额 87 分" in reasons(decision)


def test_points_that_come_after_littering_count_again() -> None:
    story = household(87)
    story.tell("littering")
    assert story.earns("helped_neighbour", "2026-04-01") == 20
    assert story.points() == 20


@pytest.mark.parametrize(
    ("kind", "facts", "points"),
    [
        ("own_industry", {}, 100),
        ("bravery", {"deed": "救火"}, 200),
        ("honour", {"honour": "文明家庭", "grade": "省级"}, 500),
        ("honour", {"honour": "文明家庭", "grade": "市级"}, 300),
        ("honour", {"honour": "文明家庭", "grade": "县级"}, 200),
        ("honour", {"honour": "文明家庭", "grade": "乡镇级"}, 100),
    ],
)
def test_an_achievement_is_rewarded_once(kind: str, facts: dict[str, Any], points: int) -> None:
    story = household()
    assert story.earns(kind, "2026-03-02", **facts) == points
    assert story.earns(kind, "2027-03-02", **facts) == 0


def test_another_deed_and_another_honour_are_rewarded_again() -> None:
    story = household()
    story.tell("bravery", deed="救火")
    story.tell("honour", honour="文明家庭", grade="县级")
    assert story.earns("bravery", deed="救人") == 200
    assert story.earns("honour", honour="好婆媳", grade="县级") == 200


def test_an_honour_of_the_nation_is_decided_case_by_case() -> None:
    story = household()
    honour = {"honour": "全国文明家庭", "grade": "国家级", "amount": 1000}
    assert kinds(story.tell("honour", **honour)) == ["pending"]
    assert story.earns("honour", approved_by="committee", **honour) == 1000
    assert story.earns("honour", approved_by="committee", **honour) == 0


def test_an_honour_of_an_unknown_level_says_which_levels_there_are() -> None:
    assert "省级、市级、县级、乡镇级" in reasons(household().tell("honour", honour="文明家庭", grade="村级"))


def test_the_most_beautiful_home_gives_50_once_a_year() -> None:
    story = household()
    assert story.earns("most_beautiful_home", "2026-03-02", approved_by="committee") == 50
    assert story.earns("most_beautiful_home", "2026-12-31", approved_by="committee") == 0
    assert story.earns("most_beautiful_home", "2027-01-01", approved_by="committee") == 50


@pytest.mark.parametrize(("amount", "points"), [(49, 0), (50, 50), (100, 100), (101, 0)])
def test_answering_inspectors_well_gives_50_to_100(amount: int, points: int) -> None:
    assert household().earns("inspectors_answered", amount=amount) == points


def test_the_explanation_shows_the_arithmetic() -> None:
    assert "四净：每月 4 分 × 1 月 = 4 分" in reasons(household().tell("monthly_check", four_cleans=True, **DECIDED))


def test_the_account_is_the_households() -> None:
    assert plan_of("village-list").rulebook.account.holder is Holder.HOUSEHOLD

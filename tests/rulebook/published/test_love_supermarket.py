"""S52 “爱心超市” 细则 (赠予/任务积分): every printed number, and the reading of the ratio."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from rules.rulebook.sections.accounts import Holder
from tests.rulebook.story import PUBLISHED, Story, codes, kinds, plan_of, reasons


def household(gift: int = 0, work: int = 0, kind: str = "一般户", rules: str | None = None) -> Story:
    """A household that has so many points of each kind."""
    text = rules or (PUBLISHED / "love-supermarket.toml").read_text(encoding="utf-8")
    story = Story.under(text, household_kind=kind)
    if gift:
        story.tell("sympathy_gift", yuan=2 * gift)
    if work:
        story.tell("task", amount=work, approved_by="committee")
    assert (story.points("gift"), story.points("work")) == (gift, work)
    return story


def with_ratio_for_the_poor(ratio: str) -> str:
    """The same rules after the town has said which way 1:5 runs."""
    text = (PUBLISHED / "love-supermarket.toml").read_text(encoding="utf-8")
    before, after = 'values = { "一般户" = 1 }', f'values = {{ "一般户" = 1, "贫困户" = {ratio} }}'
    assert before in text
    return text.replace(before, after)


@pytest.mark.parametrize(("yuan", "points"), [(200, 100), (2, 1), (3, 1), (1, 0)])
def test_a_sympathy_gift_is_bought_in_at_2_yuan_a_point(yuan: int, points: int) -> None:
    assert household().earns("sympathy_gift", currency="gift", yuan=yuan) == points


def test_the_explanation_of_a_bought_in_gift_shows_200_yuan_by_2() -> None:
    assert "每 2 元 1 分 × 200 元 ÷ 2 = 100 分" in reasons(household().tell("sympathy_gift", yuan=200))


def test_a_point_buys_goods_worth_2_yuan() -> None:
    verdict = household(gift=5, work=5).redeem("goods", 10)
    assert verdict.redemption is not None
    assert verdict.redemption.rate is not None
    assert (verdict.redemption.rate.points, verdict.redemption.rate.worth, verdict.redemption.rate.unit) == (1, 2, "元")


def test_5_gift_points_and_5_earned_ones_buy_goods_of_10_points() -> None:
    story = household(gift=5, work=5)
    verdict = story.redeem("goods", 10)
    assert (verdict.is_allowed, verdict.pays) == (True, {"gift": 5, "work": 5})
    assert (story.points("gift"), story.points("work")) == (0, 0)


def test_gift_points_are_never_spent_alone() -> None:
    assert codes(household(gift=100).redeem("goods", 1)) == ["points_insufficient"]


def test_5_gift_points_with_3_earned_ones_buy_6_points_and_no_more() -> None:
    story = household(gift=5, work=3)
    refused = story.redeem("goods", 7)
    assert codes(refused) == ["points_insufficient"]
    assert refused.refusals[0].sentence == "需要 7 分，可用 6 分"
    assert story.redeem("goods", 6).pays == {"gift": 3, "work": 3}
    assert (story.points("gift"), story.points("work")) == (2, 0)


def test_earned_points_are_spent_without_gift_points() -> None:
    assert household(work=10).redeem("goods", 10).pays == {"work": 10}


def test_for_a_poor_family_nothing_is_guessed() -> None:
    verdict = household(gift=5, work=5, kind="贫困户").redeem("goods", 2)
    assert codes(verdict) == ["not_eligible"]
    assert "household_kind" in verdict.refusals[0].sentence


@pytest.mark.parametrize(
    ("ratio", "gift", "work", "pays"),
    [("5", 10, 2, {"gift": 10, "work": 2}), ("0.2", 2, 10, {"gift": 2, "work": 10})],
)
def test_either_reading_of_1_to_5_can_be_chosen(ratio: str, gift: int, work: int, pays: Mapping[str, int]) -> None:
    story = household(gift=20, work=20, kind="贫困户", rules=with_ratio_for_the_poor(ratio))
    assert story.redeem("goods", gift + work).pays == pays


def test_either_reading_of_1_to_5_stops_where_its_other_half_is_used_up() -> None:
    generous = household(gift=20, work=2, kind="贫困户", rules=with_ratio_for_the_poor("5"))
    assert codes(generous.redeem("goods", 13)) == ["points_insufficient"]
    assert generous.redeem("goods", 12).pays == {"gift": 10, "work": 2}
    strict = household(gift=20, work=10, kind="贫困户", rules=with_ratio_for_the_poor("0.2"))
    assert codes(strict.redeem("goods", 13)) == ["points_insufficient"]
    assert strict.redeem("goods", 12).pays == {"gift": 2, "work": 10}


def test_only_households_of_the_two_kinds_earn() -> None:
    story = household(kind="外来户")
    assert story.earns("sympathy_gift", currency="gift", yuan=200) == 0
    assert household(kind="贫困户").earns("sympathy_gift", currency="gift", yuan=200) == 100


def test_a_task_waits_for_the_committee() -> None:
    story = household()
    assert kinds(story.tell("task", amount=5)) == ["pending"]
    assert story.points("work") == 0
    assert story.earns("task", currency="work", amount=5, approved_by="committee") == 5


def test_a_rating_is_earned_when_the_panel_agrees() -> None:
    story = household()
    assert story.earns("rating", currency="work", amount=8) == 0
    assert story.earns("rating", currency="work", amount=8, approved_by="panel") == 8
    assert story.points("gift") == 0


def test_the_account_is_the_households() -> None:
    assert plan_of("love-supermarket").rulebook.account.holder is Holder.HOUSEHOLD

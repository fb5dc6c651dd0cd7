"""S12 黄山市 志愿服务积分商城: every printed number."""

from __future__ import annotations

from datetime import date

from rules.rulebook.decision import LineKind
from tests.rulebook.story import Story, codes, reasons


def volunteer(points: int = 30) -> Story:
    """Somebody who was given so many points for ten hours on 1 June 2020."""
    story = Story.at("huangshan-volunteer-mall")
    story.tell("service", "2020-06-01", hours=10, amount=points)
    return story


def test_points_are_deducted_at_once() -> None:
    story = volunteer()
    assert story.redeem("goods", 20).is_allowed
    assert story.points() == 10
    assert codes(story.redeem("goods", 11)) == ["points_insufficient"]


def test_nothing_comes_back_and_another_item_is_given_when_one_has_run_out() -> None:
    redemption = volunteer().redeem("goods", 1).redemption
    assert redemption
    assert redemption.refund == "none"
    assert redemption.substitution


def test_an_item_is_collected_with_a_code_at_its_own_outlet() -> None:
    redemption = volunteer().redeem("goods", 1).redemption
    assert redemption
    assert redemption.note
    assert "凭兑换码到该商品的网点领取" in redemption.note


def test_redeeming_leaves_service_hours() -> None:
    story = volunteer()
    story.redeem("goods", 30)
    assert (story.points(), story.fact("tally.service-hours")) == (0, 10)


def test_points_are_good_for_3_years_and_then_lapse_while_hours_stay() -> None:
    story = volunteer()
    story.tell("look", "2023-06-01 23:59")
    assert story.points() == 30
    story.tell("look", "2023-06-02 00:00")
    assert (story.points(), story.fact("tally.service-hours")) == (0, 10)


def test_each_award_has_3_years_of_its_own_and_the_oldest_is_spent_first() -> None:
    story = volunteer(30)
    [award] = story.tell("service", "2021-06-01", hours=2, amount=5).awards
    assert award.expires_on == date(2024, 6, 1)
    assert story.redeem("goods", 28, "2023-06-01").is_allowed
    story.tell("look", "2023-06-02")
    assert story.points() == 5


def test_a_star_certificate_gives_items_without_points() -> None:
    story = Story.at("huangshan-volunteer-mall")
    assert story.level("star") is None
    [right] = story.tell("star_certified").of(LineKind.RIGHT)
    assert right.about == "items-on-certificate"
    assert "黄山市志愿者礼遇 12 条" in right.explanation
    assert (story.level("star"), story.points()) == ("certified", 0)


def test_spending_points_does_not_lower_the_star() -> None:
    story = volunteer()
    story.tell("star_certified")
    story.redeem("goods", 30)
    assert story.level("star") == "certified"


def test_an_explanation_holds_the_arithmetic_and_the_last_good_day() -> None:
    said = reasons(Story.at("huangshan-volunteer-mall").tell("service", "2020-06-01", hours=10, amount=30))
    assert "每次 30 分 × 1 次 = 30 分，有效期至 2023-06-01" in said

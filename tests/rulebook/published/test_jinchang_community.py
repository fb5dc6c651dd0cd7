"""S26 峡窝镇金昌社区积分: what is printed of the register, of carrying over and of spending."""

from __future__ import annotations

from decimal import Decimal

from rules.rulebook.periods import Calendar
from rules.rulebook.ranking import rank
from tests.rulebook.story import Story, codes, kinds, reasons


def resident(points: int, on: str = "2023-12-05") -> Story:
    story = Story.at("jinchang-community")
    story.tell("service", on, points=points, approved_by="staff")
    return story


def test_points_count_when_staff_have_written_them_down() -> None:
    story = Story.at("jinchang-community")
    assert kinds(story.tell("service", points=9)) == ["pending"]
    assert story.points() == 0
    assert story.earns("service", points=9, approved_by="staff") == 9


def test_the_register_is_shown_regularly() -> None:
    publication = resident(1).plan.rulebook.publication
    assert publication is not None
    assert publication.every is Calendar.QUARTER


def test_unspent_points_go_over_into_the_next_quarter_and_never_lapse() -> None:
    story = resident(30, "2023-12-31")
    story.tell("service", "2024-01-01", points=10, approved_by="staff")
    assert story.points() == 40
    story.tell("look", "2044-01-01")
    assert story.points() == 40


def test_points_buy_goods_and_discounts_at_the_health_centre() -> None:
    story = resident(30)
    assert story.redeem("goods", 10).is_allowed
    assert story.redeem("fee", 15).is_allowed
    assert story.redeem("service", 5).is_allowed
    assert codes(story.redeem("goods", 1)) == ["points_insufficient"]


def test_nothing_else_is_offered() -> None:
    assert codes(resident(30).redeem("lottery", 10)) == ["not_offered"]


def test_high_scorers_come_first_in_the_award_of_civil_families() -> None:
    [ranking] = resident(1).plan.rulebook.ranking
    high, low = resident(10, "2023-01-01"), resident(20)
    high.tell("service", "2023-12-05", points=20, approved_by="staff")
    high.redeem("goods", 25)
    numbers = {1: low.fact(ranking.measure), 2: high.fact(ranking.measure)}
    assert [(each.holder_id, each.number) for each in rank(ranking, numbers)] == [(2, Decimal(30)), (1, Decimal(20))]
    assert ranking.reward == "文明家庭评选优先"


def test_an_explanation_holds_the_arithmetic_and_says_that_points_stay() -> None:
    words = reasons(Story.at("jinchang-community").tell("service", points=9, approved_by="staff"))
    assert "每分 1 分 × 9 分 = 9 分" in words
    assert "永久有效" in words

"""S32 兰州抗癌协会公益积分与贡献值: two ledgers, of which one is spent and the other only ranked."""

from __future__ import annotations

from decimal import Decimal

import pytest

from rules.rulebook.ranking import rank
from rules.rulebook.sections.earning import Approver
from tests.rulebook.story import Story, codes, reasons


def member(opened: str = "2018-01-10") -> Story:
    return Story.at("lanzhou-anticancer", opened=opened)


def test_joining_gives_100_points_and_a_contribution_of_1() -> None:
    story = member()
    assert story.points("points") == 100
    assert story.points("contribution") == 1


def test_joining_gives_them_once() -> None:
    story = member()
    story.tell("account_opened", "2018-02-01")
    story.tell("period_started", "2019-01-01", period="year")
    assert story.points("points") == 100
    assert story.points("contribution") == 0


def test_a_service_may_earn_both() -> None:
    story = member()
    story.tell("service", points=20, contribution=3)
    assert story.points("points") == 120
    assert story.points("contribution") == 4


def test_points_are_redeemed_and_the_contribution_stays() -> None:
    story = member()
    assert story.redeem("goods", 100).is_allowed
    assert story.points("points") == 0
    assert story.points("contribution") == 1


def test_the_contribution_can_not_be_redeemed() -> None:
    story = member()
    story.tell("service", contribution=500)
    assert not story.plan.currencies["contribution"].spendable
    assert codes(story.redeem("goods", 101)) == ["points_insufficient"]
    assert story.points("contribution") == 501


def test_the_contribution_is_cleared_at_the_end_of_the_year_and_points_are_not() -> None:
    story = member()
    story.tell("service", "2018-12-31 23:59", contribution=4)
    assert story.points("contribution") == 5
    story.tell("look", "2019-01-01 00:00")
    assert story.points("contribution") == 0
    assert story.points("points") == 100


@pytest.mark.parametrize(("every", "number"), [("month", 7), ("quarter", 12), ("year", 23)])
def test_awards_are_monthly_quarterly_and_yearly_and_look_at_the_contribution(every: str, number: int) -> None:
    story = member("2018-01-10")
    story.tell("service", "2018-03-31", contribution=10)
    story.tell("service", "2018-04-01", contribution=5, points=99)
    story.tell("service", "2018-05-01", contribution=7)
    [ranking] = [each for each in story.plan.rulebook.ranking if each.every == every]
    [place] = rank(ranking, {1: story.fact(ranking.measure)})
    assert (place.place, place.number) == (1, Decimal(number))


def test_the_associations_meeting_decides_on_every_award() -> None:
    assert [each.decided_by for each in member().plan.rulebook.ranking] == [Approver.PANEL] * 3


def test_explanations_hold_the_arithmetic_of_both_ledgers() -> None:
    words = reasons(member().tell("service", "2018-03-01", points=20, contribution=3))
    assert "每分 1 分 × 20 分 = 20 分，永久有效" in words
    assert "每点 1 点 × 3 点 = 3 点，有效期至 2018-12-31" in words

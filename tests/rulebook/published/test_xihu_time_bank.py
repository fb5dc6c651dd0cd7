"""S39 西湖区时间银行: every printed number."""

from __future__ import annotations

import pytest

from rules.rulebook.sections.accounts import Scope, TransferWithin
from tests.rulebook.story import Story, reasons


def neighbour() -> Story:
    return Story.at("xihu-time-bank", opened="2021-05-06")


def test_everybody_begins_with_5() -> None:
    assert neighbour().points() == 5


def test_a_service_gives_1_however_long_it_is() -> None:
    story = neighbour()
    assert story.earns("service") == 1
    assert story.earns("service", hours=4) == 1
    assert story.points() == 7


def test_being_helped_once_costs_1() -> None:
    story = neighbour()
    assert story.earns("helped") == -1
    assert story.points() == 4


@pytest.mark.parametrize(("times", "points"), [(4, 1), (5, 0), (6, -1), (8, -3)])
def test_who_has_no_points_left_is_helped_and_goes_below_0(times: int, points: int) -> None:
    story = neighbour()
    for _ in range(times):
        assert story.earns("helped") == -1
    assert story.points() == points


def test_who_is_below_0_comes_up_again_by_helping() -> None:
    story = neighbour()
    for _ in range(7):
        story.tell("helped")
    for _ in range(3):
        story.tell("service")
    assert story.points() == 1


def test_nobody_has_to_agree_to_a_service() -> None:
    assert all(rule.approval is None for rule in neighbour().plan.rulebook.earn)


def test_points_flow_within_the_family_and_are_good_in_the_whole_district() -> None:
    rulebook = neighbour().plan.rulebook
    assert rulebook.transfer.within is TransferWithin.HOUSEHOLD
    assert rulebook.main_currency.scope is Scope.ANYWHERE


def test_explanations_hold_the_arithmetic() -> None:
    story = neighbour()
    assert "提供服务：每次 1 分 × 1 次 = 1 分" in reasons(story.tell("service"))
    assert "接受服务：每次 1 分 × 1 次 = 1 分" in reasons(story.tell("helped"))

"""S41 安定门街道“甜葡萄时间银行”: what is printed of earning and of spending."""

from __future__ import annotations

from decimal import Decimal

import pytest

from rules.rulebook.ranking import rank
from tests.rulebook.story import Story, codes, reasons


def volunteer(hours: int = 0, on: str = "2026-03-04") -> Story:
    story = Story.at("andingmen-time-bank")
    if hours:
        story.tell("service", on, hours=hours, service_class=1)
    return story


@pytest.mark.parametrize(("minutes", "beans"), [(60, "1"), (90, "1.5"), (110, "1.8"), (180, "3")])
def test_hours_become_beans(minutes: int, beans: str) -> None:
    assert volunteer().earns("service", minutes=minutes, service_class=1) == Decimal(beans)


@pytest.mark.parametrize(("number", "beans"), [(0, 0), *((number, 2) for number in range(1, 8)), (8, 0)])
def test_seven_classes_of_service_earn(number: int, beans: int) -> None:
    assert volunteer().earns("service", hours=2, service_class=number) == beans


@pytest.mark.parametrize("what", ["service", "goods", "fee"])
def test_beans_buy_culture_goods_and_discounts(what: str) -> None:
    story = volunteer(10)
    assert story.redeem(what, 10).is_allowed
    assert codes(story.redeem(what, 1)) == ["points_insufficient"]


def test_who_spends_beans_comes_before_others_in_an_activity() -> None:
    story = volunteer(10)
    first = story.book("2026-03-20 09:00", "2026-03-05", priority=True)
    other = volunteer().book("2026-03-20 09:00", "2026-03-05")
    assert (first.is_allowed, other.is_allowed) == (True, True)
    assert (first.priority, other.priority) == (0, 1)


def test_priority_costs_beans_and_an_ordinary_place_does_not() -> None:
    assert volunteer(10).book("2026-03-20 09:00", "2026-03-05", priority=True).price == 50
    assert volunteer(10).book("2026-03-20 09:00", "2026-03-05").price == 0


@pytest.mark.parametrize(("beans", "priority", "price"), [(4, 1, 0), (5, 0, 50)])
def test_who_has_too_few_beans_books_without_priority(beans: int, priority: int, price: int) -> None:
    verdict = volunteer(beans).book("2026-03-20 09:00", "2026-03-05", priority=True)
    assert (verdict.is_allowed, verdict.priority, verdict.price) == (True, priority, price)


def test_the_feedback_of_a_year_looks_at_its_hours() -> None:
    story = volunteer(8, "2026-01-01")
    story.tell("service", "2026-12-31", hours=4, service_class=7)
    story.tell("service", "2026-12-31", hours=4, service_class=8)
    [ranking] = story.plan.rulebook.ranking
    [place] = rank(ranking, {1: story.fact(ranking.measure)})
    assert (place.number, ranking.every, ranking.reward) == (Decimal(12), "year", "年度回馈")
    story.tell("service", "2027-01-01", hours=1, service_class=1)
    assert story.fact(ranking.measure) == 1


def test_an_explanation_holds_the_arithmetic() -> None:
    words = reasons(volunteer().tell("service", minutes=90, service_class=1))
    assert "每小时 1 颗 × 1.5 小时 = 1.5 颗" in words

"""S03 珠海市图书馆 读者积分制(试行): every printed number."""

from __future__ import annotations

import pytest

from rules.rulebook.ranking import rank
from tests.rulebook.story import Story, reasons


def reader(points: int = 1000) -> Story:
    """A reader with so many points, of the 1000 that an account opens with."""
    story = Story.at("zhuhai-library", opened="2026-03-01")
    for n in range((1000 - points) // 50):
        story.tell("overdue", "2026-03-01", days=25, loan=f"before-{n}")
    story.tell("overdue", "2026-03-01", days=(1000 - points) % 50 // 2, loan="last")
    assert story.points() == points
    return story


def test_an_account_opens_with_1000() -> None:
    assert reader().points() == 1000


@pytest.mark.parametrize(("items", "points"), [(1, 10), (6, 60), (7, 60)])
def test_a_borrowed_item_earns_10_and_a_day_at_most_60(items: int, points: int) -> None:
    assert reader().earns("borrow", items=items) == points


def test_60_on_each_of_two_days_fill_the_month() -> None:
    story = reader()
    assert [story.earns("borrow", f"2026-03-{day:02}", items=6) for day in (2, 3, 4)] == [60, 60, 0]
    assert story.earns("borrow", "2026-04-01", items=1) == 10


def test_an_activity_earns_50_to_who_checks_in_and_stays_to_the_end() -> None:
    story = reader()
    assert story.earns("activity", checked_in=True, evidence=True) == 50
    assert story.earns("activity", checked_in=True, left_early=True, evidence=True) == 0
    assert story.earns("activity", evidence=True) == 0


@pytest.mark.parametrize(("claimed_on", "points"), [("2026-03-02", 50), ("2026-03-05", 50), ("2026-03-06", 0)])
def test_an_activity_is_claimed_within_3_days_or_void(claimed_on: str, points: int) -> None:
    story = reader()
    attended = {"checked_in": True, "evidence": True, "claimed_on": claimed_on}
    assert story.earns("activity", "2026-03-02", **attended) == points


def test_an_activity_is_claimed_with_proof() -> None:
    assert reader().earns("activity", checked_in=True) == 0


@pytest.mark.parametrize(("minutes", "points"), [(110, 0), (119, 0), (120, 100), (300, 100)])
def test_volunteering_earns_100_a_time_if_it_lasts_2_hours(minutes: int, points: int) -> None:
    assert reader().earns("service", minutes=minutes) == points


def test_volunteering_is_entered_the_same_day() -> None:
    story = reader()
    assert story.earns("service", "2026-03-02", hours=2, claimed_on="2026-03-02") == 100
    assert story.earns("service", "2026-03-02", hours=2, claimed_on="2026-03-03") == 0


@pytest.mark.parametrize(("days", "points"), [(1, -2), (24, -48), (25, -50), (26, -50), (40, -50)])
def test_an_item_overdue_costs_2_a_day_and_a_loan_at_most_50(days: int, points: int) -> None:
    assert reader().earns("overdue", days=days, loan="a") == points


def test_each_loan_has_50_of_its_own_and_they_do_not_grow_with_the_months() -> None:
    story = reader()
    assert story.earns("overdue", "2026-03-31", days=20, loan="a") == -40
    assert story.earns("overdue", "2026-03-31", days=20, loan="b") == -40
    assert story.earns("overdue", "2026-05-20", days=20, loan="a") == -10


def test_damage_costs_200_and_loss_50() -> None:
    assert reader().earns("damage") == -200
    assert reader().earns("loss") == -50


@pytest.mark.parametrize(
    ("points", "level", "items"), [(602, "six", 6), (600, "four", 4), (202, "four", 4), (200, "two", 2), (2, "two", 2)]
)
def test_the_balance_decides_how_many_items_may_be_borrowed(points: int, level: str, items: int) -> None:
    story = reader(points)
    assert story.points() == points
    assert story.level("quota") == level
    [reached] = [each for each in story.plan.rulebook.ladder[0].level if each.id == level]
    assert [right.value for right in reached.rights] == [items]


def test_each_band_begins_at_its_printed_number() -> None:
    [ladder] = reader().plan.rulebook.ladder
    assert [each.at["balance.points"] for each in ladder.level] == [1, 201, 601]


def test_at_0_nothing_can_be_borrowed_until_one_volunteers_or_takes_part() -> None:
    story = reader(2)
    assert not story.is_frozen("borrowing")
    assert story.earns("loss") == -2
    assert story.is_frozen("borrowing")
    assert story.level("quota") is None
    story.tell("service", "2026-03-03", minutes=119)
    assert story.is_frozen("borrowing")
    story.tell("service", "2026-03-04", hours=2)
    assert not story.is_frozen("borrowing")
    assert story.points() == 100
    assert story.level("quota") == "two"


def test_an_activity_restores_the_rights_too() -> None:
    story = reader(50)
    story.tell("loss")
    assert story.is_frozen("borrowing")
    story.tell("activity", checked_in=True, evidence=True)
    assert not story.is_frozen("borrowing")
    assert story.points() == 50


def test_the_top_20_of_a_year_get_a_gift() -> None:
    [ranking] = reader().plan.rulebook.ranking
    places = rank(ranking, {holder: 2000 - holder for holder in range(1, 31)})
    assert [place.holder_id for place in places] == list(range(1, 21))
    assert (ranking.every, ranking.reward) == ("year", "前 20 名赠送礼品")


def test_an_explanation_holds_the_arithmetic_and_the_limit_that_bites() -> None:
    said = reasons(reader().tell("overdue", days=40, loan="a"))
    assert "每天 2 分 × 40 天 = 80 分" in said
    assert "累计最多 50 分，已计 0 分，本次计 50 分" in said


def test_an_explanation_says_until_when_an_activity_could_be_claimed() -> None:
    late = {"checked_in": True, "evidence": True, "claimed_on": "2026-03-06"}
    assert "申报期限为 2026-03-05，已逾期" in reasons(reader().tell("activity", "2026-03-02", **late))

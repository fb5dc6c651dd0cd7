"""S35 上海应用技术学院爱心积分: 150 points a school year are owed by students with grants."""

from __future__ import annotations

import pytest

from rules.rulebook.periods import Calendar
from tests.rulebook.story import Story, codes, kinds, reasons

REFUSED = "下一学年不予资助"


def student(points: int = 0, *, grade: int = 2, grant: bool = True) -> Story:
    """A student who has earned so many points in the autumn of the school year 2025."""
    story = Story.at("sit-care-points", grade=grade, grant=grant)
    if points:
        story.tell("activity", "2025-10-10", points=points, approved_by="staff")
    return story


def test_a_point_is_worth_a_yuan_in_the_care_shop() -> None:
    [shop] = student().plan.rulebook.redemption
    assert shop.rate is not None
    assert (shop.rate.points, shop.rate.worth, shop.rate.unit) == (1, 1, "元")


@pytest.mark.parametrize(("earned", "spendable"), [(149, 0), (150, 0), (151, 1), (230, 80)])
def test_the_first_150_points_of_a_school_year_can_not_be_spent(earned: int, spendable: int) -> None:
    story = student(earned)
    assert story.points() == spendable
    assert not story.plan.currencies["duty"].spendable
    assert codes(story.redeem("goods", spendable + 1)) == ["points_insufficient"]
    assert spendable == 0 or story.redeem("goods", spendable).is_allowed


def test_the_150_may_be_gathered_in_several_activities() -> None:
    story = student(100)
    story.tell("activity", "2025-11-10", points=100, approved_by="staff")
    assert story.points("duty") == 150
    assert story.points() == 50


@pytest.mark.parametrize(("grade", "grant"), [(1, True), (4, True), (2, False), (3, False)])
def test_only_second_and_third_year_students_with_grants_owe_them(grade: int, grant: bool) -> None:
    story = student(100, grade=grade, grant=grant)
    assert story.points() == 100
    assert story.tell("april_review", "2026-04-10").lines == []
    assert story.tell("year_end", "2026-07-01").lines == []
    assert story.points() == 100


@pytest.mark.parametrize("grade", [2, 3])
def test_at_the_end_of_the_year_150_are_debited(grade: int) -> None:
    story = student(200, grade=grade)
    decision = story.tell("year_end", "2026-07-01")
    assert kinds(decision) == ["deduction"]
    assert decision.lines[0].amount == 150
    assert story.points("duty") == 0
    assert story.points() == 50


@pytest.mark.parametrize(("earned", "refused"), [(0, [REFUSED]), (149, [REFUSED]), (150, []), (151, [])])
def test_without_150_the_next_grant_is_refused(earned: int, refused: list[str]) -> None:
    decision = student(earned).tell("year_end", "2026-07-01")
    assert [line.about for line in decision.lines if line.kind == "consequence"] == refused


@pytest.mark.parametrize(("earned", "warned"), [(0, True), (149, True), (150, False)])
def test_who_has_earned_fewer_than_150_by_april_is_warned(earned: int, warned: bool) -> None:
    decision = student(earned).tell("april_review", "2026-04-10")
    assert kinds(decision) == (["warning"] if warned else [])
    assert reasons(decision) == ("本学年新得爱心积分不足 150 分" if warned else "")


def test_what_was_gathered_towards_150_is_not_carried_over() -> None:
    story = student(149)
    story.tell("year_end", "2026-07-01")
    assert story.points("duty") == 0
    story.tell("activity", "2026-10-10", points=149, approved_by="staff")
    assert kinds(story.tell("april_review", "2027-04-10")) == ["warning"]


def test_points_of_the_year_before_do_not_count_as_newly_earned() -> None:
    story = student(300)
    story.tell("year_end", "2026-07-01")
    assert story.points() == 150
    assert kinds(story.tell("april_review", "2027-04-10")) == ["warning"]
    decision = story.tell("year_end", "2027-07-01")
    assert [line.about for line in decision.lines if line.kind == "consequence"] == [REFUSED]
    assert story.points() == 150


def test_each_school_year_has_its_own_150() -> None:
    story = student(150)
    story.tell("year_end", "2026-07-01")
    story.tell("activity", "2026-09-01", points=160, approved_by="staff")
    assert story.points("duty") == 150
    assert story.points() == 10


def test_points_count_when_the_office_has_verified_them() -> None:
    story = student()
    assert kinds(story.tell("activity", "2025-10-10", points=20)) == ["pending"]
    assert kinds(story.tell("activity", "2025-10-10", points=20, approved_by="publisher")) == ["pending"]
    assert story.points("duty") == 0


def test_a_missed_entry_is_claimed_with_evidence() -> None:
    story = student(grade=1)
    assert story.earns("missed_entry", "2025-10-10", points=20, approved_by="staff") == 0
    assert story.earns("missed_entry", points=20, approved_by="staff", evidence=True) == 20


def test_an_honour_is_rewarded_once() -> None:
    story = student(grade=1)
    assert story.earns("honour", "2025-10-10", points=30, honour="优秀志愿者", approved_by="staff") == 30
    assert story.earns("honour", "2026-10-10", points=30, honour="优秀志愿者", approved_by="staff") == 0
    assert story.earns("honour", points=10, honour="文明学生", approved_by="staff") == 10


def test_points_are_shown_each_month() -> None:
    publication = student().plan.rulebook.publication
    assert publication is not None
    assert publication.every is Calendar.MONTH


def test_explanations_hold_the_arithmetic() -> None:
    story = student()
    words = reasons(story.tell("activity", "2025-10-10", points=200, approved_by="staff"))
    assert "每分 1 分 × 200 分 = 200 分" in words
    assert "150 爱心积分 × 1 = 150 学年必修爱心积分" in words
    assert "每次 150 分 × 1 次 = 150 分" in reasons(story.tell("year_end", "2026-07-01"))

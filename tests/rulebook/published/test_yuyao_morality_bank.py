"""S50 余姚“道德银行”: every printed number."""

from __future__ import annotations

from decimal import Decimal

import pytest

from rules.rulebook.sections.accounts import Holder
from tests.rulebook.story import Story, kinds, reasons


def household(own: int = 0, peers: int | None = None, on: str = "2020-02-10") -> Story:
    """A household that was rated in the first quarter of 2020, by itself and by its peers."""
    story = Story.at("yuyao-morality-bank")
    if own:
        story.tell("rating", on, self_score=own, peer_score=own if peers is None else peers, approved_by="panel")
    return story


def rights(story: Story) -> list[str]:
    """What the household is given by being rated now."""
    decision = story.tell("rating", "2020-02-10", self_score=81, peer_score=81, approved_by="panel")
    return [line.about for line in decision.lines if line.kind == "right"]


def test_the_account_is_the_households() -> None:
    assert household().plan.rulebook.account.holder is Holder.HOUSEHOLD


def test_the_household_and_its_peers_make_the_score_together() -> None:
    assert household(90, 70).points() == 80
    assert household(90, 71).points() == Decimal("80.5")


def test_a_rating_needs_the_panel() -> None:
    story = household()
    assert kinds(story.tell("rating", self_score=90, peer_score=90)) == ["pending"]
    assert story.points() == 0


def test_a_household_is_rated_once_each_quarter() -> None:
    story = household(60)
    assert story.earns("rating", "2020-03-31", self_score=90, peer_score=90, approved_by="panel") == 0
    assert story.points() == 60


def test_each_quarter_begins_anew() -> None:
    story = household(90, on="2020-03-31")
    assert story.level("grade") == "above-80"
    story.tell("look", "2020-04-01")
    assert story.points() == 0
    assert story.level("grade") is None
    story.tell("rating", "2020-04-10", self_score=85, peer_score=85, approved_by="panel")
    assert story.points() == 85
    assert story.level("grade") == "above-80"


@pytest.mark.parametrize(
    ("own", "peers", "grade"), [(80, 80, None), (80, 81, "above-80"), (81, 81, "above-80"), (79, 80, None)]
)
def test_more_than_80_gives_the_loan_and_80_does_not(own: int, peers: int, grade: str | None) -> None:
    assert household(own, peers).level("grade") == grade


def test_above_80_there_are_a_loan_and_39_services() -> None:
    assert rights(household()) == ["unsecured-loan", "green-card"]
    [level] = household().plan.rulebook.ladder[0].level
    assert [right.value for right in level.rights] == [None, 39]


@pytest.mark.parametrize(("item", "grade"), [(0, "above-80"), (1, None), (2, None), (3, None), (4, "above-80")])
def test_each_of_three_items_is_a_veto(item: int, grade: str | None) -> None:
    story = household(95)
    story.tell("veto", "2020-02-20", item=item)
    assert story.points() == 95
    assert story.level("grade") == grade


def test_a_veto_holds_for_its_quarter() -> None:
    story = household()
    story.tell("veto", "2020-03-31", item=1)
    story.tell("rating", "2020-04-01", self_score=90, peer_score=90, approved_by="panel")
    assert story.level("grade") == "above-80"


def test_a_veto_before_the_rating_holds_too() -> None:
    story = household()
    story.tell("veto", "2020-01-20", item=1)
    assert rights(story) == []


@pytest.mark.parametrize(("own", "loan"), [(80, None), (81, "usable")])
def test_an_assessment_counts_only_above_80(own: int, loan: str | None) -> None:
    story = household(own)
    story.tell("loan_assessment", "2020-03-01")
    assert story.level("loan") == loan


def test_an_assessment_after_a_veto_does_not_count() -> None:
    story = household(95)
    story.tell("veto", "2020-02-20", item=2)
    story.tell("loan_assessment", "2020-03-01")
    assert story.level("loan") is None


def test_one_assessment_is_reused_within_a_year() -> None:
    story = household(90)
    story.tell("loan_assessment", "2020-03-01")
    story.tell("rating", "2021-02-10", self_score=60, peer_score=60, approved_by="panel")
    story.tell("look", "2021-02-28")
    assert story.level("loan") == "usable"
    story.tell("look", "2021-03-01")
    assert story.level("loan") is None


def test_an_explanation_holds_the_arithmetic_of_the_two_ratings() -> None:
    decision = household().tell("rating", self_score=90, peer_score=70, approved_by="panel")
    assert "每分 1 分 × (90 × 0.5 + 70 × 0.5) 分 = 80 分" in reasons(decision)

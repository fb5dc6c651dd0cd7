"""S09 海林市 社区志愿者积分奖励制度(试行): every printed number."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from rules.rulebook.decision import LineKind
from tests.rulebook.story import Story, codes, kinds, reasons

RATED: dict[str, Any] = {"filed": True, "published": True, "approved_by": "publisher"}


def volunteer(**person: Any) -> Story:
    return Story.at("hailin-volunteers", **{"registered": True, "team": True, **person})


@pytest.mark.parametrize(("minutes", "points"), [(60, 1), (90, Decimal("1.5")), (120, 2), (121, 2), (300, 2)])
def test_an_hour_earns_1_and_one_activity_counts_at_most_2(minutes: int, points: Decimal) -> None:
    assert volunteer().earns("service", minutes=minutes, **RATED) == points


def test_activities_add_up() -> None:
    story = volunteer()
    for _ in range(3):
        story.tell("service", "2026-03-02", hours=5, **RATED)
    assert story.points() == 6
    assert story.fact("tally.service-hours") == 6


@pytest.mark.parametrize("lacking", ["filed", "published"])
def test_only_activities_that_are_filed_and_published_count(lacking: str) -> None:
    story = volunteer()
    assert story.earns("service", hours=2, **{**RATED, lacking: False}) == 0
    assert story.fact("tally.service-hours") == 0


@pytest.mark.parametrize("lacking", ["registered", "team"])
def test_only_registered_volunteers_in_a_team_earn(lacking: str) -> None:
    decision = volunteer(**{lacking: False}).tell("service", hours=2, **RATED)
    assert kinds(decision) == [LineKind.NOTHING]
    assert "须为注册志愿者并加入志愿队伍" in reasons(decision)


def test_nothing_counts_before_the_publisher_has_rated_it() -> None:
    story = volunteer()
    decision = story.tell("service", hours=2, filed=True, published=True)
    assert kinds(decision) == [LineKind.PENDING]
    assert "待活动发布者确认" in reasons(decision)
    assert story.fact("tally.service-hours") == 0
    assert story.earns("service", hours=2, **RATED) == 2
    assert story.fact("tally.service-hours") == 2


@pytest.mark.parametrize("fault", ["disobedient", "complained_of"])
def test_a_bad_rating_sets_the_activity_to_0_hours(fault: str) -> None:
    story = volunteer()
    assert story.earns("service", hours=2, **{**RATED, fault: True}) == 0
    assert story.fact("tally.service-hours") == 0


def test_a_complaint_that_comes_later_takes_back_what_the_activity_earned() -> None:
    story = volunteer()
    story.tell("service", hours=2, **RATED)
    [line] = story.tell("complaint", activity="spring-cleaning").lines
    assert (line.kind, line.about) == (LineKind.VOID, "spring-cleaning")


def test_each_new_registrant_who_was_referred_earns_2() -> None:
    story = volunteer()
    assert [story.earns("referral") for _ in range(3)] == [2, 2, 2]


def test_a_volunteer_redeems_at_most_once_a_quarter() -> None:
    story = volunteer()
    for _ in range(5):
        story.tell("service", "2026-03-02", hours=2, **RATED)
    assert story.redeem("goods", 3, "2026-03-25").is_allowed
    assert codes(story.redeem("goods", 3, "2026-03-31")) == ["limit_reached"]
    assert story.redeem("goods", 3, "2026-06-30").is_allowed


def test_points_are_redeemed_on_the_days_of_the_quarter_that_are_set_for_it() -> None:
    story = volunteer()
    story.tell("referral", "2026-03-02")
    assert codes(story.redeem("goods", 1, "2026-03-21")) == ["outside_window"]
    assert story.redeem("goods", 1, "2026-03-22").is_allowed


def test_redeeming_lowers_points_and_leaves_hours() -> None:
    story = volunteer()
    for _ in range(5):
        story.tell("service", "2026-03-02", hours=2, **RATED)
    story.redeem("goods", 8, "2026-03-31")
    assert story.points() == 2
    assert story.fact("tally.service-hours") == 10


def test_an_explanation_holds_the_arithmetic_and_the_2_hours() -> None:
    said = reasons(volunteer().tell("service", hours=5, **RATED))
    assert "每小时 1 分 × 2 小时 = 2 分" in said
    assert "5 小时只计 2 小时" in said

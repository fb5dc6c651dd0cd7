"""S19 张家港 星级志愿者认定奖励: every printed number."""

from __future__ import annotations

import pytest

from rules.rulebook.decision import Decision, LineKind
from tests.rulebook.story import Story, codes, reasons


def volunteer(hours: int) -> Story:
    """Somebody who has served so many hours."""
    story = Story.at("zhangjiagang-stars")
    story.tell("service", "2026-03-02", hours=hours)
    return story


def rights(decision: Decision) -> list[str]:
    return [line.about for line in decision.of(LineKind.RIGHT)]


@pytest.mark.parametrize(
    ("hours", "star"),
    [
        (29, None),
        (30, "star-1"),
        (59, "star-1"),
        (60, "star-2"),
        (99, "star-2"),
        (100, "star-3"),
        (199, "star-3"),
        (200, "star-4"),
        (299, "star-4"),
        (300, "star-5"),
    ],
)
def test_30_60_100_200_and_300_hours_make_one_to_five_stars(hours: int, star: str | None) -> None:
    assert volunteer(hours).level("star") == star


@pytest.mark.parametrize("reached", [330, 360, 400, 500, 600, 630, 660, 700, 800, 900])
def test_each_step_of_a_later_round_gives_a_gift_when_it_is_reached(reached: int) -> None:
    story = volunteer(reached - 1)
    [line] = story.tell("service", hours=1).of(LineKind.RIGHT)
    assert line.about == "gift"


def test_a_step_of_the_first_round_gives_certificate_badge_and_gift() -> None:
    story = volunteer(29)
    assert rights(story.tell("service", hours=1)) == ["certificate", "badge", "gift"]


@pytest.mark.parametrize(("hours", "gifts"), [(29, 0), (30, 1), (299, 4), (300, 5), (329, 5), (330, 6), (600, 10)])
def test_gifts_are_five_in_each_300_hours(hours: int, gifts: int) -> None:
    assert volunteer(hours).points("gift") == gifts


def test_at_each_star_one_gift_is_chosen() -> None:
    story = volunteer(60)
    assert story.redeem("goods", 1, round=1, star=1).is_allowed
    assert codes(story.redeem("goods", 1, round=1, star=1)) == ["limit_reached"]
    assert story.redeem("goods", 1, round=1, star=2).is_allowed
    assert codes(story.redeem("goods", 1, round=1, star=3)) == ["points_insufficient"]


def test_the_gifts_of_one_round_may_be_collected_together() -> None:
    story = volunteer(300)
    assert all(story.redeem("goods", 1, "2026-03-03", round=1, star=star).is_allowed for star in range(1, 6))
    assert story.points("gift") == 0


def test_the_same_star_of_the_next_round_has_a_gift_of_its_own() -> None:
    story = volunteer(330)
    assert story.redeem("goods", 1, round=1, star=1).is_allowed
    assert story.redeem("goods", 1, round=2, star=1).is_allowed


@pytest.mark.parametrize(
    ("hours", "medal"),
    [
        (599, None),
        (600, "bronze"),
        (999, "bronze"),
        (1000, "silver"),
        (1499, "silver"),
        (1500, "gold"),
        (2999, "gold"),
        (3000, "lifetime"),
    ],
)
def test_medals_run_beside_the_stars(hours: int, medal: str | None) -> None:
    assert volunteer(hours).level("medal") == medal


def test_600_hours_are_a_medal_and_five_stars_in_the_second_round() -> None:
    story = volunteer(599)
    said = reasons(story.tell("service", hours=1))
    assert "星级志愿者：达到五星级（第 2 轮）" in said
    assert "志愿者奖章：达到铜质奖章" in said


def test_100_hours_in_a_year_give_the_courtesies_and_99_do_not() -> None:
    story = volunteer(99)
    assert story.level("year") is None
    assert {"check-up", "shows", "tourist-card", "bus-card", "parking-card", "insurance"} <= set(
        rights(story.tell("service", "2026-12-31", hours=1))
    )
    assert story.level("year") == "hundred"


def test_the_year_begins_anew_and_the_star_stays() -> None:
    story = volunteer(100)
    story.tell("service", "2027-01-01", hours=1)
    assert (story.level("year"), story.level("star")) == (None, "star-3")
    story.tell("service", "2027-06-01", hours=99)
    assert (story.level("year"), story.level("star")) == ("hundred", "star-4")


def test_hours_of_two_years_do_not_add_up_to_100_in_one() -> None:
    story = volunteer(60)
    story.tell("service", "2027-01-01", hours=60)
    assert story.level("year") is None


def test_choosing_gifts_leaves_hours_and_stars() -> None:
    story = volunteer(100)
    story.redeem("goods", 1, round=1, star=3)
    assert (story.level("star"), story.fact("tally.service-hours")) == ("star-3", 100)


def test_an_explanation_names_the_star_the_round_and_what_it_gives() -> None:
    story = volunteer(329)
    assert "星级志愿者一星级（第 2 轮）：任选一份礼品" in reasons(story.tell("service", hours=1))

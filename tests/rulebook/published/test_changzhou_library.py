"""S77 常州图书馆 活动平台: who may sign up, what cancelling costs, what becomes of gifts."""

from __future__ import annotations

from rules.rulebook.sections.redemption import Refund, WhenLapsed
from rules.rulebook.standing import NEVER
from tests.rulebook.story import Story, codes, kinds, plan_of, reasons


def reader(points: int = 0, **person: object) -> Story:
    """A reader who has so many points already: what earns them is not printed."""
    story = Story.at("changzhou-library", **person)
    story.standing.lots["points"] = {NEVER: points}
    return story


def test_an_event_for_volunteers_is_for_volunteers_only() -> None:
    refused = reader().book("2026-03-05 09:00", requires="志愿者")
    assert codes(refused) == ["not_eligible"]
    assert refused.refusals[0].sentence == "仅限志愿者"
    assert reader(volunteer=True).book("2026-03-05 09:00", requires="志愿者").is_allowed


def test_an_event_for_a_type_of_reader_is_for_that_type_only() -> None:
    assert codes(reader(reader_type="普通读者").book("2026-03-05 09:00", reader_type="少儿读者")) == ["not_eligible"]
    assert codes(reader().book("2026-03-05 09:00", reader_type="少儿读者")) == ["not_eligible"]
    assert reader(reader_type="少儿读者").book("2026-03-05 09:00", reader_type="少儿读者").is_allowed
    assert reader(reader_type="普通读者").book("2026-03-05 09:00", reader_type="普通读者").is_allowed


def test_any_other_event_is_for_all() -> None:
    assert reader().book("2026-03-05 09:00").is_allowed


def test_cancelling_costs_no_points_and_one_can_sign_up_again() -> None:
    story = reader(points=20)
    assert story.book("2026-03-05 09:00", "2026-03-02 09:00").is_allowed
    assert story.cancel("2026-03-05 09:00", "2026-03-02 10:00") is None
    assert story.points() == 20
    assert story.book("2026-03-05 09:00", "2026-03-02 11:00").is_allowed


def test_however_often_one_cancels_it_costs_nothing() -> None:
    story = reader(points=20)
    for _ in range(30):
        story.cancel("2026-03-05 09:00", "2026-03-02")
    assert story.points() == 20
    assert story.book("2026-03-05 09:00").is_allowed


def test_when_the_library_cancels_readers_are_told_that_it_costs_nothing() -> None:
    story = reader(points=20)
    decision = story.tell("cancelled_by_library")
    assert kinds(decision) == ["warning"]
    assert reasons(decision) == "图书馆因故取消活动，不扣积分"
    assert story.points() == 20


def test_a_redeemed_gift_costs_its_points_at_once_and_they_never_come_back() -> None:
    story = reader(points=20)
    verdict = story.redeem("goods", 15)
    assert (verdict.is_allowed, story.points()) == (True, 5)
    assert verdict.redemption is not None
    assert verdict.redemption.refund is Refund.NONE


def test_a_gift_that_is_not_collected_in_time_is_forfeited() -> None:
    [gifts] = plan_of("changzhou-library").rulebook.redemption
    assert gifts.when_lapsed is WhenLapsed.FORFEITED
    assert gifts.pick_up_days is not None


def test_a_gift_that_costs_more_than_there_is_is_refused_with_the_numbers() -> None:
    refused = reader(points=20).redeem("goods", 21)
    assert codes(refused) == ["points_insufficient"]
    assert refused.refusals[0].sentence == "需要 21 分，可用 20 分"

"""Offers: a place that waits for an answer until its deadline."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from models.reservations import ReservationStatus as Status
from models.reservations import WaitingReason
from models.residents import Resident, ResidentStatus
from rules.clock import utc_now
from rules.reservations.offers import confirm_offer
from rules.reservations.refusals import NoOffer, OfferLapsed, ReservationUnknown, Suspended
from tests.build import ApiClient, Person, TownBuilder
from tests.reservations.story import Story


def offered(town: TownBuilder, **options: object) -> tuple[Story, Person, Person]:
    """A story in which one place was freed and offered to the first in line for half an hour; a second one waits."""
    story, in_, first, second = Story.of(town, capacity=1, offer_minutes=30, **options), *_three(town)
    for person in (in_, first, second):
        story.reserve(person)
    story.cancel(in_)
    return story, first, second


def _three(town: TownBuilder) -> tuple[Person, Person, Person]:
    return town.resident(), town.resident(), town.resident()


def test_an_offer_holds_the_place_and_says_until_when(town: TownBuilder, api: ApiClient) -> None:
    story, first, second = offered(town)
    assert [story.status(first), story.status(second)] == [Status.OFFERED, Status.WAITLISTED]
    assert story.counters() == story.added_up() == (1, 1)
    assert (story.reservation(first).offer_expires_at - story.now).total_seconds() == 30 * 60
    assert story.told("reservation.offered") == {first.id}


def test_an_offer_that_is_taken_becomes_a_place(town: TownBuilder) -> None:
    story, first, _ = offered(town)
    story.confirm(first)
    assert story.status(first) is Status.CONFIRMED
    assert story.counters() == story.added_up() == (1, 1)


def test_an_offer_that_nobody_takes_passes_to_the_next(town: TownBuilder) -> None:
    story, first, second = offered(town)
    story.pass_time(minutes=30)
    assert story.expire() == 1
    assert [story.status(first), story.status(second)] == [Status.LAPSED, Status.OFFERED]
    assert story.counters() == story.added_up() == (1, 0)
    assert story.told("reservation.offer_lapsed") == {first.id}


def test_an_offer_holds_until_its_last_second(town: TownBuilder) -> None:
    story, first, _ = offered(town)
    story.pass_time(minutes=29, seconds=59)
    assert story.expire() == 0
    story.confirm(first)
    assert story.status(first) is Status.CONFIRMED


def test_a_lapsed_offer_can_not_be_taken_before_the_job_has_run_nor_after(town: TownBuilder) -> None:
    story, first, _ = offered(town)
    story.pass_time(minutes=30)
    assert story.refusal(first, confirm_offer, story.held[first.id]) == OfferLapsed.code
    story.expire()
    assert story.refusal(first, confirm_offer, story.held[first.id]) == OfferLapsed.code


def test_an_offer_is_taken_once(town: TownBuilder) -> None:
    story, first, _ = offered(town)
    story.confirm(first)
    assert story.refusal(first, confirm_offer, story.held[first.id]) == NoOffer.code


def test_declining_an_offer_passes_it_on_at_once(town: TownBuilder) -> None:
    story, first, second = offered(town)
    story.cancel(first)
    assert [story.status(first), story.status(second)] == [Status.CANCELLED, Status.OFFERED]
    assert story.counters() == story.added_up() == (1, 0)


def test_who_let_an_offer_lapse_may_queue_again_at_the_end(town: TownBuilder) -> None:
    story, first, second = offered(town)
    story.pass_time(minutes=30)
    story.expire()
    assert story.reserve(first) is Status.WAITLISTED
    story.pass_time(minutes=30)
    story.expire()
    assert story.status(second) is Status.LAPSED
    assert story.status(first) is Status.OFFERED


def test_an_offer_never_outlasts_the_sign_up(town: TownBuilder) -> None:
    story, in_, first = Story.of(town, capacity=1, offer_minutes=60 * 24 * 7), town.resident(), town.resident()
    story.reserve(in_)
    story.reserve(first)
    story.cancel(in_)
    assert story.reservation(first).offer_expires_at == story.begins


def test_nobody_takes_another_ones_offer(town: TownBuilder) -> None:
    story, first, second = offered(town)
    assert story.refusal(second, confirm_offer, story.held[first.id]) == ReservationUnknown.code
    assert story.status(first) is Status.OFFERED


def test_an_offer_is_taken_over_http(town: TownBuilder, api: ApiClient) -> None:
    story, first, _ = offered(town)
    answer = api.as_(first).post(f"/reservations/{story.held[first.id]}/confirmation")
    assert (answer.status_code, answer.json["status"]) == (200, "confirmed")


@pytest.mark.parametrize("nonsense", ["0", "x", "9" * 30])
def test_an_offer_of_nonsense_is_not_found(town: TownBuilder, api: ApiClient, nonsense: str) -> None:
    answer = api.as_(town.resident()).post(f"/reservations/{nonsense}/confirmation")
    assert answer.status_code == 404


def test_who_was_suspended_meanwhile_is_passed_over_and_keeps_the_turn(town: TownBuilder) -> None:
    story, in_, first, second = Story.of(town, capacity=1), *_three(town)
    for person in (in_, first, second):
        story.reserve(person)
    suspend(town, first)
    story.cancel(in_)
    assert [story.status(first), story.status(second)] == [Status.WAITLISTED, Status.CONFIRMED]
    assert story.reservation(first).waiting_reason is WaitingReason.SUSPENDED


def test_who_was_suspended_since_the_offer_can_not_take_it(town: TownBuilder) -> None:
    story, first, _ = offered(town)
    suspend(town, first)
    assert story.refusal(first, confirm_offer, story.held[first.id]) == Suspended.code


def suspend(town: TownBuilder, person: Person) -> None:
    where = (Resident.town_id == town.id, Resident.id == person.id)
    deed = update(Resident).where(*where).values(status=ResidentStatus.SUSPENDED, versioned_at=utc_now())
    town.act(None, lambda work: work.db.execute(deed))

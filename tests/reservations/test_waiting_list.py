"""The waiting list: joining, one's place in it, promotion by whatever frees places, and why not yet."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from models.activities import Session
from models.reservations import ReservationStatus as Status
from models.reservations import WaitingReason
from models.residents import Role
from rules.reservations.cancelling import cancel_reservation
from rules.reservations.changes import capacity_raised
from rules.reservations.places import lock_session
from rules.reservations.refusals import AlreadyReserved, PartyNeverFits, SessionFull, WaitingListFull
from rules.reservations.reserving import Wish, reserve_place
from rules.work import Work
from tests.build import ApiClient, TownBuilder
from tests.reservations.story import Story


def test_who_comes_too_late_waits_and_takes_no_place(town: TownBuilder) -> None:
    story = Story.of(town, capacity=1)
    assert story.reserve(town.resident()) is Status.CONFIRMED
    assert story.reserve(town.resident()) is Status.WAITLISTED
    assert story.counters() == story.added_up() == (1, 1)


def test_without_a_waiting_list_a_full_session_refuses(town: TownBuilder) -> None:
    story = Story.of(town, capacity=1, waiting_max=0)
    story.reserve(town.resident())
    assert story.refusal(town.resident(), reserve_place, story.session, Wish()) == SessionFull.code


def test_a_full_waiting_list_refuses(town: TownBuilder) -> None:
    story = Story.of(town, capacity=1, waiting_max=1)
    story.reserve(town.resident())
    story.reserve(town.resident())
    assert story.refusal(town.resident(), reserve_place, story.session, Wish()) == WaitingListFull.code


def test_nobody_waits_for_what_they_have_nor_twice(town: TownBuilder) -> None:
    story, in_, waiting = Story.of(town, capacity=1), town.resident(), town.resident()
    story.reserve(in_)
    story.reserve(waiting)
    assert story.refusal(in_, reserve_place, story.session, Wish()) == AlreadyReserved.code
    assert story.refusal(waiting, reserve_place, story.session, Wish()) == AlreadyReserved.code


def test_a_cancellation_promotes_the_first_in_line_at_once(town: TownBuilder) -> None:
    story, in_, first, second = Story.of(town, capacity=1), town.resident(), town.resident(), town.resident()
    for person in (in_, first, second):
        story.reserve(person)
    story.cancel(in_)
    assert [story.status(each) for each in (first, second)] == [Status.CONFIRMED, Status.WAITLISTED]
    assert story.counters() == story.added_up() == (1, 1)
    assert story.told("reservation.promoted") == {first.id}


def test_who_was_promoted_without_being_asked_may_cancel_until_it_begins(town: TownBuilder) -> None:
    story, in_, first = Story.of(town, capacity=1), town.resident(), town.resident()
    story.reserve(in_)
    story.reserve(first)
    story.cancel(in_)
    assert story.reservation(first).cancellable_until == story.begins


def test_a_party_too_large_for_what_is_free_is_passed_by_a_smaller_one_and_learns_why(town: TownBuilder) -> None:
    story = Story.of(town, capacity=3)
    one, two, family, single = (town.resident() for _ in range(4))
    story.reserve(one)
    story.reserve(two, 2)
    story.reserve(family, 3)
    story.reserve(single)
    story.cancel(one)
    assert [story.status(each) for each in (family, single)] == [Status.WAITLISTED, Status.CONFIRMED]
    kept = story.reservation(family)
    assert (kept.waiting_reason, kept.waiting_free) == (WaitingReason.PARTY_TOO_LARGE, 1)


def test_a_family_gets_its_places_together_when_enough_are_free(town: TownBuilder) -> None:
    story = Story.of(town, capacity=3)
    one, two, family = (town.resident() for _ in range(3))
    story.reserve(one)
    story.reserve(two, 2)
    story.reserve(family, 3)
    story.cancel(one)
    assert story.status(family) is Status.WAITLISTED
    story.cancel(two)
    assert story.status(family) is Status.CONFIRMED
    assert story.counters() == story.added_up() == (3, 0)


def test_who_waits_behind_those_who_got_the_places_learns_that(town: TownBuilder) -> None:
    story = Story.of(town, capacity=2)
    pair, first, couple, last = (town.resident() for _ in range(4))
    story.reserve(pair, 2)
    story.reserve(first)
    story.reserve(couple, 2)
    story.reserve(last)
    story.cancel(pair)
    assert [story.status(each) for each in (first, couple, last)] == [
        Status.CONFIRMED,
        Status.WAITLISTED,
        Status.CONFIRMED,
    ]
    assert story.reservation(couple).waiting_reason is WaitingReason.OTHERS_FIRST


def test_who_joins_a_full_session_is_told_that_it_is_full(town: TownBuilder) -> None:
    story, waiting = Story.of(town, capacity=1), town.resident()
    story.reserve(town.resident())
    story.reserve(waiting)
    kept = story.reservation(waiting)
    assert (kept.waiting_reason, kept.waiting_free) == (WaitingReason.FULL, 0)


def test_nobody_waits_for_more_places_than_there_are(town: TownBuilder) -> None:
    story = Story.of(town, capacity=2)
    story.reserve(town.resident())
    assert story.refusal(town.resident(), reserve_place, story.session, Wish(3)) == PartyNeverFits.code


def test_leaving_the_line_moves_the_others_up_and_frees_no_place(town: TownBuilder, api: ApiClient) -> None:
    story, first, second = Story.of(town, capacity=1), town.resident(), town.resident()
    for person in (town.resident(), first, second):
        story.reserve(person)
    path = f"/reservations/{story.held[second.id]}"
    assert api.as_(second).get(path).json["position"] == 2
    story.cancel(first)
    assert api.as_(second).get(path).json["position"] == 1
    assert story.counters() == story.added_up() == (1, 1)


def test_the_answer_to_a_wish_tells_the_place_in_the_line(town: TownBuilder, api: ApiClient) -> None:
    story = Story.of(town, capacity=2)
    story.reserve(town.resident(), 2)
    answer = api.as_(town.resident()).post(f"/sessions/{story.session}/reservations", {"party_size": 2})
    told = {name: answer.json[name] for name in ("status", "position", "waiting_reason", "waiting_free")}
    assert told == {"status": "waitlisted", "position": 1, "waiting_reason": "full", "waiting_free": 0}


def test_more_places_promote_who_waits(town: TownBuilder) -> None:
    story, waiting = Story.of(town, capacity=1), town.resident()
    story.reserve(town.resident())
    story.reserve(waiting)

    def enlarge(work: Work) -> None:
        lock_session(work, story.session)
        work.db.execute(update(Session).where(Session.id == story.session).values(capacity=2, versioned_at=work.now))
        capacity_raised(work, story.session)

    story.act(None, enlarge)
    assert story.status(waiting) is Status.CONFIRMED


def test_nobody_is_promoted_after_the_sign_up_is_over(town: TownBuilder) -> None:
    story, in_, waiting = Story.of(town, capacity=1), town.resident(), town.resident()
    story.reserve(in_)
    story.reserve(waiting)
    story.now = story.begins
    story.act(town.staff(Role.ORGANISER), cancel_reservation, story.held[in_.id])
    assert story.status(waiting) is Status.WAITLISTED
    assert story.counters() == (0, 1)


@pytest.mark.parametrize("party_size", [1, 2])
def test_a_newcomer_takes_free_places_that_fit_nobody_who_waits(town: TownBuilder, party_size: int) -> None:
    story, family = Story.of(town, capacity=4), town.resident()
    story.reserve(town.resident(), 2)
    assert story.reserve(family, 3) is Status.WAITLISTED
    assert story.reserve(town.resident(), party_size) is Status.CONFIRMED
    assert story.status(family) is Status.WAITLISTED

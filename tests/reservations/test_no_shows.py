"""Who didn't come: released places, no-shows, closed sessions."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, update

from models.activities import Session
from models.ledger import Event
from models.reservations import ReservationStatus as Status
from models.residents import Role
from models.rulebook import StandingSuspension
from rules.reservations.attending import revive_no_show, undo_check_in
from rules.reservations.closing import close_session, complete_attendance, mark_no_show
from rules.reservations.refusals import BookingSuspended, SessionNotOver
from rules.reservations.reserving import Wish, reserve_place
from rules.reservations.settling import settle_places_of
from rules.residents.identity import Forbidden
from rules.rulebook.versions import publish
from tests.build import RULEBOOK, TownBuilder
from tests.reservations.story import Story

PENALTIES = """
name = "爽约规则"
[expiry]
years = 1
[[penalty]]
id = "no-show"
title = "预约未到"
events = ["no_show"]
per = "90 days"
blocks = ["booking"]
[[penalty.step]]
at = 1
suspends = { days = 7 }
[[booking]]
id = "sessions"
title = "活动"
where = { place = "session" }
grace_minutes = 15
"""


def punished(town: TownBuilder) -> None:
    town.act(None, lambda work: publish(work, PENALTIES, work.now - timedelta(days=1)))


def test_who_did_not_come_is_a_no_show_and_is_told(town: TownBuilder) -> None:
    story, came, missed = Story.of(town), town.resident(), town.resident()
    story.reserve(came)
    story.reserve(missed)
    story.now = story.begins
    story.come(came)
    story.now = story.ends
    assert story.look_for_no_shows() == [story.held[missed.id]]
    assert [story.status(came), story.status(missed)] == [Status.CHECKED_IN, Status.NO_SHOW]
    assert story.counters() == story.added_up() == (1, 0)


def test_nobody_is_a_no_show_before_the_end(town: TownBuilder) -> None:
    story, came, late = Story.of(town), town.resident(), town.resident()
    story.reserve(came)
    story.reserve(late)
    story.now = story.ends - timedelta(seconds=1)
    story.come(came)
    assert story.look_for_no_shows() == []
    assert story.status(late) is Status.CONFIRMED


def test_where_nobody_was_at_the_door_nobody_is_blamed(town: TownBuilder) -> None:
    story, person = Story.of(town), town.resident()
    story.reserve(person)
    story.now = story.ends
    assert story.look_for_no_shows() == []
    assert story.status(person) is Status.CONFIRMED


def test_staff_may_say_that_the_attendance_is_complete_though_nobody_came(town: TownBuilder) -> None:
    story, person = Story.of(town), town.resident()
    story.reserve(person)
    story.now = story.ends
    story.act(town.staff(Role.ORGANISER), complete_attendance, story.session)
    assert story.look_for_no_shows() == [story.held[person.id]]
    assert story.status(person) is Status.NO_SHOW


def test_attendance_is_completed_after_the_end_by_organisers_of_the_place(town: TownBuilder) -> None:
    story = Story.of(town)
    organiser = town.staff(Role.ORGANISER)
    assert story.refusal(organiser, complete_attendance, story.session) == SessionNotOver.code
    story.now = story.ends
    elsewhere = town.staff(Role.ORGANISER, at=town.other_community_id)
    assert story.refusal(elsewhere, complete_attendance, story.session) == Forbidden.code


def test_a_no_show_is_penalised_by_the_rulebook_and_once(town: TownBuilder) -> None:
    punished(town)
    story, came, missed = Story.of(town), town.resident(), town.resident()
    story.reserve(came)
    story.reserve(missed)
    story.now = story.begins
    story.come(came)
    story.now = story.ends
    story.look_for_no_shows()
    assert story.look_for_no_shows() == []
    [block] = town.rows(StandingSuspension.resident_id, StandingSuspension.until)
    assert block.resident_id == missed.id
    assert len(town.rows(Event.id, source="reservation")) == 1
    other = Story.of(town, begins_in=timedelta(days=4))
    other.now = story.now
    assert other.refusal(missed, reserve_place, other.session, Wish()) == BookingSuspended.code


def test_a_place_is_released_when_the_grace_is_over(town: TownBuilder) -> None:
    punished(town)
    story, came, late = Story.of(town), town.resident(), town.resident()
    story.reserve(came)
    story.reserve(late)
    story.now = story.begins + timedelta(minutes=14)
    story.come(came)
    assert story.look_for_no_shows() == []
    story.pass_time(minutes=1)
    assert story.look_for_no_shows() == [story.held[late.id]]
    assert story.counters() == story.added_up() == (1, 0)


def test_proof_that_somebody_came_undoes_the_no_show_and_its_penalty(town: TownBuilder) -> None:
    punished(town)
    story, came, missed = Story.of(town), town.resident(), town.resident()
    story.reserve(came)
    story.reserve(missed)
    story.now = story.begins
    story.come(came)
    story.now = story.ends
    story.look_for_no_shows()
    assert story.act(None, revive_no_show, story.held[missed.id]) is True
    assert story.status(missed) is Status.CONFIRMED
    assert story.counters() == story.added_up() == (2, 0)
    assert [row for row in town.rows(StandingSuspension.until) if row.until > story.now] == []


def test_a_no_show_whose_place_went_to_others_is_not_revived(town: TownBuilder) -> None:
    punished(town)
    story = Story.of(town, session={"reservable_until": Story.of(town).ends})
    came, late = town.resident(), town.resident()
    story.reserve(came)
    story.reserve(late)
    story.now = story.begins + timedelta(minutes=15)
    story.come(came)
    story.look_for_no_shows()
    assert story.reserve(town.resident()) is Status.CONFIRMED
    assert story.act(None, revive_no_show, story.held[late.id]) is False
    assert story.status(late) is Status.NO_SHOW
    assert story.counters() == story.added_up() == (2, 0)


def test_closing_ends_waits_and_offers(town: TownBuilder) -> None:
    story = Story.of(town, capacity=1, offer_minutes=60 * 24)
    in_, first, second = town.resident(), town.resident(), town.resident()
    for person in (in_, first, second):
        story.reserve(person)
    story.now = story.begins - timedelta(minutes=10)
    story.cancel(in_)
    assert story.status(first) is Status.OFFERED
    story.now = story.ends
    closed = story.close()
    assert [story.status(first), story.status(second)] == [Status.LAPSED, Status.LAPSED]
    assert (closed.came, closed.no_shows, closed.waited) == (0, 0, 2)
    assert story.counters() == story.added_up() == (0, 0)


def test_closing_twice_is_closing_once(town: TownBuilder) -> None:
    story = Story.of(town)
    assert story.refusal(None, close_session, story.session) == SessionNotOver.code
    story.now = story.ends
    story.close()
    before = town.contents()
    story.close()
    assert town.contents() == before


def test_a_run_of_the_job_does_all_that_is_due(town: TownBuilder) -> None:
    begins_in = timedelta(hours=-3)
    story = Story.of(town, begins_in=begins_in, session={"reservable_until": Story.of(town).now + timedelta(hours=-1)})
    came, missed = town.resident(), town.resident()
    story.now = story.begins
    story.reserve(came)
    story.reserve(missed)
    story.come(came)
    first = settle_places_of(town.database, town.id, town.house.keys)
    assert (first.no_shows, first.closed) == (1, 1)
    again = settle_places_of(town.database, town.id, town.house.keys)
    assert (again.allocated, again.lapsed, again.no_shows, again.closed) == (0, 0, 0, 0)


def test_proof_for_one_who_booked_anew_after_the_release_changes_nothing(town: TownBuilder) -> None:
    punished(town)
    story = Story.of(town, capacity=3, session={"reservable_until": Story.of(town).ends})
    came, late = town.resident(), town.resident()
    story.reserve(came)
    story.reserve(late)
    missed = story.held[late.id]
    story.now = story.begins + timedelta(minutes=15)
    story.come(came)
    story.look_for_no_shows()
    town.act(None, lambda work: publish(work, RULEBOOK, work.now))
    town.act(
        None, lambda work: work.db.execute(delete(StandingSuspension).where(StandingSuspension.town_id == town.id))
    )
    assert story.reserve(late) is Status.CONFIRMED
    assert story.act(None, revive_no_show, missed) is False
    assert story.counters() == story.added_up() == (2, 0)


def test_an_undone_scan_in_a_closed_session_leaves_a_no_show(town: TownBuilder) -> None:
    story, came, wrong = Story.of(town), town.resident(), town.resident()
    story.reserve(came)
    story.reserve(wrong)
    story.now = story.ends
    story.come(came)
    story.come(wrong)
    story.close()
    story.act(None, undo_check_in, story.held[wrong.id])
    assert story.look_for_no_shows() == [story.held[wrong.id]]
    assert story.counters() == story.added_up() == (1, 0)


def test_who_is_revived_and_missed_again_counts_again_and_stops_nobody(town: TownBuilder) -> None:
    punished(town)
    story, came, missed = Story.of(town), town.resident(), town.resident()
    story.reserve(came)
    story.reserve(missed)
    story.now = story.begins
    story.come(came)
    story.now = story.ends
    story.look_for_no_shows()
    story.act(None, revive_no_show, story.held[missed.id])
    story.come(missed)
    story.act(None, undo_check_in, story.held[missed.id])
    assert story.look_for_no_shows() == [story.held[missed.id]]
    assert len([row for row in town.rows(StandingSuspension.until) if row.until > story.now]) == 1


def test_a_session_that_is_moved_between_the_look_and_the_mark_has_no_no_shows(town: TownBuilder) -> None:
    story, person = Story.of(town), town.resident()
    story.reserve(person)
    listed = story.held[person.id]
    story.now = story.ends
    later = {"starts_at": story.begins + timedelta(days=1), "ends_at": story.ends + timedelta(days=1)}
    move = update(Session).where(Session.town_id == town.id, Session.id == story.session)
    town.act(None, lambda work: work.db.execute(move.values(versioned_at=work.now, **later)))
    assert story.act(None, mark_no_show, listed) is False
    assert story.status(person) is Status.CONFIRMED

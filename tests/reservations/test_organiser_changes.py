"""What an organiser's changes mean for those who have places."""

from __future__ import annotations

from datetime import timedelta

from models.activities import Session
from models.reservations import CancelledBy
from models.reservations import ReservationStatus as Status
from rules.reservations.changes import session_cancelled, session_moved
from rules.rulebook.versions import publish
from tests.build import TownBuilder
from tests.reservations.story import Story
from tests.reservations.test_rulebook_terms import HEAD


def test_a_session_that_is_called_off_ends_every_wish_and_tells_everybody(town: TownBuilder) -> None:
    story = Story.of(town, capacity=1, offer_minutes=30)
    in_, offered, waiting = town.resident(), town.resident(), town.resident()
    for person in (in_, offered, waiting):
        story.reserve(person)
    story.cancel(in_)
    assert story.act(None, session_cancelled, story.session, "场地检修") == 2
    assert [story.status(each) for each in (offered, waiting)] == [Status.CANCELLED, Status.CANCELLED]
    assert story.reservation(waiting).cancelled_by is CancelledBy.ORGANISER
    assert story.counters() == story.added_up() == (0, 0)
    assert story.told("session.cancelled") == {offered.id, waiting.id}


def test_calling_off_twice_tells_nobody_twice(town: TownBuilder) -> None:
    story, person = Story.of(town), town.resident()
    story.reserve(person)
    story.act(None, session_cancelled, story.session, "场地检修")
    assert story.act(None, session_cancelled, story.session, "场地检修") == 0
    assert story.told("session.cancelled") == {person.id}


def test_who_has_a_place_in_a_session_that_moves_may_cancel_freely_until_it_begins(town: TownBuilder) -> None:
    words = HEAD + "cancel = { never = true }\ngrace_minutes = 10"
    town.act(None, lambda work: publish(work, words, work.now - timedelta(days=1)))
    story, person = Story.of(town), town.resident()
    story.reserve(person)
    assert story.act(None, session_moved, story.session) == 1
    assert story.told("session.moved") == {person.id}
    kept = story.reservation(person)
    assert (kept.cancellable_until, kept.release_at) == (story.begins, None)
    story.now = story.begins - timedelta(seconds=1)
    story.cancel(person)
    assert story.status(person) is Status.CANCELLED


def test_each_change_counts_for_calendars(town: TownBuilder) -> None:
    story = Story.of(town)
    story.act(None, session_moved, story.session)
    story.act(None, session_cancelled, story.session, "场地检修")
    [row] = town.rows(Session.revision, Session.changed_at, id=story.session)
    assert (row.revision, row.changed_at) == (2, story.now)

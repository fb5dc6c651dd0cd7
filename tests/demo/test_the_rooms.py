"""The demo town lends rooms, and its sessions have theirs: what is on can't be booked away."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from demo.seed import TOWN_ID
from demo.slots import occupy_rooms
from models.activities import Session
from models.venues import Venue, VenueSlot, VenueUse
from rules.clock import local_moment
from rules.venues.availability import show_availability
from rules.venues.booking import BookingWish, book_venue
from rules.venues.looking import VenueFilter, list_venues
from rules.venues.refusals import VenueTaken
from rules.venues.slots import quarters_of
from tests.demo.conftest import Demo


def test_every_session_has_its_room_for_all_of_its_time(demo: Demo):
    parts = dict(demo.rows(select(Venue.id, Venue.parts)))
    had = dict(demo.rows(select(VenueSlot.session_id, func.count()).group_by(VenueSlot.session_id)))
    sessions = demo.rows(select(Session.id, Session.venue_id, Session.starts_at, Session.ends_at))
    assert had == {row.id: parts[row.venue_id] * len(quarters_of(row.starts_at, row.ends_at)) for row in sessions}
    assert demo.undone(occupy_rooms) == 0


def test_rooms_of_several_kinds_are_lent_one_of_them_for_several_uses(demo: Demo):
    def read(work):
        return list_venues(work, VenueFilter(), None, 100).items

    lent = [venue for venue in demo.transactions.read(TOWN_ID, demo.first(), read) if venue.bookable]
    assert len(lent) >= 6
    assert len({venue.kind for venue in lent}) >= 4
    assert any([use.name for use in venue.uses] == ["羽毛球", "会议", "电影"] for venue in lent)


def test_a_resident_books_a_court_and_not_over_a_session(demo: Demo):
    hall_id, court_id = demo.rows(select(VenueUse.venue_id, VenueUse.id).where(VenueUse.name == "羽毛球"))[0]
    tomorrow = local_moment(demo.today + timedelta(days=1), "00:00")

    def day(work):
        return show_availability(work, hall_id, tomorrow, tomorrow + timedelta(days=6)).slots

    slots = demo.transactions.read(TOWN_ID, demo.first(), day)
    free = next(slot for slot in slots if slot.bookable)
    taken = next(slot for slot in slots if not slot.parts_free)

    def book(work, slot):
        return book_venue(work, hall_id, BookingWish(slot.starts_at, slot.ends_at, "打球", 2, court_id))

    assert demo.undone(lambda work: book(work, free), demo.first()).parts == [1]
    with pytest.raises(VenueTaken):
        demo.transactions.write(TOWN_ID, demo.first(), book, taken)

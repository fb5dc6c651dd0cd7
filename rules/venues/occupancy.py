"""Rooms for sessions of activities: a session has the whole room, all its parts, for every quarter that it touches.

Staff who plan a session aren't bound by opening hours; a closure binds them, and so does whoever has the room already.
"""

from __future__ import annotations

from datetime import datetime

from rules.venues import slots
from rules.venues.hours import is_closed
from rules.venues.places import share_venue
from rules.venues.refusals import VenueTaken
from rules.work import Work


def occupy_for_session(work: Work, session_id: int, venue_id: int, starts_at: datetime, ends_at: datetime) -> None:
    """Take the room for a session, which the caller has written and locked.

    Raises VenueTaken when somebody has a part of it at any of these quarters, or it is closed, and VenueUnknown. What the
    session had before stays its own: `free_session` first, when it moves.
    """
    venue = share_venue(work, venue_id)
    if is_closed(work, venue, starts_at, ends_at):
        raise VenueTaken
    if not slots.take_for_session(work, session_id, venue_id, venue.parts, slots.quarters_of(starts_at, ends_at)):
        raise VenueTaken


def free_session(work: Work, session_id: int) -> None:
    """Give back the room that a session has, if it has one."""
    slots.free_session(work, session_id)

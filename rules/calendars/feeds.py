"""Calendars to fetch: a resident's own, a centre's, a room's; and the secret address of a resident's.

Calendar apps can't send a token, so a resident may have one secret address. Whoever knows it reads the calendar and can do
nothing else. Only its hash is stored: it is shown once, and issuing another one ends the first.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from models.calendars import IS_LIVE, CalendarFeed
from models.territory import ServiceCentre, Town
from models.venues import Venue
from rules.calendars import entries
from rules.calendars.entries import Whose
from rules.calendars.ical import Entry, Feed
from rules.errors import Kind, RuleError
from rules.residents.acting import resident_for
from rules.venues.refusals import CentreUnknown, VenueUnknown
from rules.work import TryAgain, Work

MINE = "我的缤纷日程"
SECRET_BYTES = 32


class CalendarUnknown(RuleError):
    code = "calendar.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这个日历，或者地址已更换。"
    en = "There is no such calendar, or its address was changed."


@dataclass(frozen=True, slots=True)
class FeedAddress:
    """What makes up a secret address."""

    secret: str
    town_code: str


_town = select(Town.code).where(Town.id == bindparam("town"))
_centre = select(ServiceCentre.name).where(
    ServiceCentre.town_id == bindparam("town"), ServiceCentre.id == bindparam("centre")
)
_venue = (
    select(Venue.name, ServiceCentre.name.label("centre_name"))
    .join(ServiceCentre, (ServiceCentre.town_id == Venue.town_id) & (ServiceCentre.id == Venue.service_centre_id))
    .where(Venue.town_id == bindparam("town"), Venue.id == bindparam("venue"))
)
_owner = select(CalendarFeed.resident_id).where(
    CalendarFeed.town_id == bindparam("town"),
    CalendarFeed.secret_hash == bindparam("secret_hash"),
    CalendarFeed.revoked_at.is_(None),
)
_revoke = (
    update(CalendarFeed)
    .where(
        CalendarFeed.town_id == bindparam("town"),
        CalendarFeed.resident_id == bindparam("resident"),
        CalendarFeed.revoked_at.is_(None),
    )
    .values(revoked_at=bindparam("now"))
    .execution_options(synchronize_session=False)
)
_issue = (
    insert(CalendarFeed)
    .on_conflict_do_nothing(index_elements=["town_id", "resident_id"], index_where=IS_LIVE)
    .returning(CalendarFeed.id)
)


def my_calendar(work: Work, resident_id: int | None = None) -> Feed:
    """What the actor has booked, or somebody whose proxy the actor is. Raises what `resident_for` raises."""
    return _calendar_of(work, resident_for(work, resident_id))


def calendar_by_secret(work: Work, secret: str) -> Feed:
    """The calendar of whose secret address this is. Raises CalendarUnknown."""
    resident_id = work.core.scalar(_owner, {"town": work.town_id, "secret_hash": _hash(secret)})
    if resident_id is None:
        raise CalendarUnknown
    return _calendar_of(work, resident_id)


def calendar_of_centre(work: Work, centre_id: int) -> Feed:
    """What is on in a service centre, for everyone. Raises CentreUnknown."""
    name = work.core.scalar(_centre, {"town": work.town_id, "centre": centre_id})
    if name is None:
        raise CentreUnknown
    return _feed(name, entries.sessions_of_centre(work, _whose(work), centre_id))


def calendar_of_venue(work: Work, venue_id: int) -> Feed:
    """What is on in a room, and when it is booked, for everyone. Raises VenueUnknown."""
    venue = work.core.execute(_venue, {"town": work.town_id, "venue": venue_id}).first()
    if venue is None:
        raise VenueUnknown
    whose = _whose(work)
    found = entries.sessions_of_venue(work, whose, venue_id) + entries.bookings_of_venue(work, whose, venue_id)
    return _feed(f"{venue.centre_name} {venue.name}", found)


def issue_address(work: Work) -> FeedAddress:
    """A new secret address for the actor's calendar; the one before ends."""
    revoke_address(work)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    row = {"resident_id": work.actor.id, "secret_hash": _hash(secret), "issued_at": work.now}
    if work.core.scalar(_issue, {"town_id": work.town_id, "id": work.new_id(), **row}) is None:
        raise TryAgain  # another request issued one meanwhile, which ends now
    return FeedAddress(secret, _whose(work).town_code)


def revoke_address(work: Work) -> None:
    """End the secret address of the actor's calendar, if there is one."""
    work.core.execute(_revoke, {"town": work.town_id, "resident": work.actor.id, "now": work.now})


def _calendar_of(work: Work, resident_id: int) -> Feed:
    whose = _whose(work)
    found = entries.reservations_of_resident(work, whose, resident_id)
    return _feed(MINE, found + entries.bookings_of_resident(work, whose, resident_id))


def _feed(name: str, found: list[Entry]) -> Feed:
    return Feed(name, tuple(sorted(found, key=lambda entry: (entry.starts_at, entry.uid))))


def _whose(work: Work) -> Whose:
    return Whose(work.core.execute(_town, {"town": work.town_id}).scalar_one())


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode(errors="replace")).digest()

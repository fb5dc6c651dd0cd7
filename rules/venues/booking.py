"""A room is booked.

What can be told by looking is refused first; then the booking is written and its slots are taken, and whoever was
quicker decides. The rulebook is asked last, because it is asked in the resident's turn, which comes after rooms in the
order of locks; its refusal undoes everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from models.residents import OrganisationMember, Resident, ResidentStatus
from models.venues import BookingStatus, UseStatus, VenueBooking, VenueUse
from rules.clock import ZONE, local_day, local_moment
from rules.reservations.desk import NO_TERMS
from rules.reservations.eligibility import check_not_blocked
from rules.reservations.refusals import Suspended
from rules.residents.acting import booked_by, resident_for
from rules.rows import AnyRow
from rules.rulebook.plan import BOOKED
from rules.venues import slots, telling, terms
from rules.venues.bookings import read_booking
from rules.venues.hours import in_words, read_opening
from rules.venues.places import DESK, OFFICE, holds_any, require_any, share_venue
from rules.venues.refusals import (
    BookingClosed,
    BookingNotOpenYet,
    BookingTooLong,
    NotAMember,
    OffTheGrid,
    OutsideOpeningHours,
    PartyTooLargeForRoom,
    PeriodInvalid,
    UseNeeded,
    UseRetired,
    UseUnknown,
    VenueNotBookable,
    VenueTaken,
)
from rules.venues.usage import count_booking, holders_of, week_of
from rules.work import ActorKind, Work

A_DAY = timedelta(days=1)
A_MINUTE = timedelta(minutes=1)
NOTHING = timedelta(0)


@dataclass(frozen=True, slots=True)
class BookingWish:
    """What somebody asks for."""

    starts_at: datetime
    ends_at: datetime
    purpose: str
    party_size: int = 1
    use_id: int | None = None
    resident_id: int | None = None  #: for whom, where it isn't the actor
    organisation_id: int | None = None  #: in whose name


@dataclass(frozen=True, slots=True)
class Need:
    """What a use takes of a room. Without uses, whoever books has all of it."""

    use_id: int | None
    parts: int
    capacity: int


_resident = select(Resident.status, Resident.household_id).where(
    Resident.town_id == bindparam("town"), Resident.id == bindparam("resident")
)
_membership = select(OrganisationMember.resident_id).where(
    OrganisationMember.town_id == bindparam("town"),
    OrganisationMember.organisation_id == bindparam("organisation"),
    OrganisationMember.resident_id == bindparam("resident"),
)
_uses = (
    select(VenueUse.id, VenueUse.name, VenueUse.capacity, VenueUse.parts_needed, VenueUse.status)
    .where(VenueUse.town_id == bindparam("town"), VenueUse.venue_id == bindparam("venue"))
    .order_by(VenueUse.id)
)
_write = insert(VenueBooking)
_settle = update(VenueBooking).where(VenueBooking.town_id == bindparam("town"), VenueBooking.id == bindparam("booking"))
_settle_parts = _settle.values(parts=bindparam("had"))
_settle_terms = _settle.values(
    cancellable_until=bindparam("until"),
    release_at=bindparam("release"),
    price=bindparam("costs"),
    hold_txn_id=bindparam("hold"),
)


def book_venue(work: Work, venue_id: int, wish: BookingWish) -> AnyRow:
    """Book a room, or ask for it where staff approve, for the actor or for whom the actor acts.

    What an organiser or manager of the place books needs no approval. Raises VenueUnknown, Forbidden (staff of
    elsewhere), ResidentNeeded, ResidentUnknown, NotTheirProxy, VenueNotBookable, Suspended, BookingSuspended,
    BookingFrozen, NotAMember, UseUnknown, UseNeeded, UseRetired, PartyTooLargeForRoom, PeriodInvalid, BookingNotOpenYet,
    BookingClosed, OutsideOpeningHours, OffTheGrid, BookingTooLong, VenueTaken, WeeklyLimitReached, and by the rulebook
    NotEligible, QuotaReached, PointsInsufficient.
    """
    venue = share_venue(work, venue_id)
    if work.actor.kind is ActorKind.STAFF:
        require_any(work, DESK, venue.path)
    resident_id = resident_for(work, wish.resident_id)
    if not venue.bookable:
        raise VenueNotBookable(venue=venue.name)
    household_id = _check_resident(work, resident_id, wish.organisation_id)
    need = _need_of(work, venue, wish)
    _check_time(work, venue, wish)
    booking_id = _take_room(work, venue, wish, need, _columns(work, venue, wish, resident_id, household_id))
    holders = holders_of(resident_id, household_id, wish.organisation_id)
    count_booking(work, venue, holders, week_of(local_day(wish.starts_at)))
    booking = _agree_on_terms(work, read_booking(work, booking_id))
    is_pending = booking.status is BookingStatus.PENDING
    telling.tell(work, telling.REQUESTED if is_pending else telling.CONFIRMED, [booking])
    return booking


def _check_resident(work: Work, resident_id: int, organisation_id: int | None) -> int | None:
    """The household of somebody who may book."""
    asked = {"town": work.town_id, "resident": resident_id, "organisation": organisation_id}
    resident = work.core.execute(_resident, asked).one()
    if resident.status is ResidentStatus.SUSPENDED:
        raise Suspended
    check_not_blocked(work, resident_id)
    if organisation_id is not None and work.core.execute(_membership, asked).first() is None:
        raise NotAMember
    household_id: int | None = resident.household_id
    return household_id


def _need_of(work: Work, venue: AnyRow, wish: BookingWish) -> Need:
    uses = work.core.execute(_uses, {"town": work.town_id, "venue": venue.id}).all()
    need = _chosen(venue, uses, wish.use_id)
    if wish.party_size > need.capacity:
        raise PartyTooLargeForRoom(capacity=need.capacity)
    return need


def _chosen(venue: AnyRow, uses: Sequence[AnyRow], use_id: int | None) -> Need:
    if use_id is None:
        offered = [use.name for use in uses if use.status is UseStatus.ACTIVE]
        if offered:
            raise UseNeeded(uses="、".join(offered))
        return Need(None, venue.parts, venue.capacity)
    use = next((use for use in uses if use.id == use_id), None)
    if use is None:
        raise UseUnknown
    if use.status is UseStatus.RETIRED:
        raise UseRetired(use=use.name)
    return Need(use.id, use.parts_needed, use.capacity)


def _check_time(work: Work, venue: AnyRow, wish: BookingWish) -> None:
    begin, end = wish.starts_at, wish.ends_at
    if not NOTHING < end - begin <= A_DAY:
        raise PeriodInvalid(days=1)
    opens = local_moment(local_day(begin) - timedelta(days=venue.opens_days_before), "00:00")
    if work.now < opens:
        raise BookingNotOpenYet(opens=opens.astimezone(ZONE).strftime("%Y-%m-%d %H:%M"))
    if work.now >= begin - timedelta(minutes=venue.closes_minutes_before):
        raise BookingClosed
    opening = read_opening(work, venue, begin, end)
    span = opening.span_around(begin, end)
    if span is None:
        raise OutsideOpeningHours(hours=in_words(opening.times_on(local_day(begin))))
    slot = timedelta(minutes=venue.slot_minutes)
    if (begin - span.begins_at) % slot or (end - begin) % slot:
        raise OffTheGrid(slot_minutes=venue.slot_minutes)
    if venue.booking_minutes_max is not None and (end - begin) // A_MINUTE > venue.booking_minutes_max:
        raise BookingTooLong(minutes=venue.booking_minutes_max)
    if opening.is_closed(begin, end):
        raise VenueTaken


def _columns(
    work: Work, venue: AnyRow, wish: BookingWish, resident_id: int, household_id: int | None
) -> dict[str, Any]:
    """The booking's row by the room's own rules."""
    decides = work.actor.kind is ActorKind.STAFF and holds_any(work, OFFICE, venue.path)
    is_pending = venue.needs_approval and not decides
    grace = venue.grace_minutes
    return {
        "town_id": work.town_id,
        "id": work.new_id(),
        "venue_id": venue.id,
        "resident_id": resident_id,
        **booked_by(work, resident_id),
        "household_id": household_id,
        "organisation_id": wish.organisation_id,
        "starts_at": wish.starts_at,
        "ends_at": wish.ends_at,
        "week": week_of(local_day(wish.starts_at)),
        "purpose": wish.purpose,
        "party_size": wish.party_size,
        "status": BookingStatus.PENDING if is_pending else BookingStatus.CONFIRMED,
        "booked_at": work.now,
        "cancellable_until": wish.starts_at - timedelta(minutes=venue.cancel_minutes_before),
        "release_at": wish.starts_at + timedelta(minutes=grace) if grace is not None else None,
    }


def _take_room(work: Work, venue: AnyRow, wish: BookingWish, need: Need, columns: dict[str, Any]) -> int:
    """Write the booking and take its slots. Raises VenueTaken."""
    free = slots.free_parts(work, venue.id, venue.parts, wish.starts_at, wish.ends_at)
    if len(free) < need.parts:
        raise VenueTaken
    booking_id: int = columns["id"]
    work.core.execute(_write, columns | {"use_id": need.use_id, "parts": free[: need.parts]})
    times = slots.quarters_of(wish.starts_at, wish.ends_at)
    had = slots.take_for_booking(work, booking_id, venue.id, free, need.parts, times)
    if len(had) < need.parts:
        raise VenueTaken
    if had != free[: need.parts]:
        work.core.execute(_settle_parts, {"town": work.town_id, "booking": booking_id, "had": had})
    return booking_id


def _agree_on_terms(work: Work, booking: AnyRow) -> AnyRow:
    """Fix what the rulebook says of the booking, tell it, and hold what the booking costs."""
    agreed = terms.rulebook_terms(work, terms.wanted_of(work, booking))
    terms.tell(work, BOOKED, booking)
    if agreed == NO_TERMS:
        return booking
    hold_id = terms.hold_price(work, booking, agreed.price) if agreed.price else None
    settled = {
        "until": agreed.cancellable_until or booking.cancellable_until,
        "release": agreed.release_at or booking.release_at,
        "costs": agreed.price,
        "hold": hold_id,
    }
    work.core.execute(_settle_terms, {"town": work.town_id, "booking": booking.id} | settled)
    return read_booking(work, booking.id)

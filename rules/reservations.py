"""Taking places and giving them back.

Places are guarded by the database, not by a look first: one UPDATE takes them if they are there, its twin gives them
back, and one partial unique index keeps a resident from holding two reservations of a session. Both happen in the
caller's transaction, and rows are locked in one order: the session's, then the reservation's. So residents who race for
the last place meet at the session's row, and nobody waits for someone who waits for them. Only the transaction that
turned a reservation from confirmed to cancelled gives its places back, so they are given back once.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from models.activities import Activity, ActivityStatus, Session, SessionStatus
from models.reservations import IS_LIVE, Reservation, ReservationStatus
from models.residents import Resident, ResidentStatus
from models.rulebook import StandingSuspension
from models.territory import Territory
from models.venues import Venue
from rules.clock import ZONE
from rules.errors import Kind, RuleError
from rules.ids import ID_MAX
from rules.paging import Page, Position, cut
from rules.points.standings import blocked_until
from rules.rows import AnyRow
from rules.rulebook.booking import BOOKING
from rules.rulebook.standing import FOR_GOOD
from rules.volunteering import is_volunteer
from rules.work import Work


class SessionUnknown(RuleError):
    code = "session.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这个场次。"
    en = "There is no such session."


class SessionFull(RuleError):
    code = "reservation.full"
    kind = Kind.CONFLICT
    zh = "名额不足：您要 {party_size} 个，本场还剩 {left} 个。"
    en = "Not enough places: you asked for {party_size}, {left} are left."


class SessionCancelled(RuleError):
    code = "reservation.session_cancelled"
    kind = Kind.CONFLICT
    zh = "本场活动已取消。"
    en = "This session has been cancelled."


class SessionClosed(RuleError):
    code = "reservation.closed"
    kind = Kind.CONFLICT
    zh = "本场的报名已经截止。"
    en = "Reservations for this session are closed."


class AlreadyReserved(RuleError):
    code = "reservation.already_held"
    kind = Kind.CONFLICT
    zh = "您已经预约了本场活动。"
    en = "You already hold a reservation for this session."


class PartyTooLarge(RuleError):
    code = "reservation.party_too_large"
    kind = Kind.INVALID
    zh = "本活动每次最多预约 {party_size_max} 人。"
    en = "A reservation of this activity is for {party_size_max} at most."


class OutsideTerritory(RuleError):
    code = "reservation.outside_territory"
    kind = Kind.FORBIDDEN
    zh = "本活动只面向{place}的居民。"
    en = "This activity is for residents of {place} only."


class VolunteersOnly(RuleError):
    code = "reservation.volunteers_only"
    kind = Kind.FORBIDDEN
    zh = "本活动只面向注册志愿者。"
    en = "This activity is for registered volunteers only."


class Suspended(RuleError):
    code = "reservation.suspended"
    kind = Kind.FORBIDDEN
    zh = "您的预约资格已暂停，请联系社区工作人员。"
    en = "Your right to reserve is suspended. Please ask the community's staff."


class BookingSuspended(RuleError):
    code = "reservation.suspended_until"
    kind = Kind.FORBIDDEN
    zh = "您的预约资格因违约暂停，{until}起恢复。"
    en = "Your right to reserve is suspended after missed sessions; it returns on {until}."


class BookingFrozen(RuleError):
    code = "reservation.frozen"
    kind = Kind.FORBIDDEN
    zh = "按积分规则，您的预约资格现被冻结；解冻办法见积分规则。"
    en = "By the rules of points, your right to reserve is frozen; they say how it returns."


class ReservationUnknown(RuleError):
    code = "reservation.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这个预约。"
    en = "There is no such reservation."


class ReservationOver(RuleError):
    code = "reservation.not_cancellable"
    kind = Kind.CONFLICT
    zh = "这个预约已取消或已签到，不能再取消。"
    en = "This reservation was cancelled or used already and can't be cancelled any more."


class TooLateToCancel(RuleError):
    code = "reservation.too_late_to_cancel"
    kind = Kind.CONFLICT
    zh = "已过取消时限（{until}），不能再取消。"
    en = "It is too late to cancel; that was possible until {until}."


_suspended_until = (
    select(func.max(StandingSuspension.until))
    .where(
        StandingSuspension.town_id == bindparam("town"),
        StandingSuspension.resident_id == bindparam("resident"),
        StandingSuspension.what == BOOKING,
        StandingSuspension.until > bindparam("now"),
    )
    .scalar_subquery()
)
_eligible = aliased(Territory)
_home = aliased(Territory)
#: Who may reserve what: read before anything is written, so that a refusal costs one statement.
_offer = (
    select(
        Session.status,
        Session.reservable_until,
        Session.capacity,
        Session.taken,
        Activity.status.label("activity_status"),
        Activity.party_size_max,
        Activity.volunteers_only,
        _eligible.name.label("eligible_name"),
        _eligible.path.label("eligible_path"),
        Resident.status.label("resident_status"),
        _home.path.label("home_path"),
        _suspended_until.label("suspended_until"),
    )
    .join(Activity, and_(Activity.town_id == Session.town_id, Activity.id == Session.activity_id))
    .join(Resident, and_(Resident.town_id == Session.town_id, Resident.id == bindparam("resident")))
    .outerjoin(_eligible, and_(_eligible.town_id == Activity.town_id, _eligible.id == Activity.eligible_territory_id))
    .outerjoin(_home, and_(_home.town_id == Resident.town_id, _home.id == Resident.territory_id))
    .where(Session.town_id == bindparam("town"), Session.id == bindparam("session"))
)
take_places = (
    update(Session)
    .where(
        Session.town_id == bindparam("town"),
        Session.id == bindparam("session"),
        Session.status == SessionStatus.SCHEDULED,
        Session.reservable_until > bindparam("now"),
        Session.taken + bindparam("places") <= Session.capacity,
    )
    .values(taken=Session.taken + bindparam("places"))
    .returning(Session.id)
    .execution_options(synchronize_session=False)
)
_lock_session = (
    select(Session.reservable_until)
    .where(Session.town_id == bindparam("town"), Session.id == bindparam("session"))
    .with_for_update(key_share=True)  # rows that point here may be added meanwhile: a scan locks only its reservation
)
_give_places_back = (
    update(Session)
    .where(Session.town_id == bindparam("town"), Session.id == bindparam("session"))
    .values(taken=Session.taken - bindparam("places"))
    .returning(Session.id)
    .execution_options(synchronize_session=False)
)
_live = select(Reservation.id).where(
    Reservation.town_id == bindparam("town"),
    Reservation.session_id == bindparam("session"),
    Reservation.resident_id == bindparam("resident"),
    IS_LIVE,
)
_hold = (
    insert(Reservation)
    .on_conflict_do_nothing(index_elements=["town_id", "session_id", "resident_id"], index_where=IS_LIVE)
    .returning(Reservation)
)
_mine = select(Reservation.session_id, Reservation.party_size, Reservation.status).where(
    Reservation.town_id == bindparam("town"),
    Reservation.id == bindparam("reservation"),
    Reservation.resident_id == bindparam("resident"),
)
_cancel = (
    update(Reservation)
    .where(
        Reservation.town_id == bindparam("town"),
        Reservation.id == bindparam("reservation"),
        Reservation.status == ReservationStatus.CONFIRMED,
    )
    .values(status=ReservationStatus.CANCELLED, cancelled_at=bindparam("now"))
    .returning(Reservation)
    .execution_options(synchronize_session=False)
)
_list = (
    select(
        Reservation.id,
        Reservation.status,
        Reservation.party_size,
        Reservation.reserved_at,
        Session.id.label("session_id"),
        Session.starts_at,
        Session.ends_at,
        Session.status.label("session_status"),
        Activity.id.label("activity_id"),
        Activity.title,
        Venue.name.label("venue_name"),
    )
    .join(Session, and_(Session.town_id == Reservation.town_id, Session.id == Reservation.session_id))
    .join(Activity, and_(Activity.town_id == Session.town_id, Activity.id == Session.activity_id))
    .join(Venue, and_(Venue.town_id == Session.town_id, Venue.id == Session.venue_id))
    .where(
        Reservation.town_id == bindparam("town"),
        Reservation.resident_id == bindparam("resident"),
        Reservation.id < bindparam("before"),
    )
    .order_by(Reservation.id.desc())
    .limit(bindparam("limit"))
)


def reserve_place(work: Work, session_id: int, party_size: int) -> Reservation:
    """Hold `party_size` places of a session for the actor, who is a resident.

    Raises SessionUnknown, Suspended, BookingSuspended, BookingFrozen, OutsideTerritory, VolunteersOnly, PartyTooLarge,
    SessionCancelled, SessionClosed, SessionFull, AlreadyReserved. Who may reserve: the activity's own words (territory,
    volunteers) and the rulebook's penalties; how many: its largest party and the session's capacity.
    """
    asked = {"town": work.town_id, "session": session_id, "resident": work.actor.id, "now": work.now}
    offer = work.db.execute(_offer, asked).first()
    if offer is None:
        raise SessionUnknown
    _check_eligible(work, offer, party_size)
    taking = {"town": work.town_id, "session": session_id, "places": party_size, "now": work.now}
    if work.db.execute(take_places, taking).first() is None:
        raise _why_not_taken(work, asked, party_size)
    reservation = work.db.scalar(
        _hold,
        {
            "town_id": work.town_id,
            "id": work.new_id(),
            "session_id": session_id,
            "resident_id": work.actor.id,
            "party_size": party_size,
            "status": ReservationStatus.CONFIRMED,
            "reserved_at": work.now,
        },
    )
    if reservation is None:
        raise AlreadyReserved
    return reservation


def cancel_reservation(work: Work, reservation_id: int) -> Reservation:
    """Give the actor's places back, as long as others can still take them.

    Raises ReservationUnknown (also for other people's), ReservationOver, TooLateToCancel.
    """
    mine = {"town": work.town_id, "reservation": reservation_id, "resident": work.actor.id}
    held = work.db.execute(_mine, mine).first()
    if held is None:
        raise ReservationUnknown
    if held.status is not ReservationStatus.CONFIRMED:
        raise ReservationOver
    place = {"town": work.town_id, "session": held.session_id}
    session = work.db.execute(_lock_session, place).one()
    if session.reservable_until <= work.now:
        raise TooLateToCancel(until=session.reservable_until.astimezone(ZONE).strftime("%m-%d %H:%M"))
    cancelled = work.db.scalar(_cancel, {"town": work.town_id, "reservation": reservation_id, "now": work.now})
    if cancelled is None:  # cancelled or used between the look and the lock
        raise ReservationOver
    gave_back = work.db.scalar(_give_places_back, {**place, "places": held.party_size})
    assert gave_back is not None, "a session never goes away"
    return cancelled


def list_reservations(work: Work, after: Position | None, limit: int) -> Page[AnyRow]:
    """The actor's reservations of any status, the latest first."""
    before = ID_MAX if after is None else int(after[0])
    mine = {"town": work.town_id, "resident": work.actor.id, "before": before, "limit": limit + 1}
    return cut(work.db.execute(_list, mine).all(), limit, lambda row: (row.id,))


def _check_eligible(work: Work, offer: AnyRow, party_size: int) -> None:
    if offer.resident_status is ResidentStatus.SUSPENDED:
        raise Suspended
    if offer.suspended_until is not None:
        _refuse_blocked(work)
    if offer.eligible_path is not None and not (offer.home_path or "").startswith(offer.eligible_path):
        raise OutsideTerritory(place=offer.eligible_name)
    if offer.volunteers_only and not is_volunteer(work, work.actor.id):
        raise VolunteersOnly
    if party_size > offer.party_size_max:
        raise PartyTooLarge(party_size_max=offer.party_size_max)
    if offer.activity_status is ActivityStatus.CANCELLED:
        raise SessionCancelled


def _refuse_blocked(work: Work) -> None:
    """Refuse whom a penalty or a freeze keeps from booking; asked only of those for whom one is on record."""
    until = blocked_until(work, work.actor.id, BOOKING)
    if until is not None and until >= FOR_GOOD:
        raise BookingFrozen
    if until is not None:
        raise BookingSuspended(until=until.astimezone(ZONE).strftime("%Y-%m-%d"))


def _why_not_taken(work: Work, asked: dict[str, Any], party_size: int) -> RuleError:
    """The reason for which the guarded update found no row, from what the session looks like now."""
    if work.db.execute(_live, asked).first() is not None:
        return AlreadyReserved()
    session = work.db.execute(_offer, asked).one()
    if session.status is SessionStatus.CANCELLED:
        return SessionCancelled()
    if session.reservable_until <= work.now:
        return SessionClosed()
    return SessionFull(party_size=party_size, left=session.capacity - session.taken)

"""Who may reserve what, by the activity's own words: read in one statement, before anything is written."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import and_, bindparam, func, select
from sqlalchemy.orm import aliased

from models.activities import Activity, ActivityStatus, Session, SessionStatus
from models.groups import GroupActivity, GroupMember, MemberStatus
from models.residents import Resident, ResidentStatus, Role
from models.rulebook import StandingSuspension
from models.territory import Territory
from rules.clock import ZONE, local_day
from rules.points.standings import blocked_until
from rules.reservations.desk import Wanted, local_weekday
from rules.reservations.refusals import (
    AgeUnfit,
    BirthdayNeeded,
    BookingFrozen,
    BookingSuspended,
    GroupMembersOnly,
    NotOpenYet,
    OutsideTerritory,
    PartyTooLarge,
    SessionCancelled,
    SessionUnknown,
    Suspended,
    VolunteersOnly,
)
from rules.residents.ages import age_on
from rules.residents.identity import Forbidden
from rules.rows import AnyRow
from rules.rulebook.booking import BOOKING
from rules.rulebook.standing import FOR_GOOD
from rules.volunteering import is_volunteer
from rules.work import ActorKind, Work

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
_community = aliased(Territory)
_offer = (
    select(
        Session.id,
        Session.status,
        Session.starts_at,
        Session.ends_at,
        Session.reservable_from,
        Session.reservable_until,
        Session.allocates_at,
        Session.capacity,
        Session.overbooking,
        Session.taken,
        Activity.title,
        Activity.scene,
        Activity.category,
        Activity.community_id,
        Activity.operator_id,
        Activity.status.label("activity_status"),
        Activity.party_size_max,
        Activity.volunteers_only,
        Activity.age_min,
        Activity.age_max,
        Activity.price,
        Activity.allocation,
        Activity.waiting_max,
        Activity.offer_minutes,
        Activity.questions,
        _community.path.label("community_path"),
        _eligible.name.label("eligible_name"),
        _eligible.path.label("eligible_path"),
        Resident.status.label("resident_status"),
        Resident.born_on,
        _home.path.label("home_path"),
        _suspended_until.label("suspended_until"),
        GroupActivity.group_id.label("for_members_of"),
        GroupMember.id.label("member_id"),
    )
    .join(Activity, and_(Activity.town_id == Session.town_id, Activity.id == Session.activity_id))
    .join(_community, and_(_community.town_id == Activity.town_id, _community.id == Activity.community_id))
    .join(Resident, and_(Resident.town_id == Session.town_id, Resident.id == bindparam("resident")))
    .outerjoin(_eligible, and_(_eligible.town_id == Activity.town_id, _eligible.id == Activity.eligible_territory_id))
    .outerjoin(_home, and_(_home.town_id == Resident.town_id, _home.id == Resident.territory_id))
    .outerjoin(
        GroupActivity,
        and_(
            GroupActivity.town_id == Session.town_id,
            GroupActivity.activity_id == Session.activity_id,
            GroupActivity.members_only,
        ),
    )
    .outerjoin(
        GroupMember,
        and_(
            GroupMember.town_id == GroupActivity.town_id,
            GroupMember.group_id == GroupActivity.group_id,
            GroupMember.resident_id == bindparam("resident"),
            GroupMember.status == MemberStatus.ACTIVE,
        ),
    )
    .where(Session.town_id == bindparam("town"), Session.id == bindparam("session"))
)
_status = select(Resident.status).where(Resident.town_id == bindparam("town"), Resident.id == bindparam("resident"))
_STAFF_WHO_BOOK = (Role.ORGANISER, Role.SCANNER)


def read_offer(work: Work, session_id: int, resident_id: int) -> AnyRow:
    """A session as a resident may have it. Raises SessionUnknown (also for drafts), Forbidden (staff of elsewhere)."""
    asked = {"town": work.town_id, "session": session_id, "resident": resident_id, "now": work.now}
    offer = work.send(_offer, asked).first()
    if offer is None or offer.activity_status is ActivityStatus.DRAFT:
        raise SessionUnknown
    if work.actor.kind is ActorKind.STAFF and not any(
        work.actor.may(role, offer.community_path) for role in _STAFF_WHO_BOOK
    ):
        raise Forbidden
    return offer


def check_eligible(work: Work, offer: AnyRow, resident_id: int, party_size: int) -> None:
    """Raises what keeps this resident, or a party of this size, from the session."""
    if offer.resident_status is ResidentStatus.SUSPENDED:
        raise Suspended
    if offer.suspended_until is not None:
        check_not_blocked(work, resident_id)
    if offer.eligible_path is not None and not (offer.home_path or "").startswith(offer.eligible_path):
        raise OutsideTerritory(place=offer.eligible_name)
    if offer.for_members_of is not None and offer.member_id is None:
        raise GroupMembersOnly
    if offer.volunteers_only and not is_volunteer(work, resident_id):
        raise VolunteersOnly
    _check_age(offer)
    if party_size > offer.party_size_max:
        raise PartyTooLarge(party_size_max=offer.party_size_max)
    if offer.activity_status is ActivityStatus.CANCELLED or offer.status is SessionStatus.CANCELLED:
        raise SessionCancelled
    if offer.reservable_from is not None and work.now < offer.reservable_from:
        raise NotOpenYet(opens=offer.reservable_from.astimezone(ZONE).strftime("%m-%d %H:%M"))


def check_may_hold(work: Work, resident_id: int) -> None:
    """Refuse an offer to whom it can't be made any more: Suspended, BookingFrozen, BookingSuspended."""
    status = work.send(_status, {"town": work.town_id, "resident": resident_id}).scalar()
    if status is ResidentStatus.SUSPENDED:
        raise Suspended
    check_not_blocked(work, resident_id)


def check_not_blocked(work: Work, resident_id: int) -> None:
    """Refuse whom a penalty or a freeze keeps from booking: BookingFrozen, BookingSuspended."""
    until = blocked_until(work, resident_id, BOOKING)
    if until is not None and until >= FOR_GOOD:
        raise BookingFrozen
    if until is not None:
        raise BookingSuspended(until=until.astimezone(ZONE).strftime("%Y-%m-%d"))


def wanted_of(session: AnyRow, resident_id: int, party_size: int, *, is_local: bool | None = None) -> Wanted:
    """A place in a session as the rulebook sees it. `is_local`: whether the resident lives where the activity belongs."""
    facts: dict[str, Any] = {
        "place": "session",
        "scene": session.scene.value,
        "category": session.category,
        "volunteers_only": session.volunteers_only,
        "allocation": session.allocation.value,
        "weekday": local_weekday(session.starts_at),
        "minutes": int((session.ends_at - session.starts_at).total_seconds()) // 60,
        "party_size": party_size,
        "excused": False,
    }
    if is_local is not None:
        facts["local"] = is_local
    return Wanted(
        resident_id,
        session.title,
        session.starts_at,
        facts,
        session.community_id,
        session.operator_id,
        session.scene,
    )


def lives_there(offer: AnyRow) -> bool:
    """Whether the resident lives in the activity's community."""
    return (offer.home_path or "").startswith(offer.community_path)


def _check_age(offer: AnyRow) -> None:
    if offer.age_min is None and offer.age_max is None:
        return
    if offer.born_on is None:
        raise BirthdayNeeded
    if not fits_age(offer.born_on, local_day(offer.starts_at), offer.age_min, offer.age_max):
        raise AgeUnfit(ages=_ages(offer.age_min, offer.age_max))


def fits_age(born_on: date, day: date, age_min: int | None, age_max: int | None) -> bool:
    """Whether somebody is of an age, in full years on a day. Pure."""
    age = age_on(born_on, day)
    return (age_min is None or age >= age_min) and (age_max is None or age <= age_max)


def _ages(age_min: int | None, age_max: int | None) -> str:
    if age_max is None:
        return f"{age_min}+"
    return f"0–{age_max}" if age_min is None else f"{age_min}–{age_max}"

"""What an erasure has to end before anything is written over: places, rooms, rewards, groups.

Each is ended by its own room's rule in a transaction of its own, in the name of the house, so nobody is punished for a late
cancellation; what was ended is found no more, so it can be run again at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from sqlalchemy import Select, and_, bindparam, select

from models.activities import Session
from models.groups import Group, GroupMeetup, GroupMember, GroupRole, GroupStatus, MeetupStatus, MemberStatus
from models.reservations import Reservation
from models.residents import Role
from models.rewards import EndedBy, Redemption, RedemptionStatus
from models.venues import VenueBooking
from rules.groups.finding import lock_group
from rules.groups.founding import close_group
from rules.groups.meetups import call_off
from rules.groups.membership import hand_over, leave_group
from rules.reservations.cancelling import CANCELLABLE, cancel_reservation
from rules.reservations.refusals import ReservationOver
from rules.residents.acting import as_resident
from rules.rewards.ending import end
from rules.rewards.looking import read_redemption
from rules.venues.endings import TO_COME, cancel_booking
from rules.venues.refusals import BookingOver
from rules.work import Actor, ActorKind, Grant, Work

#: Who ends things: somebody with every right and no name.
CARETAKER = Actor(ActorKind.STAFF, 0, (Grant(Role.ADMIN, ""),))

_reservations = (
    select(Reservation.id)
    .join(Session, and_(Session.town_id == Reservation.town_id, Session.id == Reservation.session_id))
    .where(
        Reservation.town_id == bindparam("town"),
        Reservation.resident_id == bindparam("resident"),
        Reservation.status.in_(CANCELLABLE),
        Session.closed_at.is_(None),
    )
)
_bookings = select(VenueBooking.id).where(
    VenueBooking.town_id == bindparam("town"),
    VenueBooking.resident_id == bindparam("resident"),
    VenueBooking.status.in_(TO_COME),
    VenueBooking.ends_at > bindparam("now"),
)
_redemptions = select(Redemption.id).where(
    Redemption.town_id == bindparam("town"),
    Redemption.resident_id == bindparam("resident"),
    Redemption.status == RedemptionStatus.READY,
)
_groups = (
    select(GroupMember.group_id.label("id"))
    .join(Group, and_(Group.town_id == GroupMember.town_id, Group.id == GroupMember.group_id))
    .where(
        GroupMember.town_id == bindparam("town"),
        GroupMember.resident_id == bindparam("resident"),
        GroupMember.status == MemberStatus.ACTIVE,
        Group.status == GroupStatus.ACTIVE,
    )
)
_meetups = (
    select(GroupMeetup.id)
    .join(GroupMember, and_(GroupMember.town_id == GroupMeetup.town_id, GroupMember.id == GroupMeetup.made_by))
    .where(
        GroupMeetup.town_id == bindparam("town"),
        GroupMeetup.group_id == bindparam("group"),
        GroupMember.resident_id == bindparam("resident"),
        GroupMeetup.status == MeetupStatus.SCHEDULED,
        GroupMeetup.starts_at > bindparam("now"),
    )
)
#: Who runs a group after its last owner: a manager before others, the longest member first.
_heirs = select(GroupMember.id, GroupMember.role).where(
    GroupMember.town_id == bindparam("town"),
    GroupMember.group_id == bindparam("group"),
    GroupMember.resident_id != bindparam("resident"),
    GroupMember.status == MemberStatus.ACTIVE,
)


def end_place(work: Work, _resident_id: int, reservation_id: int) -> None:
    """Give back a place, a turn, a lot in a draw."""
    with suppress(ReservationOver):
        cancel_reservation(replace(work, actor=CARETAKER), reservation_id)


def end_room(work: Work, _resident_id: int, booking_id: int) -> None:
    """Give back a room."""
    with suppress(BookingOver):
        cancel_booking(replace(work, actor=CARETAKER), booking_id)


def end_redemption(work: Work, _resident_id: int, redemption_id: int) -> None:
    """Put a reward back on the shelf and its points into the wallet."""
    redemption = read_redemption(work, redemption_id)
    if redemption.status is RedemptionStatus.READY:
        end(work, redemption, EndedBy.RESIDENT, "因账号注销取消", None)


def end_group(work: Work, resident_id: int, group_id: int) -> None:
    """Leave a group: its last owner hands it over, to a manager before others; a group of one is closed."""
    own = as_resident(work, resident_id)
    group = lock_group(own, group_id)
    asked = {"town": work.town_id, "group": group_id, "resident": resident_id, "now": work.now}
    for meetup_id in work.core.scalars(_meetups, asked).all():
        call_off(own, meetup_id)
    if group.my_role is GroupRole.OWNER and group.owners == 1 and not group.is_staffed:
        heirs = sorted(work.core.execute(_heirs, asked), key=lambda heir: (heir.role is GroupRole.MEMBER, heir.id))
        if not heirs:
            close_group(own, group_id, "")
            return
        hand_over(own, group_id, heirs[0].id)
    leave_group(own, group_id)


#: What is looked for, and how one of it is ended.
OPEN_THINGS: Sequence[tuple[Select[Any], Callable[[Work, int, int], None]]] = (
    (_reservations, end_place),
    (_bookings, end_room),
    (_redemptions, end_redemption),
    (_groups, end_group),
)


def find_open(work: Work, resident_id: int) -> list[tuple[Callable[[Work, int, int], None], int]]:
    """What is still open of a resident: how to end it, and its id."""
    asked = {"town": work.town_id, "resident": resident_id, "now": work.now}
    return [(deed, row.id) for statement, deed in OPEN_THINGS for row in work.core.execute(statement, asked)]

"""A group meets: a time, a place in words, a number of places, and who is going.

A place is taken by a guarded UPDATE of the meet-up's row; leaving the group gives it back. The actor's own membership is
shared (FOR SHARE) meanwhile, so nobody keeps a place in a group that they have just left.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Executable, and_, bindparam, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from models.groups import AttendeeStatus, GroupMeetup, GroupMember, MeetupAttendee, MeetupStatus, MemberStatus
from models.moderation import Content, ContentKind
from rules.groups.finding import require_manager, require_member
from rules.groups.limits import Deed, count_deed
from rules.groups.naming import CARD_NAME, REAL_NAME, asked, is_met, is_seen, name_for, of_content, shown, with_names
from rules.groups.refusals import (
    AlreadyGoing,
    GroupUnknown,
    MeetupFull,
    MeetupOver,
    MeetupTimesInvalid,
    MeetupUnknown,
    NotGoing,
    NotMember,
)
from rules.groups.telling import tell
from rules.moderation.submitting import submit
from rules.paging import Page, Position, cut
from rules.rows import AnyRow
from rules.work import Work

DAYS_MAX = 90
HOURS_MAX = 24
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CANCELLED = "group.meetup_cancelled"

_words = aliased(Content)
_going = aliased(MeetupAttendee)
_maker = aliased(GroupMember)
_my_place = and_(
    _going.town_id == GroupMeetup.town_id,
    _going.meetup_id == GroupMeetup.id,
    _going.member_id == bindparam("my_member"),
    _going.status == AttendeeStatus.GOING,
)
_meetups = (
    select(
        GroupMeetup.id,
        GroupMeetup.group_id,
        GroupMeetup.title,
        GroupMeetup.about,
        GroupMeetup.place,
        GroupMeetup.content_id,
        GroupMeetup.starts_at,
        GroupMeetup.ends_at,
        GroupMeetup.capacity,
        GroupMeetup.taken,
        GroupMeetup.status,
        _going.id.is_not(None).label("is_going"),
    )
    .join(_words, of_content(_words, GroupMeetup.content_id))
    .outerjoin(_going, _my_place)
    .where(GroupMeetup.town_id == bindparam("town"), is_seen(_words))
)
_one = _meetups.where(GroupMeetup.id == bindparam("meetup"))
_by_time = (
    _meetups.where(
        GroupMeetup.ends_at > bindparam("now"),
        or_(
            GroupMeetup.starts_at > bindparam("starting"),
            and_(GroupMeetup.starts_at == bindparam("starting"), GroupMeetup.id > bindparam("after")),
        ),
    )
    .order_by(GroupMeetup.starts_at, GroupMeetup.id)
    .limit(bindparam("limit"))
)
_of_group = _by_time.where(GroupMeetup.group_id == bindparam("group"))
_attending, _attender = aliased(MeetupAttendee), aliased(GroupMember)
_of_mine = _by_time.where(
    GroupMeetup.id.in_(
        select(_attending.meetup_id)
        .join(_attender, and_(_attender.town_id == _attending.town_id, _attender.id == _attending.member_id))
        .where(
            _attending.town_id == bindparam("town"),
            _attending.status == AttendeeStatus.GOING,
            _attender.resident_id == bindparam("me"),
            _attender.status == MemberStatus.ACTIVE,
        )
    )
)
_group_of = select(GroupMeetup.group_id).where(
    GroupMeetup.town_id == bindparam("town"), GroupMeetup.id == bindparam("meetup")
)
_share_member = (
    select(GroupMember.id)
    .where(
        GroupMember.town_id == bindparam("town"),
        GroupMember.id == bindparam("member"),
        GroupMember.status == MemberStatus.ACTIVE,
    )
    .with_for_update(read=True)
)
_make = insert(GroupMeetup)
_this = (GroupMeetup.town_id == bindparam("town"), GroupMeetup.id == bindparam("meetup"))
_to_come = (GroupMeetup.status == MeetupStatus.SCHEDULED, GroupMeetup.starts_at > bindparam("now"))
_take = (
    update(GroupMeetup)
    .where(*_this, *_to_come, GroupMeetup.taken < GroupMeetup.capacity)
    .values(taken=GroupMeetup.taken + 1)
    .returning(GroupMeetup.id)
    .execution_options(synchronize_session=False)
)
#: The meet-up's row comes before its attendees'.
_lock = select(GroupMeetup.id).where(*_this, *_to_come).with_for_update()
_give_back = (
    update(GroupMeetup)
    .where(*_this, *_to_come)
    .values(taken=GroupMeetup.taken - 1)
    .returning(GroupMeetup.id)
    .execution_options(synchronize_session=False)
)
_cancel = (
    update(GroupMeetup)
    .where(*_this, *_to_come)
    .values(status=MeetupStatus.CANCELLED)
    .returning(GroupMeetup.title, GroupMeetup.starts_at, GroupMeetup.group_id)
    .execution_options(synchronize_session=False)
)
_enter = insert(MeetupAttendee).on_conflict_do_nothing().returning(MeetupAttendee.id)
_withdraw = (
    update(MeetupAttendee)
    .where(
        MeetupAttendee.town_id == bindparam("town"),
        MeetupAttendee.meetup_id == bindparam("meetup"),
        MeetupAttendee.member_id == bindparam("member"),
        MeetupAttendee.status == AttendeeStatus.GOING,
    )
    .values(status=AttendeeStatus.WITHDRAWN)
    .returning(MeetupAttendee.id)
    .execution_options(synchronize_session=False)
)
_places_of_member = (
    select(MeetupAttendee.meetup_id)
    .join(
        GroupMeetup,
        and_(GroupMeetup.town_id == MeetupAttendee.town_id, GroupMeetup.id == MeetupAttendee.meetup_id),
    )
    .where(
        MeetupAttendee.town_id == bindparam("town"),
        MeetupAttendee.member_id == bindparam("member"),
        MeetupAttendee.status == AttendeeStatus.GOING,
        *_to_come,
    )
    .order_by(MeetupAttendee.meetup_id)
)
_who_is_going = (
    select(GroupMember.resident_id)
    .join(
        MeetupAttendee,
        and_(MeetupAttendee.town_id == GroupMember.town_id, MeetupAttendee.member_id == GroupMember.id),
    )
    .where(
        GroupMember.town_id == bindparam("town"),
        MeetupAttendee.meetup_id == bindparam("meetup"),
        MeetupAttendee.status == AttendeeStatus.GOING,
    )
)
_attendees = (
    with_names(
        select(
            MeetupAttendee.id,
            MeetupAttendee.member_id,
            MeetupAttendee.joined_at,
            _maker.status,
            (_maker.resident_id == bindparam("me")).label("is_me"),
            REAL_NAME,
            CARD_NAME,
        ).join(_maker, and_(_maker.town_id == MeetupAttendee.town_id, _maker.id == MeetupAttendee.member_id)),
        _maker.resident_id,
    )
    .where(
        MeetupAttendee.town_id == bindparam("town"),
        MeetupAttendee.meetup_id == bindparam("meetup"),
        MeetupAttendee.status == AttendeeStatus.GOING,
        MeetupAttendee.id > bindparam("after"),
        is_met(_maker.resident_id),
    )
    .order_by(MeetupAttendee.id)
    .limit(bindparam("limit"))
)


def make_meetup(work: Work, group_id: int, said: Mapping[str, Any]) -> SimpleNamespace:
    """Plan a meet-up. `said`: title, about, place, starts_at, ends_at, capacity. For managers who are members.

    Raises GroupUnknown, NotGroupManager, NotMember, MeetupTimesInvalid, DailyLimitReached, ContentRefused.
    """
    count_deed(work, Deed.MEETUP)
    group = require_manager(work, group_id)
    if group.my_member_id is None:
        raise NotMember
    starts_at, ends_at = said["starts_at"], said["ends_at"]
    is_soon = work.now < starts_at <= work.now + timedelta(days=DAYS_MAX)
    if not (is_soon and starts_at < ends_at <= starts_at + timedelta(hours=HOURS_MAX)):
        raise MeetupTimesInvalid(days=DAYS_MAX, hours=HOURS_MAX)
    words = "\n".join([said["title"], said["about"], said["place"]])
    content_id = submit(work, ContentKind.POST, words, place_path=group.path)
    meetup_id = work.new_id()
    row = {
        **said,
        "town_id": work.town_id,
        "id": meetup_id,
        "group_id": group_id,
        "made_by": group.my_member_id,
        "content_id": content_id,
        "taken": 0,
        "status": MeetupStatus.SCHEDULED,
        "made_at": work.now,
    }
    work.core.execute(_make, row)
    return shown(_find(work, meetup_id, group))


def list_meetups(work: Work, group_id: int, after: Position | None, limit: int) -> Page[SimpleNamespace]:
    """The meet-ups of a group that aren't over, the next one first. For its members. Raises GroupUnknown, NotMember."""
    group = require_member(work, group_id)
    return _read_page(work, _of_group, after, limit, group=group_id, my_member=group.my_member_id or 0)


def list_my_meetups(work: Work, after: Position | None, limit: int) -> Page[SimpleNamespace]:
    """The meet-ups that aren't over and to which the actor is going, the next one first."""
    page = _read_page(work, _of_mine, after, limit, my_member=0)
    for meetup in page.items:
        meetup.is_going = True
    return page


def show_meetup(work: Work, meetup_id: int) -> AnyRow:
    """A meet-up, for members of its group. Raises MeetupUnknown."""
    return _find(work, meetup_id, _group_for(work, meetup_id))


def list_attendees(work: Work, meetup_id: int, after: Position | None, limit: int) -> Page[SimpleNamespace]:
    """Who is going, for members of the group. Raises MeetupUnknown."""
    group = _group_for(work, meetup_id)
    _find(work, meetup_id, group)
    begin = 0 if after is None else int(after[0])
    rows = work.core.execute(_attendees, asked(work, meetup=meetup_id, after=begin, limit=limit + 1)).all()
    is_member = group.my_member_id is not None
    people = [shown(row, name=name_for(row, with_card=is_member and row.status is MemberStatus.ACTIVE)) for row in rows]
    return cut(people, limit, lambda row: (row.id,))


def go(work: Work, meetup_id: int) -> AnyRow:
    """Take a place. Raises MeetupUnknown, MeetupOver, MeetupFull, AlreadyGoing."""
    group = _group_for(work, meetup_id)
    meetup = _find(work, meetup_id, group)
    sharing = {"town": work.town_id, "member": group.my_member_id or 0}
    if work.core.execute(_share_member, sharing).first() is None:
        raise MeetupUnknown
    this = {"town": work.town_id, "meetup": meetup_id}
    if work.core.execute(_take, this | {"now": work.now}).first() is None:
        is_over = meetup.status is not MeetupStatus.SCHEDULED or meetup.starts_at <= work.now
        raise MeetupOver if is_over else MeetupFull
    row = {
        "town_id": work.town_id,
        "id": work.new_id(),
        "meetup_id": meetup_id,
        "member_id": group.my_member_id,
        "status": AttendeeStatus.GOING,
        "joined_at": work.now,
    }
    if work.core.execute(_enter, row).first() is None:
        raise AlreadyGoing
    return _find(work, meetup_id, group)


def stay_away(work: Work, meetup_id: int) -> AnyRow:
    """Give the place back, until the meet-up begins. Raises MeetupUnknown, MeetupOver, NotGoing."""
    group = _group_for(work, meetup_id)
    _find(work, meetup_id, group)
    _give_up(work, meetup_id, group.my_member_id or 0)
    return _find(work, meetup_id, group)


def cancel_meetup(work: Work, meetup_id: int) -> AnyRow:
    """Call a meet-up off; who was going is told. For who runs the group.

    Raises MeetupUnknown, NotGroupManager, MeetupOver.
    """
    group = _group_for(work, meetup_id)
    require_manager(work, group.id)
    if not call_off(work, meetup_id):
        raise MeetupOver
    return _find(work, meetup_id, group)


def call_off(work: Work, meetup_id: int) -> bool:
    """Cancel a meet-up that is to come and tell who was going. False when there is nothing to cancel."""
    this = {"town": work.town_id, "meetup": meetup_id}
    cancelled = work.core.execute(_cancel, this | {"now": work.now}).first()
    if cancelled is None:
        return False
    others = [id_ for id_ in work.core.scalars(_who_is_going, this) if id_ != work.actor.id]
    facts = {
        "meetup_id": meetup_id,
        "group_id": cancelled.group_id,
        "title": cancelled.title,
        "starts_at": cancelled.starts_at.isoformat(),
    }
    tell(work, CANCELLED, str(meetup_id), others, **facts)
    return True


def give_up_places(work: Work, member_id: int) -> None:
    """Who leaves a group gives back the places in what is to come."""
    whose = {"town": work.town_id, "member": member_id, "now": work.now}
    for meetup_id in work.core.scalars(_places_of_member, whose).all():
        with suppress(MeetupOver, NotGoing):  # called off, or given back, since we looked
            _give_up(work, meetup_id, member_id)


def _give_up(work: Work, meetup_id: int, member_id: int) -> None:
    this = {"town": work.town_id, "meetup": meetup_id}
    if work.core.execute(_lock, this | {"now": work.now}).first() is None:
        raise MeetupOver
    if work.core.execute(_withdraw, this | {"member": member_id}).first() is None:
        raise NotGoing
    work.core.execute(_give_back, this | {"now": work.now})


def _group_for(work: Work, meetup_id: int) -> AnyRow:
    """The meet-up's group, if the actor belongs to it. Raises MeetupUnknown."""
    group_id = work.core.scalar(_group_of, {"town": work.town_id, "meetup": meetup_id})
    if group_id is None:
        raise MeetupUnknown
    try:
        return require_member(work, group_id)
    except (GroupUnknown, NotMember):
        raise MeetupUnknown from None


def _read_page(
    work: Work, statement: Executable, after: Position | None, limit: int, **more: Any
) -> Page[SimpleNamespace]:
    micros, id_ = (0, 0) if after is None else (int(number) for number in after)
    place = {"starting": EPOCH + timedelta(microseconds=micros), "after": id_, "limit": limit + 1}
    rows = [shown(row) for row in work.core.execute(statement, asked(work, **place, **more))]
    return cut(rows, limit, lambda row: ((row.starts_at - EPOCH) // timedelta(microseconds=1), row.id))


def _find(work: Work, meetup_id: int, group: AnyRow) -> AnyRow:
    asking = asked(work, meetup=meetup_id, my_member=group.my_member_id or 0)
    meetup = work.core.execute(_one, asking).first()
    if meetup is None:
        raise MeetupUnknown
    return meetup

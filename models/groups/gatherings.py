"""What a group does: meet-ups of its own, proposals and activities, what is written in it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, InTown, Json, one_of
from models.groups.people import IS_PENDING


class MeetupStatus(StrEnum):
    SCHEDULED = "scheduled"
    CANCELLED = "cancelled"


class AttendeeStatus(StrEnum):
    GOING = "going"
    WITHDRAWN = "withdrawn"


class ProposalStatus(StrEnum):
    PENDING = "pending"
    ACCEPTED = "accepted"  #: an activity was drafted
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


IS_GOING = text("status = 'going'")


class GroupMeetup(InTown, Base):
    """A group meets: a time, a place in words, a number of places."""

    __tablename__ = "group_meetup"

    group_id: Mapped[int]
    made_by: Mapped[int]  #: a member
    title: Mapped[str]
    about: Mapped[str]
    place: Mapped[str]  #: in words: 小区东门草坪
    content_id: Mapped[int]  #: of title, words and place
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    capacity: Mapped[int]
    taken: Mapped[int] = mapped_column(default=0)
    status: Mapped[MeetupStatus] = mapped_column(one_of(MeetupStatus), default=MeetupStatus.SCHEDULED)
    made_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "group_id"], ["interest_group.town_id", "interest_group.id"]),
        ForeignKeyConstraint(["town_id", "made_by"], ["group_member.town_id", "group_member.id"]),
        ForeignKeyConstraint(["town_id", "content_id"], ["content.town_id", "content.id"]),
        CheckConstraint("taken BETWEEN 0 AND capacity", name="taken_within_capacity"),
        CheckConstraint("starts_at < ends_at", name="starts_before_it_ends"),
        Index("ix_group_meetup_group", "town_id", "group_id", "starts_at"),
    )


class MeetupAttendee(InTown, Base):
    """A member has a place in a meet-up, or had one."""

    __tablename__ = "group_meetup_attendee"

    meetup_id: Mapped[int]
    member_id: Mapped[int]
    status: Mapped[AttendeeStatus] = mapped_column(one_of(AttendeeStatus), default=AttendeeStatus.GOING)
    joined_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "meetup_id"], ["group_meetup.town_id", "group_meetup.id"]),
        ForeignKeyConstraint(["town_id", "member_id"], ["group_member.town_id", "group_member.id"]),
        Index(
            "uq_group_meetup_attendee_going",
            "town_id",
            "meetup_id",
            "member_id",
            unique=True,
            sqlite_where=IS_GOING,
            postgresql_where=IS_GOING,
        ),
        Index("ix_group_meetup_attendee_member", "town_id", "member_id"),
    )


class GroupProposal(InTown, Base):
    """A group asks staff for a real activity: in a room, with a sign-up."""

    __tablename__ = "group_proposal"

    group_id: Mapped[int]
    made_by: Mapped[int]  #: a member
    title: Mapped[str]
    about: Mapped[str]
    place_wish: Mapped[str]  #: in words: 舞蹈房
    starts_at: Mapped[datetime]  #: as they wish
    people: Mapped[int]  #: whom they expect
    content_id: Mapped[int]
    status: Mapped[ProposalStatus] = mapped_column(one_of(ProposalStatus), default=ProposalStatus.PENDING)
    activity_id: Mapped[int | None]
    made_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[int | None]  #: staff
    note: Mapped[str | None]  #: for the group

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "group_id"], ["interest_group.town_id", "interest_group.id"]),
        ForeignKeyConstraint(["town_id", "made_by"], ["group_member.town_id", "group_member.id"]),
        ForeignKeyConstraint(["town_id", "content_id"], ["content.town_id", "content.id"]),
        ForeignKeyConstraint(["town_id", "activity_id"], ["activity.town_id", "activity.id"]),
        ForeignKeyConstraint(["town_id", "decided_by"], ["staff.town_id", "staff.id"]),
        CheckConstraint("(status = 'accepted') = (activity_id IS NOT NULL)", name="accepted_with_an_activity"),
        Index("ix_group_proposal_group", "town_id", "group_id", "id"),
        Index("ix_group_proposal_pending", "town_id", "id", sqlite_where=IS_PENDING, postgresql_where=IS_PENDING),
    )


class GroupActivity(Base):
    """An activity is a group's."""

    __tablename__ = "group_activity"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    activity_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    group_id: Mapped[int]
    members_only: Mapped[bool] = mapped_column(default=False)  #: nobody else may reserve
    linked_by: Mapped[int]  #: staff
    linked_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "activity_id"], ["activity.town_id", "activity.id"]),
        ForeignKeyConstraint(["town_id", "group_id"], ["interest_group.town_id", "interest_group.id"]),
        ForeignKeyConstraint(["town_id", "linked_by"], ["staff.town_id", "staff.id"]),
        Index("ix_group_activity_group", "town_id", "group_id"),
    )


class GroupPost(InTown, Base):
    """Something that a member wrote for the others."""

    __tablename__ = "group_post"

    group_id: Mapped[int]
    member_id: Mapped[int]
    words: Mapped[str]
    upload_ids: Mapped[list[Any]] = mapped_column(Json, default=list)
    content_id: Mapped[int]
    is_announcement: Mapped[bool] = mapped_column(default=False)  #: by a manager of the group
    made_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "group_id"], ["interest_group.town_id", "interest_group.id"]),
        ForeignKeyConstraint(["town_id", "member_id"], ["group_member.town_id", "group_member.id"]),
        ForeignKeyConstraint(["town_id", "content_id"], ["content.town_id", "content.id"]),
        Index("ix_group_post_group", "town_id", "group_id", "id"),
    )

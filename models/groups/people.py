"""Interest groups and who belongs to them.

A member, a request and an invitation have ids of their own: what is shown of people in a group names those, never a
resident. The table is called interest_group because GROUP is a word of SQL.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, InTown, RootInTown, one_of
from models.territory import Scene


class Joining(StrEnum):
    """How one becomes a member."""

    OPEN = "open"
    APPROVAL = "approval"  #: a manager of the group accepts a request
    INVITATION = "invitation"  #: with a code that a manager of the group hands out


class GroupStatus(StrEnum):
    ACTIVE = "active"
    CLOSED = "closed"


class GroupRole(StrEnum):
    OWNER = "owner"
    MANAGER = "manager"
    MEMBER = "member"


class MemberStatus(StrEnum):
    ACTIVE = "active"
    LEFT = "left"
    REMOVED = "removed"  #: by a manager: comes back by invitation only
    ENDED = "ended"  #: the group was closed


class RequestStatus(StrEnum):
    PENDING = "pending"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


IS_ACTIVE = text("status = 'active'")
IS_PENDING = text("status = 'pending'")


class Group(RootInTown, Base):
    """An interest group 兴趣小组."""

    __tablename__ = "interest_group"

    community_id: Mapped[int]  #: the node of the tree it belongs to; staff there look after it
    name: Mapped[str]
    about: Mapped[str]
    category: Mapped[str]  #: the town's own word: 舞蹈, 书法
    scene: Mapped[Scene] = mapped_column(one_of(Scene))
    content_id: Mapped[int]  #: of name and words, as they are checked
    new_name: Mapped[str | None]  #: as its managers changed it, until that is checked; shown from then on
    new_about: Mapped[str | None]
    new_content_id: Mapped[int | None]  #: of these; NULL: nothing was changed
    upload_id: Mapped[int | None]  #: its picture
    joining: Mapped[Joining] = mapped_column(one_of(Joining), default=Joining.OPEN)
    member_max: Mapped[int]
    members: Mapped[int] = mapped_column(default=0)  #: active ones, owners included
    owners: Mapped[int] = mapped_column(default=0)  #: active ones
    is_staffed: Mapped[bool] = mapped_column(default=False)  #: staff founded it and run it until it has an owner
    status: Mapped[GroupStatus] = mapped_column(one_of(GroupStatus), default=GroupStatus.ACTIVE)
    founded_by_kind: Mapped[str]  #: resident, staff
    founded_by_id: Mapped[int]
    founded_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closing_reason: Mapped[str | None]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "community_id"], ["territory.town_id", "territory.id"]),
        ForeignKeyConstraint(["town_id", "content_id"], ["content.town_id", "content.id"]),
        ForeignKeyConstraint(["town_id", "new_content_id"], ["content.town_id", "content.id"]),
        CheckConstraint(
            "(new_content_id IS NULL) = (new_name IS NULL) AND (new_name IS NULL) = (new_about IS NULL)",
            name="changed_as_a_whole",
        ),
        CheckConstraint("members BETWEEN 0 AND member_max", name="members_within_max"),
        CheckConstraint("owners >= 0 AND owners <= members", name="owners_are_members"),
        CheckConstraint("is_staffed OR owners > 0 OR status = 'closed'", name="has_an_owner"),
        CheckConstraint("(status = 'closed') = (closed_at IS NOT NULL)", name="closed_once"),
        Index("ix_interest_group_community", "town_id", "community_id"),
    )


class GroupMember(InTown, Base):
    """A resident belongs, or belonged, to a group. At most one of their memberships of a group is active."""

    __tablename__ = "group_member"

    group_id: Mapped[int]
    resident_id: Mapped[int]
    role: Mapped[GroupRole] = mapped_column(one_of(GroupRole), default=GroupRole.MEMBER)
    status: Mapped[MemberStatus] = mapped_column(one_of(MemberStatus), default=MemberStatus.ACTIVE)
    joined_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "group_id"], ["interest_group.town_id", "interest_group.id"]),
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        CheckConstraint("(status = 'active') = (ended_at IS NULL)", name="ends_once"),
        Index(
            "uq_group_member_active",
            "town_id",
            "group_id",
            "resident_id",
            unique=True,
            sqlite_where=IS_ACTIVE,
            postgresql_where=IS_ACTIVE,
        ),
        Index("ix_group_member_resident", "town_id", "resident_id"),
        Index("ix_group_member_group", "town_id", "group_id", "id"),
    )


class GroupRequest(InTown, Base):
    """Somebody asks to be let in. At most one of their requests to a group waits."""

    __tablename__ = "group_request"

    group_id: Mapped[int]
    resident_id: Mapped[int]
    words: Mapped[str]
    content_id: Mapped[int | None]  #: of the words; NULL: there are none
    status: Mapped[RequestStatus] = mapped_column(one_of(RequestStatus), default=RequestStatus.PENDING)
    made_at: Mapped[datetime]
    lapses_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "group_id"], ["interest_group.town_id", "interest_group.id"]),
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        ForeignKeyConstraint(["town_id", "content_id"], ["content.town_id", "content.id"]),
        CheckConstraint("made_at < lapses_at", name="lapses_later"),
        Index(
            "uq_group_request_pending",
            "town_id",
            "group_id",
            "resident_id",
            unique=True,
            sqlite_where=IS_PENDING,
            postgresql_where=IS_PENDING,
        ),
        Index("ix_group_request_resident", "town_id", "resident_id"),
        Index("ix_group_request_lapses", "town_id", "lapses_at", sqlite_where=IS_PENDING, postgresql_where=IS_PENDING),
    )


class GroupInvitation(InTown, Base):
    """A code that lets so many people into a group. Only its hash is kept."""

    __tablename__ = "group_invitation"

    group_id: Mapped[int]
    made_by: Mapped[int]  #: a member
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)  #: SHA-256
    uses_max: Mapped[int]
    used: Mapped[int] = mapped_column(default=0)
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "group_id"], ["interest_group.town_id", "interest_group.id"]),
        ForeignKeyConstraint(["town_id", "made_by"], ["group_member.town_id", "group_member.id"]),
        UniqueConstraint("town_id", "secret_hash"),
        CheckConstraint("used BETWEEN 0 AND uses_max", name="used_within_max"),
        Index("ix_group_invitation_group", "town_id", "group_id"),
    )

"""Staff and the roles they hold on nodes of the tree."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, InTown, RootInTown, one_of


class Role(StrEnum):
    """What staff may do on a node of the tree and below it."""

    SCANNER = "scanner"
    ORGANISER = "organiser"
    PROPERTY = "property"
    OPERATOR = "operator"
    MANAGER = "manager"
    AUDITOR = "auditor"
    ADMIN = "admin"


class StaffStatus(StrEnum):
    ACTIVE = "active"
    CLOSED = "closed"


class Staff(RootInTown, Base):
    """A member of staff, who signs in by name and password."""

    __tablename__ = "staff"

    username: Mapped[str]
    name: Mapped[str]
    password_hash: Mapped[str]  #: argon2id, with its parameters
    status: Mapped[StaffStatus] = mapped_column(one_of(StaffStatus), default=StaffStatus.ACTIVE)
    token_version: Mapped[int] = mapped_column(default=1)  #: grows by one to revoke every access token at once
    created_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("town_id", "username"),)


class RoleGrant(InTown, Base):
    """A role on one node of the tree, valid there and below."""

    __tablename__ = "role_grant"

    staff_id: Mapped[int]
    role: Mapped[Role] = mapped_column(one_of(Role))
    territory_id: Mapped[int]
    granted_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "staff_id"], ["staff.town_id", "staff.id"]),
        ForeignKeyConstraint(["town_id", "territory_id"], ["territory.town_id", "territory.id"]),
        UniqueConstraint("town_id", "staff_id", "role", "territory_id"),
    )


class StaffLookup(Base):
    """Which member of staff of which town a username is. Global, because the town is what it answers."""

    __tablename__ = "staff_lookup"

    username: Mapped[str] = mapped_column(primary_key=True)
    town_id: Mapped[int] = mapped_column(ForeignKey("town.id"))
    staff_id: Mapped[int]


class SignInFailure(Base):
    """How many sign-ins failed in a row under a name, whether somebody has it or not. Global, because names are."""

    __tablename__ = "sign_in_failure"

    name_index: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)  #: HMAC-SHA256 of what was typed
    failures: Mapped[int]
    failed_at: Mapped[datetime]
    locked_until: Mapped[datetime]  #: before it no try is looked at; a moment that is over: not locked

    __table_args__ = (
        CheckConstraint("failures > 0", name="failures_positive"),
        Index("ix_sign_in_failure_failed_at", "failed_at"),
    )

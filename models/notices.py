"""Notices: inboxes, messages by WeChat and what residents granted for them, announcements.

A resident's *notice* is a row of the inbox, written once for a message of the outbox. A message by WeChat is sent for a
notice, at most once, and uses up one of the resident's grants before it is sent. An announcement is aimed at nodes of the
tree and is no row of anybody's; who has read it is.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, InTown, Json, Path, RootInTown, one_of

IS_THERE = text("removed_at IS NULL")
IS_REMOVED = text("removed_at IS NOT NULL")
IS_UNREAD = text("read_at IS NULL AND removed_at IS NULL")


class Notice(InTown, Base):
    """A row of a resident's inbox. Its words are made of the payload when it is read."""

    __tablename__ = "notice"

    resident_id: Mapped[int]  #: whose inbox
    about_id: Mapped[int | None]  #: for whom the resident acts: a child, an elder without WeChat; NULL: it is their own
    topic: Mapped[str]  #: of the outbox: "reservation.promoted"
    key: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(
        Json
    )  #: the message's, and what was looked up when it was delivered
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]  #: the resident took it out; kept for a while, so that it isn't written again

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        ForeignKeyConstraint(["town_id", "about_id"], ["resident.town_id", "resident.id"]),
        UniqueConstraint("town_id", "topic", "key", "resident_id"),
        Index("ix_notice_inbox", "town_id", "resident_id", "id", sqlite_where=IS_THERE, postgresql_where=IS_THERE),
        Index("ix_notice_unread", "town_id", "resident_id", "id", sqlite_where=IS_UNREAD, postgresql_where=IS_UNREAD),
        Index("ix_notice_removed", "town_id", "removed_at", sqlite_where=IS_REMOVED, postgresql_where=IS_REMOVED),
    )


class StaffNotice(RootInTown, Base):
    """Something that staff of a place are told: there is something to decide, or something failed."""

    __tablename__ = "staff_notice"

    topic: Mapped[str]
    key: Mapped[str]
    path: Mapped[str] = mapped_column(Path)  #: of the node whose staff it is for
    payload: Mapped[dict[str, Any]] = mapped_column(Json)
    created_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("town_id", "topic", "key"),
        Index("ix_staff_notice_path", "town_id", "path", "id"),
    )


class NoticeSettings(Base):
    """What a resident wants of messages by WeChat; the inbox always has everything. No row: the usual."""

    __tablename__ = "notice_settings"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    resident_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    quiet_from: Mapped[str | None]  #: "22:00", local; NULL: there are no quiet hours
    quiet_until: Mapped[str | None]  #: "08:00", on the next day where it is the earlier one
    kinds_off: Mapped[list[Any]] = mapped_column(Json, default=list)  #: kinds of message that aren't sent by WeChat
    changed_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        CheckConstraint("(quiet_from IS NULL) = (quiet_until IS NULL)", name="both_or_neither"),
        CheckConstraint("quiet_from <> quiet_until", name="quiet_for_a_while"),
    )


class SubscriptionGrant(Base):
    """How many messages of a template a resident has granted, and how many are used up. All four only grow.

    The mini-program and WeChat's push both tell of the same answer, so what is granted is the larger of the two, never
    the sum: at worst a message isn't sent.
    """

    __tablename__ = "subscription_grant"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    resident_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    template_id: Mapped[str] = mapped_column(primary_key=True)
    accepted_in_app: Mapped[int] = mapped_column(default=0)
    accepted_by_push: Mapped[int] = mapped_column(default=0)
    used: Mapped[int] = mapped_column(default=0)  #: claimed for a message, or written off when WeChat refused one
    given_back: Mapped[int] = mapped_column(default=0)  #: claimed for a message that was certainly not sent
    changed_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        CheckConstraint(
            "used - given_back <= accepted_in_app OR used - given_back <= accepted_by_push", name="used_within_granted"
        ),
        CheckConstraint(
            "accepted_in_app >= 0 AND accepted_by_push >= 0 AND given_back BETWEEN 0 AND used",
            name="counts_not_negative",
        ),
    )


class SendState(StrEnum):
    """What became of a notice's message by WeChat."""

    CLAIMED = "claimed"  #: about to be sent; whoever finds it so later can't know whether it was
    WAITING = "waiting"  #: certainly not sent yet; its grant is kept for it
    SENT = "sent"
    UNKNOWN = "unknown"  #: the process ended, or WeChat didn't answer: it may have been sent, and isn't repeated
    REFUSED = "refused"  #: WeChat: the resident granted none, or no more (43101)
    FAILED = "failed"  #: WeChat can't take it as it is; staff see it. Its grant is given back
    DROPPED = "dropped"  #: too late to be of use, or no longer true. Its grant is given back


class SubscriptionSend(Base):
    """The one message by WeChat of a notice, and the one grant that it used."""

    __tablename__ = "subscription_send"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    notice_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    resident_id: Mapped[int]
    template_id: Mapped[str]
    state: Mapped[SendState] = mapped_column(one_of(SendState))
    claimed_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "notice_id"], ["notice.town_id", "notice.id"]),
        ForeignKeyConstraint(
            ["town_id", "resident_id", "template_id"],
            ["subscription_grant.town_id", "subscription_grant.resident_id", "subscription_grant.template_id"],
        ),
        Index("ix_subscription_send_grant", "town_id", "resident_id", "template_id"),
    )


class AnnouncementStatus(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"  #: seen from `publishes_at` until `ends_at`
    WITHDRAWN = "withdrawn"


class Announcement(InTown, Base):
    """What staff tell everybody who lives at some nodes of the tree."""

    __tablename__ = "announcement"

    title: Mapped[str]
    text: Mapped[str]
    pictures: Mapped[list[Any]] = mapped_column(Json, default=list)  #: ids of uploads, as text
    publishes_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    pinned: Mapped[bool] = mapped_column(default=False)
    public: Mapped[bool] = mapped_column(default=True)  #: visitors see it too
    confirmation_needed: Mapped[bool] = mapped_column(
        default=False
    )  #: residents are asked to confirm that they read it
    pushed: Mapped[bool] = mapped_column(default=False)  #: goes into inboxes, and by WeChat to who granted it
    status: Mapped[AnnouncementStatus] = mapped_column(one_of(AnnouncementStatus), default=AnnouncementStatus.DRAFT)
    written_by: Mapped[int]
    created_at: Mapped[datetime]
    published_at: Mapped[datetime | None]  #: when staff did; it is seen from `publishes_at`
    withdrawn_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "written_by"], ["staff.town_id", "staff.id"]),
        CheckConstraint("publishes_at < ends_at", name="published_before_it_ends"),
        CheckConstraint("status <> 'published' OR published_at IS NOT NULL", name="published_at_a_time"),
        CheckConstraint("(status = 'withdrawn') = (withdrawn_at IS NOT NULL)", name="withdrawn_at_a_time"),
        Index("ix_announcement_status", "town_id", "status", "pinned", "publishes_at", "id"),
    )


class AnnouncementTarget(Base):
    """A node whose residents an announcement is for, with everybody below it."""

    __tablename__ = "announcement_target"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    announcement_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    territory_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "announcement_id"], ["announcement.town_id", "announcement.id"]),
        ForeignKeyConstraint(["town_id", "territory_id"], ["territory.town_id", "territory.id"]),
        Index("ix_announcement_target_territory", "town_id", "territory_id", "announcement_id"),
    )


class AnnouncementRead(Base):
    """A resident has read an announcement."""

    __tablename__ = "announcement_read"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    announcement_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    resident_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    read_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "announcement_id"], ["announcement.town_id", "announcement.id"]),
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        Index("ix_announcement_read_resident", "town_id", "resident_id", "announcement_id"),
    )

"""Pictures that people send, and how many each may send in a day.

A picture's key in the storage is written down before the first byte is stored, so there is never a file that no row
names: what was begun and not finished, and what nobody uses, is found here and cleaned away.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, InTown, one_of


class UploadPurpose(StrEnum):
    """What a picture is for; it can be used for nothing else."""

    REPAIR = "repair"
    COMPLAINT = "complaint"
    GROUP = "group"
    POST = "post"
    PROFILE = "profile"
    STAFF = "staff"
    CENTRE = "centre"
    ESTATE = "estate"
    REWARD = "reward"
    ANNOUNCEMENT = "announcement"


class UploadState(StrEnum):
    STORING = "storing"  #: its files may be there or not
    READY = "ready"  #: its files are there
    DISCARDED = "discarded"  #: to be deleted, files first


class UploaderKind(StrEnum):
    RESIDENT = "resident"
    STAFF = "staff"


UNUSED = text("attached_at IS NULL")


class Upload(InTown, Base):
    """One picture, in a display size and as a thumbnail."""

    __tablename__ = "upload"

    resident_id: Mapped[int | None]  #: who sent it, or
    staff_id: Mapped[int | None]  #: which member of staff
    purpose: Mapped[UploadPurpose] = mapped_column(one_of(UploadPurpose))
    state: Mapped[UploadState] = mapped_column(one_of(UploadState), default=UploadState.STORING)
    source_hash: Mapped[bytes] = mapped_column(LargeBinary)  #: SHA-256 of the file as it was sent
    storage_key: Mapped[str]  #: the folder of its files; nobody can guess it
    width: Mapped[int]  #: of the display size, in pixels
    height: Mapped[int]
    byte_count: Mapped[int]  #: of the display size
    content_id: Mapped[int | None]  #: what moderation thinks of it; NULL while it is being stored
    created_at: Mapped[datetime]
    attached_at: Mapped[datetime | None]  #: since when something shows it

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        ForeignKeyConstraint(["town_id", "staff_id"], ["staff.town_id", "staff.id"]),
        ForeignKeyConstraint(["town_id", "content_id"], ["content.town_id", "content.id"]),
        UniqueConstraint("town_id", "storage_key"),
        CheckConstraint("(resident_id IS NULL) <> (staff_id IS NULL)", name="sent_by_one"),
        CheckConstraint("width > 0 AND height > 0 AND byte_count > 0", name="has_a_size"),
        CheckConstraint("state <> 'ready' OR content_id IS NOT NULL", name="moderated_when_ready"),
        CheckConstraint("attached_at IS NULL OR state = 'ready'", name="attached_when_ready"),
        Index("ix_upload_resident", "town_id", "resident_id", "source_hash"),
        Index("ix_upload_staff", "town_id", "staff_id", "source_hash"),
        Index("ix_upload_unused", "town_id", "created_at", sqlite_where=UNUSED, postgresql_where=UNUSED),
    )


class UploadDay(Base):
    """How many pictures somebody has begun to send on a day."""

    __tablename__ = "upload_day"

    town_id: Mapped[int] = mapped_column(ForeignKey("town.id"), primary_key=True, autoincrement=False)
    uploader_kind: Mapped[UploaderKind] = mapped_column(one_of(UploaderKind), primary_key=True)
    uploader_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(primary_key=True)
    uploads: Mapped[int] = mapped_column(default=1)

    __table_args__ = (CheckConstraint("uploads > 0", name="uploads_positive"),)

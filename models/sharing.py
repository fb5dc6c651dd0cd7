"""What is shared by a short code."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, RootInTown, one_of


class ShareKind(StrEnum):
    """What can be shared."""

    ACTIVITY = "activity"
    VENUE = "venue"
    CENTRE = "centre"
    GROUP = "group"
    REWARD = "reward"


class ShareCode(RootInTown, Base):
    """The code of a subject, as it stands in a code image and in a link. It is opaque, and no secret."""

    __tablename__ = "share_code"

    kind: Mapped[ShareKind] = mapped_column(one_of(ShareKind))
    subject_id: Mapped[int]
    scene: Mapped[str]  #: up to 32 letters and digits
    created_at: Mapped[datetime]
    link: Mapped[str | None]  #: an address that opens it from outside of WeChat, made by WeChat
    link_until: Mapped[datetime | None]  #: how long that works

    __table_args__ = (
        UniqueConstraint("town_id", "scene"),
        UniqueConstraint("town_id", "kind", "subject_id"),
        CheckConstraint("length(scene) BETWEEN 8 AND 32", name="scene_fits_a_code_image"),
        CheckConstraint("(link IS NULL) = (link_until IS NULL)", name="link_until_a_moment"),
    )

"""找搭子: posts of people who look for company, who is in, and what those two write to each other."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, InTown, Json, RootInTown, one_of


class PartnerKind(StrEnum):
    SPORT = "sport"  #: 球友
    CHILDREN = "children"  #: 带娃
    CARPOOL = "carpool"  #: 拼车
    LEARNING = "learning"  #: 学习
    OTHER = "other"


class PartnerPostStatus(StrEnum):
    OPEN = "open"
    CLOSED = "closed"  #: by its author, or because all that were wanted are found
    LAPSED = "lapsed"


class ResponseStatus(StrEnum):
    PENDING = "pending"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


IS_OPEN = text("status = 'open'")
IS_NOT_WITHDRAWN = text("status <> 'withdrawn'")


class PartnerPost(RootInTown, Base):
    """Somebody looks for company."""

    __tablename__ = "partner_post"

    resident_id: Mapped[int]
    kind: Mapped[PartnerKind] = mapped_column(one_of(PartnerKind))
    words: Mapped[str]
    when_words: Mapped[str]  #: "每周三晚 7 点"
    community_id: Mapped[int]  #: where: a community, never an address
    wanted: Mapped[int]  #: how many others
    accepted: Mapped[int] = mapped_column(default=0)
    upload_ids: Mapped[list[Any]] = mapped_column(Json, default=list)
    content_id: Mapped[int]
    status: Mapped[PartnerPostStatus] = mapped_column(one_of(PartnerPostStatus), default=PartnerPostStatus.OPEN)
    made_at: Mapped[datetime]
    lapses_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    told_lapsing_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        ForeignKeyConstraint(["town_id", "community_id"], ["territory.town_id", "territory.id"]),
        ForeignKeyConstraint(["town_id", "content_id"], ["content.town_id", "content.id"]),
        CheckConstraint("accepted BETWEEN 0 AND wanted", name="accepted_within_wanted"),
        CheckConstraint("made_at < lapses_at", name="lapses_later"),
        Index("ix_partner_post_resident", "town_id", "resident_id", "id"),
        Index("ix_partner_post_open", "town_id", "id", sqlite_where=IS_OPEN, postgresql_where=IS_OPEN),
        Index("ix_partner_post_lapses", "town_id", "lapses_at", sqlite_where=IS_OPEN, postgresql_where=IS_OPEN),
    )


class PostResponse(InTown, Base):
    """Somebody is in. Whoever was declined doesn't ask again."""

    __tablename__ = "partner_response"

    post_id: Mapped[int]
    resident_id: Mapped[int]
    words: Mapped[str]
    content_id: Mapped[int]
    status: Mapped[ResponseStatus] = mapped_column(one_of(ResponseStatus), default=ResponseStatus.PENDING)
    made_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "post_id"], ["partner_post.town_id", "partner_post.id"]),
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        ForeignKeyConstraint(["town_id", "content_id"], ["content.town_id", "content.id"]),
        Index(
            "uq_partner_response_once",
            "town_id",
            "post_id",
            "resident_id",
            unique=True,
            sqlite_where=IS_NOT_WITHDRAWN,
            postgresql_where=IS_NOT_WITHDRAWN,
        ),
        Index("ix_partner_response_resident", "town_id", "resident_id", "id"),
    )


class PartnerMessage(InTown, Base):
    """What two people who found each other write."""

    __tablename__ = "partner_message"

    response_id: Mapped[int]
    by_author: Mapped[bool]  #: by whoever wrote the post; else by who responded
    words: Mapped[str]
    content_id: Mapped[int]
    made_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "response_id"], ["partner_response.town_id", "partner_response.id"]),
        ForeignKeyConstraint(["town_id", "content_id"], ["content.town_id", "content.id"]),
        Index("ix_partner_message_response", "town_id", "response_id", "id"),
    )

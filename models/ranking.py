"""Rankings as they are kept for reading, and who wants to be seen in them.

What is kept is worked out from the ledger and can be thrown away; a job keeps it up to date. Who is seen is a choice of the
resident's own, and is never derived.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base

#: The scene of a row that counts all scenes.
ALL_SCENES = ""
#: The scene of a row for what belongs to no scene.
NO_SCENE = "none"
#: The ranking of every town: points earned. Others are the rulebook's, by their ids.
EARNED = "earned"
IS_SEEN = text("is_shown AND amount > 0")
IS_SEEN_SQLITE = text("is_shown = 1 AND amount > 0")  #: as its planner has to recognise it in a query


class RankingChoice(Base):
    """Whether a resident wants to be seen in rankings. Without a row: not."""

    __tablename__ = "ranking_choice"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    resident_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    is_shown: Mapped[bool]
    chosen_at: Mapped[datetime]

    __table_args__ = (ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),)


class RankingTally(Base):
    """What a resident has in one ranking, period and scene."""

    __tablename__ = "ranking_tally"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    ranking: Mapped[str] = mapped_column(primary_key=True)
    period: Mapped[str] = mapped_column(primary_key=True)  #: "2026-11", "2026-Q4", "2026"
    scene: Mapped[str] = mapped_column(primary_key=True)
    resident_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    community_id: Mapped[int | None]  #: where the resident lives
    amount: Mapped[int]
    is_shown: Mapped[bool]  #: the resident's choice as it stood; a read asks for the choice itself again

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        ForeignKeyConstraint(["town_id", "community_id"], ["territory.town_id", "territory.id"]),
        Index(
            "ix_ranking_tally_seen",
            "town_id",
            "ranking",
            "period",
            "scene",
            "amount",
            "resident_id",
            sqlite_where=IS_SEEN_SQLITE,
            postgresql_where=IS_SEEN,
        ),
        Index(
            "ix_ranking_tally_seen_in_community",
            "town_id",
            "ranking",
            "period",
            "scene",
            "community_id",
            "amount",
            "resident_id",
            sqlite_where=IS_SEEN_SQLITE,
            postgresql_where=IS_SEEN,
        ),
        Index("ix_ranking_tally_resident", "town_id", "resident_id"),
    )


class CommunityTally(Base):
    """What the residents of a community earned in a period and scene, all of them together."""

    __tablename__ = "community_tally"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    period: Mapped[str] = mapped_column(primary_key=True)
    scene: Mapped[str] = mapped_column(primary_key=True)
    community_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    amount: Mapped[int]
    residents: Mapped[int]  #: who are registered there

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "community_id"], ["territory.town_id", "territory.id"]),
        CheckConstraint("residents >= 0", name="residents_not_negative"),
    )


class RankingRefresh(Base):
    """Up to when the rankings of a town are worked out."""

    __tablename__ = "ranking_refresh"

    town_id: Mapped[int] = mapped_column(ForeignKey("town.id"), primary_key=True, autoincrement=False)
    refreshed_at: Mapped[datetime]

"""What a town wishes its numbers to be, and by which weights its operators are ranked.

Nothing is changed or deleted: what holds from a day on stands in the row for the latest such day, of several rows for one
day in the one that was recorded last. So what held as of a past moment can be said at any time.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Date, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Json, RootInTown, one_of
from models.territory import Scene


class TargetPeriod(StrEnum):
    """Of how long a period a target speaks."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class MonitorTarget(RootInTown, Base):
    """Which number of a measure is wished for, from a day on, and which one is still nearly enough."""

    __tablename__ = "monitor_target"

    measure: Mapped[str]
    territory_id: Mapped[int]  #: a node, or models.monitor.WHOLE_TOWN
    scene: Mapped[Scene | None] = mapped_column(one_of(Scene))  #: None: of all scenes together
    period_kind: Mapped[TargetPeriod] = mapped_column(one_of(TargetPeriod))
    from_day: Mapped[date] = mapped_column(Date)
    target: Mapped[float | None]  #: in the measure's unit; None: from that day on there is no target
    amber: Mapped[float | None]  #: on the way from there to the target the light is amber, before it red
    set_by: Mapped[int | None]  #: a manager; None: the system
    recorded_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "set_by"], ["staff.town_id", "staff.id"]),
        CheckConstraint("(target IS NULL) = (amber IS NULL)", name="amber_with_a_target"),
        CheckConstraint("target >= 0 AND amber >= 0", name="not_negative"),
        Index("ix_monitor_target_place", "town_id", "territory_id", "measure", "period_kind", "from_day"),
    )


class RankingWeights(RootInTown, Base):
    """By which weights operators are ranked in periods that begin on a day or later."""

    __tablename__ = "ranking_weights"

    from_day: Mapped[date] = mapped_column(Date)
    weights: Mapped[list[Any]] = mapped_column(Json)  #: [{"measure": "sessions.held", "weight": 40}], 100 in all
    sessions_min: Mapped[int]  #: who held fewer sessions in a period isn't ranked
    set_by: Mapped[int | None]  #: a manager; None: the system
    recorded_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "set_by"], ["staff.town_id", "staff.id"]),
        CheckConstraint("sessions_min >= 1", name="sessions_min_positive"),
        Index("ix_ranking_weights_day", "town_id", "from_day"),
    )

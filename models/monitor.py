"""What the monitoring keeps: numbers of past days, as they were found, and what was corrected since.

A number of a day is never changed. What was recorded late is a further row, so that the sum of the rows that were recorded
up to a moment is the number as it was known then, the way a balance is the sum of its postings.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Date, ForeignKey, ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, one_of

#: Stands for the whole town, where a place is named by its id.
WHOLE_TOWN = 0


class Slice(StrEnum):
    """By what a number is split."""

    ALL = "all"  #: not at all; the key is empty
    SCENE = "scene"  #: the key is the scene's word
    OPERATOR = "operator"  #: the key is the operator's id; "0": none
    DETAIL = "detail"  #: the key is the measure's own: a rule, a provenance, an issuer and month


class Snapshot(Base):
    """A day whose numbers were worked out: for the first time, or anew because something of it was recorded late."""

    __tablename__ = "monitor_snapshot"

    town_id: Mapped[int] = mapped_column(ForeignKey("town.id"), primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    recorded_at: Mapped[datetime] = mapped_column(primary_key=True)  #: from then on it is what the monitoring answers
    n: Mapped[int]  #: the day's first, second … snapshot: of two that are made at once, one is refused
    as_of: Mapped[datetime]  #: what was recorded up to then is counted
    changes: Mapped[int]  #: rows that it added

    __table_args__ = (
        UniqueConstraint("town_id", "day", "n"),
        CheckConstraint("as_of <= recorded_at", name="knows_no_future"),
        CheckConstraint("n > 0", name="is_counted_from_one"),
    )


class SnapshotValue(Base):
    """By how much a snapshot raised (or lowered) a number of its day. The number is the sum over its snapshots."""

    __tablename__ = "monitor_snapshot_value"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    measure: Mapped[str] = mapped_column(primary_key=True)
    territory_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  #: a node, or WHOLE_TOWN
    slice: Mapped[Slice] = mapped_column(one_of(Slice), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    recorded_at: Mapped[datetime] = mapped_column(primary_key=True)  #: of its snapshot
    change: Mapped[int]

    __table_args__ = (
        ForeignKeyConstraint(
            ["town_id", "day", "recorded_at"],
            ["monitor_snapshot.town_id", "monitor_snapshot.day", "monitor_snapshot.recorded_at"],
        ),
        CheckConstraint("change <> 0", name="changes_something"),
    )

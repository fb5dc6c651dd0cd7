"""Rulebooks as they were published, the drafts before them, and where each resident stands in their eyes.

Points are in the ledger, and what awards used up of their limits is in `rule_usage`. Everything else that the rules count
or decide of a person is here: counts, levels, freezes, suspensions. The row of `standing` is what events of one resident
queue at, so that the second one sees what the first one counted.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, Table, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Json, RootInTown, one_of


class RulebookVersion(RootInTown, Base):
    """One version of a town's rulebook. Rows are added and never changed (by trigger)."""

    __tablename__ = "rulebook_version"

    number: Mapped[int]  #: 1, 2, 3 … in a town
    document: Mapped[str]  #: the TOML text
    document_hash: Mapped[bytes] = mapped_column(LargeBinary)  #: SHA-256 of the text
    effective_from: Mapped[datetime]
    published_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("town_id", "number"),
        Index("ix_rulebook_version_effective_from", "town_id", "effective_from"),
    )


class DraftStatus(StrEnum):
    PENDING = "pending"  #: waits for a second person
    PUBLISHED = "published"
    DECLINED = "declined"


class RulebookDraft(RootInTown, Base):
    """A document that somebody wants to put into force, and what a second person said to it."""

    __tablename__ = "rulebook_draft"

    document: Mapped[str]
    effective_from: Mapped[datetime]
    note: Mapped[str]  #: why, in words
    status: Mapped[DraftStatus] = mapped_column(one_of(DraftStatus))
    requested_by: Mapped[int]
    requested_at: Mapped[datetime]
    decided_by: Mapped[int | None]
    decided_at: Mapped[datetime | None]
    version_id: Mapped[int | None]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "requested_by"], ["staff.town_id", "staff.id"]),
        ForeignKeyConstraint(["town_id", "decided_by"], ["staff.town_id", "staff.id"]),
        ForeignKeyConstraint(["town_id", "version_id"], ["rulebook_version.town_id", "rulebook_version.id"]),
        CheckConstraint("decided_by <> requested_by", name="second_person_is_not_the_first"),
        CheckConstraint("(status = 'pending') = (decided_by IS NULL)", name="decided_by_somebody"),
        CheckConstraint("(status = 'published') = (version_id IS NOT NULL)", name="published_with_its_version"),
    )


class Standing(Base):
    """A resident whose events are counted. It grows by one with each of them; locking it is taking one's turn."""

    __tablename__ = "standing"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    resident_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    events: Mapped[int]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        CheckConstraint("events > 0", name="events_positive"),
    )


class _OfStanding:
    """A row that hangs on a resident's standing."""

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, sort_order=-2)
    resident_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, sort_order=-1)


def _to_standing() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["town_id", "resident_id"], ["standing.town_id", "standing.resident_id"])


class StandingCount(_OfStanding, Base):
    """What is counted of a resident in one bucket of one counter."""

    __tablename__ = "standing_count"

    name: Mapped[str] = mapped_column(primary_key=True)  #: "tally:service-hours", "penalty:no-show", "limit:…"
    bucket: Mapped[str] = mapped_column(primary_key=True)  #: "2026-11", "2026-W48", "ever"
    count: Mapped[int]  #: in the whole numbers of rules.rulebook.quantities

    __table_args__ = (_to_standing(),)


class StandingLevel(_OfStanding, Base):
    """The level that a resident has reached in a ladder; by its id, since other versions have other ranks."""

    __tablename__ = "standing_level"

    ladder: Mapped[str] = mapped_column(primary_key=True)
    level: Mapped[str]  #: empty: fallen below the first one
    cycle: Mapped[int]  #: how many full rounds came before, in a ladder that repeats
    reached_at: Mapped[datetime]

    __table_args__ = (
        _to_standing(),
        CheckConstraint("cycle >= 0", name="cycle_not_negative"),
        Index("ix_standing_level_reached", "town_id", "reached_at"),
    )


class StandingLevelVersion(_OfStanding, Base):
    """A level that a resident had until they reached another one; a trigger of the database writes it.

    Rows are added and never changed (by trigger).
    """

    __tablename__ = "standing_level_version"

    ladder: Mapped[str] = mapped_column(primary_key=True)
    until: Mapped[datetime] = mapped_column(primary_key=True)
    level: Mapped[str]
    cycle: Mapped[int]
    reached_at: Mapped[datetime]

    __table_args__ = (_to_standing(), Index("ix_standing_level_version_until", "town_id", "until"))


class StandingFreeze(_OfStanding, Base):
    """A freeze that is in force."""

    __tablename__ = "standing_freeze"

    freeze: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime]
    collected: Mapped[dict[str, Any]] = mapped_column(Json)  #: towards each way out, by its place in the document

    __table_args__ = (_to_standing(),)


class StandingSuspension(_OfStanding, Base):
    """Until when a penalty or a freeze forbids something."""

    __tablename__ = "standing_suspension"

    #: With the facts that it counts apart: "no-show|seat"; or "freeze:borrowing".
    penalty: Mapped[str] = mapped_column(primary_key=True)
    what: Mapped[str] = mapped_column(primary_key=True)  #: what it forbids: "booking"
    until: Mapped[datetime]

    __table_args__ = (
        _to_standing(),
        Index("ix_standing_suspension_what", "town_id", "resident_id", "what", "until"),
    )


class StandingTrace(Base):
    """What an event changed of its resident's standing, where the event's own facts don't say it all over again.

    Most events only add to tallies and leave none: what they counted is worked out from their facts when they are void.
    """

    __tablename__ = "standing_trace"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    event_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    changes: Mapped[dict[str, Any]] = mapped_column(Json)  #: a rules.rulebook.undoing.Trace

    __table_args__ = (ForeignKeyConstraint(["town_id", "event_id"], ["event.town_id", "event.id"]),)


def _table(model: type[Base]) -> Table:
    assert isinstance(model.__table__, Table)
    return model.__table__


#: The tables as SQLAlchemy Core sees them.
STANDING, STANDING_COUNT, STANDING_LEVEL = map(_table, (Standing, StandingCount, StandingLevel))
STANDING_FREEZE, STANDING_SUSPENSION = map(_table, (StandingFreeze, StandingSuspension))
STANDING_TRACE = _table(StandingTrace)

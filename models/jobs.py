"""What runs without a request, and what waits to leave the house."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Json, RootInTown, one_of

IS_WAITING = text("delivered_at IS NULL AND failed_at IS NULL")
IS_DEAD = text("failed_at IS NOT NULL AND dismissed_at IS NULL")


class JobOutcome(StrEnum):
    OK = "ok"
    FAILED = "failed"  #: it ran to its end and found something wrong, or it broke off


class JobRun(Base):
    """One run of a job for a town. Who inserts the row runs the job; a second one finds it taken."""

    __tablename__ = "job_run"

    town_id: Mapped[int] = mapped_column(ForeignKey("town.id"), primary_key=True, autoincrement=False)
    job: Mapped[str] = mapped_column(primary_key=True)
    slot: Mapped[str] = mapped_column(primary_key=True)  #: what the run is for: a day, an hour
    attempts: Mapped[int] = mapped_column(default=1)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    outcome: Mapped[JobOutcome | None] = mapped_column(one_of(JobOutcome))
    result: Mapped[dict[str, Any] | None] = mapped_column(Json)  #: what it did, in numbers


class Outbox(RootInTown, Base):
    """Something that is to leave the house once the transaction that wrote it has been committed."""

    __tablename__ = "outbox"

    topic: Mapped[str]  #: "points.expiring"
    key: Mapped[str]  #: names the message in its topic, so that it is written once
    payload: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    available_at: Mapped[datetime]  #: not to be delivered earlier
    attempts: Mapped[int] = mapped_column(default=0)  #: how often it was taken up
    delivered_at: Mapped[datetime | None]
    claimed_until: Mapped[datetime | None]  #: a worker has it; when it hasn't ended it by then, another one takes it up
    failed_at: Mapped[datetime | None]  #: when it was given up: a dead letter, until staff have it tried again
    failure: Mapped[str | None]  #: why, in a word; also of the last try that failed
    dismissed_at: Mapped[datetime | None]  #: staff have seen the dead letter and leave it
    dismissed_by: Mapped[int | None]

    __table_args__ = (
        UniqueConstraint("town_id", "topic", "key"),
        Index("ix_outbox_waiting", "town_id", "available_at", sqlite_where=IS_WAITING, postgresql_where=IS_WAITING),
        Index("ix_outbox_dead", "town_id", "id", sqlite_where=IS_DEAD, postgresql_where=IS_DEAD),
    )

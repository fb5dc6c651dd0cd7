"""What runs without a request, and what waits to leave the house."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Json, RootInTown, one_of

IS_UNFINISHED = text("finished_at IS NULL")
IS_WAITING = text("delivered_at IS NULL AND failed_at IS NULL")
IS_DEAD = text("failed_at IS NOT NULL AND dismissed_at IS NULL")
IS_DISMISSED = text("dismissed_at IS NOT NULL")


class JobOutcome(StrEnum):
    OK = "ok"
    FAILED = "failed"  #: it ran to its end and found something wrong, or it broke off


class JobLeader(Base):
    """Who leads: one row for the whole deployment. Who begins to lead raises the term, and older terms are over."""

    __tablename__ = "job_leader"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  #: 1
    term: Mapped[int]  #: how often somebody began to lead
    began_at: Mapped[datetime | None]  #: None: nobody has led yet
    seen_at: Mapped[datetime | None]  #: when the leader last said that it leads

    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)


class JobSchedule(Base):
    """When a job is to run for a town next, and which of its runs was the last. It is there for every job that there is."""

    __tablename__ = "job_schedule"

    town_id: Mapped[int] = mapped_column(ForeignKey("town.id"), primary_key=True, autoincrement=False)
    job: Mapped[str] = mapped_column(primary_key=True)
    cron: Mapped[str]  #: "30 3 * * *", by the community's clock
    next_due_at: Mapped[datetime]  #: the first moment at which it is due and wasn't begun
    slot: Mapped[str | None]  #: of the run for the latest moment
    succeeded_at: Mapped[datetime | None]


class JobRun(Base):
    """One run of a job for a town. Who inserts the row runs the job; a second one finds it taken.

    The number of the attempt is the run's fence: who has another one has been overtaken, and writes nothing more.
    """

    __tablename__ = "job_run"

    town_id: Mapped[int] = mapped_column(ForeignKey("town.id"), primary_key=True, autoincrement=False)
    job: Mapped[str] = mapped_column(primary_key=True)
    slot: Mapped[str] = mapped_column(primary_key=True)  #: what the run is for: a day, an hour
    attempts: Mapped[int] = mapped_column(default=1)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    outcome: Mapped[JobOutcome | None] = mapped_column(one_of(JobOutcome))
    result: Mapped[dict[str, Any] | None] = mapped_column(Json)  #: what it did, in numbers
    due_at: Mapped[datetime | None]  #: the moment that it was for; None in rows of before there was this column
    term: Mapped[int | None]  #: of the leader that runs it; None: by hand

    __table_args__ = (
        Index("ix_job_run_started", "town_id", "started_at"),
        Index("ix_job_run_unfinished", "town_id", "term", sqlite_where=IS_UNFINISHED, postgresql_where=IS_UNFINISHED),
    )


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
        Index(
            "ix_outbox_dismissed", "town_id", "dismissed_at", sqlite_where=IS_DISMISSED, postgresql_where=IS_DISMISSED
        ),
    )

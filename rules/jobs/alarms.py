"""Staff are told of jobs that failed or were missed: auditors of the whole town, and its administrators.

Once for a slot; of a job that is due more often than hourly, once for each hour in which it goes wrong.
"""

from __future__ import annotations

from sqlalchemy import bindparam, select

from models.territory import Territory
from rules.outbox import Message, put
from rules.work import Work

FAILED, MISSED = "job.failed", "job.missed"
HOUR_LENGTH = len("2026-11-23T03")  #: of a slot, as far as its hour

_roots = (
    select(Territory.path)
    .where(Territory.town_id == bindparam("town"), Territory.parent_id.is_(None))
    .order_by(Territory.id)
)


def warn_of_failure(work: Work, job: str, slot: str) -> None:
    """Tell staff that a run failed."""
    _warn(work, FAILED, job, slot)


def warn_of_missed(work: Work, job: str, slot: str) -> None:
    """Tell staff that a job wasn't begun in time. `slot`: the one that it should have been run for."""
    _warn(work, MISSED, job, slot)


def _warn(work: Work, topic: str, job: str, slot: str) -> None:
    path = work.core.scalars(_roots, {"town": work.town_id}).first()
    if path is None:  # a town without a tree has no staff either
        return
    put(work, [Message(topic, f"{job}:{slot[:HOUR_LENGTH]}", {"job": job, "slot": slot, "path": path})])

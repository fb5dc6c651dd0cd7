"""What a check of a deployment asks the database, over all towns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select

from models.residents import Staff, StaffStatus
from models.territory import Town
from rules.jobs.terms import show_leader
from rules.rows import AnyRow
from rules.work import Work

LOOKED_AT_MAX = 200  #: passwords take 30 ms each

_town = select(Town.id).where(Town.code == bindparam("code"))
_oldest_staff = (
    select(Staff.username, Staff.password_hash)
    .where(Staff.status == StaffStatus.ACTIVE)
    .order_by(Staff.created_at, Staff.id)
    .limit(LOOKED_AT_MAX)
)


@dataclass(frozen=True, slots=True)
class LeaderTimes:
    """When the leader of the jobs was seen, and what the time is here."""

    now: datetime
    seen_at: datetime | None
    is_there: bool


def leader_times(work: Work) -> LeaderTimes:
    """Whether a scheduler leads."""
    leader = show_leader(work)
    return LeaderTimes(work.now, leader.seen_at, leader.is_there)


def has_town(work: Work, code: str) -> bool:
    """Whether there is a town of this code."""
    return work.core.execute(_town, {"code": code}).first() is not None


def oldest_staff(work: Work) -> Sequence[AnyRow]:
    """`username` and `password_hash` of the LOOKED_AT_MAX oldest accounts: does a known password open one?"""
    return work.core.execute(_oldest_staff).all()

"""Visits that nobody ended: when their session is over for good, they end with it, and sign for no hours."""

from __future__ import annotations

from sqlalchemy import and_, bindparam, select

from models.activities import Session
from models.checkins import Visit
from rules.checkins.presence import find_room, lock_resident, rewrite_visits
from rules.checkins.visits import CLOSES_AFTER
from rules.volunteering.hours import book_signed_hours
from rules.work import SYSTEM, Transactions, Work

AT_A_TIME = 200

_overdue = (
    select(Visit.resident_id, Visit.session_id)
    .join(Session, and_(Session.town_id == Visit.town_id, Session.id == Visit.session_id))
    .where(Visit.town_id == bindparam("town"), Visit.left_at.is_(None), Session.ends_at <= bindparam("ended_by"))
    .order_by(Visit.resident_id)
    .limit(bindparam("limit"))
)


def close_visits(transactions: Transactions, town_id: int) -> int:
    """End the visits of a town whose sessions are over, each in a transaction of its own; returns how many."""
    closed = 0
    while overdue := transactions.read(town_id, SYSTEM, find_overdue, AT_A_TIME):
        for resident_id, session_id in overdue:
            transactions.write(town_id, SYSTEM, close_visit, resident_id, session_id)
        closed += len(overdue)
    return closed


def find_overdue(work: Work, limit: int) -> list[tuple[int, int]]:
    """The residents, with their session, who are still in where it is over."""
    asked = {"town": work.town_id, "ended_by": work.now - CLOSES_AFTER, "limit": limit}
    return [(row.resident_id, row.session_id) for row in work.core.execute(_overdue, asked)]


def close_visit(work: Work, resident_id: int, session_id: int) -> None:
    """Fold a resident's visits around a session as of now: what is over ends."""
    lock_resident(work, resident_id)
    book_signed_hours(work, rewrite_visits(work, resident_id, find_room(work, session_id)).corrections)

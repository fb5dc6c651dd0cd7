"""Places that are given out at one moment: by priority, or by lot.

Until `allocates_at` everybody who may come applies, and no place is taken. Then, once, in one transaction with the session
locked, all places are given out in order: by the rulebook's priorities, and within one by time (priority) or by the draw
(lottery). Who gets none waits in that order. What is left is first come.

A lottery can be checked by anyone. Its seed is drawn and its SHA-256 published before anybody applies; with the result
the seed and the list of tickets are published, and `python3 -m rules.reservations.draw` replays it. A ticket is the
number of a reservation: everybody knows their own, and no list of names is published. The order hangs on the list as
well as on the seed, so who knows the seed can't choose a ticket that wins without knowing who else will apply.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from models.activities import Activity, ActivityStatus, Allocation, Session, SessionStatus
from models.reservations import Draw, Reservation, ReservationStatus
from rules.keys import Keys
from rules.outbox import Message, put
from rules.reservations.draw import Entry, commitment_of, order_of, publish
from rules.reservations.places import is_on, lock_session, move_counters
from rules.reservations.refusals import NotDrawnYet, SessionUnknown
from rules.reservations.seating import Party, seat
from rules.reservations.waiting import explain, give_seats
from rules.rows import AnyRow
from rules.work import Work

SEED_BYTES = 32
WAITS = "reservation.waits"

_due = (
    select(Session.id)
    .where(
        Session.town_id == bindparam("town"),
        Session.allocates_at <= bindparam("now"),
        Session.status == SessionStatus.SCHEDULED,
    )
    .order_by(Session.allocates_at, Session.id)
    .limit(bindparam("limit"))
)
_settle = (
    update(Session)
    .where(
        Session.town_id == bindparam("town"),
        Session.id == bindparam("session"),
        Session.allocates_at <= bindparam("now"),
    )
    .values(allocates_at=None)
    .returning(Session.id)
    .execution_options(synchronize_session=False)
)
_applied = (
    select(Reservation.id, Reservation.resident_id, Reservation.party_size, Reservation.price, Reservation.priority)
    .where(
        Reservation.town_id == bindparam("town"),
        Reservation.session_id == bindparam("session"),
        Reservation.status == ReservationStatus.APPLIED,
    )
    .order_by(Reservation.priority, Reservation.rank)
)
_wait = (
    update(Reservation)
    .where(Reservation.town_id == bindparam("town"), Reservation.id == bindparam("reservation"))
    .values(status=ReservationStatus.WAITLISTED, rank=bindparam("place"), versioned_at=bindparam("now"))
    .execution_options(synchronize_session=False)
)
_commit = insert(Draw).on_conflict_do_nothing(index_elements=["town_id", "session_id"])
_draw = select(Draw.commitment, Draw.seed_sealed, Draw.committed_at, Draw.drawn_at, Draw.published).where(
    Draw.town_id == bindparam("town"), Draw.session_id == bindparam("session")
)
_reveal = (
    update(Draw)
    .where(Draw.town_id == bindparam("town"), Draw.session_id == bindparam("session"), Draw.drawn_at.is_(None))
    .values(published=bindparam("document"), drawn_at=bindparam("now"))
    .returning(Draw.session_id)
    .execution_options(synchronize_session=False)
)
_published = (
    select(Session.capacity, Session.allocates_at, Activity.allocation)
    .join(Activity, and_(Activity.town_id == Session.town_id, Activity.id == Session.activity_id))
    .where(
        Session.town_id == bindparam("town"),
        Session.id == bindparam("session"),
        Activity.status != ActivityStatus.DRAFT,
    )
)


@dataclass(frozen=True, slots=True)
class DrawView:
    """A draw as everybody may see it. Before it is drawn, only the commitment."""

    session_id: int
    commitment: str  #: SHA-256 of the seed, in hexadecimal
    committed_at: datetime
    draws_at: datetime | None
    drawn_at: datetime | None
    published: dict[str, Any] | None  #: what `rules.reservations.draw` replays


def commit_to_draw(work: Work, keys: Keys, session_id: int) -> None:
    """Draw the seed of a session's lottery and publish its hash. A session that has one keeps it."""
    seed = secrets.token_bytes(SEED_BYTES)
    row = {
        "town_id": work.town_id,
        "session_id": session_id,
        "commitment": commitment_of(seed),
        "seed_sealed": keys.seal(seed.hex(), seed_context(work.town_id, session_id)),
        "committed_at": work.now,
    }
    work.core.execute(_commit, row)


def sessions_to_allocate(work: Work, limit: int) -> Sequence[int]:
    """Sessions whose places are to be given out now."""
    return work.core.scalars(_due, {"town": work.town_id, "now": work.now, "limit": limit}).all()


def allocate_places(work: Work, keys: Keys, session_id: int) -> int:
    """Give out a session's places, once. Returns how many parties got some; 0 when it was done before or isn't due."""
    session = lock_session(work, session_id)
    settled = work.core.execute(_settle, {"town": work.town_id, "session": session_id, "now": work.now}).first()
    if settled is None or not is_on(session):
        return 0
    rows = work.core.execute(_applied, {"town": work.town_id, "session": session_id}).all()
    free = session.capacity + session.overbooking - session.taken
    order = _drawn(work, keys, session, rows, free) if session.allocation is Allocation.LOTTERY else list(rows)
    seating = seat(free, [Party(row.id, row.party_size) for row in order])
    seated = {party.id for party in seating.seated}
    give_seats(work, session, [row for row in order if row.id in seated], from_waiting_list=False)
    waiting = [row for row in order if row.id not in seated]
    for place, row in enumerate(waiting, start=1):
        asked = {"town": work.town_id, "reservation": row.id, "place": place, "now": work.now}
        work.core.execute(_wait, asked)
    explain(work, seating, max(free, 0))
    move_counters(work, session_id, parties=len(waiting))
    told = {"session_id": str(session_id)}
    put(work, [Message(WAITS, str(row.id), told | {"resident_id": str(row.resident_id)}) for row in waiting])
    return len(seated)


def show_draw(work: Work, session_id: int) -> DrawView:
    """A session's draw, for everybody. Raises SessionUnknown, NotDrawnYet (there is none)."""
    asked = {"town": work.town_id, "session": session_id}
    session = work.core.execute(_published, asked).first()
    if session is None:
        raise SessionUnknown
    kept = work.core.execute(_draw, asked).first()
    if kept is None:
        raise NotDrawnYet
    return DrawView(
        session_id,
        kept.commitment.hex(),
        kept.committed_at,
        session.allocates_at,
        kept.drawn_at,
        kept.published,
    )


def _drawn(work: Work, keys: Keys, session: AnyRow, rows: Sequence[AnyRow], free: int) -> list[AnyRow]:
    """The applications in the order of the draw, which is made public with its seed."""
    asked = {"town": work.town_id, "session": session.id}
    kept = work.core.execute(_draw, asked).one()
    seed = bytes.fromhex(keys.open(kept.seed_sealed, seed_context(work.town_id, session.id)))
    entries = [Entry(str(row.id), row.priority, row.party_size) for row in rows]
    document = publish(seed, entries, max(free, 0))
    revealed = work.core.execute(_reveal, asked | {"document": document, "now": work.now}).first()
    assert revealed is not None, "a session's places are given out once"
    by_ticket = {str(row.id): row for row in rows}
    return [by_ticket[entry.ticket] for entry in order_of(seed, entries)]


def seed_context(town_id: int, session_id: int) -> str:
    """Where a sealed seed belongs; it can't be opened in another row."""
    return f"draw.seed:{town_id}:{session_id}"

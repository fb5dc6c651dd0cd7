"""Visits in the database: folded from the log (rules.checkins.visits) after every scan and undo that says who was where.

Whoever changes a resident's visits holds the resident's row first (`lock_resident`), so two scans of one person, at
whichever doors, follow each other, and the later one reads what the earlier one wrote. What is written are the rows that
changed: those that are gone first, then those that have ended, then the one that is open, since the database holds one
open visit of each resident at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CTE, BigInteger, Cast, Interval, Table, and_, bindparam, delete, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from models.activities import Activity, Session
from models.checkins import IS_EVIDENCE, IS_OPEN, Scan, ScanUndo, Visit
from models.reservations import Reservation, ReservationStatus
from models.residents import Resident
from rules.checkins.visits import CLOSES_AFTER, Folded, Room, Sight, Stay, fold, signed_minutes, touching
from rules.points.events import Outcome
from rules.rows import AnyRow
from rules.sets import is_id_in
from rules.volunteering.hours import Correction, tell_signed_hours
from rules.work import TryAgain, Work

#: How far from a session we look for others that touch it: a session is shorter than that.
REACH = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What a resident's visits around a session are now."""

    folded: Folded
    has_more: bool  #: the session has more visits than before
    settled: Outcome | None  #: what the session's signed hours led to, where they changed
    corrections: Sequence[Correction]  #: of signed hours: the caller books them, last of all (rules.volunteering.hours)


_visit = cast(Table, Visit.__table__)
#: What is asked of a session in which somebody may be.
ROOM_COLUMNS: tuple[Any, ...] = (
    Session.checkin_opens_at,
    Session.starts_at,
    Session.ends_at,
    Activity.allows_reentry,
    Activity.volunteers_only,
)
_lock = (
    select(Resident.id)
    .where(Resident.town_id == bindparam("town"), Resident.id == bindparam("resident"))
    .with_for_update(key_share=True)
)
_lock_reservation = (
    select(Reservation.status)
    .where(Reservation.town_id == bindparam("town"), Reservation.id == bindparam("reservation"))
    .with_for_update(key_share=True)
)
_is_of_resident = and_(Scan.town_id == bindparam("town"), Scan.resident_id == bindparam("resident"), IS_EVIDENCE)
_is_near = Scan.occurred_at.between(bindparam("since"), bindparam("until"))
_sights = (
    select(
        Scan.id.label("scan_id"),
        Scan.session_id,
        Scan.reservation_id,
        Scan.direction,
        Scan.occurred_at,
        Scan.scanner_id,
        Scan.nonce,
        Scan.offline,
        Scan.overridden,
        *ROOM_COLUMNS,
    )
    .join(Session, and_(Session.town_id == Scan.town_id, Session.id == Scan.session_id))
    .join(Activity, and_(Activity.town_id == Session.town_id, Activity.id == Session.activity_id))
    .outerjoin(ScanUndo, and_(ScanUndo.town_id == Scan.town_id, ScanUndo.scan_id == Scan.id))
    .where(_is_of_resident, _is_near, ScanUndo.scan_id.is_(None))
)
_visits = select(
    Visit.id,
    Visit.session_id,
    Visit.reservation_id,
    Visit.entered_at,
    Visit.entry_scan_id,
    Visit.left_at,
    Visit.closed_by,
    Visit.exit_scan_id,
).where(
    Visit.town_id == bindparam("town"),
    Visit.resident_id == bindparam("resident"),
    or_(IS_OPEN, Visit.entered_at.between(bindparam("since"), bindparam("until"))),
)
_room = (
    select(Session.id.label("session_id"), *ROOM_COLUMNS)
    .join(Activity, and_(Activity.town_id == Session.town_id, Activity.id == Session.activity_id))
    .where(Session.town_id == bindparam("town"), Session.id == bindparam("session"))
)


def _touching(since: Any, until: Any, opens_at: Any, closes_at: Any, ends_after: Any) -> Any:
    """What is known of the resident that could touch a visit of a session."""
    return (
        select(Scan.id)
        .join(Session, and_(Session.town_id == Scan.town_id, Session.id == Scan.session_id))
        .where(
            _is_of_resident,
            Scan.occurred_at.between(since, until),
            or_(
                and_(Session.checkin_opens_at < closes_at, Session.ends_at > ends_after),
                and_(Scan.occurred_at >= opens_at, Scan.occurred_at < closes_at),
            ),
        )
        .exists()
    )


_touches = _touching(*map(bindparam, ("since", "until", "opens_at", "closes_at", "ends_after")))
_here = aliased(Session)
_reach, _closes_after = (Cast(literal(length), Interval()) for length in (REACH, CLOSES_AFTER))
#: The same of the session :session, before its times were read. For PostgreSQL.
TOUCHES_HERE = (
    select(
        _touching(
            _here.checkin_opens_at - _reach,
            _here.ends_at + _closes_after + _reach,
            _here.checkin_opens_at,
            _here.ends_at + _closes_after,
            _here.checkin_opens_at - _closes_after,
        )
    )
    .where(_here.town_id == bindparam("town"), _here.id == bindparam("session"))
    .scalar_subquery()
)
_entering = ("id", "session_id", "reservation_id", "entered_at", "entry_scan_id")
_given_of_visit = [bindparam(f"its_{name}", type_=_visit.c[name].type) for name in _entering]
_enter_alone = (
    insert(Visit)
    .from_select(
        ["town_id", "resident_id", *_entering],
        select(Resident.town_id, Resident.id, *_given_of_visit).where(
            Resident.town_id == bindparam("town"), Resident.id == bindparam("resident"), ~_touches
        ),
    )
    .on_conflict_do_nothing()
    .returning(Visit.id)
)
_drop = delete(Visit).where(Visit.town_id == bindparam("town"), is_id_in(Visit.id, "visits"))
_change = (
    update(_visit)
    .where(_visit.c.town_id == bindparam("town"), _visit.c.id == bindparam("visit"))
    .values(left_at=bindparam("left"), closed_by=bindparam("by"), exit_scan_id=bindparam("exit"))
)
_add = insert(Visit).on_conflict_do_nothing().returning(Visit.id)


def lock_resident(work: Work, resident_id: int) -> None:
    """Let nobody else change this resident's visits until the work ends."""
    work.send(_lock, {"town": work.town_id, "resident": resident_id}).first()


def lock_reservation(work: Work, reservation_id: int) -> ReservationStatus:
    """Let nobody else change a reservation until the work ends; returns what it is now."""
    asked = {"town": work.town_id, "reservation": reservation_id}
    status: ReservationStatus = work.send(_lock_reservation, asked).scalar()
    return status


def room_of(row: AnyRow, session_id: int) -> Room:
    """A session as visits see it, from a row with ROOM_COLUMNS."""
    return Room(session_id, row.checkin_opens_at, row.starts_at, row.ends_at, row.allows_reentry, row.volunteers_only)


def find_room(work: Work, session_id: int) -> Room:
    """A session that is there, as visits see it."""
    row = work.send(_room, {"town": work.town_id, "session": session_id}).one()
    return room_of(row, session_id)


def enter_alone(work: Work, resident_id: int, room: Room, sight: Sight) -> Stay | None:
    """Open a visit for a resident of whom nothing else is known around this session, in one statement.

    None: something is known, or somebody is still in another room; then `rewrite_visits` says what it adds up to. The
    caller holds the resident's row.
    """
    asked = {"town": work.town_id, "resident": resident_id, **entering_parameters(work, room, sight)}
    if work.send(_enter_alone, asked).first() is None:
        return None
    return Stay(sight.session_id, sight.reservation_id, sight.at, sight.scan_id)


def entering_part(used: CTE) -> CTE:
    """The same as a part of a statement (rules.fusing), after the reservation is used."""
    source = select(bindparam("town", type_=BigInteger()), bindparam("resident", type_=BigInteger()), *_given_of_visit)
    return (
        insert(Visit)
        .from_select(["town_id", "resident_id", *_entering], source.select_from(used).where(~_touches))
        .on_conflict_do_nothing()
        .returning(Visit.id)
        .cte("came")
    )


def entering_parameters(work: Work, room: Room, sight: Sight) -> dict[str, Any]:
    """What is given of a visit that begins, and of the time in which something else could touch it."""
    return {
        "since": room.opens_at - REACH,
        "until": room.closes_at + REACH,
        "opens_at": room.opens_at,
        "closes_at": room.closes_at,
        "ends_after": room.opens_at - CLOSES_AFTER,
        "its_id": work.new_id(),
        "its_session_id": sight.session_id,
        "its_reservation_id": sight.reservation_id,
        "its_entered_at": sight.at,
        "its_entry_scan_id": sight.scan_id,
    }


def rewrite_visits(
    work: Work, resident_id: int, room: Room, *, seen: Sight | None = None, undone: int | None = None
) -> Rewritten:
    """Fold a resident's visits of a session, and of all that it touches, and write what changed.

    `seen`: a scan that is on its way into the log. `undone`: the id of one that counts no more. The rulebook is told of
    signed hours; to book them (`corrections`) is the caller's, who holds the resident's row.
    """
    stored = _read_visits(work, resident_id, room)
    begin = min([room.opens_at, *(visit.entered_at for visit in stored)])
    rows = _read_sights(work, resident_id, begin - REACH, room.closes_at + REACH)
    sights = [_sight(row) for row in rows] + ([seen] if seen else [])
    rooms = {row.session_id: room_of(row, row.session_id) for row in rows} | {room.session_id: room}
    rooms = _reaching(rooms, sights)
    near = _near(rooms, rooms[room.session_id], stored)
    left = (sight for sight in sights if sight.session_id in near and sight.scan_id != undone)
    folded = fold(left, rooms, work.now)
    before = [visit for visit in stored if visit.session_id in near]
    changed = _write(work, resident_id, before, folded.stays)
    corrections = _tell(work, resident_id, [rooms[session_id] for session_id in changed], before, folded)
    now_there, then_there = (
        sum(visit.session_id == room.session_id for visit in visits) for visits in (folded.stays, before)
    )
    settled = next((each.told.outcome for each in corrections if each.session_id == room.session_id), None)
    return Rewritten(folded, now_there > then_there, settled, corrections)


def _read_visits(work: Work, resident_id: int, room: Room) -> Sequence[AnyRow]:
    """The visits around a session, and the open one, whenever it began."""
    span = {"since": room.opens_at - REACH, "until": room.closes_at + REACH}
    return work.send(_visits, {"town": work.town_id, "resident": resident_id, **span}).all()


def _read_sights(work: Work, resident_id: int, since: datetime, until: datetime) -> Sequence[AnyRow]:
    asked = {"town": work.town_id, "resident": resident_id, "since": since, "until": until}
    return work.send(_sights, asked).all()


def _reaching(rooms: dict[int, Room], sights: Sequence[Sight]) -> dict[int, Room]:
    """The rooms, each open from when somebody was seen there: staff may have let them in before."""
    first: dict[int, datetime] = {}
    for sight in sights:
        first[sight.session_id] = min(sight.at, first.get(sight.session_id, sight.at))
    return {
        session_id: replace(room, opens_at=min(room.opens_at, first.get(session_id, room.opens_at)))
        for session_id, room in rooms.items()
    }


def _near(rooms: dict[int, Room], room: Room, stored: Sequence[AnyRow]) -> set[int]:
    """The sessions that are folded together: what touches this one, and what touches the one that the resident is in."""
    near = touching(rooms.values(), room.opens_at, room.closes_at) | {room.session_id}
    for visit in stored:
        if visit.left_at is None and visit.session_id in rooms:
            near |= touching(rooms.values(), rooms[visit.session_id].opens_at, rooms[visit.session_id].closes_at)
    return near


def _sight(row: AnyRow) -> Sight:
    return Sight(
        row.scan_id,
        row.session_id,
        row.reservation_id,
        row.direction,
        row.occurred_at,
        row.scanner_id,
        row.nonce,
        row.offline,
        row.overridden,
    )


def _write(work: Work, resident_id: int, before: Sequence[AnyRow], stays: Sequence[Stay]) -> set[int]:
    """Bring the rows to what was folded; returns the sessions whose visits changed."""
    rows = {visit.entry_scan_id: visit for visit in before}
    kept = {stay.entry_scan_id for stay in stays}
    gone = [visit for visit in before if visit.entry_scan_id not in kept]
    if gone:
        work.send(_drop, {"town": work.town_id, "visits": [visit.id for visit in gone]})
    changed = [stay for stay in stays if _differs(rows.get(stay.entry_scan_id), stay)]
    for stay in sorted(changed, key=lambda stay: stay.left_at is None):
        _write_one(work, resident_id, rows.get(stay.entry_scan_id), stay)
    return {visit.session_id for visit in gone} | {stay.session_id for stay in changed}


def _differs(row: AnyRow | None, stay: Stay) -> bool:
    kept = (row.left_at, row.closed_by, row.exit_scan_id) if row is not None else None
    return kept != (stay.left_at, stay.closed_by, stay.exit_scan_id)


def _write_one(work: Work, resident_id: int, row: AnyRow | None, stay: Stay) -> None:
    if row is not None:
        ending = {"left": stay.left_at, "by": stay.closed_by, "exit": stay.exit_scan_id}
        work.send(_change, {"town": work.town_id, "visit": row.id, **ending})
        return
    visit = {
        "town_id": work.town_id,
        "id": work.new_id(),
        "session_id": stay.session_id,
        "resident_id": resident_id,
        "reservation_id": stay.reservation_id,
        "entered_at": stay.entered_at,
        "left_at": stay.left_at,
        "closed_by": stay.closed_by,
        "entry_scan_id": stay.entry_scan_id,
        "exit_scan_id": stay.exit_scan_id,
    }
    if work.send(_add, visit).first() is None:
        raise TryAgain


def _tell(
    work: Work, resident_id: int, rooms: Iterable[Room], before: Sequence[AnyRow], folded: Folded
) -> Sequence[Correction]:
    """Tell volunteering what the visits of sessions sign for now, where they sign or signed for anything."""
    minutes_of = {}
    for room in rooms:
        minutes = signed_minutes((stay for stay in folded.stays if stay.session_id == room.session_id), room)
        earlier = signed_minutes((_stay(visit) for visit in before if visit.session_id == room.session_id), room)
        if room.volunteers_only and (minutes or earlier):
            minutes_of[room.session_id] = minutes
    return tell_signed_hours(work, resident_id, minutes_of) if minutes_of else ()


def _stay(row: AnyRow) -> Stay:
    return Stay(
        row.session_id,
        row.reservation_id,
        row.entered_at,
        row.entry_scan_id,
        row.left_at,
        row.closed_by,
        row.exit_scan_id,
    )

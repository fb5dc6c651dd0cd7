"""What staff see of a session's door: who is in, and the log. Names are masked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, case, func, select

from models.cards import Identification
from models.checkins import Conflict, Direction, RefusalReason, Scan, ScannerKind, ScanResult, ScanUndo, Visit
from models.reservations import Reservation, ReservationStatus
from models.residents import Resident
from rules.checkins.offline import find_session
from rules.ids import ID_MAX
from rules.paging import Page, Position, cut
from rules.residents.names import greeting
from rules.rows import AnyRow
from rules.work import Work

#: Whether a visit begins or ends with a scan.
COUNTS_AS = ENTRY, EXIT = ("entry", "exit")


@dataclass(frozen=True, slots=True)
class LoggedScan:
    """A scan as the log shows it."""

    id: int
    nonce: str
    scanner_kind: ScannerKind
    scanner_id: int
    direction: Direction
    method: Identification
    result: ScanResult
    reason: RefusalReason | None
    conflict: Conflict | None
    counts_as: str | None  #: one of COUNTS_AS
    resident_id: int | None
    name: str | None  #: masked
    offline: bool
    overridden: bool
    scanned_at: datetime
    occurred_at: datetime
    received_at: datetime
    undone_at: datetime | None
    undone_reason: str | None


@dataclass(frozen=True, slots=True)
class Present:
    """Somebody who is in."""

    id: int  #: the visit's
    resident_id: int
    name: str  #: masked
    party_size: int
    entered_at: datetime


@dataclass(frozen=True, slots=True)
class Attendance:
    """Who is in now, and how many came. People are party sizes added up, parties are reservations."""

    server_time: datetime
    expected_people: int  #: with a confirmed place, come or not
    expected_parties: int
    came_people: int
    came_parties: int
    in_people: int
    in_parties: int
    left_parties: int  #: came, and aren't in
    items: Sequence[Present]
    next_after: Position | None


_visit_of_scan = and_(Visit.town_id == Scan.town_id, Visit.resident_id == Scan.resident_id)
_begins = select(Visit.id).where(_visit_of_scan, Visit.entry_scan_id == Scan.id).correlate(Scan).exists()
_ends = select(Visit.id).where(_visit_of_scan, Visit.exit_scan_id == Scan.id).correlate(Scan).exists()
_counts_as = case((_begins, ENTRY), (_ends, EXIT)).label("counts_as")
_scans = (
    select(
        Scan.id,
        Scan.nonce,
        Scan.scanner_kind,
        Scan.scanner_id,
        Scan.direction,
        Scan.method,
        Scan.result,
        Scan.reason,
        Scan.conflict,
        _counts_as,
        Scan.resident_id,
        Resident.name,
        Scan.offline,
        Scan.overridden,
        Scan.scanned_at,
        Scan.occurred_at,
        Scan.received_at,
        ScanUndo.undone_at,
        ScanUndo.reason.label("undone_reason"),
    )
    .outerjoin(Resident, and_(Resident.town_id == Scan.town_id, Resident.id == Scan.resident_id))
    .outerjoin(ScanUndo, and_(ScanUndo.town_id == Scan.town_id, ScanUndo.scan_id == Scan.id))
    .where(Scan.town_id == bindparam("town"), Scan.session_id == bindparam("session"), Scan.id < bindparam("before"))
    .order_by(Scan.id.desc())
    .limit(bindparam("limit"))
)
_came = Reservation.status == ReservationStatus.CHECKED_IN
_is_in = and_(Visit.town_id == bindparam("town"), Visit.session_id == bindparam("session"), Visit.left_at.is_(None))
_join_reservation = and_(Reservation.town_id == Visit.town_id, Reservation.id == Visit.reservation_id)
_in_now = (
    select(func.count().label("in_parties"), func.coalesce(func.sum(Reservation.party_size), 0).label("in_people"))
    .select_from(Visit)
    .join(Reservation, _join_reservation)
    .where(_is_in)
    .subquery()
)
#: One statement, so that the numbers are of one moment.
_counts = select(
    func.count().label("expected_parties"),
    func.coalesce(func.sum(Reservation.party_size), 0).label("expected_people"),
    func.coalesce(func.sum(case((_came, 1), else_=0)), 0).label("came_parties"),
    func.coalesce(func.sum(case((_came, Reservation.party_size), else_=0)), 0).label("came_people"),
    select(_in_now.c.in_parties).scalar_subquery().label("in_parties"),
    select(_in_now.c.in_people).scalar_subquery().label("in_people"),
).where(
    Reservation.town_id == bindparam("town"),
    Reservation.session_id == bindparam("session"),
    Reservation.status.in_((ReservationStatus.CONFIRMED, ReservationStatus.CHECKED_IN, ReservationStatus.NO_SHOW)),
)
_present = (
    select(Visit.id, Visit.resident_id, Resident.name, Reservation.party_size, Visit.entered_at)
    .join(Reservation, _join_reservation)
    .join(Resident, and_(Resident.town_id == Visit.town_id, Resident.id == Visit.resident_id))
    .where(_is_in, Visit.id > bindparam("after"))
    .order_by(Visit.id)
    .limit(bindparam("limit"))
)


def list_scans(work: Work, session_id: int, after: Position | None, limit: int) -> Page[LoggedScan]:
    """A session's log, what arrived last first, for a scanner at its place. Raises SessionUnknown, Forbidden."""
    find_session(work, session_id)
    before = ID_MAX if after is None else int(after[0])
    asked = {"town": work.town_id, "session": session_id, "before": before, "limit": limit + 1}
    rows = work.core.execute(_scans, asked).all()
    return cut([_logged(row) for row in rows], limit, lambda scan: (scan.id,))


def show_attendance(work: Work, session_id: int, after: Position | None, limit: int) -> Attendance:
    """How many came to a session, and who is in now, for a scanner at its place. Raises SessionUnknown, Forbidden."""
    find_session(work, session_id)
    asked: dict[str, Any] = {"town": work.town_id, "session": session_id}
    counts = work.core.execute(_counts, asked).one()
    since = 0 if after is None else int(after[0])
    rows = work.core.execute(_present, {**asked, "after": since, "limit": limit + 1}).all()
    page = cut([_who_is_in(row) for row in rows], limit, lambda present: (present.id,))
    return Attendance(
        work.now,
        int(counts.expected_people),
        counts.expected_parties,
        int(counts.came_people),
        int(counts.came_parties),
        int(counts.in_people),
        counts.in_parties,
        int(counts.came_parties) - counts.in_parties,
        page.items,
        page.next_after,
    )


def _logged(row: AnyRow) -> LoggedScan:
    named = dict(row._mapping)
    if row.resident_id is not None:
        named["name"] = greeting(row.name, row.resident_id)
    return LoggedScan(**named)


def _who_is_in(row: AnyRow) -> Present:
    return Present(row.id, row.resident_id, greeting(row.name, row.resident_id), row.party_size, row.entered_at)

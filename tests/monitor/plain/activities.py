"""The measures of sessions and their places once more, row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from models.activities import Activity, ActivityStatus, Session, SessionStatus
from models.base import Base
from models.history import VERSIONS, watched
from models.reservations import Appeal, AppealStatus, CancelledBy, Reservation, ReservationStatus
from rules.clock import local_day
from tests.monitor.plain.counted import Contents, Counted

#: All that a recomputation needs.
TABLES: tuple[type[Any], ...] = (*VERSIONS, *VERSIONS.values(), Appeal)
MADE_AT = {Activity: "created_at", Session: "made_at", Reservation: "reserved_at"}
OUTCOMES = {
    ReservationStatus.CHECKED_IN: "checked_in_at",
    ReservationStatus.CANCELLED: "cancelled_at",
    ReservationStatus.NO_SHOW: "no_show_at",
}
TOOK_PLACE = {ReservationStatus.CONFIRMED, ReservationStatus.CHECKED_IN, ReservationStatus.NO_SHOW}
Row = SimpleNamespace


def rows_then(rows: Contents, table: type[Base], is_later: Callable[[datetime], bool]) -> dict[int, Row]:
    """The rows that were made, as they were."""
    versions: dict[int, list[Any]] = {}
    for version in sorted(rows[VERSIONS[table]], key=lambda each: each.until):
        if is_later(version.until):
            versions.setdefault(version.id, []).append(version)
    found = {}
    for row in rows[table]:
        made_at = getattr(row, MADE_AT[table])
        if made_at is None or not is_later(made_at):
            values = {column.name: getattr(row, column.key) for column in table.__table__.columns}
            side = versions.get(row.id, [row])[0]
            found[row.id] = Row(**values | {name: getattr(side, name) for name in watched(table)})
            if table is Reservation:
                _forget_what_came_later(found[row.id], is_later)
    return found


def _forget_what_came_later(reservation: Row, is_later: Callable[[datetime], bool]) -> None:
    for status, moment in OUTCOMES.items():
        if reservation.status is status and is_later(getattr(reservation, moment)):
            was_waiting = status is ReservationStatus.CANCELLED and reservation.confirmed_at is None
            reservation.status = ReservationStatus.WAITLISTED if was_waiting else ReservationStatus.CONFIRMED


def recompute(rows: Contents, measure: str, begin: datetime, end: datetime, as_of: datetime) -> list[Counted]:
    """Everything that the measure counts."""
    counting = _of_sessions if measure.startswith("sessions.") else _of_reservations
    counted = list(counting(rows, measure, begin, end, as_of))
    assert all(each.amount >= 0 for each in counted)
    return [each for each in counted if each.amount]


def _sessions_of(
    rows: Contents, begin: datetime, end: datetime, as_of: datetime
) -> Iterator[tuple[Row, Row, list[Row]]]:
    """Each session that begins in the span, its activity and its reservations."""
    sessions, activities, reservations = (
        rows_then(rows, table, lambda moment: moment > as_of) for table in (Session, Activity, Reservation)
    )
    for session in sessions.values():
        activity = activities[session.activity_id]
        if begin <= session.starts_at < end and activity.status is not ActivityStatus.DRAFT:
            yield session, activity, [each for each in reservations.values() if each.session_id == session.id]


def counted_under(activity: Row, moment: datetime, amount: int) -> Counted:
    """So much on the day of a moment, where and by whom the activity is held."""
    return Counted(local_day(moment), activity.community_id, activity.scene, activity.operator_id, None, amount)


def _of_sessions(rows: Contents, measure: str, begin: datetime, end: datetime, as_of: datetime) -> Iterator[Counted]:
    for session, activity, reservations in _sessions_of(rows, begin, end, as_of):
        is_on = session.status is SessionStatus.SCHEDULED
        is_held = is_on and session.ends_at <= as_of
        taken = sum(each.party_size for each in reservations if each.status in TOOK_PLACE)
        used = sum(each.party_size for each in reservations if each.status is ReservationStatus.CHECKED_IN)
        amount = {
            "sessions.planned": is_on,
            "sessions.held": is_held,
            "sessions.cancelled": not is_on,
            "sessions.places_offered": session.capacity if is_on else 0,
            "sessions.full": is_held and taken >= session.capacity,
            "sessions.empty": is_held and used == 0,
        }[measure]
        yield counted_under(activity, session.starts_at, int(amount))


def _of_reservations(
    rows: Contents, measure: str, begin: datetime, end: datetime, as_of: datetime
) -> Iterator[Counted]:
    excused = {
        appeal.reservation_id
        for appeal in rows[Appeal]
        if appeal.status is AppealStatus.UPHELD and appeal.decided_at <= as_of
    }
    for session, activity, reservations in _sessions_of(rows, begin, end, as_of):
        if session.status is not SessionStatus.SCHEDULED:
            continue
        for each in reservations:
            gave_back = (
                each.status is ReservationStatus.CANCELLED
                and each.confirmed_at is not None
                and each.cancelled_by is not CancelledBy.ORGANISER
                and each.id not in excused
            )
            until = each.cancellable_until or session.reservable_until
            counts = {
                "reservations.reserved": each.status in TOOK_PLACE,
                "reservations.attended": each.status is ReservationStatus.CHECKED_IN,
                "reservations.no_shows": each.status is ReservationStatus.NO_SHOW,
                "reservations.awaited": each.status in TOOK_PLACE - {ReservationStatus.CONFIRMED},
                "reservations.booked": each.status in TOOK_PLACE or gave_back,
                "reservations.cancelled": gave_back,
                "reservations.cancelled_late": gave_back and each.cancelled_at >= until,
                "reservations.cancelled_shortly": gave_back
                and each.cancelled_at >= session.starts_at - timedelta(hours=24),
            }[measure]
            yield counted_under(activity, session.starts_at, each.party_size * counts)

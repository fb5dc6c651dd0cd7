"""The measures of the waiting lists once more, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from models.activities import Activity, Session
from models.history import VERSIONS
from models.reservations import Reservation, ReservationStatus
from tests.monitor.plain.activities import counted_under, rows_then
from tests.monitor.plain.counted import Contents, Counted


def recompute(rows: Contents, measure: str, begin: datetime, end: datetime, as_of: datetime) -> list[Counted]:
    """Everything that the measure counts."""
    counting = _promotions if measure in ("waiting.promotions", "waiting.minutes") else _waiting
    counted = list(counting(rows, measure, begin, end, as_of))
    assert all(each.amount >= 0 for each in counted)
    return [each for each in counted if each.amount]


def _waiting(rows: Contents, measure: str, _begin: datetime, end: datetime, as_of: datetime) -> Iterator[Counted]:
    sessions, activities, reservations = (
        rows_then(rows, table, lambda moment: moment > as_of or moment >= end)
        for table in (Session, Activity, Reservation)
    )
    for each in reservations.values():
        if each.status is ReservationStatus.WAITLISTED:
            activity = activities[sessions[each.session_id].activity_id]
            amount = each.party_size if measure == "waiting.places" else 1
            yield counted_under(activity, end - timedelta(microseconds=1), amount)


def _promotions(rows: Contents, measure: str, begin: datetime, end: datetime, as_of: datetime) -> Iterator[Counted]:
    sessions, activities = (rows_then(rows, table, lambda moment: moment > as_of) for table in (Session, Activity))
    for reservation in rows[Reservation]:
        states = sorted((each for each in rows[VERSIONS[Reservation]] if each.id == reservation.id), key=_until)
        for before, after in pairwise([*states, reservation]):
            waited = before.status is ReservationStatus.WAITLISTED and before.until > reservation.reserved_at
            waits_on = after.status is ReservationStatus.WAITLISTED
            in_vain = after.status in (ReservationStatus.CANCELLED, ReservationStatus.LAPSED)
            if waited and not waits_on and not in_vain and begin <= before.until < end and before.until <= as_of:
                activity = activities[sessions[reservation.session_id].activity_id]
                seconds = int(before.until.timestamp()) - int(reservation.reserved_at.timestamp())
                yield counted_under(activity, before.until, seconds // 60 if measure == "waiting.minutes" else 1)


def _until(version: Any) -> datetime:
    until: datetime = version.until
    return until

"""The measures of residents once more: who is there, resident by resident and deed by deed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from models.checkins import Scan, ScanUndo
from models.history import ResidentVersion
from models.reservations import Reservation
from models.residents import Erasure, Merging, Registration, Resident
from models.rewards import Redemption
from models.venues import VenueBooking
from rules.clock import local_day
from tests.monitor.plain.counted import Contents, Counted
from tests.monitor.plain.times import Homes, Span

TABLES = (
    Resident,
    ResidentVersion,
    Registration,
    Erasure,
    Merging,
    Reservation,
    Scan,
    ScanUndo,
    VenueBooking,
    Redemption,
)


def recompute(rows: Contents, measure: str, begin: datetime, end: datetime, as_of: datetime) -> list[Counted]:
    """Who is counted by a measure of residents, one by one."""
    span, homes = Span(begin, end, as_of), Homes.of(rows)
    if measure == "residents.registered":
        return [
            Counted(span.last_day, homes.of_state(each.id, span), None, None, None, 1)
            for each in rows[Resident]
            if span.was(each.registered_at) and not any(span.was(at) for at in _ends_of(rows, each.id))
        ]
    if measure == "residents.new":
        by = {each.resident_id: each.registered_by_kind for each in rows[Registration]}
        return [
            Counted(
                local_day(each.registered_at),
                homes.at(each.id, each.registered_at),
                None,
                None,
                by.get(each.id, "self"),
                1,
            )
            for each in rows[Resident]
            if span.holds(each.registered_at)
        ]
    if measure == "residents.erased":
        return [
            Counted(local_day(each.done_at), homes.until(each.resident_id, each.done_at), None, None, None, 1)
            for each in rows[Erasure]
            if span.holds(each.done_at)
        ]
    if measure == "residents.active_days":
        first: dict[tuple[int, date], datetime] = {}
        for resident_id, at in sorted(_deeds(rows, span), key=lambda deed: deed[1]):
            first.setdefault((resident_id, local_day(at)), at)
        return [Counted(day, homes.at(who, at), None, None, None, 1) for (who, day), at in first.items()]
    return [
        Counted(span.last_day, homes.of_state(who, span), None, None, None, 1)
        for who, times in _times(rows, span).items()
        if _is_counted(measure, times, span, is_there=not any(span.was(at) for at in _erasures_of(rows, who)))
    ]


def _ends_of(rows: Contents, resident_id: int) -> list[datetime | None]:
    return [*_erasures_of(rows, resident_id), *(each.decided_at for each in _joinings_of(rows, resident_id))]


def _erasures_of(rows: Contents, resident_id: int) -> list[datetime | None]:
    return [each.done_at for each in rows[Erasure] if each.resident_id == resident_id]


def _joinings_of(rows: Contents, resident_id: int) -> list[Any]:
    return [each for each in rows[Merging] if each.resident_id == resident_id and each.status.value == "done"]


def _deeds(rows: Contents, span: Span) -> Iterator[tuple[int, datetime]]:
    undone = {each.scan_id for each in rows[ScanUndo] if span.knows(each.undone_at)}
    for scan in rows[Scan]:
        is_entry = scan.result.value == "admitted" and scan.id not in undone and span.knows(scan.received_at)
        if is_entry and span.holds(scan.occurred_at):
            yield scan.resident_id, scan.occurred_at
    for table, name in ((Reservation, "reserved_at"), (VenueBooking, "booked_at"), (Redemption, "redeemed_at")):
        for row in rows[table]:
            if span.holds(at := getattr(row, name)):
                yield row.resident_id, at


def _times(rows: Contents, span: Span) -> dict[int, list[datetime]]:
    times: dict[int, list[datetime]] = {}
    for resident_id, at in _deeds(rows, span):
        joined = [each.record_id for each in _joinings_of(rows, resident_id) if span.was(each.decided_at)]
        times.setdefault(joined[0] if joined else resident_id, []).append(at)
    return times


def _is_counted(measure: str, times: list[datetime], span: Span, *, is_there: bool) -> bool:
    middle = span.end - timedelta(days=30)
    lately, before = any(at >= middle for at in times), any(at < middle for at in times)
    return {
        "residents.active_week": is_there and any(at >= span.end - timedelta(days=7) for at in times),
        "residents.active_month": is_there and lately,
        "residents.active_before": before,
        "residents.kept": is_there and lately and before,
    }[measure]

"""The suspicious patterns once more, by looking at everybody's deeds one by one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import product
from typing import Any

from models.adjustments import Adjustment, AwardImport
from models.ledger import Account, Posting, Txn, TxnKind
from models.reservations import Reservation
from models.residents import SignInDevice
from models.venues import VenueBooking
from models.volunteering import Provenance, ServiceRecord
from rules.clock import local_day
from tests.monitor.plain.counted import Contents, Counted

TABLES = (
    Adjustment,
    AwardImport,
    Account,
    Posting,
    Txn,
    Reservation,
    SignInDevice,
    VenueBooking,
    ServiceRecord,
)
A_WEEK = timedelta(days=7)
Known = Callable[[datetime], bool]


def recompute(rows: Contents, measure: str, begin: datetime, end: datetime, as_of: datetime) -> list[Counted]:
    """Every finding of the period, or those at its end."""

    def is_known(at: datetime) -> bool:
        return begin <= at < end and at <= as_of

    find = {
        "patterns.bulk_hours": _bulk_hours,
        "patterns.bulk_awards": _bulk_awards,
        "patterns.busy_agents": _agents,
    }
    if measure in find:
        return [Counted(day, None, None, None, None, 1) for day in find[measure](rows, is_known)]
    if measure == "patterns.shared_devices":
        return list(_devices(rows, end, is_known))
    return list(_rings(rows, begin, end, as_of))


def _bulk_hours(rows: Contents, is_known: Known) -> Iterator[Any]:
    of_day = defaultdict(list)
    for record in rows[ServiceRecord]:
        if record.provenance is Provenance.STAFF and is_known(record.recorded_at):
            of_day[record.recorded_by, local_day(record.recorded_at)].append(record.minutes)
    return (day for (_, day), minutes in of_day.items() if len(minutes) > 20 or sum(minutes) > 6000)


def _bulk_awards(rows: Contents, is_known: Known) -> Iterator[Any]:
    of_day: defaultdict[Any, int] = defaultdict(int)
    for each in rows[Adjustment]:
        if each.amount > 0 and is_known(each.requested_at):
            of_day[each.requested_by, local_day(each.requested_at)] += 1
    for each in rows[AwardImport]:
        if is_known(each.requested_at):
            of_day[each.requested_by, local_day(each.requested_at)] += each.rows_total
    return (day for (_, day), count in of_day.items() if count > 20)


def _agents(rows: Contents, is_known: Known) -> Iterator[Any]:
    of_day = defaultdict(set)
    booked: Iterable[tuple[Any, datetime]] = [
        *((each, each.reserved_at) for each in rows[Reservation]),
        *((each, each.booked_at) for each in rows[VenueBooking]),
    ]
    for each, at in booked:
        if each.booked_by_kind == "resident" and each.booked_by_id != each.resident_id and is_known(at):
            of_day[each.booked_by_id, local_day(at)].add(each.resident_id)
    return (day for (_, day), residents in of_day.items() if len(residents) > 5)


def _devices(rows: Contents, end: datetime, is_known: Known) -> Iterator[Counted]:
    residents = defaultdict(set)
    for row in rows[SignInDevice]:
        if is_known(row.signed_in_at):
            residents[row.device_index].add(row.resident_id)
    last = local_day(end - timedelta(microseconds=1))
    return (Counted(last, None, None, None, None, 1) for people in residents.values() if len(people) > 5)


def _rings(rows: Contents, begin: datetime, end: datetime, as_of: datetime) -> Iterator[Counted]:
    owner = {account.id: account.owner_id for account in rows[Account]}
    ends = {each.txn_id: (owner[each.src_account_id], owner[each.dst_account_id]) for each in rows[Posting]}
    gifts = [
        (txn.id, txn.effective_at, *ends[txn.id])
        for txn in rows[Txn]
        if txn.kind is TxnKind.TRANSFER and txn.reason == "transfer" and txn.effective_at <= as_of
    ]
    for last in gifts:
        if not begin <= last[1] < end:
            continue
        before = [each for each in gifts if each[0] < last[0] and each[1] >= last[1] - A_WEEK]
        is_of_two = any(each[2:] == (last[3], last[2]) for each in before)
        is_of_three = any(
            out[0] < on[0] and out[2] == last[3] and on[2] == out[3] and on[3] == last[2]
            for out, on in product(before, before)
        )
        if is_of_two or is_of_three:
            yield Counted(local_day(last[1]), None, None, None, "2" if is_of_two else "3", 1)

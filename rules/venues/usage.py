"""The guard of weekly limits: a row that counts the bookings of a holder for a room and a week, and never past its limit.

A private booking counts for the resident and for the household, one in an organisation's name for the organisation
alone. It counts in the calendar week of its day, from Monday on, also where no limit is set yet, and stays counted
when nobody came. What was cancelled, rejected or left undecided is given back to the rows that it was counted in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import bindparam, update
from sqlalchemy.dialects.postgresql import insert

from models.venues import BookingUsage, HolderKind
from rules.rows import AnyRow
from rules.venues.refusals import HouseholdLimitReached, OrganisationLimitReached, WeeklyLimitReached
from rules.work import Work

#: More bookings than a week has quarters.
NO_LIMIT = 1_000_000
_REFUSALS = {
    HolderKind.PERSON: WeeklyLimitReached,
    HolderKind.HOUSEHOLD: HouseholdLimitReached,
    HolderKind.ORGANISATION: OrganisationLimitReached,
}
_count = insert(BookingUsage)
_count = _count.on_conflict_do_update(  # type: ignore[assignment]
    index_elements=["town_id", "holder_kind", "holder_id", "venue_id", "week"],
    set_={"used": BookingUsage.used + 1},
    where=BookingUsage.used < bindparam("most"),
).returning(BookingUsage.used)
_give_back = (
    update(BookingUsage)
    .where(
        BookingUsage.town_id == bindparam("town"),
        BookingUsage.holder_kind == bindparam("of_kind"),
        BookingUsage.holder_id == bindparam("holder"),
        BookingUsage.venue_id == bindparam("venue"),
        BookingUsage.week == bindparam("of_week"),
    )
    .values(used=BookingUsage.used - bindparam("count"))
)


@dataclass(frozen=True, slots=True, order=True)
class Holder:
    """On whose account a booking counts."""

    kind: HolderKind
    id: int


def week_of(day: date) -> date:
    """The Monday of a day's calendar week."""
    return day - timedelta(days=day.weekday())


def holders_of(resident_id: int, household_id: int | None, organisation_id: int | None) -> list[Holder]:
    """On whose accounts a booking counts, in the order in which their rows are locked."""
    if organisation_id is not None:
        return [Holder(HolderKind.ORGANISATION, organisation_id)]
    household = [Holder(HolderKind.HOUSEHOLD, household_id)] if household_id is not None else []
    return [*household, Holder(HolderKind.PERSON, resident_id)]


def count_booking(work: Work, venue: AnyRow, holders: Sequence[Holder], week: date) -> None:
    """Count one more booking of a room in a week. Raises WeeklyLimitReached."""
    limits = {
        HolderKind.PERSON: venue.person_week_max,
        HolderKind.HOUSEHOLD: venue.household_week_max,
        HolderKind.ORGANISATION: venue.organisation_week_max,
    }
    for holder in holders:
        most = limits[holder.kind] or NO_LIMIT
        row = {"holder_kind": holder.kind, "holder_id": holder.id, "venue_id": venue.id, "week": week, "used": 1}
        if work.core.scalar(_count, {"town_id": work.town_id, "most": most} | row) is None:
            raise _REFUSALS[holder.kind](most=most)


def give_back(work: Work, bookings: Iterable[AnyRow]) -> None:
    """Uncount bookings. `bookings`: resident_id, household_id, organisation_id, venue_id, week."""
    counted: Counter[tuple[Holder, int, date]] = Counter()
    for each in bookings:
        for holder in holders_of(each.resident_id, each.household_id, each.organisation_id):
            counted[holder, each.venue_id, each.week] += 1
    for (holder, venue_id, week), count in sorted(counted.items()):
        named = {"of_kind": holder.kind, "holder": holder.id, "venue": venue_id, "of_week": week}
        work.core.execute(_give_back, {"town": work.town_id, "count": count} | named)

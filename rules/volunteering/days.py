"""A person's day, and the day of a member of staff: rows that a record changes before it is written.

A row of `service_day` is locked by whoever writes hours of its resident and day, entered or signed for. So entries never
add up to more than 24 hours with those that were signed for, and each of the two sees the other: the entry is flagged,
whichever comes first. Several days are locked in the order of resident and day.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import bindparam, update
from sqlalchemy.dialects.postgresql import insert

from models.volunteering import DAY, ENTRY_DAY
from rules.clock import local_day
from rules.volunteering.limits import PERSON_DAY_MINUTES_MAX
from rules.work import Work


@dataclass(frozen=True, slots=True)
class PersonDay:
    """Minutes of one resident on one day, all that are live."""

    signed: int
    entered: int

    @property
    def total(self) -> int:
        return self.signed + self.entered


_lock = insert(DAY).values(signed=0, entered=0)
_lock = _lock.on_conflict_do_update(  # type: ignore[assignment]
    index_elements=["town_id", "resident_id", "served_on"], set_={"signed": DAY.c.signed}
).returning(DAY.c.signed, DAY.c.entered)
take_minutes = (
    update(DAY)
    .where(
        DAY.c.town_id == bindparam("town"),
        DAY.c.resident_id == bindparam("resident"),
        DAY.c.served_on == bindparam("day"),
        DAY.c.signed + DAY.c.entered + bindparam("minutes") <= PERSON_DAY_MINUTES_MAX,
    )
    .values(entered=DAY.c.entered + bindparam("minutes"))
    .returning(DAY.c.signed, DAY.c.entered)
)
_move = update(DAY).where(
    DAY.c.town_id == bindparam("town"),
    DAY.c.resident_id == bindparam("resident"),
    DAY.c.served_on == bindparam("day"),
)
_move_entered = _move.values(entered=DAY.c.entered + bindparam("minutes"))
_move_signed = _move.values(signed=DAY.c.signed + bindparam("minutes"))
count_entries = insert(ENTRY_DAY)
count_entries = count_entries.on_conflict_do_update(  # type: ignore[assignment]
    index_elements=["town_id", "staff_id", "day"],
    set_={
        "records": ENTRY_DAY.c.records + count_entries.excluded.records,
        "minutes": ENTRY_DAY.c.minutes + count_entries.excluded.minutes,
    },
).returning(ENTRY_DAY.c.records, ENTRY_DAY.c.minutes)


def lock_days(work: Work, days: Iterable[tuple[int, date]]) -> dict[tuple[int, date], PersonDay]:
    """Lock days of residents, in their order, and read them; a day without hours is opened."""
    found = {}
    for resident_id, day in sorted(set(days)):
        row = work.core.execute(_lock, {"town_id": work.town_id, "resident_id": resident_id, "served_on": day}).one()
        found[resident_id, day] = PersonDay(row.signed, row.entered)
    return found


def take_entered(work: Work, resident_id: int, day: date, minutes: int) -> PersonDay | None:
    """Put minutes that were written down into a day that is locked: how it stands then, or None when they don't fit."""
    row = work.core.execute(take_minutes, _named(work, resident_id, day, minutes)).first()
    return PersonDay(row.signed, row.entered) if row else None


def give_back_entered(work: Work, resident_id: int, day: date, minutes: int) -> None:
    """Take minutes that were written down out of a day."""
    work.core.execute(_move_entered, _named(work, resident_id, day, -minutes))


def move_signed(work: Work, resident_id: int, day: date, minutes: int) -> None:
    """Put minutes that were signed for into a day that is locked, or with a minus take them out."""
    if minutes:
        work.core.execute(_move_signed, _named(work, resident_id, day, minutes))


def number_entries(work: Work, records: int, minutes: int) -> tuple[int, int]:
    """Count records and minutes that the actor writes down: how many it had written down today before these.

    The row gives every record its number: two requests at once queue at it, and never begin with the same one.
    """
    row = {"town_id": work.town_id, "staff_id": work.actor.id, "day": local_day(work.now)}
    after = work.core.execute(count_entries, row | {"records": records, "minutes": minutes}).one()
    return after.records - records, after.minutes - minutes


def _named(work: Work, resident_id: int, day: date, minutes: int) -> dict[str, object]:
    return {"town": work.town_id, "resident": resident_id, "day": day, "minutes": minutes}

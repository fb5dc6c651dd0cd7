"""Whether the snapshots say what the facts say: days worked out once more, as of the moment as of which they are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from models.monitor import Slice
from rules.monitor.measures import MEASURES
from rules.monitor.periods import days_between
from rules.monitor.snapshots import DAYS_AT_A_TIME, measure_days, read_state, read_stored
from rules.work import Work


@dataclass(frozen=True, slots=True)
class Difference:
    """A number that isn't what it should be."""

    measure: str
    territory_id: int
    slice: Slice
    key: str
    day: date
    stored: int
    found: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of working days out once more."""

    days: int
    numbers: int  #: that were compared
    differences: Sequence[Difference]


def verify_snapshots(work: Work, days_max: int | None = None) -> Verdict:
    """Work out anew the last `days_max` days with a snapshot (all of them without it), and compare."""
    state = read_state(work)
    if state.first_day is None or state.last_day is None or state.as_of is None:
        return Verdict(0, 0, [])
    days = days_between(state.first_day, state.last_day)[-days_max if days_max else None :]
    numbers, differences = 0, []
    for n in range(0, len(days), DAYS_AT_A_TIME):
        some = days[n : n + DAYS_AT_A_TIME]
        stored = read_stored(work, MEASURES.values(), some)
        found = measure_days(work, MEASURES.values(), some, state.as_of)
        numbers += len(found)
        differences += [
            Difference(*place, stored.get(place, 0), found.get(place, 0))
            for place in sorted(stored.keys() | found.keys())
            if stored.get(place, 0) != found.get(place, 0)
        ]
    return Verdict(len(days), numbers, differences)

"""What a measure is, and what the statement behind it must look like. Each stands once, in `rules.monitor.measures`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from sqlalchemy import Select

from models.monitor import Slice
from rules.errors import InBoth

Facts: TypeAlias = Select[*tuple[Any, ...]]


class Unit(StrEnum):
    """What a number is a number of."""

    PEOPLE = "people"
    SESSIONS = "sessions"
    PLACES = "places"
    POINTS = "points"
    MINUTES = "minutes"
    SECONDS = "seconds"
    HOURS = "hours"
    ITEMS = "items"  #: repairs, redemptions, messages, findings: what the measure's title says
    SHARE = "share"  #: a part of a whole, 0 to 1; shown as a percentage
    MEAN = "mean"  #: of stars, of points: what the measure's title says


class Kind(StrEnum):
    FLOW = "flow"  #: happens: the days of a period add up
    STATE = "state"  #: holds: of a period, the number at its end
    RATIO = "ratio"  #: one measure over another, each of the whole period


class Better(StrEnum):
    """Which way a number is wished to go."""

    MORE = "more"
    LESS = "less"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """A statement that finds facts, and what it needs to be asked.

    `facts` has the columns below, and one integer column for each counter. It is asked with the parameters `town`,
    `begin`, `end` (moments: local midnights, or a moment of today) and `as_of` (only what was recorded by then counts).

        id            of the thing that is counted (see `subject`); an integer
        day           the community's day to which it belongs, a date (`rules.monitor.days.day_of`)
        territory_id  where; an integer or NULL: the town alone
        scene         a word of Scene, or NULL
        operator_id   an integer, or NULL
        detail        a text, or NULL; its meaning is the measures'

    Of flows: facts whose day begins at or after `begin` and before `end`. Of states: what held at `end`, with the day
    before `end` as `day` (`begin` is `end` less `window_days`); one row may then stand for several things, if its
    counters say how many.
    """

    name: str
    subject: str  #: what `id` is an id of: "reservation"
    facts: Facts
    counters: tuple[str, ...]
    is_state: bool = False
    #: Of states over the days before: how many, that of the state included. They aren't worked out live but once a day.
    window_days: int = 0
    #: Of flows: days (one column `day`) of which facts were recorded after `since` and by `until`, though the day had
    #: ended by `since`. None: what is recorded is of the day on which it is recorded.
    touched: Facts | None = None
    #: Of states that are dear to count: flows (columns as above, counters with signs) by which the state at the end of a
    #: day and that at a later moment differ, for the whole town, each scene, operator and detail; not for places unless
    #: `changes_have_places`.
    changes: Facts | None = None
    changes_have_places: bool = False
    #: Of flows: facts may be of days before anything happened in the town, as hours that were served elsewhere. Such days
    #: have no snapshot; they are always counted from the facts themselves.
    has_earlier_days: bool = False
    #: Dear flows, and `changes`, are carried on from an earlier moment of the day (`rules.monitor.carrying`).
    #: `grows`: what is of `begin` until a moment, known as of it, and what is of that moment until `end` add up.
    grows: bool = False
    #: Else: the things (one column `id`) that may count otherwise as of `until` than as of `since`; rather too many. It
    #: binds these and `town`, `begin`, `end`.
    changed: Facts | None = None
    facts_of: Facts | None = None  #: the facts of just the things in the list `ids`

    def is_of_then(self, *, is_whole_town: bool) -> bool:
        """Of states: whether they stay, until the next snapshot, what they were at the last one.

        Such are those that look back over days and, but for the whole town, those whose changes have no place.
        """
        return self.window_days > 0 or (self.changes is not None and not (is_whole_town or self.changes_have_places))


@dataclass(frozen=True, slots=True, eq=False)
class Measure:
    """A number with a name. `counter` of `family`, or for a ratio `over`: names of the measures above and below the line."""

    name: str  #: "reservations.no_shows"
    title: InBoth
    meaning: InBoth  #: what is counted, on which day, and what isn't
    unit: Unit
    kind: Kind
    family: Family | None = None
    counter: str = ""
    #: How many of the counter make one of the unit: 4 where quarters of an hour are counted and hours shown.
    divisor: int = 1
    over: tuple[str, str] | None = None
    slices: frozenset[Slice] = frozenset({Slice.ALL})
    better: Better = Better.NEITHER
    #: Only who sees the whole town sees it, and only as the town's number.
    town_only: bool = False
    #: Only auditors of the whole town see it.
    confidential: bool = False

"""A town whose clock is turned by hand, and measures of the tests' own: they let the engine be tried without the rooms.

They count sessions that nobody changes: on the day of the session, recorded when it was made, which may be later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from sqlalchemy import BigInteger, Engine, Text, cast, literal_column, select

from blueprints.edge.house import House
from models.activities import Activity, Session
from models.monitor import Slice
from models.residents import Role
from models.territory import Scene, Territory, TerritoryKind
from rules.clock import local_moment
from rules.database import connect
from rules.errors import InBoth
from rules.keys import generate, read
from rules.local_time import day_of
from rules.monitor.days import AS_OF, BEGIN, END, SINCE, TOWN, UNTIL, days_before, last_day
from rules.monitor.definitions import Family, Kind, Measure, Unit
from rules.monitor.measures import MEASURES
from rules.monitor.numbers import Value
from rules.monitor.periods import Period, PeriodKind
from rules.monitor.places import Reach, find_reach
from rules.monitor.reading import read_places, read_values
from rules.monitor.snapshots import Made, make_snapshots
from rules.work import SYSTEM, Transactions
from tests.build import Person, TownBuilder, add, new_town

FIRST = date(2025, 3, 3)  #: a Monday
DAY = timedelta(days=1)
NOTHING = timedelta(0)

_is_made = Session.made_at <= AS_OF
_of_town = (Session.town_id == TOWN, Activity.town_id == Session.town_id, Activity.id == Session.activity_id)
_what = (
    Session.id,
    Activity.community_id.label("territory_id"),
    Activity.scene,
    Activity.operator_id,
    cast(Session.venue_id, Text).label("detail"),
    cast(literal_column("1"), BigInteger).label("sessions"),
    Session.capacity.label("places"),
)
_late = select(day_of(Session.starts_at).label("day")).where(
    Session.town_id == TOWN, Session.made_at > SINCE, Session.made_at <= UNTIL, Session.starts_at < SINCE
)
HELD = Family(
    "tests.held",
    "session",
    select(day_of(Session.starts_at).label("day"), *_what).where(
        *_of_town, _is_made, Session.starts_at >= BEGIN, Session.starts_at < END
    ),
    ("sessions", "places"),
    touched=_late,
)
MADE = Family(
    "tests.made",
    "session",
    select(last_day(END).label("day"), *_what).where(*_of_town, _is_made, Session.made_at < END),
    ("sessions", "places"),
    is_state=True,
    changes=select(day_of(Session.made_at).label("day"), *_what).where(
        *_of_town, _is_made, Session.made_at >= BEGIN, Session.made_at < END
    ),
)
IN_TWO_DAYS = Family(
    "tests.two_days",
    "session",
    select(last_day(END).label("day"), *_what).where(
        *_of_town, _is_made, Session.made_at >= days_before(END, 2), Session.made_at < END
    ),
    ("sessions", "places"),
    is_state=True,
    window_days=2,
)
EVERYTHING = frozenset(Slice)


def _measure(name: str, kind: Kind, **rest: Any) -> Measure:
    return Measure(f"tests.{name}", InBoth("测试", "Test"), InBoth("测试", "Test"), Unit.ITEMS, kind, **rest)


SMALL = {
    measure.name: measure
    for measure in (
        _measure("sessions", Kind.FLOW, family=HELD, counter="sessions", slices=EVERYTHING),
        _measure("places", Kind.FLOW, family=HELD, counter="places", slices=EVERYTHING),
        _measure("size", Kind.RATIO, over=("tests.places", "tests.sessions"), slices=EVERYTHING),
        _measure("hours", Kind.FLOW, family=HELD, counter="places", divisor=4),
        _measure("made", Kind.STATE, family=MADE, counter="sessions", slices=frozenset({Slice.ALL, Slice.SCENE})),
        _measure("recent", Kind.STATE, family=IN_TWO_DAYS, counter="sessions"),
        _measure("secret", Kind.FLOW, family=HELD, counter="sessions", confidential=True, town_only=True),
    )
}


class Planned(NamedTuple):
    """A session as the plain count of it needs it."""

    id: int
    day: date
    made_at: datetime
    territory_id: int
    scene: Scene
    operator_id: int
    places: int


@dataclass
class Clock:
    """The time in a town."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True)
class Past:
    """A town, its clock, and what was planned in it."""

    town: TownBuilder
    clock: Clock
    estate_id: int
    planned: list[Planned]
    activities: dict[tuple[int, Scene], int]

    def at(self, day: int, hour: int = 12, minute: int = 0) -> datetime:
        """A moment of the so-manieth day; the clock is set to it."""
        self.clock.now = moment(day, hour, minute)
        return self.clock.now

    def plan(self, day: int, *, places: int = 10, scene: Scene = Scene.EDUCATION, at: int | None = None) -> Planned:
        """A session of a day, made now."""
        place = at or self.town.community_id
        if (place, scene) not in self.activities:
            self.activities[place, scene] = self.town.activity(community_id=place, scene=scene)
        starts_at = moment(day, 10)
        id_ = self.town.session(
            activity_id=self.activities[place, scene],
            starts_at=starts_at,
            ends_at=starts_at + timedelta(hours=1),
            reservable_until=starts_at,
            checkin_opens_at=starts_at,
            capacity=places,
            made_at=self.clock.now,
        )
        of_day = FIRST + day * DAY
        self.planned.append(Planned(id_, of_day, self.clock.now, place, scene, self.town.operator_id, places))
        return self.planned[-1]

    def snapshot(self, as_of: datetime | None = None, **options: Any) -> Made:
        """Make snapshots of all that was recorded until now, which are the answer at once."""
        options = {"ready_in": NOTHING, "as_of": as_of or self.clock.now} | options
        return make_snapshots(self.town.database, self.town.id, **options)

    def read(self, person: Person, deed: Any, *args: Any, **options: Any) -> Any:
        return self.town.database.read(self.town.id, self.town.actor(person), deed, *args, **options)

    def reach(self, person: Person, territory_id: int | None = None, operator_id: int | None = None) -> Reach:
        return self.read(person, find_reach, territory_id, operator_id)

    def values(
        self, person: Person, as_of: datetime, first: int, last: int, *names: str, at: int | None = None, **options: Any
    ) -> Mapping[str, Mapping[str, Value]]:
        asked = [f"tests.{name}" for name in names]
        return self.read(person, read_values, self.reach(person, at), asked, days(first, last), as_of, **options)

    def number(self, person: Person, as_of: datetime, first: int, last: int, name: str, at: int | None = None) -> Any:
        """A measure that isn't split."""
        return self.values(person, as_of, first, last, name, at=at)[""][f"tests.{name}"].value

    def places(self, person: Person, as_of: datetime, first: int, last: int, *names: str) -> Mapping[int, Any]:
        asked = [f"tests.{name}" for name in names]
        reach = self.reach(person)
        return self.read(person, read_places, reach, TerritoryKind.COMMUNITY, asked, days(first, last), as_of)


def moment(day: int, hour: int = 12, minute: int = 0) -> datetime:
    return local_moment(FIRST + day * DAY, f"{hour:02}:{minute:02}")


def days(first: int, last: int) -> Period:
    return Period(PeriodKind.CUSTOM, FIRST + first * DAY, FIRST + last * DAY)


@pytest.fixture(scope="session")
def engine(database_url: str) -> Iterator[Engine]:
    """The shared database, without an application on it."""
    engine = connect(database_url)
    yield engine
    engine.dispose()


def town_of_the_past(engine: Engine, begins: datetime) -> tuple[TownBuilder, Clock]:
    """A town whose time goes by a clock that the test turns, and whose ids come from that time."""
    clock = Clock(begins)
    nothing: Any = None
    keys = read(generate())
    return new_town(House(nothing, keys, Transactions(engine, clock=clock), nothing, nothing)), clock


@pytest.fixture
def past(engine: Engine) -> Iterator[Past]:
    """A town with an estate in its first community, and the small measures alone."""
    measures: Any = MEASURES
    kept = dict(measures)  # in its order
    measures.clear()
    measures.update(SMALL)
    town, clock = town_of_the_past(engine, moment(0, 1))

    def deed(work: Any) -> int:
        path = work.core.scalar(
            select(Territory.path).where(Territory.town_id == work.town_id, Territory.id == town.community_id)
        )
        id_ = work.new_id()
        return add(
            work,
            Territory,
            id=id_,
            parent_id=town.community_id,
            kind=TerritoryKind.ESTATE,
            name="小区",
            path=f"{path}{id_}/",
        )

    yield Past(town, clock, town.database.write(town.id, SYSTEM, deed), [], {})
    measures.clear()
    measures.update(kept)


@pytest.fixture
def auditor(past: Past) -> Person:
    return past.town.staff(Role.AUDITOR)

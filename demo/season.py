"""A season: activities, the series that repeat them, and the sessions of the days around today, from `activities.toml`.

A session is planned 30 days before it takes place, and its id says so: sessions have ids in the order of their days,
and none of the future. `extend_season` plans what has come within 30 days since, from the series as they stand in the
database, so a demo that was left alone for a month has sessions again when it is started.
"""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from dateutil.rrule import rrulestr
from sqlalchemy import and_, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from demo.making import RisingIds, Row, Rows
from demo.places import Places
from models.activities import Activity, ActivityStatus, Series, Session, SessionStatus
from models.territory import Scene
from rules.clock import local_day, local_moment
from rules.work import Work

FILE = Path(__file__).with_name("activities.toml")
PAST_DAYS = 45
FUTURE_DAYS = 30
DOORS_OPEN = timedelta(minutes=30)  #: how long before a session check-in opens
#: From this length on people come and go during a session, so its places can be taken until it ends.
DROP_IN = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class PlannedActivity:
    """An activity as the history needs it."""

    id: int
    title: str
    category: str
    scene: Scene
    community_id: int
    operator_id: int
    eligible_territory_id: int | None
    volunteers_only: bool
    party_size_max: int
    fill: float  #: the share of its places that is usually taken


@dataclass(slots=True)
class PlannedSession:
    """A session whose places are being given out."""

    activity_id: int
    series_id: int
    venue_id: int
    starts_at: datetime
    ends_at: datetime
    capacity: int
    id: int = 0
    taken: int = 0

    @property
    def is_drop_in(self) -> bool:
        return self.ends_at - self.starts_at >= DROP_IN

    @property
    def checkin_opens_at(self) -> datetime:
        return self.starts_at - DOORS_OPEN

    def row(self, town_id: int) -> Row:
        return {
            "town_id": town_id,
            "id": self.id,
            "activity_id": self.activity_id,
            "series_id": self.series_id,
            "venue_id": self.venue_id,
            "starts_at": self.starts_at,
            "ends_at": self.ends_at,
            "reservable_until": self.ends_at if self.is_drop_in else self.starts_at,
            "checkin_opens_at": self.checkin_opens_at,
            "capacity": self.capacity,
            "taken": self.taken,
            "status": SessionStatus.SCHEDULED,
        }


@dataclass(frozen=True, slots=True)
class PlannedSeries:
    """A series, with the columns of its table."""

    id: int
    activity_id: int
    venue_id: int
    rrule: str
    starts_on: date
    starts_at: str
    duration_minutes: int
    capacity: int

    def sessions_between(self, first: date, last: date) -> list[PlannedSession]:
        """Its sessions on the days from first to last, both included, without ids."""
        rule = rrulestr(self.rrule, dtstart=datetime.combine(self.starts_on, time.min))
        days = rule.between(datetime.combine(first, time.min), datetime.combine(last, time.min), inc=True)
        starts = [local_moment(day.date(), self.starts_at) for day in days]
        length = timedelta(minutes=self.duration_minutes)
        return [
            PlannedSession(self.activity_id, self.id, self.venue_id, at, at + length, self.capacity) for at in starts
        ]


@dataclass(slots=True)
class Season:
    """What is on."""

    town_id: int
    activities: dict[int, PlannedActivity] = field(default_factory=dict)
    sessions: list[PlannedSession] = field(default_factory=list)  #: in order of time
    rows: Rows = field(default_factory=lambda: {Activity: [], Series: []})

    def session_rows(self) -> Rows:
        """Made last, when the places are given out."""
        return {Session: [session.row(self.town_id) for session in self.sessions]}


def make_season(places: Places, today: date) -> Season:
    """The activities with their series, and the sessions from 45 days ago until in 30 days."""
    first, last = today - timedelta(days=PAST_DAYS), today + timedelta(days=FUTURE_DAYS)
    planned_at = local_moment(first - timedelta(days=FUTURE_DAYS), "00:00")
    season = Season(places.town_id)
    activity_ids, series_ids = RisingIds(), RisingIds()
    for described in tomllib.loads(FILE.read_text(encoding="utf-8"))["activity"]:
        activity = _plan_activity(places, activity_ids.at(planned_at), described)
        season.activities[activity.id] = activity
        season.rows[Activity].append(_activity_row(places.town_id, activity, described, planned_at))
        for each in described["series"]:
            when = (each["rrule"], first, each["at"], each["minutes"], each["capacity"])
            series = PlannedSeries(series_ids.at(planned_at), activity.id, places.rooms[each["room"]], *when)
            season.rows[Series].append({"town_id": places.town_id, **asdict(series)})
            season.sessions += series.sessions_between(first, last)
    season.sessions.sort(key=lambda session: (session.starts_at, session.series_id))
    _give_ids(season.sessions)
    return season


def _give_ids(sessions: list[PlannedSession]) -> None:
    ids = RisingIds()
    for session in sessions:
        planned_on = local_day(session.starts_at) - timedelta(days=FUTURE_DAYS)
        session.id = ids.at(local_moment(planned_on, "00:00"))


def _plan_activity(places: Places, id_: int, described: dict[str, Any]) -> PlannedActivity:
    eligible = described.get("eligible")
    return PlannedActivity(
        id=id_,
        title=described["title"],
        category=described["category"],
        scene=Scene(described["scene"]),
        community_id=places.communities[described["community"]],
        operator_id=places.operators[described["operator"]],
        eligible_territory_id=places.communities[eligible] if eligible else None,
        volunteers_only=described.get("volunteers_only", False),
        party_size_max=described.get("party_size_max", 1),
        fill=described["fill"],
    )


def _activity_row(town_id: int, activity: PlannedActivity, described: dict[str, Any], created_at: datetime) -> Row:
    columns = asdict(activity)
    del columns["fill"]
    columns |= {"summary": described["summary"], "status": ActivityStatus.PUBLISHED, "created_at": created_at}
    return {"town_id": town_id, **columns}


_last_starts_at = (
    select(func.max(Session.starts_at))
    .where(Session.town_id == Series.town_id, Session.series_id == Series.id)
    .scalar_subquery()
)
_series = (
    select(
        Series.id,
        Series.activity_id,
        Series.venue_id,
        Series.rrule,
        Series.starts_on,
        Series.starts_at,
        Series.duration_minutes,
        Series.capacity,
        _last_starts_at,
    )
    .join(Activity, and_(Activity.town_id == Series.town_id, Activity.id == Series.activity_id))
    .where(Series.town_id == bindparam("town"), Activity.status == ActivityStatus.PUBLISHED)
    .order_by(Series.id)
)
#: Two that start at once plan the same sessions; the second finds them there.
_plan = insert(Session).on_conflict_do_nothing(index_elements=["town_id", "series_id", "starts_at"])


def extend_season(work: Work, today: date) -> int:
    """Plan the sessions from today until in 30 days that the series have not yet. Returns how many were missing."""
    last = today + timedelta(days=FUTURE_DAYS)
    missing: list[PlannedSession] = []
    for row in work.db.execute(_series, {"town": work.town_id}):
        series, last_starts_at = PlannedSeries(*row[:-1]), row[-1]
        planned_to = local_day(last_starts_at) if last_starts_at else today - timedelta(days=1)
        first = max(today, planned_to + timedelta(days=1))
        if first <= last:
            missing += series.sessions_between(first, last)
    missing.sort(key=lambda session: (session.starts_at, session.series_id))
    for session in missing:
        session.id = work.new_id()
    if missing:
        work.db.execute(_plan, [session.row(work.town_id) for session in missing])
    return len(missing)

"""A season: activities, the series that repeat them, and the sessions of the days around today, from `activities.toml`.

A session is planned 30 days before it takes place, and its id says so: sessions have ids in the order of their days,
and none of the future. `extend_season` plans what has come within 30 days since, from the series as they stand in the
database, so a demo that was left alone for a month has sessions again when it is started.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import and_, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert

from demo.making import RisingIds, Row, Rows
from demo.places import Places
from models.activities import Activity, ActivityStatus, Allocation, Audience, Series, Session, SessionStatus
from models.territory import Scene
from rules.activities.questions import check_questions
from rules.activities.series import PLAN_FIELDS, Pattern, Plan, days_of, moments_of, parse_rule
from rules.clock import local_day, local_moment
from rules.keys import Keys
from rules.reservations.allocating import commit_to_draw
from rules.work import Work

FILE = Path(__file__).with_name("activities.toml")
PAST_DAYS = 45
FUTURE_DAYS = 30
#: From this length on people come and go during a session, so its places can be taken until it ends.
DROP_IN = timedelta(hours=4)
#: What an activity is unless the file says otherwise.
PLAIN: dict[str, Any] = {
    "volunteers_only": False,
    "party_size_max": 1,
    "age_min": None,
    "age_max": None,
    "audience": None,
    "price": 0,
    "waiting_max": 0,
    "offer_minutes": 0,
    "allows_reentry": True,
}


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
    allocation: Allocation
    fill: float  #: the share of its places that is usually taken; 0: it is new, and nobody has signed up yet


@dataclass(slots=True)
class PlannedSession:
    """A session whose places are being given out."""

    activity_id: int
    series_id: int
    starts_at: datetime
    plan: Plan
    id: int = 0
    taken: int = 0
    closed_at: datetime | None = None
    made_at: datetime | None = None

    @property
    def venue_id(self) -> int:
        return self.plan.venue_id

    @property
    def capacity(self) -> int:
        return self.plan.capacity

    @property
    def ends_at(self) -> datetime:
        return moments_of(self.plan, self.starts_at).ends_at

    @property
    def reservable_until(self) -> datetime:
        return moments_of(self.plan, self.starts_at).reservable_until

    @property
    def checkin_opens_at(self) -> datetime:
        return moments_of(self.plan, self.starts_at).checkin_opens_at

    @property
    def is_drop_in(self) -> bool:
        return timedelta(minutes=self.plan.duration_minutes) >= DROP_IN

    def row(self, town_id: int) -> Row:
        return {
            "town_id": town_id,
            "id": self.id,
            "activity_id": self.activity_id,
            "series_id": self.series_id,
            "venue_id": self.venue_id,
            **moments_of(self.plan, self.starts_at).columns(),
            "capacity": self.capacity,
            "capacity_min": self.plan.capacity_min,
            "overbooking_max": self.plan.overbooking_max,
            "overbooking": 0,
            "taken": self.taken,
            "waiting": 0,
            "tickets": 0,
            "status": SessionStatus.SCHEDULED,
            "revision": 0,
            "changed_at": None,
            "attendance_complete_at": None,
            "closed_at": self.closed_at,
            "made_at": self.made_at,
        }


@dataclass(frozen=True, slots=True)
class PlannedSeries:
    """A series."""

    id: int
    activity_id: int
    rrule: str
    starts_on: date
    starts_at: str
    plan: Plan

    def row(self, town_id: int, expanded_until: date) -> Row:
        return {
            "town_id": town_id,
            "id": self.id,
            "activity_id": self.activity_id,
            "rrule": self.rrule,
            "starts_on": self.starts_on,
            "starts_at": self.starts_at,
            "ends_on": None,
            "skips_holidays": False,
            "skips": [],
            "expanded_until": expanded_until,
            **asdict(self.plan),
        }

    def sessions_between(self, first: date, last: date) -> list[PlannedSession]:
        """Its sessions on the days from first to last, both included, without ids."""
        days = days_of(Pattern(parse_rule(self.rrule), self.starts_on))
        starts = [local_moment(day, self.starts_at) for day in days if first <= day <= last]
        return [PlannedSession(self.activity_id, self.id, at, self.plan) for at in starts]


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
            starts_on = today + timedelta(days=each["starts_in_days"]) if "starts_in_days" in each else first
            when = (each["rrule"], starts_on, each["at"])
            series = PlannedSeries(series_ids.at(planned_at), activity.id, *when, _plan_of(places, each))
            season.rows[Series].append(series.row(places.town_id, last))
            season.sessions += series.sessions_between(first, last)
    season.sessions.sort(key=lambda session: (session.starts_at, session.series_id))
    _give_ids(season.sessions)
    _close(season.sessions, local_moment(today, "00:00"))
    return season


def commit_to_draws(work: Work, keys: Keys) -> None:
    """Publish the commitments of the lotteries to come, as the publication of a session does."""
    for session_id in work.core.scalars(_to_draw, {"town": work.town_id}).all():
        commit_to_draw(work, keys, session_id)


def _plan_of(places: Places, described: dict[str, Any]) -> Plan:
    """What a series says of its sessions. Where people come and go, sign-up is open until the end."""
    minutes = described["minutes"]
    is_drop_in = timedelta(minutes=minutes) >= DROP_IN
    said = {name: described[name] for name in PLAN_FIELDS if name in described}
    closes = {"closes_minutes_before": -minutes if is_drop_in else 0}
    return Plan(venue_id=places.rooms[described["room"]], duration_minutes=minutes, **closes | said)


def _close(sessions: Sequence[PlannedSession], midnight: datetime) -> None:
    """Who didn't come to a session that is over has been written down."""
    for session in sessions:
        if session.ends_at <= midnight:
            session.closed_at = session.ends_at


def _give_ids(sessions: list[PlannedSession]) -> None:
    ids = RisingIds()
    for session in sessions:
        planned_on = local_day(session.starts_at) - timedelta(days=FUTURE_DAYS)
        session.made_at = local_moment(planned_on, "00:00")
        session.id = ids.at(session.made_at)


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
        volunteers_only=described.get("volunteers_only", PLAIN["volunteers_only"]),
        party_size_max=described.get("party_size_max", PLAIN["party_size_max"]),
        allocation=Allocation(described.get("allocation", Allocation.FIRST_COME)),
        fill=described["fill"],
    )


def _activity_row(town_id: int, activity: PlannedActivity, described: dict[str, Any], created_at: datetime) -> Row:
    columns = PLAIN | {name: described[name] for name in PLAIN if name in described} | asdict(activity)
    columns["audience"] = Audience(described["audience"]) if "audience" in described else None
    del columns["fill"]
    asked = [{"choices": [], "required": False} | question for question in described.get("questions", ())]
    columns |= {
        "summary": described["summary"],
        "questions": check_questions(asked),
        "copied_from_id": None,
        "status": ActivityStatus.PUBLISHED,
        "created_at": created_at,
    }
    return {"town_id": town_id, **columns}


_to_draw = (
    select(Session.id)
    .join(Activity, and_(Activity.town_id == Session.town_id, Activity.id == Session.activity_id))
    .where(
        Session.town_id == bindparam("town"),
        Session.allocates_at.is_not(None),
        Activity.allocation == Allocation.LOTTERY,
    )
    .order_by(Session.id)
)
_last_starts_at = (
    select(func.max(Session.starts_at))
    .where(Session.town_id == Series.town_id, Session.series_id == Series.id)
    .scalar_subquery()
)
_series = (
    select(
        Series.id,
        Series.activity_id,
        Series.rrule,
        Series.starts_on,
        Series.starts_at,
        *(getattr(Series, name) for name in PLAN_FIELDS),
        _last_starts_at.label("last_starts_at"),
    )
    .join(Activity, and_(Activity.town_id == Series.town_id, Activity.id == Series.activity_id))
    .where(Series.town_id == bindparam("town"), Activity.status == ActivityStatus.PUBLISHED)
    .order_by(Series.id)
)
#: Two that start at once plan the same sessions; the second finds them there.
_plan = insert(Session).on_conflict_do_nothing(index_elements=["town_id", "series_id", "starts_at"])
_expanded = (
    update(Series)
    .where(
        Series.town_id == bindparam("town"),
        Series.expanded_until < bindparam("last"),
    )
    .values(expanded_until=bindparam("last"))
    .execution_options(synchronize_session=False)
)


def extend_season(work: Work, today: date) -> int:
    """Plan the sessions from today until in 30 days that the series have not yet. Returns how many were missing."""
    last = today + timedelta(days=FUTURE_DAYS)
    missing: list[PlannedSession] = []
    for row in work.db.execute(_series, {"town": work.town_id}):
        plan = Plan(**{name: getattr(row, name) for name in PLAN_FIELDS})
        series = PlannedSeries(row.id, row.activity_id, row.rrule, row.starts_on, row.starts_at, plan)
        planned_to = local_day(row.last_starts_at) if row.last_starts_at else today - timedelta(days=1)
        first = max(today, planned_to + timedelta(days=1))
        if first <= last:
            missing += series.sessions_between(first, last)
    missing.sort(key=lambda session: (session.starts_at, session.series_id))
    for session in missing:
        session.id, session.made_at = work.new_id(), work.now
    if missing:
        work.db.execute(_plan, [session.row(work.town_id) for session in missing])
        work.db.execute(_expanded, {"town": work.town_id, "last": last})
    return len(missing)

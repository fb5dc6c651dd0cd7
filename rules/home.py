"""The first page: everything that it shows, in one request and at most twelve statements.

What doesn't build on something else is sent before anything is waited for. A visitor, and staff, see what is public; a
visitor may name the community that the phone remembers. What is counted is what can be found by searching.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, Select, String, and_, bindparam, cast, func, null, or_, select, union_all
from sqlalchemy.orm import aliased

from models.activities import Activity, ActivityStatus, Session, SessionStatus
from models.centres import CentreHours
from models.moderation import Content
from models.reservations import LIVE, Reservation
from models.residents import Resident
from models.search import FoundKind, SearchEntry
from models.territory import ServiceCentre, Territory, TerritoryKind
from models.venues import DayKind, Venue
from rules.clock import local_day, local_moment
from rules.ledger.reading import Lapsing, ask_lapsing
from rules.moderation.visibility import passed
from rules.notices.announcements import AnnouncementSummary, list_for
from rules.notices.inbox import count_unread
from rules.points.levels import LevelReached, ask_levels, levels_in
from rules.rows import AnyRow
from rules.sending import Reply
from rules.territory import CommunityUnknown
from rules.territory.opening import LOOK_AHEAD_DAYS, OpenState, state_at
from rules.venues.hours import Opening, Span, Times, read_centre_closures
from rules.work import ActorKind, Work
from rules.working_days import read_calendar

COUNT_MAX = 999  #: what is counted of a room at most
#: A room that has as many isn't counted again for a minute.
MANY = 100
COUNTED_FOR = timedelta(minutes=1)
TODAY_MAX = 5  #: sessions that are shown of the community's, and of one's own
LAPSING_MAX = 3
ANNOUNCEMENTS_MAX = 3
A_DAY = timedelta(days=1)
#: The six entries: what is counted, in both languages, and where its list is.
ENTRIES = (
    (FoundKind.COMMUNITY, "找社区", "Communities", "/api/v1/communities"),
    (FoundKind.ESTATE, "找物业", "Estates", "/api/v1/estates"),
    (FoundKind.VENUE, "找场馆", "Venues", "/api/v1/venues"),
    (FoundKind.ACTIVITY, "找活动", "Activities", "/api/v1/activities"),
    (FoundKind.GROUP, "找朋友", "Friends", "/api/v1/groups"),
    (FoundKind.REWARD, "找积分", "Points", "/api/v1/rewards"),
)
CODE_PATH = "/api/v1/me/code"


@dataclass(frozen=True, slots=True)
class EntryView:
    """One of the six entries."""

    kind: FoundKind
    name: str
    count: int  #: at most COUNT_MAX
    path: str


@dataclass(frozen=True, slots=True)
class HomeCentre:
    """A service centre of my community, and what its door says."""

    id: int
    name: str
    address: str
    today: Sequence[Times]  #: its hours today, closures aside
    open_now: bool
    open_until: datetime | None
    opens_next_at: datetime | None


@dataclass(frozen=True, slots=True)
class HomeCommunity:
    """My community."""

    id: int
    name: str
    centres: Sequence[HomeCentre]


@dataclass(frozen=True, slots=True)
class HomePoints:
    """What I may spend, and what of it lapses first."""

    balance: int
    expiring: Sequence[Lapsing]


@dataclass(frozen=True, slots=True)
class Home:
    """The first page. For visitors and staff, what is somebody's own is None or empty."""

    entries: Sequence[EntryView]
    community: HomeCommunity | None
    today: Sequence[AnyRow]  #: the sessions that aren't over, mine first, then my community's
    next_reservation: AnyRow | None
    code_path: str | None  #: where the code is that staff scan
    points: HomePoints | None
    levels: Sequence[LevelReached]
    unread: int | None
    announcements: Sequence[AnnouncementSummary]


_centres = (
    select(
        Territory.id.label("community_id"),
        Territory.name.label("community_name"),
        ServiceCentre.id,
        ServiceCentre.name,
        ServiceCentre.address,
        ServiceCentre.opens_at,
        ServiceCentre.closes_at,
        CentreHours.day_kind,
        CentreHours.opens_at.label("day_opens_at"),
        CentreHours.closes_at.label("day_closes_at"),
    )
    .outerjoin(
        ServiceCentre, and_(ServiceCentre.town_id == Territory.town_id, ServiceCentre.territory_id == Territory.id)
    )
    .outerjoin(
        CentreHours,
        and_(CentreHours.town_id == ServiceCentre.town_id, CentreHours.service_centre_id == ServiceCentre.id),
    )
    .where(Territory.town_id == bindparam("town"), Territory.kind == TerritoryKind.COMMUNITY)
    .order_by(ServiceCentre.id, CentreHours.day_kind, CentreHours.n)
)
_of_community = _centres.where(Territory.id == bindparam("community"))
#: From where a resident lives up to the community. To look for it among all communities takes longer the more there are.
_lives = (
    select(Territory.id, Territory.parent_id, Territory.kind)
    .join(Resident, and_(Resident.town_id == Territory.town_id, Resident.territory_id == Territory.id))
    .where(Resident.town_id == bindparam("town"), Resident.id == bindparam("resident"))
    .cte("up", recursive=True)
)
_above = aliased(Territory)
_up = _lives.union_all(
    select(_above.id, _above.parent_id, _above.kind)
    .join(_lives, _above.id == _lives.c.parent_id)
    .where(_above.town_id == bindparam("town"), _lives.c.kind != TerritoryKind.COMMUNITY)
)
_of_resident = _centres.where(
    Territory.id == select(_up.c.id).where(_up.c.kind == TerritoryKind.COMMUNITY).scalar_subquery()
)


def _count_of(kind: FoundKind) -> Any:
    found = (
        select(SearchEntry.id)
        .outerjoin(Content, and_(Content.town_id == SearchEntry.town_id, Content.id == SearchEntry.content_id))
        .where(
            SearchEntry.town_id == bindparam("town"),
            SearchEntry.kind == kind,
            or_(SearchEntry.content_id.is_(None), passed(Content)),
        )
        .limit(COUNT_MAX)
        .subquery()
    )
    return select(func.count()).select_from(found).scalar_subquery().label(kind.value)


@lru_cache
def _counts_of(kinds: tuple[FoundKind, ...]) -> Select[Any]:
    return select(*map(_count_of, kinds))


_session = (
    Session.id.label("session_id"),
    Activity.id.label("activity_id"),
    Activity.title,
    Session.starts_at,
    Session.ends_at,
    Venue.name.label("venue_name"),
    ServiceCentre.name.label("centre_name"),
    ServiceCentre.address,
    ServiceCentre.latitude,
    ServiceCentre.longitude,
)


def _sessions(*columns: Any) -> Any:
    return (
        select(*columns, *_session)
        .join(Activity, and_(Activity.town_id == Session.town_id, Activity.id == Session.activity_id))
        .join(Venue, and_(Venue.town_id == Session.town_id, Venue.id == Session.venue_id))
        .join(ServiceCentre, and_(ServiceCentre.town_id == Venue.town_id, ServiceCentre.id == Venue.service_centre_id))
        .where(
            Session.town_id == bindparam("town"),
            Session.status == SessionStatus.SCHEDULED,
            Session.ends_at > bindparam("now"),
        )
    )


def _soonest(sessions: Select[Any], name: str) -> Any:
    """The first of them. They are found before they are sorted: SQLite would go through all that the town ever had,
    which an index has in that order."""
    found = sessions.cte(name).prefix_with("MATERIALIZED")
    return select(*found.c).order_by(found.c.starts_at, found.c.session_id).limit(TODAY_MAX).subquery()


_held = (
    select(
        Reservation.id, Reservation.session_id, cast(Reservation.status, String).label("status"), Reservation.party_size
    )
    .where(
        Reservation.town_id == bindparam("town"),
        Reservation.resident_id == bindparam("resident"),
        Reservation.status.in_(LIVE),
    )
    .cte("held")
    .prefix_with("MATERIALIZED")
)
_mine = _soonest(
    _sessions(_held.c.id.label("reservation_id"), _held.c.status, _held.c.party_size).where(
        Session.id == _held.c.session_id
    ),
    "mine",
)
#: What begins today is over by tomorrow's end, which is what the index of ends is asked for.
_ours = _soonest(
    _sessions(
        cast(null(), BigInteger).label("reservation_id"),
        cast(null(), String).label("status"),
        cast(null(), BigInteger).label("party_size"),
    ).where(
        Activity.community_id == bindparam("community"),
        Activity.status == ActivityStatus.PUBLISHED,
        Session.starts_at < bindparam("midnight"),
        Session.ends_at < bindparam("over_by"),
    ),
    "ours",
)
_agenda = union_all(select(*_mine.c), select(*_ours.c))


def show_home(work: Work, language: str, community_id: int | None = None) -> Home:
    """The first page. `community_id`: in place of where the resident lives. Raises CommunityUnknown."""
    is_resident = work.actor.kind is ActorKind.RESIDENT
    asked_community = _ask_community(work, community_id)
    counts = _ask_counts(work)
    lapsing = ask_lapsing(work, work.actor.id) if is_resident else None
    levels = ask_levels(work) if is_resident else None
    rows = asked_community.all() if asked_community is not None else []
    if community_id is not None and not rows:
        raise CommunityUnknown
    agenda = _ask_agenda(work, rows[0].community_id if rows else 0)
    unread = count_unread(work) if is_resident else None
    announcements = list_for(work, limit=ANNOUNCEMENTS_MAX).items
    mine, ours = _parted(agenda.all())
    today = local_day(work.now)
    return Home(
        _entries(counts(), language),
        _community(work, rows) if rows else None,
        [*(row for row in mine if local_day(row.starts_at) <= today), *ours],
        mine[0] if mine else None,
        CODE_PATH if is_resident else None,
        _points(lapsing.all()) if lapsing is not None else None,
        levels_in(work, levels) if levels is not None else [],
        unread,
        announcements,
    )


def _ask_community(work: Work, community_id: int | None) -> Reply | None:
    if community_id is not None:
        return work.send(_of_community, {"town": work.town_id, "community": community_id})
    if work.actor.kind is ActorKind.RESIDENT:
        return work.send(_of_resident, {"town": work.town_id, "resident": work.actor.id})
    return None


def _ask_agenda(work: Work, community_id: int) -> Reply:
    midnight = local_moment(local_day(work.now) + A_DAY, "00:00")
    return work.send(
        _agenda,
        {
            "town": work.town_id,
            "now": work.now,
            "resident": work.actor.id if work.actor.kind is ActorKind.RESIDENT else 0,
            "community": community_id,
            "midnight": midnight,
            "over_by": midnight + A_DAY,
        },
    )


def _parted(rows: Sequence[AnyRow]) -> tuple[list[AnyRow], list[AnyRow]]:
    """One's own reservations, and the community's sessions in which one has none; both the soonest first."""
    in_order = sorted(rows, key=lambda row: (row.starts_at, row.session_id))
    mine = [row for row in in_order if row.reservation_id is not None]
    known = {row.session_id for row in mine}
    return mine, [row for row in in_order if row.session_id not in known]


def _ask_counts(work: Work) -> Callable[[], Sequence[int]]:
    """Send the question for how much there is of each room; what is returned waits for that, in the order of ENTRIES."""
    known = _counted_lately(work)
    unknown = tuple(kind for kind, *_ in ENTRIES if kind not in known)
    reply = work.send(_counts_of(unknown), {"town": work.town_id}) if unknown else None

    def counts() -> Sequence[int]:
        found = dict(zip(unknown, reply.one(), strict=True)) if reply is not None else {}
        for kind, count in found.items():
            if count >= MANY:
                work.memory.lately.put((work.town_id, "home", kind), (work.now, count))
        both = known | found
        return [both[kind] for kind, *_ in ENTRIES]

    return counts


def _counted_lately(work: Work) -> dict[FoundKind, int]:
    """The counts of rooms with many things that this process has made in the last minute."""
    known = {}
    for kind, *_ in ENTRIES:
        counted_at, count = work.memory.lately.get((work.town_id, "home", kind)) or (None, 0)
        if counted_at is not None and abs(work.now - counted_at) < COUNTED_FOR:
            known[kind] = count
    return known


def _entries(counts: Sequence[int], language: str) -> list[EntryView]:
    return [
        EntryView(kind, english if language == "en" else chinese, count, path)
        for (kind, chinese, english, path), count in zip(ENTRIES, counts, strict=True)
    ]


def _points(rows: Sequence[AnyRow]) -> HomePoints:
    lots = [Lapsing(row.expires_on, row.amount) for row in rows]
    return HomePoints(sum(lot.amount for lot in lots), lots[:LAPSING_MAX])


def _community(work: Work, rows: Sequence[AnyRow]) -> HomeCommunity:
    """`rows`: one for each span of hours of each centre."""
    centres = {row.id: row for row in rows if row.id is not None}
    end = work.now + timedelta(days=LOOK_AHEAD_DAYS)
    calendar = read_calendar(work, local_day(work.now), local_day(end))
    closures = defaultdict(list)
    for closure in read_centre_closures(work, set(centres), work.now, end) if centres else []:
        closures[closure.service_centre_id].append(Span(closure.starts_at, closure.ends_at))
    hours = _hours_in(rows)
    openings = {
        id_: Opening(hours.get(id_, {}), Times(row.opens_at, row.closes_at), calendar, closures[id_])
        for id_, row in centres.items()
    }
    today = local_day(work.now)
    return HomeCommunity(
        rows[0].community_id,
        rows[0].community_name,
        [
            _centre(row, openings[id_].times_on(today), state_at(openings[id_], work.now))
            for id_, row in centres.items()
        ],
    )


def _hours_in(rows: Sequence[AnyRow]) -> Mapping[int, Mapping[DayKind, list[Times]]]:
    """The hours of each centre by the kind of day; a kind without a time is closed."""
    hours: dict[int, dict[DayKind, list[Times]]] = defaultdict(dict)
    for row in rows:
        if row.day_kind is not None:
            spans = hours[row.id].setdefault(row.day_kind, [])
            if row.day_opens_at is not None:
                spans.append(Times(row.day_opens_at, row.day_closes_at))
    return hours


def _centre(row: AnyRow, today: Sequence[Times], state: OpenState) -> HomeCentre:
    return HomeCentre(row.id, row.name, row.address, today, state.open_now, state.open_until, state.opens_next_at)

"""The demo town is the town that its lists name, and it holds what they need."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest
from sqlalchemy import func, select

from demo.people import RESIDENTS, openid_of
from demo.season import FUTURE_DAYS, extend_season
from demo.seed import TOWN_ID, seed
from models.activities import Activity, Allocation, Series, Session
from models.checkins import Scan
from models.history import ReservationVersion
from models.ledger import Txn
from models.reservations import HOLDING, Draw, Reservation, ReservationStatus
from models.residents import Consent, Household, Resident, Staff
from models.territory import Operator, Scene, ServiceCentre, Territory, TerritoryKind, Town
from models.venues import Venue
from models.volunteering import VolunteerRegistration
from rules.activities.looking import ActivityFilter, list_activities
from rules.clock import local_day, local_moment
from rules.ids import first_id_at
from rules.residents.passwords import check_password, find_credentials
from rules.residents.sign_in import openid_context, sign_in_resident
from rules.territory import list_communities, show_community
from tests.demo.conftest import NOW, PASSWORD, Demo

BY_THE_CLOCK = {"town_revision"}  #: PostgreSQL's revisions are moments, so that none is given out twice
HALF_HOURS = [timedelta(minutes=30 * n) for n in range(48)]
#: Tables whose rows come about one after another, with the column that says when.
IN_ORDER_OF_TIME = (
    (Resident, Resident.registered_at),
    (Reservation, Reservation.reserved_at),
    (Scan, Scan.received_at),
    (Txn, Txn.recorded_at),
)


def count(demo: Demo, table: type) -> int:
    return demo.rows(select(func.count()).select_from(table))[0][0]


def test_the_town_has_the_size_that_is_published(demo: Demo):
    kinds = dict(demo.rows(select(Territory.kind, func.count()).group_by(Territory.kind)))
    assert kinds[TerritoryKind.COMMUNITY] == 3
    assert kinds[TerritoryKind.ESTATE] == 5
    assert count(demo, Household) == 5_487
    assert count(demo, Resident) == count(demo, Consent) == 14_657
    assert count(demo, Operator) >= 12
    assert demo.rows(select(Town.name, Town.is_demo)) == [("缤纷未来社区", True)]


def test_homes_add_up_from_the_buildings_to_the_city(demo: Demo):
    nodes = demo.rows(select(Territory))
    homes_below = Counter()
    for (node,) in nodes:
        homes_below[node.parent_id] += node.homes
    dwellings = dict(demo.rows(select(Household.building_id, func.count()).group_by(Household.building_id)))
    for (node,) in nodes:
        assert node.homes == (dwellings[node.id] if node.kind is TerritoryKind.BUILDING else homes_below[node.id])
        assert node.path.endswith(f"{node.id}/")
    assert homes_below[None] == 5_487


def test_communities_show_their_estates_centres_and_rooms(demo: Demo):
    def read(work):
        return [show_community(work, row.id) for row in list_communities(work)]

    communities = demo.transactions.read(TOWN_ID, demo.first(), read)
    assert [community.name for community in communities] == ["星民社区", "七甲闸社区", "水电社区"]
    for community in communities:
        assert community.estates
        assert len(community.centres[0].venues) >= 4


def test_every_scene_has_activities_of_several_kinds(demo: Demo):
    categories = demo.rows(select(Activity.scene, Activity.category))
    assert {scene for scene, _ in categories} == set(Scene)
    asked = (
        "亲子早教 瑜伽 毛线编织 古典舞 口才与表演 逻辑思维 语言启蒙 木作手工 书法 老人陪护 垃圾分类 环境整治 主题党日"
    )
    assert set(asked.split()) <= {category for _, category in categories}
    assert count(demo, Activity) >= 24


def test_some_activities_are_for_volunteers_and_some_for_one_community(demo: Demo):
    for_volunteers = {row.category for row in demo.rows(select(Activity.category).where(Activity.volunteers_only))}
    assert {"老人陪护", "环境整治", "垃圾分类"} <= for_volunteers
    eligible = {row[0] for row in demo.rows(select(Activity.eligible_territory_id))} - {None}
    communities = select(Territory.id).where(Territory.kind == TerritoryKind.COMMUNITY)
    assert eligible < {row[0] for row in demo.rows(communities)}
    assert eligible


def test_a_season_has_a_few_thousand_sessions_between_nine_and_five(demo: Demo):
    sessions = demo.rows(
        select(Session.starts_at, Session.ends_at, ServiceCentre.opens_at)
        .join(Venue, Venue.id == Session.venue_id)
        .join(ServiceCentre, ServiceCentre.id == Venue.service_centre_id)
    )
    assert 2_000 <= len(sessions) <= 5_000
    for session in sessions:
        day = local_day(session.starts_at)
        if session.opens_at == "09:00":
            assert session.starts_at >= local_moment(day, "09:00")
            assert session.ends_at <= local_moment(day, "17:00")
    days = {local_day(session.starts_at) for session in sessions}
    assert {demo.today + timedelta(days=n) for n in range(-45, 31)} == days


def test_two_sessions_never_meet_in_one_room(demo: Demo):
    sessions = demo.rows(
        select(Session.venue_id, Session.starts_at, Session.ends_at).order_by(Session.venue_id, Session.starts_at)
    )
    for earlier, later in pairwise(sessions):
        assert earlier.venue_id != later.venue_id or earlier.ends_at <= later.starts_at


def test_sessions_fit_their_rooms(demo: Demo):
    capacities = select(Series.capacity, Venue.capacity).join(Venue, Venue.id == Series.venue_id)
    assert all(session <= room for session, room in demo.rows(capacities))


@pytest.mark.parametrize("since_midnight", HALF_HOURS, ids=str)
def test_at_any_hour_a_session_with_free_places_is_open_for_check_in(demo: Demo, since_midnight: timedelta):
    at = local_moment(demo.today, "00:00") + since_midnight
    for_all = (~Activity.volunteers_only, Activity.eligible_territory_id.is_(None))
    window = (Session.checkin_opens_at <= at, Session.ends_at > at, Session.reservable_until > at)
    open_now = (
        select(Session.id)
        .join(Activity, Activity.id == Session.activity_id)
        .where(*window, Session.taken < Session.capacity, *for_all)
    )
    assert demo.rows(open_now)


def test_places_taken_are_those_of_live_reservations(demo: Demo):
    held = dict(
        demo.rows(
            select(Reservation.session_id, func.sum(Reservation.party_size))
            .where(Reservation.status.in_(HOLDING))
            .group_by(Reservation.session_id)
        )
    )
    for id_, taken in demo.rows(select(Session.id, Session.taken)):
        assert taken == held.get(id_, 0)


def test_a_place_that_was_lost_was_held_until_then(demo: Demo):
    lost_at = func.coalesce(Reservation.cancelled_at, Reservation.no_show_at)
    lost = demo.rows(select(Reservation.id, lost_at, Reservation.versioned_at).where(lost_at.is_not(None)))
    versions = demo.rows(select(ReservationVersion.id, ReservationVersion.until, ReservationVersion.status))
    assert {row.id for row in lost}
    assert {(id_, at, ReservationStatus.CONFIRMED) for id_, at, _ in lost} == set(map(tuple, versions))
    assert all(at == versioned_at for _, at, versioned_at in lost)


def test_reservations_were_made_by_people_who_might(demo: Demo):
    home = select(Territory.id, Territory.path).where(Territory.kind == TerritoryKind.BUILDING).subquery()
    rows = demo.rows(
        select(
            Activity.volunteers_only,
            Activity.eligible_territory_id,
            Activity.party_size_max,
            VolunteerRegistration.registered_at.label("volunteer_since"),
            Resident.registered_at,
            Reservation.reserved_at,
            Reservation.party_size,
            Reservation.checked_in_at,
            Session.checkin_opens_at,
            Session.ends_at,
            Session.reservable_until,
            home.c.path,
        )
        .join(Session, Session.id == Reservation.session_id)
        .join(Activity, Activity.id == Session.activity_id)
        .join(Resident, Resident.id == Reservation.resident_id)
        .join(home, home.c.id == Resident.territory_id)
        .outerjoin(VolunteerRegistration, VolunteerRegistration.resident_id == Resident.id)
    )
    assert len(rows) > 20_000
    for row in rows:
        assert row.registered_at <= row.reserved_at < min(NOW, row.reservable_until)
        assert row.party_size <= row.party_size_max
        assert not row.volunteers_only or row.volunteer_since <= row.reserved_at
        assert row.eligible_territory_id is None or f"/{row.eligible_territory_id}/" in row.path
        assert row.checked_in_at is None or row.checkin_opens_at <= row.checked_in_at < row.ends_at


def test_the_days_to_come_are_partly_reserved_and_a_few_sessions_are_full(demo: Demo):
    after = local_moment(demo.today, "00:00")
    coming = demo.rows(select(Session.taken, Session.capacity).where(Session.starts_at >= after))
    assert sum(taken > 0 for taken, _ in coming) > 100
    assert 0 < sum(taken == capacity for taken, capacity in coming) < 60


def test_what_is_over_is_closed_and_nothing_else(demo: Demo):
    midnight = local_moment(demo.today, "00:00")
    for ends_at, closed_at in demo.rows(select(Session.ends_at, Session.closed_at)):
        assert closed_at == (ends_at if ends_at <= midnight else None)
    open_absences = (
        select(Reservation.id)
        .join(Session, Session.id == Reservation.session_id)
        .where(Reservation.status == ReservationStatus.CONFIRMED, Session.closed_at.is_not(None))
    )
    assert demo.rows(open_absences) == []


def test_some_activities_ask_cost_wait_draw_or_need_a_minimum(demo: Demo):
    activities = demo.rows(select(Activity))
    shown = [row[0] for row in activities]
    assert sum(activity.waiting_max > 0 for activity in shown) >= 5
    assert sum(activity.questions != [] for activity in shown) >= 3
    assert any(activity.price > 0 for activity in shown)
    assert any(activity.age_min is not None for activity in shown)
    assert demo.rows(select(Session.id).where(Session.capacity_min > 0))
    assert demo.rows(select(Session.id).where(Session.overbooking_max > 0))
    draws = {row[0] for row in demo.rows(select(Draw.session_id))}
    assert draws
    assert draws == {row[0] for row in demo.rows(select(Session.id).where(Session.allocates_at.is_not(None)))}


def test_what_is_new_has_no_past_and_no_reservations(demo: Demo):
    new = select(Activity.id).where((Activity.price > 0) | (Activity.allocation != Allocation.FIRST_COME))
    sessions = demo.rows(select(Session.starts_at, Session.taken).where(Session.activity_id.in_(new)))
    assert sessions
    for starts_at, taken in sessions:
        assert (local_day(starts_at) > demo.today, taken) == (True, 0)


def test_every_state_of_a_reservation_and_some_refusals_are_there(demo: Demo):
    states = dict(demo.rows(select(Reservation.status, func.count()).group_by(Reservation.status)))
    assert states[ReservationStatus.CHECKED_IN] > states[ReservationStatus.CONFIRMED] > 500
    assert states[ReservationStatus.CANCELLED] > 500
    assert states[ReservationStatus.NO_SHOW] > 500
    reasons = dict(demo.rows(select(Scan.reason, func.count()).where(Scan.reason.is_not(None)).group_by(Scan.reason)))
    assert len(reasons) >= 4
    assert sum(reasons.values()) < 150


@pytest.mark.parametrize(("table", "when"), IN_ORDER_OF_TIME, ids=lambda each: getattr(each, "__tablename__", ""))
def test_ids_rise_with_time_and_none_is_of_the_future(demo: Demo, table: type, when):
    moments = [row[0] for row in demo.rows(select(when).order_by(table.id))]
    assert moments == sorted(moments)
    assert demo.rows(select(func.max(table.id)))[0][0] < first_id_at(NOW)


def test_residents_and_staff_share_no_id(demo: Demo):
    residents = {row[0] for row in demo.rows(select(Resident.id))}
    assert residents.isdisjoint(row[0] for row in demo.rows(select(Staff.id)))


@pytest.mark.parametrize("number", [1, 777, RESIDENTS])
def test_the_code_of_a_resident_of_the_town_signs_that_resident_in(demo: Demo, number: int):
    before = count(demo, Resident)

    def sign_in(work):
        sign_in_resident(work, demo.keys, openid_of(number), None)
        return work.db.scalar(select(func.count()).select_from(Resident))

    assert demo.undone(sign_in) == before
    id_ = demo.resident_id(number)
    sealed = demo.rows(select(Resident.openid_sealed).where(Resident.id == id_))[0][0]
    assert demo.keys.open(sealed, openid_context(TOWN_ID, id_)) == openid_of(number)


@pytest.mark.parametrize("username", ["scanner", "organiser", "manager", "admin", "auditor", "property", "merchant"])
def test_staff_sign_in_with_the_demo_password(demo: Demo, username: str):
    credentials = demo.transactions.read(TOWN_ID, demo.staff(username), find_credentials, username)
    assert check_password(credentials, PASSWORD) == demo.staff(username).id


def test_the_same_day_makes_the_same_town(demo_on_sqlite: Demo, demo_on_postgresql: Demo):
    one, other = demo_on_sqlite.contents_at_first, demo_on_postgresql.contents_at_first
    for table in one.keys() - BY_THE_CLOCK:
        assert one[table] == other[table], table


def test_a_second_start_finds_the_town_and_changes_nothing(demo: Demo):
    before = demo.contents_at_first
    assert seed(demo.transactions, demo.keys, password="another", now=NOW + timedelta(hours=9)) is False
    assert demo.contents() == before


def test_a_start_forty_days_later_plans_the_days_since_and_keeps_the_rest(demo: Demo):
    later = demo.today + timedelta(days=40)

    def extend(work):
        before = set(work.db.execute(select(Session.id, Session.starts_at, Session.taken)).all())
        added = extend_season(work, later)
        after = set(work.db.execute(select(Session.id, Session.starts_at, Session.taken)).all())
        return before, added, after, extend_season(work, later)

    before, added, after, added_again = demo.undone(extend)
    assert before < after
    assert len(after) - len(before) == added > 500
    assert added_again == 0
    planned = {local_day(starts_at) for _, starts_at, _ in after - before}
    assert planned == {later + timedelta(days=n) for n in range(FUTURE_DAYS + 1)}


def test_the_lists_of_the_hour_have_something_in_them(demo: Demo):
    def read(work, **wanted):
        return list_activities(work, ActivityFilter(**wanted), None, 100).items

    for wanted in ({}, {"available": True}, {"checkin_open": True, "available": True}, {"q": "亲子"}):
        assert demo.transactions.read(TOWN_ID, demo.first(), read, **wanted)
    for scene in Scene:
        assert demo.transactions.read(TOWN_ID, demo.first(), read, scene=scene)

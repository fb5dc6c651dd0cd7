"""Protects what follows from the visits: hours and points are what they add up to now, and never paid twice."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from models.activities import Session
from models.ledger import Book, Event, Txn, TxnKind
from models.volunteering import ServiceStatus
from rules.ledger.transactions import POINTS
from rules.volunteering.book import HOURS, Minutes
from rules.work import Work
from tests.build import ApiClient, TownBuilder
from tests.ledger.keeping import audit
from tests.points.spending import spend_points
from tests.races import from_threads
from tests.rulebook.live import counts, put_in_force
from tests.volunteering.serving import (
    RULES,
    a_session,
    day_of,
    days_ago,
    entry,
    live_of,
    minutes_of,
    organiser,
    points_of,
    records_of,
    serve,
    settle,
    today,
    written_down,
)


@pytest.fixture(autouse=True)
def rules(town: TownBuilder) -> None:
    put_in_force(town, RULES)


def names_of_events(town: TownBuilder) -> list[str]:
    return sorted(row.source_ref for row in town.rows(Event.source_ref, source="service"))


def test_the_first_sum_is_hours_and_points(town: TownBuilder, api: ApiClient) -> None:
    volunteer, session_id = town.resident(volunteer=True), a_session(town)
    outcome = serve(town, volunteer, session_id, 95)
    assert (outcome.awarded, outcome.balance) == (15, 15)
    assert minutes_of(town, volunteer) == Minutes(signed=95)
    [record] = records_of(town, volunteer)
    assert (record.status, record.minutes, record.description) == (ServiceStatus.COUNTED, 95, "长者助餐")
    assert (record.category, record.community_id) == ("助老", town.community_id)
    assert names_of_events(town) == [f"{session_id}:{volunteer.id}"]
    assert day_of(town, volunteer, today()) == (95, 0)
    line = api.as_(volunteer).get("/me/points/statement").json["items"][0]
    assert (line["amount"], line["reason"]) == (15, "service")
    audit(town)


def test_the_same_sum_again_does_nothing(town: TownBuilder) -> None:
    volunteer, session_id = town.resident(volunteer=True), a_session(town)
    serve(town, volunteer, session_id, 95)
    before = town.contents()
    assert serve(town, volunteer, session_id, 95) is None
    assert town.contents() == before
    stranger = town.resident()
    before = town.contents()
    assert serve(town, stranger, session_id, 0) is None
    assert {name: rows for name, rows in town.contents().items() if name != "service_day"} == {
        name: rows for name, rows in before.items() if name != "service_day"
    }


def test_of_several_sessions_at_once_the_points_of_all_come_before_the_hours_of_any(town: TownBuilder) -> None:
    """Everybody locks the pool of points before the one of hours; else two who hold one of them wait for the other."""
    volunteer, sessions = town.resident(volunteer=True), [a_session(town) for _ in range(2)]
    outcomes = settle(town, volunteer, dict.fromkeys(sessions, 60))
    assert {session_id: outcome.awarded for session_id, outcome in outcomes.items()} == dict.fromkeys(sessions, 10)
    code_of = {row.id: row.code for row in town.rows(Book.id, Book.code)}
    booked = sorted((row.id, code_of[row.book_id]) for row in town.rows(Txn.id, Txn.book_id, kind=TxnKind.EARN))
    assert [code for _, code in booked] == [POINTS, POINTS, HOURS, HOURS]
    audit(town)


@pytest.mark.parametrize("minutes", [30, 240])
def test_another_sum_corrects_hours_points_and_tallies(town: TownBuilder, api: ApiClient, minutes: int) -> None:
    volunteer, session_id = town.resident(volunteer=True), a_session(town)
    serve(town, volunteer, session_id, 95)
    serve(town, volunteer, session_id, minutes)
    assert minutes_of(town, volunteer) == Minutes(signed=minutes)
    assert points_of(api, volunteer) == minutes // 30 * 5
    before, after = records_of(town, volunteer)
    assert (before.status, before.voided_by, after.status) == (ServiceStatus.VOIDED, None, ServiceStatus.COUNTED)
    name = f"{session_id}:{volunteer.id}"
    assert names_of_events(town) == [name, f"{name}#2"]
    assert day_of(town, volunteer, today()) == (minutes, 0)
    assert counts(town, volunteer)["tally:service-hours", "ever"] == minutes * 10_000
    audit(town)


def test_none_withdraws_and_more_comes_back(town: TownBuilder, api: ApiClient) -> None:
    volunteer, session_id = town.resident(volunteer=True), a_session(town)
    serve(town, volunteer, session_id, 60)
    serve(town, volunteer, session_id, 0)
    assert minutes_of(town, volunteer) == Minutes()
    assert (points_of(api, volunteer), live_of(town, volunteer)) == (0, [])
    assert day_of(town, volunteer, today()) == (0, 0)
    serve(town, volunteer, session_id, 120)
    assert (minutes_of(town, volunteer), points_of(api, volunteer)) == (Minutes(signed=120), 20)
    name = f"{session_id}:{volunteer.id}"
    assert names_of_events(town) == [name, f"{name}#2"]
    audit(town)


def test_two_sessions_and_two_volunteers_are_kept_apart(town: TownBuilder, api: ApiClient) -> None:
    first, second = town.resident(volunteer=True), town.resident(volunteer=True)
    morning, evening = a_session(town), a_session(town)
    for who, session_id, minutes in ((first, morning, 60), (first, evening, 30), (second, morning, 120)):
        serve(town, who, session_id, minutes)
    serve(town, first, evening, 0)
    assert (minutes_of(town, first), minutes_of(town, second)) == (Minutes(signed=60), Minutes(signed=120))
    assert (points_of(api, first), points_of(api, second)) == (10, 20)


def test_more_hours_pay_the_rest_though_what_the_first_ones_earned_is_spent(town: TownBuilder, api: ApiClient) -> None:
    """Who comes back after a break has perhaps bought something in between."""
    volunteer, session_id = town.resident(volunteer=True), a_session(town)
    serve(town, volunteer, session_id, 60)
    spend_points(town, volunteer, 10)
    serve(town, volunteer, session_id, 150)
    assert (minutes_of(town, volunteer), points_of(api, volunteer)) == (Minutes(signed=150), 15)
    assert live_of(town, volunteer)[0].flags == ""
    assert counts(town, volunteer)["tally:service-hours", "ever"] == 150 * 10_000
    audit(town)


def test_fewer_hours_than_paid_for_leave_the_points_that_are_spent_and_say_so(
    town: TownBuilder, api: ApiClient
) -> None:
    volunteer, session_id = town.resident(volunteer=True), a_session(town)
    serve(town, volunteer, session_id, 120)
    spend_points(town, volunteer, 15)
    assert serve(town, volunteer, session_id, 30) is None
    assert (minutes_of(town, volunteer), points_of(api, volunteer)) == (Minutes(signed=30), 5)
    [live] = live_of(town, volunteer)
    assert (live.minutes, live.flags) == (30, "points_kept")
    audit(town)
    serve(town, volunteer, session_id, 0)
    assert (minutes_of(town, volunteer), points_of(api, volunteer)) == (Minutes(), 5)
    assert "points_kept" in records_of(town, volunteer)[-1].flags
    serve(town, volunteer, session_id, 180)
    assert (minutes_of(town, volunteer), points_of(api, volunteer)) == (Minutes(signed=180), 15)
    assert sum(1 for name in names_of_events(town) if name.startswith(f"{session_id}:")) == 2
    audit(town)


def test_hours_of_a_session_that_was_moved_belong_to_its_day(town: TownBuilder) -> None:
    volunteer, session_id = town.resident(volunteer=True), a_session(town)
    serve(town, volunteer, session_id, 60)

    def move(work: Work) -> None:
        row = work.db.get(Session, (town.id, session_id))
        earlier = {
            "starts_at": row.starts_at - timedelta(days=2),
            "checkin_opens_at": row.starts_at - timedelta(days=3),
            "versioned_at": work.now,
        }
        work.db.execute(update(Session).where(Session.town_id == town.id, Session.id == session_id).values(**earlier))

    town.act(None, move)
    serve(town, volunteer, session_id, 60)
    assert (day_of(town, volunteer, today()), day_of(town, volunteer, days_ago(2))) == ((0, 0), (60, 0))
    [live] = live_of(town, volunteer)
    assert live.served_on == days_ago(2)
    assert minutes_of(town, volunteer) == Minutes(signed=60)


def test_what_staff_wrote_down_for_that_day_is_flagged_when_signed_hours_come(
    town: TownBuilder, api: ApiClient
) -> None:
    volunteer = town.resident(volunteer=True)
    written_down(organiser(town, api), entry(volunteer, 60, today()), entry(volunteer, 60, days_ago(1)))
    session_id = a_session(town)
    serve(town, volunteer, session_id, 30)
    serve(town, volunteer, session_id, 45)
    flags = {record.served_on: record.flags for record in live_of(town, volunteer) if record.provenance == "staff"}
    assert flags == {today(): "overlaps_signed", days_ago(1): ""}
    assert minutes_of(town, volunteer) == Minutes(signed=45, staff=120)


def test_a_rulebook_that_does_not_speak_of_service_pays_nothing_and_hours_count_all_the_same(
    town: TownBuilder, api: ApiClient
) -> None:
    put_in_force(town, 'name = "别的"\n[expiry]\nyears = 1\n', days_ago=1)
    volunteer, session_id = town.resident(volunteer=True), a_session(town)
    assert serve(town, volunteer, session_id, 90).awarded == 0
    assert (minutes_of(town, volunteer), points_of(api, volunteer)) == (Minutes(signed=90), 0)
    serve(town, volunteer, session_id, 0)
    assert minutes_of(town, volunteer) == Minutes()


def test_many_who_settle_one_session_at_once_leave_one_record_of_it(town: TownBuilder, api: ApiClient) -> None:
    volunteer, session_id = town.resident(volunteer=True), a_session(town)
    from_threads(lambda minutes: serve(town, volunteer, session_id, minutes), [(30 * n,) for n in range(1, 21)], 20)
    [live] = live_of(town, volunteer)
    assert minutes_of(town, volunteer) == Minutes(signed=live.minutes)
    assert points_of(api, volunteer) == live.minutes // 30 * 5
    assert day_of(town, volunteer, today()) == (live.minutes, 0)
    audit(town)


def test_the_first_minutes_of_a_town_open_its_book_once(town: TownBuilder) -> None:
    volunteers = [town.resident(volunteer=True) for _ in range(8)]
    session_id = a_session(town)
    from_threads(lambda who: serve(town, who, session_id, 60), [(who,) for who in volunteers], 8)
    assert [minutes_of(town, who) for who in volunteers] == [Minutes(signed=60)] * 8
    audit(town)

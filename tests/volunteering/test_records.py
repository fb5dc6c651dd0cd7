"""Protects what staff write down: it is kept apart, bounded, flagged, decided by two, and taken back whole."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.jobs import Outbox
from models.ledger import Event
from models.residents import Role
from rules.volunteering.book import Minutes
from rules.volunteering.limits import ENTRY_DAYS_MAX, ENTRY_RECORDS_UNFLAGGED
from tests.build import ApiClient, TownBuilder, fresh_key
from tests.edge.helpers import NOBODY, problem_of
from tests.ledger.keeping import audit
from tests.points.hands import effects
from tests.points.spending import spend_points
from tests.rulebook.live import put_in_force
from tests.volunteering.serving import (
    RULES,
    a_session,
    day_of,
    days_ago,
    decide,
    entry,
    live_of,
    manager,
    minutes_of,
    organiser,
    points_of,
    records_of,
    serve,
    today,
    void,
    write_down,
    written_down,
)


@pytest.fixture(autouse=True)
def rules(town: TownBuilder) -> None:
    put_in_force(town, RULES)


# Writing down


def test_what_staff_write_down_counts_at_once_and_apart(town: TownBuilder, api: ApiClient) -> None:
    first, second = town.resident("赵一", volunteer=True), town.resident("钱二", volunteer=True)
    answer = write_down(
        organiser(town, api),
        entry(first, 90, category="助老", scene="health"),
        entry(second, 30),
        entry(first, 60, today()),
    )
    assert answer.status_code == 201, answer.text
    batch = answer.json
    assert (batch["provenance"], batch["rows_total"], batch["problems"]) == ("staff", 3, [])
    assert batch["counts"] == {"counted": 3, "pending": 0, "declined": 0, "voided": 0}
    assert [item["resident_name"] for item in batch["items"]] == ["赵*", "钱*", "赵*"]
    assert (minutes_of(town, first), minutes_of(town, second)) == (Minutes(staff=150), Minutes(staff=30))
    assert (points_of(api, first), points_of(api, second)) == (10, 2)
    audit(town)


def test_an_event_says_that_staff_wrote_it_down(town: TownBuilder, api: ApiClient) -> None:
    volunteer = town.resident(volunteer=True)
    [record] = written_down(organiser(town, api), entry(volunteer, 90, category="助老", scene="health"))
    [event] = [row[0] for row in town.rows(Event, source="service")]
    assert (event.source_ref, event.payload["kind"], event.payload["subject"]) == (record["id"], "service", "清扫楼道")
    assert event.payload["facts"] == {
        "minutes": 90,
        "provenance": "staff",
        "category": "助老",
        "scene": "health",
        "claimed_on": today().isoformat(),
        "approved_by": ["staff"],
    }


def test_residents_are_told_what_others_write_down_of_them(town: TownBuilder, api: ApiClient) -> None:
    volunteer, staff = town.resident(volunteer=True), organiser(town, api)
    [record] = written_down(staff, entry(volunteer, 90))
    void(staff, record["id"])
    told = [(row.topic, row.key) for row in town.rows(Outbox.topic, Outbox.key) if row.topic.startswith("service.")]
    assert sorted(told) == [("service.counted", record["id"]), ("service.voided", record["id"])]


def test_one_wrong_item_keeps_all_of_them_out_and_each_is_named(town: TownBuilder, api: ApiClient) -> None:
    volunteer, neighbour, staff = town.resident(volunteer=True), town.resident(), organiser(town, api)
    before = effects(town)
    answer = write_down(
        staff,
        entry(volunteer),
        entry(NOBODY),
        entry(neighbour),
        entry(volunteer, served_on=today() + timedelta(days=1)),
        entry(volunteer, served_on=days_ago(ENTRY_DAYS_MAX + 1)),
    )
    problem = problem_of(answer, 422, "volunteering.records_invalid")
    assert set(problem["errors"]) == {"items.1", "items.2", "items.3", "items.4"}
    assert effects(town) == before


@pytest.mark.parametrize("minutes", [0, -5, 1441, "60", 1.5, True, None])
def test_minutes_are_whole_and_fit_in_a_day(town: TownBuilder, api: ApiClient, minutes: object) -> None:
    volunteer = town.resident(volunteer=True)
    problem_of(write_down(organiser(town, api), entry(volunteer) | {"minutes": minutes}), 422, "request.invalid")
    assert records_of(town, volunteer) == []


def test_a_request_has_1_to_500_items(town: TownBuilder, api: ApiClient) -> None:
    volunteer, staff = town.resident(volunteer=True), organiser(town, api)
    problem_of(write_down(staff), 422, "request.invalid")
    problem_of(write_down(staff, *[entry(volunteer, 1)] * 501), 422, "request.invalid")
    assert len(written_down(staff, *[entry(volunteer, 1)] * 500)) == 500


def test_staff_write_down_hours_of_those_whom_they_organise(town: TownBuilder, api: ApiClient) -> None:
    here, there = town.resident(volunteer=True), town.resident(volunteer=True, community_id=town.other_community_id)
    nowhere = town.resident(volunteer=True, territory_id=None)
    staff = organiser(town, api, at=town.community_id)
    for stranger in (there, nowhere):
        problem_of(write_down(staff, entry(here), entry(stranger)), 403, "auth.forbidden")
    assert records_of(town, here) == []
    assert len(written_down(staff, entry(here))) == 1
    assert len(written_down(organiser(town, api), entry(there), entry(nowhere))) == 2


def test_the_same_request_again_is_written_down_once(town: TownBuilder, api: ApiClient) -> None:
    volunteer, staff, key = town.resident(volunteer=True), organiser(town, api), fresh_key()
    first = write_down(staff, entry(volunteer, 60), key=key)
    again = write_down(staff, entry(volunteer, 60), key=key)
    assert (first.json, again.headers["Idempotent-Replayed"]) == (again.json, "true")
    assert minutes_of(town, volunteer) == Minutes(staff=60)


# Bounds and flags


def test_a_day_has_24_hours_whoever_writes_them_down(town: TownBuilder, api: ApiClient) -> None:
    volunteer = town.resident(volunteer=True)
    serve(town, volunteer, a_session(town), 60)
    written_down(organiser(town, api), entry(volunteer, 1000, today()))
    problem = problem_of(
        write_down(organiser(town, api), entry(volunteer, 381, today())), 422, "volunteering.records_invalid"
    )
    assert "24" in problem["errors"]["items.0"][0]
    assert day_of(town, volunteer, today()) == (60, 1000)
    written_down(organiser(town, api), entry(volunteer, 380, today()))
    assert day_of(town, volunteer, today()) == (60, 1380)


def test_signed_hours_are_never_refused_for_what_was_written_down(town: TownBuilder, api: ApiClient) -> None:
    volunteer = town.resident(volunteer=True)
    written_down(organiser(town, api), entry(volunteer, 1440, today()))
    serve(town, volunteer, a_session(town), 120)
    assert day_of(town, volunteer, today()) == (120, 1440)
    assert minutes_of(town, volunteer).signed == 120


def test_more_than_eight_hours_of_one_person_on_one_day_wait_for_a_second_person(
    town: TownBuilder, api: ApiClient
) -> None:
    volunteer, staff = town.resident(volunteer=True), organiser(town, api)
    records = written_down(staff, entry(volunteer, 480), entry(volunteer, 1), entry(volunteer, 480, days_ago(2)))
    assert [(each["status"], each["flags"]) for each in records] == [
        ("counted", []),
        ("pending", ["long_day"]),
        ("counted", []),
    ]
    assert minutes_of(town, volunteer) == Minutes(staff=960)


def test_the_21st_record_of_one_member_of_staff_on_one_day_waits(town: TownBuilder, api: ApiClient) -> None:
    volunteers = [town.resident(volunteer=True) for _ in range(ENTRY_RECORDS_UNFLAGGED)]
    staff, colleague = organiser(town, api), organiser(town, api)
    first = written_down(staff, *(entry(who, 30) for who in volunteers[:15]))
    second = written_down(staff, *(entry(who, 30) for who in volunteers[:7]))
    flags = [each["flags"] for each in (*first, *second)]
    assert flags == [[]] * 20 + [["many_records"]] * 2
    assert written_down(colleague, entry(volunteers[0], 30))[0]["status"] == "counted"


def test_more_than_100_hours_of_one_member_of_staff_on_one_day_wait(town: TownBuilder, api: ApiClient) -> None:
    volunteers = [town.resident(volunteer=True) for _ in range(14)]
    records = written_down(organiser(town, api), *(entry(who, 450) for who in volunteers))
    assert [each["flags"] for each in records] == [[]] * 13 + [["many_hours"]]


def test_to_void_a_record_frees_nothing_of_what_one_may_write_down_alone(town: TownBuilder, api: ApiClient) -> None:
    volunteers, staff = [town.resident(volunteer=True) for _ in range(20)], organiser(town, api)
    for record in written_down(staff, *(entry(who, 30) for who in volunteers)):
        assert void(staff, record["id"]).status_code == 200
    assert written_down(staff, entry(volunteers[0], 30))[0]["flags"] == ["many_records"]


def test_a_record_beside_signed_hours_of_that_day_waits(town: TownBuilder, api: ApiClient) -> None:
    volunteer = town.resident(volunteer=True)
    serve(town, volunteer, a_session(town), 60)
    records = written_down(organiser(town, api), entry(volunteer, 60, today()), entry(volunteer, 60, days_ago(1)))
    assert [each["flags"] for each in records] == [["overlaps_signed"], []]


# The second person


def flagged(town: TownBuilder, api: ApiClient, staff: ApiClient | None = None) -> tuple[object, str]:
    volunteer = town.resident(volunteer=True)
    [record] = written_down(staff or organiser(town, api), entry(volunteer, 540))
    assert record["status"] == "pending"
    return volunteer, record["id"]


def test_a_flagged_record_counts_when_another_person_accepts_it(town: TownBuilder, api: ApiClient) -> None:
    volunteer, record_id = flagged(town, api)
    assert (minutes_of(town, volunteer), points_of(api, volunteer)) == (Minutes(), 0)
    answer = decide(manager(town, api), record_id, accepts=True, note="当天有抗洪任务")
    assert (answer.status_code, answer.json["status"], answer.json["flags"]) == (200, "counted", ["long_day"])
    assert (minutes_of(town, volunteer), points_of(api, volunteer)) == (Minutes(staff=540), 36)
    [event] = [row[0] for row in town.rows(Event, source="service")]
    assert event.payload["facts"]["approved_by"] == ["staff", "second_person"]
    audit(town)


def test_a_declined_record_never_counts_and_its_day_is_free(town: TownBuilder, api: ApiClient) -> None:
    volunteer, record_id = flagged(town, api)
    answer = decide(manager(town, api), record_id, accepts=False, note="查无此事")
    assert (answer.json["status"], answer.json["decision_note"]) == ("declined", "查无此事")
    assert (minutes_of(town, volunteer), day_of(town, volunteer, days_ago(1))) == (Minutes(), (0, 0))
    for accepts in (True, False):
        problem_of(decide(manager(town, api), record_id, accepts=accepts), 409, "volunteering.record_settled")
    problem_of(void(organiser(town, api), record_id), 409, "volunteering.record_settled")


def test_nobody_is_the_second_person_to_themselves(town: TownBuilder, api: ApiClient) -> None:
    both = api.as_(town.staff(Role.ORGANISER, Role.MANAGER))
    volunteer, record_id = flagged(town, api, both)
    for accepts in (True, False):
        problem_of(decide(both, record_id, accepts=accepts), 403, "points.second_person_required")
    assert live_of(town, volunteer)[0].decided_by is None


def test_the_second_person_is_a_manager_where_the_resident_lives(town: TownBuilder, api: ApiClient) -> None:
    _, record_id = flagged(town, api)
    elsewhere = manager(town, api, at=town.other_community_id)
    problem_of(decide(elsewhere, record_id, accepts=True), 403, "auth.forbidden")
    problem_of(decide(organiser(town, api), record_id, accepts=True), 403, "auth.forbidden")
    problem_of(decide(manager(town, api), str(NOBODY), accepts=True), 404, "volunteering.record_unknown")
    assert [each["id"] for each in elsewhere.get("/volunteering/reviews").json["items"]] == []
    assert [each["id"] for each in manager(town, api).get("/volunteering/reviews").json["items"]] == [record_id]


def test_several_are_decided_at_once_or_none(town: TownBuilder, api: ApiClient) -> None:
    (first, one), (second, two), (_, three) = (flagged(town, api) for _ in range(3))
    boss = manager(town, api)
    decide(boss, three, accepts=False)
    answer = boss.post("/volunteering/reviews", {"ids": [one, two, three], "accepts": True})
    problem_of(answer, 409, "volunteering.record_settled")
    assert minutes_of(town, first) == Minutes()
    answer = boss.post("/volunteering/reviews", {"ids": [two, one, two], "accepts": True})
    assert [each["status"] for each in answer.json["items"]] == ["counted", "counted"]
    assert (minutes_of(town, first), minutes_of(town, second)) == (Minutes(staff=540), Minutes(staff=540))
    audit(town)


# Taking back


def test_a_voided_record_leaves_no_hours_no_points_and_its_reason(town: TownBuilder, api: ApiClient) -> None:
    volunteer, staff = town.resident(volunteer=True), organiser(town, api)
    keep, gone = written_down(staff, entry(volunteer, 60), entry(volunteer, 90))
    answer = void(staff, gone["id"], "记到别人头上了")
    assert (answer.status_code, answer.json["status"], answer.json["void_reason"]) == (200, "voided", "记到别人头上了")
    assert (minutes_of(town, volunteer), points_of(api, volunteer)) == (Minutes(staff=60), 4)
    assert day_of(town, volunteer, days_ago(1)) == (0, 60)
    assert live_of(town, volunteer)[0].id == int(keep["id"])
    problem_of(void(organiser(town, api), gone["id"]), 409, "volunteering.record_settled")
    audit(town)


def test_a_pending_record_can_be_taken_back_by_who_wrote_it_down(town: TownBuilder, api: ApiClient) -> None:
    staff = organiser(town, api)
    volunteer, record_id = flagged(town, api, staff)
    assert void(staff, record_id).json["status"] == "voided"
    problem_of(decide(manager(town, api), record_id, accepts=True), 409, "volunteering.record_settled")
    assert day_of(town, volunteer, days_ago(1)) == (0, 0)


def test_points_that_are_spent_stay_only_where_staff_say_so(town: TownBuilder, api: ApiClient) -> None:
    volunteer, staff = town.resident(volunteer=True), organiser(town, api)
    [record] = written_down(staff, entry(volunteer, 120))
    spend_points(town, volunteer, 5)
    before = effects(town)
    problem_of(void(staff, record["id"]), 409, "points.insufficient")
    assert effects(town) == before
    answer = void(staff, record["id"], keeps_points=True)
    assert (answer.json["status"], answer.json["flags"]) == ("voided", ["points_kept"])
    assert (minutes_of(town, volunteer), points_of(api, volunteer)) == (Minutes(), 3)
    audit(town)


def test_signed_hours_are_not_voided_by_hand(town: TownBuilder, api: ApiClient) -> None:
    volunteer = town.resident(volunteer=True)
    serve(town, volunteer, a_session(town), 60)
    record_id = str(records_of(town, volunteer)[0].id)
    problem_of(void(organiser(town, api), record_id), 409, "volunteering.signed_at_the_door")
    assert minutes_of(town, volunteer) == Minutes(signed=60)


def test_staff_take_back_only_where_they_organise(town: TownBuilder, api: ApiClient) -> None:
    volunteer = town.resident(volunteer=True)
    [record] = written_down(organiser(town, api), entry(volunteer, 60))
    problem_of(void(organiser(town, api, at=town.other_community_id), record["id"]), 403, "auth.forbidden")
    assert minutes_of(town, volunteer) == Minutes(staff=60)


# Looking


def test_staff_see_the_records_of_those_whom_they_organise(town: TownBuilder, api: ApiClient) -> None:
    here, there = town.resident(volunteer=True), town.resident(volunteer=True, community_id=town.other_community_id)
    staff = organiser(town, api)
    plain, long, beside = written_down(staff, entry(here, 60), entry(here, 500), entry(there, 60))

    def listed(caller: ApiClient, **query: object) -> list[str]:
        return [each["id"] for each in caller.get("/volunteering/records", **query).json["items"]]

    assert listed(staff) == [beside["id"], long["id"], plain["id"]]
    assert listed(staff, flagged="true") == [long["id"]]
    assert listed(staff, flagged="false", resident_id=str(here.id)) == [plain["id"]]
    assert listed(staff, status="pending") == [long["id"]]
    assert listed(organiser(town, api, at=town.community_id)) == [long["id"], plain["id"]]
    page = staff.get("/volunteering/records", limit=2).json
    rest = staff.get("/volunteering/records", limit=2, cursor=page["next_cursor"]).json
    assert ([each["id"] for each in rest["items"]], rest["next_cursor"]) == ([plain["id"]], None)


def test_a_batch_is_seen_by_who_wrote_it_down(town: TownBuilder, api: ApiClient) -> None:
    volunteer = town.resident(volunteer=True)
    staff, colleague = organiser(town, api), organiser(town, api, at=town.community_id)
    batch = write_down(colleague, entry(volunteer, 60)).json
    assert colleague.get(f"/volunteering/batches/{batch['id']}").json == batch
    assert staff.get(f"/volunteering/batches/{batch['id']}").json == batch
    other = organiser(town, api, at=town.community_id)
    problem_of(other.get(f"/volunteering/batches/{batch['id']}"), 404, "volunteering.batch_unknown")

"""Protects repairs: their steps, their deadlines, who sees what of them, and that nobody changes one unseen."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError

from models.estates import Repair, RepairDeed, RepairEvent, RepairStatus, ServiceTerms
from models.jobs import Outbox
from models.ledger import Event, Txn
from models.moderation import Content, ContentState
from models.residents import Role
from rules.clock import local_day, utc_now
from rules.estates.handling import Worker, assign_repair
from rules.estates.refusals import RepairChanged
from rules.estates.states import TRANSITIONS, Side
from rules.estates.tending import Tended, confirm_by_time, tend_repairs
from rules.estates.terms import DEFAULT_TERMS, deadline
from rules.work import SYSTEM, Work
from tests.build import TownBuilder
from tests.estates.homes import PHONE, Home, asked, picture
from tests.plans import steps_of
from tests.races import from_threads

NOTHING = Tended(0, 0, 0, 0, 0)
CALLERS = 20


def tend(home: Home) -> Tended:
    return tend_repairs(home.town.database, home.town.id)


def told(home: Home, topic: str) -> list[str]:
    return [row.payload["resident_id"] for row in home.town.rows(Outbox.payload, topic=topic)]


def deeds(home: Home, repair_id: str) -> list[str]:
    events = home.as_(home.owner).get(f"/repairs/{repair_id}/events", limit=100)
    return [each["deed"] for each in events.json["items"]]


# --- the way of a repair ----------------------------------------------------------------------------------------------


def test_a_repair_goes_from_the_resident_to_the_company_and_back(home: Home) -> None:
    owner, keeper = home.as_(home.owner), home.as_(home.keeper)
    repair_id = home.submitted(upload_ids=[picture(home.town, home.owner)])
    shown = owner.get(f"/repairs/{repair_id}").json
    assert (shown["status"], shown["phone"], shown["company"]) == ("submitted", "138****5678", "绿野物业")
    assert shown["pictures"][0]["url"]
    assert shown["can"] == ["cancelled"]
    assert keeper.get(f"/repairs/{repair_id}/contact").json == {"name": "李**", "phone": PHONE}
    visit = (utc_now() + timedelta(hours=3)).isoformat()
    sent = home.step(repair_id, "assignment", worker_name="周师傅", worker_phone="13900001111", visit_at=visit)
    assert (sent.status_code, sent.json["status"]) == (200, "assigned")
    assert owner.get(f"/repairs/{repair_id}").json["worker_phone"] == "13900001111"
    assert home.step(repair_id, "visit", visit_at=visit).json["status"] == "assigned"
    assert home.step(repair_id, "start").json["status"] == "in_progress"
    proof = picture(home.town, home.keeper)
    done = home.step(repair_id, "completion", note="换了软管", upload_ids=[proof])
    assert (done.status_code, done.json["status"]) == (200, "done")
    seen = owner.get(f"/repairs/{repair_id}/events").json["items"]
    assert (seen[-1]["note"], [each["id"] for each in seen[-1]["pictures"]]) == ("换了软管", [proof])
    assert keeper.get(f"/repairs/{repair_id}/contact").json["code"] == "repair.contact_closed"
    assert owner.post(f"/repairs/{repair_id}/confirmation").json["status"] == "confirmed"
    assert deeds(home, repair_id) == ["submitted", "assigned", "visit_set", "started", "done", "confirmed"]
    for topic in ("repair.assigned", "repair.visit", "repair.done"):
        assert told(home, topic) == [str(home.owner.id)]


def test_what_is_not_done_after_all_is_reopened_within_its_time_and_so_often(home: Home) -> None:
    owner, repair_id = home.as_(home.owner), home.done()
    for _ in range(DEFAULT_TERMS.reopens_max):
        assert owner.post(f"/repairs/{repair_id}/reopening", {"reason": "还在漏"}).json["status"] == "reopened"
        for deed, body in (("assignment", {"worker_name": "王师傅"}), ("start", {}), ("completion", {})):
            assert home.step(repair_id, deed, **body).status_code == 200
    refused = owner.post(f"/repairs/{repair_id}/reopening", {"reason": "还在漏"})
    assert (refused.status_code, refused.json["code"]) == (409, "repair.reopened_too_often")
    late = home.done()
    with time_machine.travel(home.row(late).reopen_until + timedelta(seconds=1), tick=False):
        refused = home.as_(home.owner).post(f"/repairs/{late}/reopening", {"reason": "又漏了"})
        assert (refused.status_code, refused.json["code"]) == (409, "repair.reopen_too_late")
    assert home.row(late).status is RepairStatus.DONE


def test_a_resident_takes_a_repair_back_until_the_work_begins(home: Home) -> None:
    early, begun = home.submitted(), home.submitted()
    owner = home.as_(home.owner)
    home.step(early, "assignment", worker_name="周师傅")
    assert owner.post(f"/repairs/{early}/cancellation", {"reason": "好了"}).json["status"] == "cancelled"
    assert home.row(early).phone_sealed is None
    home.step(begun, "assignment", worker_name="周师傅")
    home.step(begun, "start")
    refused = owner.post(f"/repairs/{begun}/cancellation", {"reason": "好了"})
    assert (refused.status_code, refused.json["code"]) == (409, "repair.work_begun")
    rejected = home.submitted()
    assert home.step(rejected, "rejection", reason="不在服务范围").json["status"] == "rejected"
    assert home.row(rejected).phone_sealed is None
    assert told(home, "repair.rejected") == [str(home.owner.id)]


def test_every_deed_is_refused_in_every_state_that_the_table_does_not_name(home: Home) -> None:
    repair_id = home.submitted()

    def put_in(status: RepairStatus) -> None:
        closed = utc_now() if status in (RepairStatus.CANCELLED, RepairStatus.REJECTED) else None
        columns = {"status": status, "worker_name": "周师傅", "done_at": utc_now(), "closed_at": closed}
        done = {"reopen_until": utc_now() + timedelta(days=1), "reopens_max": 99}
        where = (Repair.town_id == home.town.id, Repair.id == int(repair_id))
        home.town.act(None, lambda work: work.core.execute(update(Repair).where(*where).values(**columns | done)))

    bodies = {
        RepairDeed.ASSIGNED: ("assignment", {"worker_name": "周师傅"}),
        RepairDeed.VISIT_SET: ("visit", {"visit_at": utc_now().isoformat()}),
        RepairDeed.STARTED: ("start", {}),
        RepairDeed.DONE: ("completion", {}),
        RepairDeed.REJECTED: ("rejection", {"reason": "不在服务范围"}),
    }
    owns = {
        RepairDeed.CANCELLED: ("cancellation", {"reason": "好了"}),
        RepairDeed.CONFIRMED: ("confirmation", None),
        RepairDeed.REOPENED: ("reopening", {"reason": "还在漏"}),
    }
    refused = 0
    for status in RepairStatus:
        for deed, (path, body) in bodies.items():
            also = TRANSITIONS[RepairDeed.REASSIGNED].before if deed is RepairDeed.ASSIGNED else ()
            if status not in TRANSITIONS[deed].before + also:
                put_in(status)
                answer = home.step(repair_id, path, **body)
                assert (answer.status_code, answer.json["code"]) == (409, "repair.step_not_allowed"), (status, deed)
                refused += 1
        for deed, (path, body) in owns.items():
            if status not in TRANSITIONS[deed].before:
                put_in(status)
                answer = home.as_(home.owner).post(f"/repairs/{repair_id}/{path}", body)
                assert (answer.status_code, answer.json["code"]) == (409, "repair.step_not_allowed"), (status, deed)
                refused += 1
    assert refused == 8 * 8 - sum(len(TRANSITIONS[deed].before) for deed in (*bodies, *owns)) - 2
    assert len(home.town.rows(RepairEvent.id, repair_id=int(repair_id))) == 1
    assert {each.side for each in TRANSITIONS.values()} == set(Side)


def test_what_happened_is_never_changed(home: Home) -> None:
    repair_id = int(home.submitted())
    change = update(RepairEvent).where(RepairEvent.town_id == home.town.id, RepairEvent.repair_id == repair_id)
    with pytest.raises(DBAPIError):
        home.town.act(None, lambda work: work.core.execute(change.values(by_id=0)))


# --- deadlines --------------------------------------------------------------------------------------------------------


def test_a_deadline_stays_as_it_was_promised_and_is_missed_once(home: Home) -> None:
    repair_id = home.submitted()
    promised = home.row(repair_id).due_at
    body = {name: getattr(DEFAULT_TERMS, name) for name in DEFAULT_TERMS.__dataclass_fields__}
    today = {"from_day": local_day(utc_now()).isoformat(), "company_id": str(home.company_id)}
    shorter = body | {"assign_minutes": 1, "start_minutes": 7} | today
    assert home.as_(home.manager).post("/service-terms", shorter).status_code == 204
    shown = home.api.get(f"/estates/{home.estate_id}/service-terms", category="lift").json
    assert (shown["assign_minutes"], len(home.town.rows(ServiceTerms.id))) == (1, 1)
    assert home.row(repair_id).due_at == promised
    assert tend(home) == NOTHING
    with time_machine.travel(promised + timedelta(minutes=1), tick=False):
        overdue = home.as_(home.manager).get("/repairs", due="overdue").json["items"]
        assert [each["id"] for each in overdue] == [repair_id]
        assert overdue[0]["is_overdue"]
        assert tend(home).late == 1
        assert tend(home) == NOTHING
        assert told(home, "repair.overdue") == [str(home.owner.id)]
        home.step(repair_id, "assignment", worker_name="周师傅")
        assert home.as_(home.manager).get("/repairs", due="overdue").json["items"] == []
        row = home.row(repair_id)
        assert (row.steps_late, row.overdue_at, row.due_at - utc_now()) == (1, None, timedelta(minutes=7))
        home.step(repair_id, "assignment", worker_name="王师傅")
        assert home.row(repair_id).due_at == row.due_at
    with time_machine.travel(row.due_at + timedelta(minutes=1), tick=False):
        home.step(repair_id, "start")  # late, before the job has seen it
        assert tend(home) == NOTHING
    assert home.row(repair_id).steps_late == 2


def test_minutes_of_days_off_do_not_count_where_the_terms_say_so(town: TownBuilder) -> None:
    eve = datetime(2026, 9, 30, 4, 0, tzinfo=UTC)  # noon before the National Day holidays, which end on 7 October

    def ends(work: Work, minutes: int, in_working_days: bool) -> datetime:
        return deadline(work, minutes, in_working_days)

    with time_machine.travel(eve, tick=False):
        assert town.act(None, ends, 1440, False) == eve + timedelta(days=1)
        assert town.act(None, ends, 1440, True) == datetime(2026, 10, 8, 4, 0, tzinfo=UTC)


def test_what_nobody_answers_counts_as_confirmed_once_and_the_numbers_are_forgotten(home: Home) -> None:
    repair_id = home.done()
    row = home.row(repair_id)
    with time_machine.travel(row.remind_at, tick=False):
        assert tend(home) == Tended(0, 1, 0, 0, 0)
        assert tend(home) == NOTHING
    with time_machine.travel(row.due_at, tick=False):
        assert tend(home) == Tended(0, 0, 1, 0, 0)
        assert tend(home) == NOTHING
        shown = home.as_(home.owner).get(f"/repairs/{repair_id}").json
        assert (shown["status"], shown["was_confirmed_by_time"], shown["can"]) == ("confirmed", True, ["reopened"])
    with time_machine.travel(row.reopen_until, tick=False):
        assert home.row(repair_id).phone_sealed is not None
        assert tend(home) == Tended(0, 0, 0, 0, 1)
    assert home.row(repair_id).phone_sealed is None
    for topic in ("repair.confirm_soon", "repair.auto_confirmed"):
        assert told(home, topic) == [str(home.owner.id)]
    assert deeds(home, repair_id)[-1] == "confirmed_by_time"


# --- who sees what ----------------------------------------------------------------------------------------------------


def test_a_repair_at_home_is_the_residents_and_the_companys_alone(home: Home) -> None:
    repair_id = home.submitted()
    household = home.town.rows(Repair.household_id, id=int(repair_id))[0].household_id
    wife = home.town.resident("周敏", territory_id=home.building_id, household_id=household)
    elsewhere = [home.town.staff(role, at=home.town.other_community_id) for role in (Role.PROPERTY, Role.MANAGER)]
    desk = home.town.staff(Role.ORGANISER)
    for person in (home.neighbour, *elsewhere, desk):
        caller = home.as_(person)
        for path in ("", "/events", "/contact"):
            assert caller.get(f"/repairs/{repair_id}{path}").status_code == 404
        assert caller.get("/repairs").json["items"] == []
        answer = caller.post(f"/repairs/{repair_id}/start", {"revision": 1})
        assert (answer.status_code, answer.json["code"]) == (404, "repair.unknown")
        assert caller.post(f"/repairs/{repair_id}/confirmation").status_code == 404
    assert home.api.get(f"/repairs/{repair_id}").status_code == 401
    seen = home.as_(wife).get(f"/repairs/{repair_id}").json
    assert (seen["seen_as"], seen["phone"], seen["can"]) == ("household", None, [])
    assert [each["id"] for each in home.as_(wife).get("/me/repairs").json["items"]] == [repair_id]
    assert home.as_(wife).post(f"/repairs/{repair_id}/cancellation", {"reason": "x"}).status_code == 404
    assert home.as_(home.neighbour).get("/me/repairs").json["items"] == []
    auditor = home.as_(home.auditor)
    assert auditor.get(f"/repairs/{repair_id}").json["resident"] == "李**"
    assert auditor.get(f"/repairs/{repair_id}/contact").status_code == 403
    assert auditor.post(f"/repairs/{repair_id}/start", {"revision": 1}).status_code == 403
    assert PHONE not in auditor.get(f"/repairs/{repair_id}").text + auditor.get("/repairs").text
    assert home.row(repair_id).status is RepairStatus.SUBMITTED


def test_neighbours_see_what_belongs_to_all_without_a_name_once_it_is_passed(home: Home) -> None:
    repair_id = home.submitted(place="public", location="2单元电梯厅", category="lift", description="电梯异响")
    path = f"/estates/{home.estate_id}/public-repairs"
    neighbour = home.as_(home.neighbour)
    assert (neighbour.get(path).json["items"], neighbour.get(f"/repairs/{repair_id}").status_code) == ([], 404)
    assert home.as_(home.keeper).get(f"/repairs/{repair_id}").json["description"] == "电梯异响"
    passing = update(Content).where(Content.town_id == home.town.id).values(state=ContentState.PASSED)
    home.town.act(None, lambda work: work.core.execute(passing))
    (seen,) = neighbour.get(path).json["items"]
    assert (seen["id"], seen["location"]) == (repair_id, "2单元电梯厅")
    whole = neighbour.get(f"/repairs/{repair_id}")
    assert (whole.json["seen_as"], whole.json["resident"], whole.json["phone"], whole.json["can"]) == (
        "neighbour",
        None,
        None,
        [],
    )
    assert "李" not in whole.text
    assert str(home.owner.id) not in whole.text
    outsider = home.as_(home.town.resident())
    assert outsider.get(path).status_code == 403
    assert outsider.get(f"/repairs/{repair_id}").status_code == 404


def test_only_residents_of_the_estate_report_and_staff_for_whoever_stands_before_them(home: Home) -> None:
    outsider = home.town.resident()
    assert home.submit(outsider).json["code"] == "estate.not_a_resident"
    assert home.submit(territory_id=str(home.town.other_community_id)).json["code"] == "repair.place_outside"
    assert home.submit(home.keeper).json["code"] == "proxy.resident_needed"
    helped = home.submit(home.keeper, resident_id=str(home.owner.id))
    assert (helped.status_code, helped.json["seen_as"]) == (201, "handler")
    assert [each["id"] for each in home.as_(home.owner).get("/me/repairs").json["items"]] == [helped.json["id"]]
    elsewhere = home.town.staff(Role.SCANNER, at=home.town.other_community_id)
    assert home.submit(elsewhere, resident_id=str(home.owner.id)).status_code == 403
    foreign = picture(home.town, home.neighbour)
    assert home.submit(upload_ids=[foreign]).json["code"] == "upload.unknown"
    assert home.submit(phone="12").json["code"] == "resident.phone_invalid"
    over = {"wanted_from": "2026-01-01T09:00", "wanted_until": "2026-01-01T10:00"}
    assert home.submit(**over).json["code"] == "repair.wanted_in_the_past"
    assert home.submit(wanted_from=over["wanted_until"], wanted_until=over["wanted_from"]).status_code == 422
    assert len(home.town.rows(Repair.id)) == 1


@pytest.mark.parametrize("role", [Role.SCANNER, Role.ORGANISER])
def test_who_writes_a_repair_down_at_a_desk_sees_that_one_alone_and_changes_nothing(home: Home, role: Role) -> None:
    desk, other_desk = (home.as_(home.town.staff(role)) for _ in range(2))
    answer = desk.post("/repairs", asked(home, resident_id=str(home.owner.id)))
    assert answer.status_code == 201, answer.text
    path = f"/repairs/{answer.json['id']}"
    shown = desk.get(path).json
    assert (shown["seen_as"], shown["resident"], shown["phone"], shown["can"]) == ("desk", "李**", None, [])
    assert desk.get(f"{path}/contact").status_code == 403
    assert desk.post(f"{path}/start", {"revision": 1}).status_code == 403
    assert desk.get("/repairs").json["items"] == []
    assert other_desk.get(path).status_code == 404


# --- rating and figures -----------------------------------------------------------------------------------------------


def test_a_rating_is_given_once_done_and_may_be_changed_for_some_days(home: Home) -> None:
    repair_id = home.submitted()
    path = f"/repairs/{repair_id}/rating"
    assert home.as_(home.owner).call("PUT", path, {"rating": 5}).json["code"] == "repair.not_to_be_rated"
    repair_id = home.done()
    path = f"/repairs/{repair_id}/rating"
    assert home.as_(home.owner).call("PUT", path, {"rating": 2, "words": "慢"}).json["rating"] == 2
    assert home.as_(home.owner).call("PUT", path, {"rating": 4, "words": "后来好了"}).json["rating"] == 4
    assert home.as_(home.owner).call("PUT", path, {"rating": 6}).status_code == 422
    assert home.as_(home.neighbour).call("PUT", path, {"rating": 1}).status_code == 404
    with time_machine.travel(home.row(repair_id).rating_until + timedelta(seconds=1), tick=False):
        assert home.as_(home.owner).call("PUT", path, {"rating": 1}).json["code"] == "repair.not_to_be_rated"
    assert home.row(repair_id).rating == 4


def test_figures_tell_everybody_how_it_goes_and_of_nobody_alone(home: Home) -> None:
    for stars in (5, 4, 3):
        repair_id = home.done()
        home.as_(home.owner).call("PUT", f"/repairs/{repair_id}/rating", {"rating": stars})
    home.as_(home.owner).post(f"/repairs/{home.submitted(category='lift')}/cancellation", {"reason": "好了"})
    path = f"/estates/{home.estate_id}/statistics"
    public = home.api.get(path).json["figures"]
    assert [public[name] for name in ("opened", "done", "on_time", "ratings", "rating_mean")] == [4, 3, 3, 3, None]
    assert public["median_minutes_to_done"] is None  # of three, chosen days would tell one
    staff = home.as_(home.keeper).get(f"{path}/staff").json
    assert staff["figures"]["median_minutes_to_done"] is not None
    assert (staff["figures"]["rating_mean"], staff["cancelled"], staff["open_now"]) == (4.0, 1, 0)
    assert [(each["category"], each["figures"]["opened"]) for each in staff["categories"]] == [
        ("lift", 1),
        ("water_power", 3),
    ]
    company = f"/property-companies/{home.company_id}/statistics"
    assert home.api.get(company).json["figures"] == public
    assert home.as_(home.manager).get(f"{company}/staff").json["categories"] == staff["categories"]
    assert home.as_(home.keeper).get(f"{company}/staff").status_code == 403
    assert home.as_(home.owner).get(f"{path}/staff").status_code == 403
    assert home.api.get(path, **{"from": "2026-01-01", "to": "2025-01-01"}).json["code"] == "estate.period_invalid"


def test_reporting_confirming_and_rating_earn_no_points(home: Home) -> None:
    before = len(home.town.rows(Txn.id)), len(home.town.rows(Event.id))
    repair_id = home.done()
    home.as_(home.owner).post(f"/repairs/{repair_id}/confirmation")
    home.as_(home.owner).call("PUT", f"/repairs/{repair_id}/rating", {"rating": 5})
    said = {"kind": "praise", "addressee": "company", "estate_id": str(home.estate_id), "words": "师傅很好"}
    assert home.as_(home.owner).post("/complaints", said).status_code == 201
    assert (len(home.town.rows(Txn.id)), len(home.town.rows(Event.id))) == before


# --- races ------------------------------------------------------------------------------------------------------------


def test_of_many_staff_who_change_one_repair_at_once_one_does_and_the_others_are_told(home: Home) -> None:
    repair_id = home.submitted()
    keepers = [home.town.staff(Role.PROPERTY, at=home.estate_id) for _ in range(CALLERS)]

    def send(n: int) -> str:
        body = {"revision": 1, "worker_name": f"师傅{n}"}
        answer = home.as_(keepers[n]).post(f"/repairs/{repair_id}/assignment", body)
        return str(answer.json.get("code", answer.json.get("worker_name")))

    answers = Counter(from_threads(send, [(n,) for n in range(CALLERS)], CALLERS))
    row = home.row(repair_id)
    assert answers == {row.worker_name: 1, "repair.changed": CALLERS - 1}
    assert row.revision == 2
    assert [each.deed for each in home.town.rows(RepairEvent.deed, repair_id=int(repair_id))] == [
        "submitted",
        "assigned",
    ]


def test_with_the_guard_taken_away_one_overwrites_the_other(home: Home) -> None:
    repair_id = int(home.submitted())
    have_looked = threading.Barrier(2)

    def look_then_write(n: int) -> int:
        looking = select(Repair.revision).where(Repair.town_id == home.town.id, Repair.id == repair_id)
        seen = home.town.database.read(home.town.id, SYSTEM, lambda work: work.core.scalar(looking))
        have_looked.wait()
        assert seen == 1
        writing = update(Repair).where(Repair.town_id == home.town.id, Repair.id == repair_id).returning(Repair.id)
        changed = writing.values(worker_name=f"师傅{n}", status=RepairStatus.ASSIGNED, revision=seen + 1)
        return home.town.act(None, lambda work: len(work.core.execute(changed).all()))

    assert from_threads(look_then_write, [(1,), (2,)], 2) == [1, 1]  # both believe that theirs is the worker who comes


def test_a_resident_who_answers_while_the_clock_does_is_answered_once(home: Home) -> None:
    repair_id = home.done()
    with time_machine.travel(home.row(repair_id).due_at, tick=False):
        jobs = [(lambda: home.as_(home.owner).post(f"/repairs/{repair_id}/confirmation").status_code,)] * 4
        jobs += [(lambda: home.town.act(None, confirm_by_time),)] * 4
        from_threads(lambda deed: deed(), jobs, 8)
    ended = [deed for deed in deeds(home, repair_id) if deed.startswith("confirmed")]
    assert len(ended) == 1


def test_a_worker_is_somebody(home: Home) -> None:
    repair_id = home.submitted()
    assert home.step(repair_id, "assignment").json["code"] == "repair.worker_needed"
    sent = home.step(repair_id, "assignment", worker_staff_id=str(home.keeper.id))
    assert sent.json["worker_name"] == "张工"
    stale = home.as_(home.keeper).post(f"/repairs/{repair_id}/start", {"revision": 1})
    assert (stale.status_code, stale.json["code"]) == (409, "repair.changed")
    deed = (int(repair_id), 99, Worker(name="周师傅"), None, "")
    with pytest.raises(RepairChanged):
        home.town.act(home.keeper, assign_repair, home.town.house.keys, *deed)


# --- at a thousand times the data -------------------------------------------------------------------------------------


def test_my_repairs_are_sought_and_not_looked_for_among_everybodys(home: Home) -> None:
    home.submitted()
    steps = steps_of(home.town, "repair", lambda: home.as_(home.owner).get("/me/repairs"))
    assert [step for step in steps if step.startswith("SEARCH repair USING")] == [
        "SEARCH repair USING INDEX sqlite_autoindex_repair_1 (town_id=? AND id=?)"
    ]

"""Points given and taken by hand: who may, when a second person must, and that what is refused changes nothing."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from werkzeug.test import TestResponse

from blueprints.edge.house import House
from models.adjustments import Adjustment, DecisionStatus
from models.ledger import Txn
from models.residents import Role
from rules.clock import ZONE, local_day
from rules.work import SYSTEM
from tests.build import BUDGET, ApiClient, Person, TownBuilder, fresh_key, new_town
from tests.edge.helpers import NOBODY, problem_of
from tests.ledger.keeping import audit
from tests.points.hands import ABOVE, allow_hands, balance_of, effects, give, manager, statement_of
from tests.races import from_threads, until_answered

#: A noon of the past: the maker of ids, which all tests of a process share, never goes back.
TODAY = datetime.now(ZONE).replace(hour=12, minute=0) - timedelta(days=10)


@pytest.fixture
def resident(town: TownBuilder) -> Person:
    """A resident, under rules that let one manager move up to ABOVE points alone."""
    allow_hands(town)
    return town.resident()


def request(
    staff: ApiClient,
    resident_id: int,
    amount: Any,
    *,
    reason: str = "补发活动积分",
    key: str | None = None,
    **more: Any,
) -> TestResponse:
    body = {"resident_id": str(resident_id), "amount": amount, "reason": reason} | more
    return staff.post("/points/adjustments", body, key=key)


def decide(
    staff: ApiClient, adjustment: str | int, decision: str = "approval", *, key: str | None = None
) -> TestResponse:
    return staff.post(f"/points/adjustments/{adjustment}/{decision}", key=key)


def pending(staff: ApiClient, resident: Person, amount: int = ABOVE + 1, **more: Any) -> str:
    answer = request(staff, resident.id, amount, **more)
    assert (answer.status_code, answer.json["status"]) == (201, "pending"), answer.text
    return answer.json["id"]


# One person's word


def test_up_to_the_threshold_points_move_at_once(town: TownBuilder, api: ApiClient, resident: Person) -> None:
    staff = town.staff(Role.MANAGER)
    answer = request(api.as_(staff), resident.id, ABOVE)
    assert answer.status_code == 201, answer.text
    adjustment = answer.json
    last_day = f"{local_day(datetime.now(ZONE)).year + 1}-12-31"
    assert {**adjustment, "id": None, "requested_at": None, "txn_id": None} == {
        "id": None,
        "resident_id": str(resident.id),
        "amount": ABOVE,
        "reason": "补发活动积分",
        "expires_on": last_day,
        "status": "booked",
        "needs_second_person": False,
        "requested_by": str(staff.id),
        "requested_at": None,
        "decided_by": None,
        "decided_at": None,
        "txn_id": None,
    }
    assert balance_of(api, resident) == ABOVE
    [line] = statement_of(api, resident)
    assert (line["id"], line["kind"], line["amount"]) == (adjustment["txn_id"], "adjust", ABOVE)
    assert line["explanation"] == f"工作人员调整，增加 {ABOVE} 分，有效期至 {last_day}：补发活动积分"
    audit(town)


def test_points_can_be_taken_too(town: TownBuilder, api: ApiClient, resident: Person) -> None:
    give(town, resident, 30)
    answer = request(manager(town, api), resident.id, -20, reason="重复签到")
    assert (answer.status_code, answer.json["expires_on"]) == (201, None)
    assert balance_of(api, resident) == 10
    assert statement_of(api, resident)[0]["explanation"] == "工作人员调整，扣减 20 分：重复签到"
    audit(town)


def test_a_last_good_day_can_be_named(town: TownBuilder, api: ApiClient, resident: Person) -> None:
    today = local_day(datetime.now(ZONE))
    answer = request(manager(town, api), resident.id, 5, expires_on=today.isoformat())
    assert answer.json["expires_on"] == today.isoformat()
    assert api.as_(resident).get("/me/points").json["expiring"] == [{"amount": 5, "on": today.isoformat()}]


def test_a_last_good_day_is_not_in_the_past_and_not_for_points_that_are_taken(
    town: TownBuilder, api: ApiClient, resident: Person
) -> None:
    give(town, resident, 30)
    staff, today = manager(town, api), local_day(datetime.now(ZONE))
    before = effects(town)
    yesterday = (today - timedelta(days=1)).isoformat()
    problem_of(request(staff, resident.id, 5, expires_on=yesterday), 422, "points.last_day_invalid")
    problem_of(request(staff, resident.id, -5, expires_on="2030-01-01"), 422, "points.last_day_invalid")
    assert effects(town) == before


def test_nobody_loses_what_they_have_not(town: TownBuilder, api: ApiClient, resident: Person) -> None:
    give(town, resident, 10)
    staff = manager(town, api)
    before = effects(town)
    problem_of(request(staff, resident.id, -11), 409, "points.insufficient")
    assert effects(town) == before


def test_nobody_gets_what_the_budget_has_not(town: TownBuilder, api: ApiClient) -> None:
    allow_hands(town, "[adjustment]\nsecond_person_above = 1_000_000")
    resident, staff = town.resident(), manager(town, api)
    give(town, resident, BUDGET - 5)
    before = effects(town)
    problem_of(request(staff, resident.id, 6), 409, "points.budget_exhausted")
    assert effects(town) == before


@pytest.mark.parametrize("amount", [0, 1_000_001, -1_000_001, 2**63, 1.5, True, "5", None])
def test_an_amount_is_a_whole_number_in_its_range_and_not_0(
    town: TownBuilder, api: ApiClient, resident: Person, amount: object
) -> None:
    staff = manager(town, api)
    before = town.contents()
    document = problem_of(request(staff, resident.id, amount), 422, "request.invalid")
    assert list(document["errors"]) == ["amount"]
    assert town.contents() == before


@pytest.mark.parametrize("wrong", [{"reason": " "}, {"reason": "x" * 201}, {"reason": "a\0b"}, {"expires_on": "soon"}])
def test_a_request_that_says_nothing_is_refused(
    town: TownBuilder, api: ApiClient, resident: Person, wrong: dict[str, str]
) -> None:
    staff = manager(town, api)
    before = town.contents()
    document = problem_of(request(staff, resident.id, 5, **wrong), 422, "request.invalid")
    assert list(document["errors"]) == list(wrong)
    assert town.contents() == before


def test_the_same_key_moves_points_once(town: TownBuilder, api: ApiClient, resident: Person) -> None:
    staff, key = manager(town, api), fresh_key()
    first, again = (request(staff, resident.id, 5, key=key) for _ in range(2))
    assert (again.status_code, again.json) == (201, first.json)
    assert balance_of(api, resident) == 5


# The threshold


def test_what_one_moved_alone_today_counts_towards_the_threshold(
    town: TownBuilder, api: ApiClient, resident: Person
) -> None:
    someone = town.staff(Role.MANAGER)
    with time_machine.travel(TODAY, tick=False):
        staff = api.as_(someone)
        for amount, status in ((60, "booked"), (-41, "pending"), (40, "booked"), (1, "pending")):
            assert request(staff, resident.id, amount).json["status"] == status
        assert balance_of(api, resident) == 100


def test_another_person_another_resident_and_another_day_count_apart(
    town: TownBuilder, api: ApiClient, resident: Person
) -> None:
    one, two, other = town.staff(Role.MANAGER), town.staff(Role.MANAGER), town.resident()
    midnight = (TODAY + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    with time_machine.travel(midnight - timedelta(seconds=1), tick=False):
        assert request(api.as_(one), resident.id, ABOVE).json["status"] == "booked"
        assert request(api.as_(two), resident.id, ABOVE).json["status"] == "booked"
        assert request(api.as_(one), other.id, ABOVE).json["status"] == "booked"
        assert request(api.as_(one), resident.id, 1).json["status"] == "pending"
    with time_machine.travel(midnight, tick=False):
        assert request(api.as_(one), resident.id, ABOVE).json["status"] == "booked"


def test_what_waits_or_was_approved_does_not_count(town: TownBuilder, api: ApiClient, resident: Person) -> None:
    first, second = manager(town, api), manager(town, api)
    assert decide(second, pending(first, resident)).json["status"] == "booked"
    pending(first, resident)
    assert request(first, resident.id, ABOVE).json["status"] == "booked"


def test_many_at_once_are_no_way_around_the_threshold(town: TownBuilder, api: ApiClient, resident: Person) -> None:
    staff = manager(town, api)

    def deed(amount: int) -> TestResponse:
        key = fresh_key()
        return until_answered(lambda: request(staff, resident.id, amount, key=key))

    answers = from_threads(deed, [(40,)] * 10, threads=10)
    assert sorted(answer.json["status"] for answer in answers) == ["booked"] * 2 + ["pending"] * 8
    assert balance_of(api, resident) == 80
    audit(town)


@pytest.mark.parametrize("rules", ["", "[adjustment]", "[adjustment]\nsecond_person_above = 0"])
def test_without_a_threshold_there_is_always_a_second_person(town: TownBuilder, api: ApiClient, rules: str) -> None:
    allow_hands(town, rules)
    resident = town.resident()
    pending(manager(town, api), resident, 1)
    assert balance_of(api, resident) == 0


def test_without_a_rulebook_nothing_is_decided(town: TownBuilder, api: ApiClient, resident: Person) -> None:
    staff = town.staff(Role.MANAGER)
    with time_machine.travel(TODAY - timedelta(days=3000), tick=False):
        problem_of(request(api.as_(staff), resident.id, 5), 409, "rulebook.missing")
    assert town.rows(Adjustment) == []


# The second person


def test_above_the_threshold_a_second_person_books_it(town: TownBuilder, api: ApiClient, resident: Person) -> None:
    second = town.staff(Role.MANAGER)
    adjustment = pending(manager(town, api), resident)
    assert balance_of(api, resident) == 0
    answer = decide(api.as_(second), adjustment)
    assert answer.status_code == 200, answer.text
    assert (answer.json["status"], answer.json["decided_by"]) == ("booked", str(second.id))
    assert answer.json["decided_at"] is not None
    assert balance_of(api, resident) == ABOVE + 1
    [(txn,)] = town.rows(Txn, id=int(answer.json["txn_id"]))
    assert (txn.idempotency_key, txn.actor_id) == (f"adjustment:{adjustment}", second.id)
    audit(town)


def test_a_second_person_can_turn_it_down(town: TownBuilder, api: ApiClient, resident: Person) -> None:
    second = town.staff(Role.MANAGER)
    adjustment = pending(manager(town, api), resident)
    answer = decide(api.as_(second), adjustment, "refusal")
    assert (answer.json["status"], answer.json["decided_by"], answer.json["txn_id"]) == (
        "declined",
        str(second.id),
        None,
    )
    assert balance_of(api, resident) == 0


@pytest.mark.parametrize("decision", ["approval", "refusal"])
def test_nobody_is_the_second_person_to_themselves(
    town: TownBuilder, api: ApiClient, resident: Person, decision: str
) -> None:
    for staff in (manager(town, api), api.as_(town.staff(Role.ADMIN))):
        adjustment = pending(staff, resident)
        before = effects(town)
        problem_of(decide(staff, adjustment, decision), 403, "points.second_person_required")
        assert effects(town) == before


@pytest.mark.parametrize("then", ["approval", "refusal"])
@pytest.mark.parametrize("first", ["approval", "refusal"])
def test_what_was_decided_is_decided(
    town: TownBuilder, api: ApiClient, resident: Person, first: str, then: str
) -> None:
    adjustment = pending(manager(town, api), resident)
    assert decide(manager(town, api), adjustment, first).status_code == 200
    third = manager(town, api)
    before = effects(town)
    problem_of(decide(third, adjustment, then), 409, "points.adjustment_decided")
    assert effects(town) == before


def test_what_was_booked_at_once_has_nothing_to_decide(town: TownBuilder, api: ApiClient, resident: Person) -> None:
    adjustment = request(manager(town, api), resident.id, 5).json["id"]
    problem_of(decide(manager(town, api), adjustment), 409, "points.adjustment_decided")


def test_the_same_key_decides_once(town: TownBuilder, api: ApiClient, resident: Person) -> None:
    adjustment, second, key = pending(manager(town, api), resident), manager(town, api), fresh_key()
    first, again = (decide(second, adjustment, key=key) for _ in range(2))
    assert (again.status_code, again.json) == (200, first.json)


@pytest.mark.parametrize("decisions", [("approval", "approval"), ("approval", "refusal")])
def test_of_many_who_decide_at_once_one_does(
    town: TownBuilder, api: ApiClient, resident: Person, decisions: tuple[str, ...]
) -> None:
    adjustment = pending(manager(town, api), resident)
    staff = [(manager(town, api), decision) for decision in decisions * 4]

    def deed(each: ApiClient, decision: str) -> TestResponse:
        key = fresh_key()
        return until_answered(lambda: decide(each, adjustment, decision, key=key))

    answers = from_threads(deed, staff, threads=8)
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    assert {answer.json["code"] for answer in answers if answer.status_code == 409} == {"points.adjustment_decided"}
    [won] = [answer.json for answer in answers if answer.status_code == 200]
    assert balance_of(api, resident) == (ABOVE + 1 if won["status"] == "booked" else 0)
    audit(town)


def test_what_can_not_be_booked_stays_pending(town: TownBuilder, api: ApiClient, resident: Person) -> None:
    take = pending(manager(town, api), resident, -ABOVE - 1)
    award = pending(manager(town, api), resident, BUDGET)
    give(town, resident, 5)
    second = manager(town, api)
    before = effects(town)
    problem_of(decide(second, take), 409, "points.insufficient")
    problem_of(decide(second, award), 409, "points.budget_exhausted")
    assert effects(town) == before


def test_points_that_would_have_lapsed_meanwhile_are_not_given(
    town: TownBuilder, api: ApiClient, resident: Person
) -> None:
    first, second = town.staff(Role.MANAGER), town.staff(Role.MANAGER)
    with time_machine.travel(TODAY, tick=False):
        adjustment = pending(api.as_(first), resident, expires_on=TODAY.date().isoformat())
    with time_machine.travel(TODAY + timedelta(days=1), tick=False):
        before = effects(town)
        problem_of(decide(api.as_(second), adjustment), 422, "points.last_day_invalid")
        assert effects(town) == before
        assert decide(api.as_(second), adjustment, "refusal").status_code == 200


def test_the_database_knows_the_second_person_too(town: TownBuilder, api: ApiClient, resident: Person) -> None:
    staff = town.staff(Role.MANAGER)
    adjustment = int(pending(api.as_(staff), resident))
    statement = update(Adjustment).where(Adjustment.town_id == town.id, Adjustment.id == adjustment)
    for columns in (
        {"status": DecisionStatus.DECLINED, "decided_by": staff.id},
        {"status": DecisionStatus.DECLINED},
        {"status": DecisionStatus.BOOKED, "decided_by": town.staff().id},
    ):
        with pytest.raises(IntegrityError):
            town.database.write(town.id, SYSTEM, lambda work, c=columns: work.db.execute(statement.values(c)))


# Where a role holds


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.MANAGER, Role.ADMIN}))
def test_other_roles_adjust_nothing(town: TownBuilder, api: ApiClient, resident: Person, role: Role) -> None:
    adjustment, staff = pending(manager(town, api), resident), api.as_(town.staff(role))
    before = town.contents()
    problem_of(request(staff, resident.id, 5), 403, "auth.forbidden")
    problem_of(decide(staff, adjustment), 403, "auth.forbidden")
    problem_of(decide(staff, adjustment, "refusal"), 403, "auth.forbidden")
    problem_of(staff.get("/points/adjustments"), 403, "auth.forbidden")
    assert town.contents() == before


def test_a_manager_adjusts_where_the_resident_lives_and_not_beside_it(
    town: TownBuilder, api: ApiClient, resident: Person
) -> None:
    here, beside = manager(town, api, at=town.community_id), manager(town, api, at=town.other_community_id)
    neighbour = town.resident(community_id=town.other_community_id)
    adjustment = pending(manager(town, api), resident)
    before = effects(town)
    problem_of(request(beside, resident.id, 5), 403, "auth.forbidden")
    problem_of(request(here, neighbour.id, 5), 403, "auth.forbidden")
    problem_of(decide(beside, adjustment), 403, "auth.forbidden")
    problem_of(decide(beside, adjustment, "refusal"), 403, "auth.forbidden")
    assert effects(town) == before
    assert request(here, resident.id, 5).status_code == 201
    assert decide(here, adjustment).status_code == 200


def test_who_has_no_place_belongs_to_the_town(town: TownBuilder, api: ApiClient, resident: Person) -> None:
    homeless = town.resident(territory_id=None)
    local, root = manager(town, api, at=town.community_id), manager(town, api)
    problem_of(request(local, homeless.id, 5), 403, "auth.forbidden")
    adjustment = pending(root, homeless)
    problem_of(decide(local, adjustment), 403, "auth.forbidden")
    assert decide(manager(town, api), adjustment).status_code == 200


def test_nobody_unknown_is_adjusted(house: House, town: TownBuilder, api: ApiClient, resident: Person) -> None:
    elsewhere, staff = new_town(house), manager(town, api)
    stranger = elsewhere.resident()
    before = effects(town), effects(elsewhere)
    for nobody in (NOBODY, stranger.id):
        problem_of(request(staff, nobody, 5), 404, "resident.unknown")
    assert (effects(town), effects(elsewhere)) == before


def test_another_towns_adjustment_is_unknown(
    house: House, app: Flask, town: TownBuilder, api: ApiClient, resident: Person
) -> None:
    elsewhere = new_town(house)
    adjustment = pending(manager(town, api), resident)
    stranger = manager(elsewhere, ApiClient(app, elsewhere))
    before = effects(town), effects(elsewhere)
    for decision in ("approval", "refusal"):
        problem_of(decide(stranger, adjustment, decision), 404, "points.adjustment_unknown")
        problem_of(decide(stranger, NOBODY, decision), 404, "points.adjustment_unknown")
    assert stranger.get("/points/adjustments").json["items"] == []
    assert (effects(town), effects(elsewhere)) == before


# The list


def test_the_list_has_each_once_the_latest_first(town: TownBuilder, api: ApiClient, resident: Person) -> None:
    first = manager(town, api)
    waiting = [pending(first, resident) for _ in range(3)]
    booked = request(first, resident.id, 5).json["id"]
    decide(manager(town, api), waiting[0], "refusal")

    def listed(**query: Any) -> list[str]:
        ids, cursor = [], None
        while True:
            page = first.get("/points/adjustments", limit=2, **query, **({"cursor": cursor} if cursor else {})).json
            ids += [item["id"] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                return ids

    assert listed() == [booked, *reversed(waiting)]
    assert listed(status="pending") == [waiting[2], waiting[1]]
    assert listed(status="booked") == [booked]
    assert listed(status="declined") == [waiting[0]]
    problem_of(first.get("/points/adjustments", status="lost"), 422, "request.invalid")
    problem_of(first.get("/points/adjustments", cursor="x"), 422, "request.invalid")


def test_a_manager_sees_the_adjustments_of_their_places(town: TownBuilder, api: ApiClient, resident: Person) -> None:
    root = manager(town, api)
    here = pending(root, resident)
    beside = pending(root, town.resident(community_id=town.other_community_id))
    nowhere = pending(root, town.resident(territory_id=None))

    def seen_by(staff: ApiClient) -> list[str]:
        return [item["id"] for item in staff.get("/points/adjustments").json["items"]]

    assert seen_by(root) == [nowhere, beside, here]
    assert seen_by(manager(town, api, at=town.community_id)) == [here]
    assert seen_by(manager(town, api, at=town.other_community_id)) == [beside]
    assert date.fromisoformat(root.get("/points/adjustments").json["items"][0]["expires_on"]).month == 12

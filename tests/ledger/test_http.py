"""Transactions, reversals and budgets over HTTP: who may see and do what, and that what is refused changes nothing."""

from __future__ import annotations

from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from blueprints.edge.house import House
from models.ledger import Account, AccountKind, OwnerType, Txn
from models.residents import Role
from models.territory import Operator, Scene
from rules.ledger.earning import Earning, earn
from rules.ledger.pools import grant_budget, set_shards
from rules.ledger.transactions import Cause, Receipt
from rules.work import SYSTEM
from tests.build import BUDGET, ApiClient, Person, TownBuilder, add, fresh_key, new_town
from tests.edge.helpers import NOBODY, problem_of
from tests.ledger.keeping import GOOD_UNTIL, audit, earn_points
from tests.points.hands import ABOVE, allow_hands, balance_of, effects, manager, statement_of
from tests.points.spending import spend_points
from tests.races import from_threads, until_answered


def auditor(town: TownBuilder, api: ApiClient, *, at: int | None = None) -> ApiClient:
    return api.as_(town.staff(Role.AUDITOR, at=at))


def shown(town: TownBuilder, api: ApiClient, txn_id: object) -> dict[str, Any]:
    answer = auditor(town, api).get(f"/ledger/transactions/{txn_id}")
    assert answer.status_code == 200, answer.text
    return answer.json


def reverse(
    staff: ApiClient, txn_id: object, amount: Any = None, *, reason: str = "重复发放", key: str | None = None
) -> TestResponse:
    body = {"reason": reason} | ({} if amount is None else {"amount": amount})
    return staff.post(f"/ledger/transactions/{txn_id}/reversal", body, key=key)


def earned_by(town: TownBuilder, staff: Person, resident: Person, amount: int) -> Receipt:
    """Points that a member of staff caused, with a scene and a community."""

    def deed(work: Any) -> Receipt:
        cause = Cause("checkin", f"签到：{amount} 分", work.now, community_id=town.community_id, scene=Scene.EDUCATION)
        return earn(work, fresh_key(), Earning(resident.id, amount, GOOD_UNTIL, cause))

    return town.act(staff, deed)


# A transaction


def test_a_transaction_is_shown_with_its_postings(town: TownBuilder, api: ApiClient) -> None:
    resident, staff = town.resident(), town.staff(Role.SCANNER)
    receipt = earned_by(town, staff, resident, 5)
    transaction = shown(town, api, receipt.txn_id)
    [posting] = transaction.pop("postings")
    assert posting == {
        "n": 0,
        "source": {"kind": "pool", "owner_type": "town", "owner_id": str(town.id), "owner": None},
        "destination": {"kind": "wallet", "owner_type": "resident", "owner_id": str(resident.id), "owner": None},
        "amount": 5,
        "reversed": 0,
    }
    assert {**transaction, "recorded_at": None, "effective_at": None} == {
        "id": str(receipt.txn_id),
        "kind": "earn",
        "reason": "checkin",
        "explanation": "签到：5 分",
        "actor_id": str(staff.id),
        "event_id": None,
        "rule_id": None,
        "reverses_txn_id": None,
        "effective_at": None,
        "recorded_at": None,
        "amount": 5,
        "reversed": 0,
        "left": 5,
    }
    assert transaction["recorded_at"].endswith("+08:00")


def test_an_operators_account_has_its_name(town: TownBuilder, api: ApiClient) -> None:
    receipt = town.act(None, lambda work: grant_budget(work, "b", 10, "试点", operator_id=town.operator_id))
    [posting] = shown(town, api, receipt.txn_id)["postings"]
    assert posting["destination"] == {
        "kind": "pool",
        "owner_type": "operator",
        "owner_id": str(town.operator_id),
        "owner": "测试运营",
    }
    assert (posting["source"]["kind"], posting["source"]["owner"]) == ("mint", None)


def test_a_transaction_of_two_lots_has_two_postings(town: TownBuilder, api: ApiClient) -> None:
    resident = town.resident()
    earn_points(town, resident, 3, GOOD_UNTIL)
    earn_points(town, resident, 4, GOOD_UNTIL.replace(year=2028))
    transaction = shown(town, api, spend_points(town, resident, 5).txn_id)
    assert [posting["amount"] for posting in transaction["postings"]] == [3, 2]
    assert transaction["amount"] == 5


def test_a_transaction_is_for_auditors_of_the_whole_town(
    house: House, app: Flask, town: TownBuilder, api: ApiClient
) -> None:
    txn_id = earn_points(town, town.resident(), 5).txn_id
    path = f"/ledger/transactions/{txn_id}"
    for role in set(Role) - {Role.AUDITOR, Role.ADMIN}:
        problem_of(api.as_(town.staff(role)).get(path), 403, "auth.forbidden")
    problem_of(auditor(town, api, at=town.community_id).get(path), 403, "auth.forbidden")
    problem_of(api.as_(town.resident()).get(path), 403, "auth.forbidden")
    elsewhere = new_town(house)
    problem_of(auditor(elsewhere, ApiClient(app, elsewhere)).get(path), 404, "ledger.txn_unknown")
    problem_of(auditor(town, api).get(f"/ledger/transactions/{NOBODY}"), 404, "ledger.txn_unknown")


# Reversals


def test_an_award_is_taken_back(town: TownBuilder, api: ApiClient) -> None:
    allow_hands(town)
    resident, staff = town.resident(), town.staff(Role.MANAGER)
    txn_id = earned_by(town, town.staff(), resident, 300).txn_id
    answer = reverse(api.as_(staff), txn_id)
    assert answer.status_code == 201, answer.text
    reversal = answer.json
    assert (reversal["kind"], reversal["amount"], reversal["reverses_txn_id"]) == ("reverse", 300, str(txn_id))
    assert reversal["actor_id"] == str(staff.id)
    assert reversal["explanation"] == "冲正：重复发放（原记录：签到：300 分）"
    assert balance_of(api, resident) == 0
    assert statement_of(api, resident)[0]["explanation"] == reversal["explanation"]
    assert statement_of(api, resident)[0]["scene"] == "education"
    original = shown(town, api, txn_id)
    assert (original["reversed"], original["left"]) == (300, 0)
    assert original["postings"][0]["reversed"] == 300
    [(txn,)] = town.rows(Txn, id=int(reversal["id"]))
    assert txn.community_id == town.community_id
    audit(town)


def test_a_part_is_taken_back_and_the_rest_is_left(town: TownBuilder, api: ApiClient) -> None:
    allow_hands(town)
    resident, staff = town.resident(), manager(town, api)
    txn_id = earned_by(town, town.staff(), resident, 10).txn_id
    assert reverse(staff, txn_id, 4).json["amount"] == 4
    assert (shown(town, api, txn_id)["reversed"], shown(town, api, txn_id)["left"]) == (4, 6)
    before = effects(town)
    problem = problem_of(reverse(staff, txn_id, 7), 409, "ledger.already_reversed")
    assert problem["detail"] == "这笔记录可冲正的积分只剩 6 分。"
    assert effects(town) == before
    assert reverse(staff, txn_id).json["amount"] == 6
    problem_of(reverse(staff, txn_id), 409, "ledger.already_reversed")
    assert balance_of(api, resident) == 0
    audit(town)


def test_what_can_not_be_reversed_is_refused(town: TownBuilder, api: ApiClient) -> None:
    allow_hands(town)
    resident, staff = town.resident(), manager(town, api)
    spent = earned_by(town, town.staff(), resident, 10).txn_id
    spend_points(town, resident, 8)
    reversal = reverse(staff, earned_by(town, town.staff(), town.resident(), 5).txn_id).json["id"]
    before = effects(town)
    problem_of(reverse(staff, spent), 409, "points.insufficient")
    problem_of(reverse(staff, reversal), 409, "ledger.not_reversible")
    problem_of(reverse(staff, NOBODY), 404, "ledger.txn_unknown")
    for amount in (0, -1, 1.5, "5", True, 2**63):
        problem_of(reverse(staff, spent, amount), 422, "request.invalid")
    problem_of(reverse(staff, spent, reason=" "), 422, "request.invalid")
    assert effects(town) == before


def test_what_one_caused_another_takes_back(town: TownBuilder, api: ApiClient) -> None:
    allow_hands(town)
    staff, resident = town.staff(Role.MANAGER), town.resident()
    txn_id = earned_by(town, staff, resident, ABOVE + 1).txn_id
    before = effects(town)
    problem_of(reverse(api.as_(staff), txn_id), 403, "points.second_person_required")
    problem_of(reverse(api.as_(staff), txn_id, ABOVE + 1), 403, "points.second_person_required")
    assert effects(town) == before
    assert reverse(manager(town, api), txn_id).status_code == 201


def test_up_to_the_threshold_one_may_take_back_ones_own_and_parts_add_up(town: TownBuilder, api: ApiClient) -> None:
    allow_hands(town)
    staff, resident = town.staff(Role.MANAGER), town.resident()
    assert reverse(api.as_(staff), earned_by(town, staff, resident, ABOVE).txn_id).status_code == 201
    txn_id = earned_by(town, staff, resident, ABOVE + 1).txn_id
    assert reverse(api.as_(staff), txn_id, 60).status_code == 201
    problem_of(reverse(api.as_(staff), txn_id, 41), 403, "points.second_person_required")
    assert reverse(api.as_(staff), txn_id, 40).status_code == 201
    problem_of(reverse(api.as_(staff), txn_id), 403, "points.second_person_required")
    assert balance_of(api, resident) == 1


def test_parts_at_once_are_no_way_around_the_threshold(town: TownBuilder, api: ApiClient) -> None:
    allow_hands(town)
    staff, resident = town.staff(Role.MANAGER), town.resident()
    txn_id = earned_by(town, staff, resident, 500).txn_id

    def deed(amount: int) -> TestResponse:
        key = fresh_key()
        return until_answered(lambda: reverse(api.as_(staff), txn_id, amount, key=key))

    answers = from_threads(deed, [(40,)] * 6, threads=6)
    assert sorted(answer.status_code for answer in answers) == [201] * 2 + [403] * 4
    assert balance_of(api, resident) == 420


def test_the_same_key_reverses_once(town: TownBuilder, api: ApiClient) -> None:
    allow_hands(town)
    resident, staff, key = town.resident(), manager(town, api), fresh_key()
    txn_id = earned_by(town, town.staff(), resident, 10).txn_id
    first, again = (reverse(staff, txn_id, 3, key=key) for _ in range(2))
    assert (again.status_code, again.json) == (201, first.json)
    assert balance_of(api, resident) == 7


def test_of_many_who_reverse_at_once_one_does(town: TownBuilder, api: ApiClient) -> None:
    allow_hands(town)
    resident = town.resident()
    txn_id = earned_by(town, town.staff(), resident, 10).txn_id
    jobs = [(manager(town, api), fresh_key()) for _ in range(8)]
    answers = from_threads(lambda staff, key: until_answered(lambda: reverse(staff, txn_id, key=key)), jobs, threads=8)
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert balance_of(api, resident) == 0
    audit(town)


def test_only_managers_of_the_whole_town_reverse(house: House, app: Flask, town: TownBuilder, api: ApiClient) -> None:
    allow_hands(town)
    txn_id = earned_by(town, town.staff(), town.resident(), 10).txn_id
    elsewhere = new_town(house)
    strangers = manager(elsewhere, ApiClient(app, elsewhere))
    others = [api.as_(town.staff(role)) for role in set(Role) - {Role.MANAGER, Role.ADMIN}]
    others += [manager(town, api, at=town.community_id), api.as_(town.resident())]
    before = effects(town), effects(elsewhere)
    for other in others:
        problem_of(reverse(other, txn_id), 403, "auth.forbidden")
    problem_of(reverse(strangers, txn_id), 404, "ledger.txn_unknown")
    assert (effects(town), effects(elsewhere)) == before


# Budgets


def budgets(town: TownBuilder, api: ApiClient) -> list[dict[str, Any]]:
    answer = auditor(town, api).get("/ledger/budgets")
    assert answer.status_code == 200, answer.text
    assert all(
        budget["granted"] - budget["used"] + budget["given_back"] == budget["left"] for budget in answer.json["items"]
    )
    return answer.json["items"]


def grant(staff: ApiClient, amount: Any, operator_id: int | None = None, *, key: str | None = None) -> TestResponse:
    body = {"amount": amount, "explanation": "春季预算"} | ({"operator_id": str(operator_id)} if operator_id else {})
    return staff.post("/ledger/budgets", body, key=key)


def test_a_budget_says_what_became_of_it(town: TownBuilder, api: ApiClient) -> None:
    allow_hands(town)
    resident, staff = town.resident(), manager(town, api)
    earned_by(town, town.staff(), resident, 30)
    taken_back = earned_by(town, town.staff(), resident, 20).txn_id
    reverse(staff, taken_back, 15)
    granted = grant(staff, 1_000)
    reverse(manager(town, api), [row.id for row in town.rows(Txn.id, Txn.kind) if row.kind == "grant_budget"][-1], 400)
    town_budget, operator = budgets(town, api)
    assert operator == {
        "operator_id": str(town.operator_id),
        "operator": "测试运营",
        "granted": 0,
        "used": 0,
        "given_back": 0,
        "left": 0,
    }
    assert granted.json["granted"] == BUDGET + 1_000
    assert town_budget == {
        "operator_id": None,
        "operator": None,
        "granted": BUDGET + 600,
        "used": 50,
        "given_back": 15,
        "left": BUDGET + 565,
    }


def test_shards_are_one_budget(town: TownBuilder, api: ApiClient) -> None:
    resident = town.resident()
    before, _ = budgets(town, api)
    town.act(None, set_shards, 7)
    assert budgets(town, api)[0] == before
    earned_by(town, town.staff(), resident, BUDGET - 3)
    town.act(None, set_shards, 2)
    assert budgets(town, api)[0] == before | {"used": BUDGET - 3, "left": 3}
    audit(town)


def test_new_points_go_into_the_towns_budget_or_an_operators(town: TownBuilder, api: ApiClient) -> None:
    staff = manager(town, api)
    other = town.database.write(town.id, SYSTEM, lambda work: add(work, Operator, name="另一家"))
    assert grant(staff, 50).json == budgets(town, api)[0]
    answer = grant(staff, 70, town.operator_id)
    assert answer.status_code == 201, answer.text
    assert (answer.json["operator"], answer.json["granted"], answer.json["left"]) == ("测试运营", 70, 70)
    assert [(budget["operator_id"], budget["left"]) for budget in budgets(town, api)] == [
        (None, BUDGET + 50),
        (str(town.operator_id), 70),
        (str(other), 0),
    ]
    pools = {(row.owner_type, row.owner_id) for (row,) in town.rows(Account, kind=AccountKind.POOL)}
    assert pools == {(OwnerType.TOWN, town.id), (OwnerType.OPERATOR, town.operator_id)}
    audit(town)


def test_the_same_key_grants_once(town: TownBuilder, api: ApiClient) -> None:
    staff, key = manager(town, api), fresh_key()
    first, again = (grant(staff, 50, key=key) for _ in range(2))
    assert (again.status_code, again.json) == (201, first.json)
    problem_of(grant(staff, 51, key=key), 422, "idempotency.mismatch")
    assert budgets(town, api)[0]["granted"] == BUDGET + 50


def test_a_grant_that_can_not_be_right_is_refused(house: House, town: TownBuilder, api: ApiClient) -> None:
    staff, elsewhere = manager(town, api), new_town(house)
    before = effects(town), effects(elsewhere)
    for operator_id in (NOBODY, elsewhere.operator_id, town.community_id):
        problem_of(grant(staff, 5, operator_id), 404, "operator.unknown")
    for amount in (0, -5, 1_000_000_001, 1.5, "5", True, None):
        problem_of(grant(staff, amount), 422, "request.invalid")
    problem_of(staff.post("/ledger/budgets", {"amount": 5, "explanation": ""}), 422, "request.invalid")
    assert (effects(town), effects(elsewhere)) == before


def test_budgets_are_seen_by_auditors_and_granted_by_managers_of_the_whole_town(
    town: TownBuilder, api: ApiClient
) -> None:
    for role in Role:
        staff, local = town.staff(role), town.staff(role, at=town.community_id)
        before = effects(town)
        if role not in (Role.AUDITOR, Role.ADMIN):
            problem_of(api.as_(staff).get("/ledger/budgets"), 403, "auth.forbidden")
        if role not in (Role.MANAGER, Role.ADMIN):
            problem_of(grant(api.as_(staff), 5), 403, "auth.forbidden")
        problem_of(api.as_(local).get("/ledger/budgets"), 403, "auth.forbidden")
        problem_of(grant(api.as_(local), 5), 403, "auth.forbidden")
        assert effects(town) == before


def test_a_budget_is_its_towns(house: House, app: Flask, town: TownBuilder, api: ApiClient) -> None:
    elsewhere = new_town(house)
    grant(manager(elsewhere, ApiClient(app, elsewhere)), 5)
    assert budgets(town, api)[0]["granted"] == BUDGET

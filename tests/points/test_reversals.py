"""Who may take back what two people decided: neither of the two alone, above the threshold."""

from __future__ import annotations

from datetime import datetime

import pytest
from werkzeug.test import TestResponse

from models.residents import Role
from rules.clock import ZONE, local_day
from tests.build import ApiClient, Person, TownBuilder
from tests.edge.helpers import problem_of
from tests.ledger.keeping import audit
from tests.points.hands import ABOVE, allow_hands, balance_of, effects, manager

AMOUNT = ABOVE + 50


def reverse(staff: ApiClient, txn_id: str, amount: int | None = None) -> TestResponse:
    body = {"reason": "重复发放"} | ({} if amount is None else {"amount": amount})
    return staff.post(f"/ledger/transactions/{txn_id}/reversal", body)


def adjusted(first: ApiClient, second: ApiClient, resident: Person) -> str:
    """The transaction of an adjustment that one asked for and another approved."""
    wish = {"resident_id": str(resident.id), "amount": AMOUNT, "reason": "补发活动积分"}
    asked = first.post("/points/adjustments", wish)
    assert asked.json["status"] == "pending", asked.text
    return str(second.post(f"/points/adjustments/{asked.json['id']}/approval").json["txn_id"])


def imported(first: ApiClient, second: ApiClient, resident: Person) -> str:
    """The transaction of a row of a file that one sent and another approved."""
    day = local_day(datetime.now(ZONE))
    header = "ref,resident_id,amount,occurred_on,reason"
    lines = [header, f"a:1,{resident.id},{AMOUNT},{day},志愿服务", f"a:2,{resident.id},1,{day},志愿服务", ""]
    sent = first.call("POST", "/points/imports", {"name": "志愿服务.csv", "csv": "\n".join(lines)})
    assert sent.json["status"] == "pending", sent.text
    assert second.post(f"/points/imports/{sent.json['id']}/approval").status_code == 200
    return str(first.get(f"/points/imports/{sent.json['id']}/rows").json["items"][0]["txn_id"])


@pytest.mark.parametrize("book", [adjusted, imported])
def test_neither_of_the_two_who_decided_takes_back_more_than_the_threshold_alone(
    town: TownBuilder, api: ApiClient, book
) -> None:
    allow_hands(town)
    resident, first, second = town.resident(), manager(town, api), manager(town, api)
    txn_id = book(first, second, resident)
    before = effects(town)
    for one in (first, second):
        problem_of(reverse(one, txn_id), 403, "points.second_person_required")
        problem_of(reverse(one, txn_id, ABOVE + 1), 403, "points.second_person_required")
    assert effects(town) == before
    balance = balance_of(api, resident)
    assert reverse(first, txn_id, ABOVE).status_code == 201
    for one in (first, second):
        problem_of(reverse(one, txn_id, 1), 403, "points.second_person_required")
    assert reverse(manager(town, api), txn_id).status_code == 201
    assert balance_of(api, resident) == balance - AMOUNT
    audit(town)


@pytest.mark.parametrize("book", [adjusted, imported])
def test_having_asked_for_something_else_is_no_hindrance(town: TownBuilder, api: ApiClient, book) -> None:
    allow_hands(town)
    resident, approver = town.resident(), api.as_(town.staff(Role.MANAGER))
    other = manager(town, api)
    adjusted(other, approver, resident)
    assert reverse(other, book(manager(town, api), approver, resident)).status_code == 201

"""Who puts what on the shelf, and what is settled with merchants."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
from sqlalchemy import update
from sqlalchemy.exc import DBAPIError

from models.residents import Role
from models.rewards import StockChange
from models.territory import HostKind
from rules.clock import utc_now
from tests.build import ApiClient, TownBuilder
from tests.rewards.mall import (
    another_operator,
    assert_mall_agrees,
    host,
    merchant,
    open_mall,
    redeem,
    redeemed,
    refused,
    reward,
    rich,
    scan,
)


def written(town: TownBuilder, **more: Any) -> dict[str, Any]:
    """The body of a reward."""
    body = {"title": "剪发一次", "kind": "service", "territory_id": str(town.street_id), "price": 80, "stock": 10}
    return body | more


def test_a_manager_publishes_what_was_seen(town: TownBuilder, api: ApiClient) -> None:
    """The merchant changes the price between the look and the decision."""
    open_mall(town)
    barber, manager = api.as_(merchant(town)), api.as_(town.staff(Role.MANAGER))
    path = f"/rewards/{barber.post('/rewards', written(town, operator_id=str(town.operator_id))).json['id']}"
    barber.post(f"{path}/submission")
    seen = manager.get("/rewards/managed").json["items"][0]
    barber.call("PATCH", path, {"price": 800})
    decision = {"publish": True, "revision": seen["revision"]}
    refused(manager.post(f"{path}/decision", decision), 409, "reward.changed")
    assert barber.get("/rewards/managed").json["items"][0]["status"] == "submitted"
    decision["revision"] = manager.get("/rewards/managed").json["items"][0]["revision"]
    assert manager.post(f"{path}/decision", decision).json["status"] == "published"


def test_a_merchant_submits_and_a_manager_publishes(town: TownBuilder, api: ApiClient) -> None:
    open_mall(town)
    barber, manager = api.as_(merchant(town)), api.as_(town.staff(Role.MANAGER))
    body = written(town, operator_id=str(town.operator_id), limits=[{"per": "month", "quantity": 1}])
    made = barber.post("/rewards", body)
    assert (made.status_code, made.json["status"], made.json["stock"]) == (201, "draft", 10)
    path = f"/rewards/{made.json['id']}"
    refused(api.get(path), 404, "reward.unknown")
    refused(barber.post(f"{path}/decision", {"publish": True}), 403, "auth.forbidden")
    assert barber.post(f"{path}/submission").json["status"] == "submitted"
    assert [each["id"] for each in manager.get("/rewards/managed", status="submitted").json["items"]] == [
        made.json["id"]
    ]
    assert manager.post(f"{path}/decision", {"publish": False, "note": "请写明地址"}).json["status"] == "draft"
    assert barber.get("/rewards/managed").json["items"][0]["decision_note"] == "请写明地址"
    barber.call("PATCH", path, {"pick_up_at": "三号楼底商"})
    barber.post(f"{path}/submission")
    assert manager.post(f"{path}/decision", {"publish": True}).json["status"] == "published"
    assert api.get(path).json["operator"] == "测试运营"
    found = api.get("/search", q="剪发").json
    assert made.json["id"] in str(found)
    changed = barber.call("PATCH", path, {"price": 90})
    assert (changed.json["status"], changed.json["price"]) == ("submitted", 90)
    assert made.json["id"] not in str(api.get("/search", q="剪发").json)
    refused(manager.post(f"{path}/submission"), 409, "reward.state_unfit")
    assert barber.post(f"{path}/withdrawal", {"reason": "歇业"}).json["status"] == "withdrawn"


def test_nobody_keeps_what_is_not_theirs(town: TownBuilder, api: ApiClient) -> None:
    open_mall(town)
    other = another_operator(town)
    theirs = reward(town, operator_id=other)
    strangers = [
        merchant(town),
        town.staff(Role.OPERATOR),
        town.staff(Role.ORGANISER),
        town.staff(Role.AUDITOR),
        town.staff(Role.MANAGER, at=town.other_community_id),
    ]
    wish = written(town, operator_id=str(other))
    for caller in map(api.as_, strangers):
        refused(caller.post("/rewards", wish), 403, "auth.forbidden")
        refused(caller.call("PATCH", f"/rewards/{theirs}", {"price": 1}), 403, "auth.forbidden")
        refused(caller.post(f"/rewards/{theirs}/withdrawal", {"reason": "x"}), 403, "auth.forbidden")
        refused(caller.post(f"/rewards/{theirs}/stock", {"change": 1, "reason": "x"}), 403, "auth.forbidden")
        refused(caller.get(f"/rewards/{theirs}/stock"), 403, "auth.forbidden")
    refused(api.as_(merchant(town)).post("/rewards", written(town)), 403, "auth.forbidden")


def test_a_manager_links_staff_to_merchants(town: TownBuilder, api: ApiClient) -> None:
    open_mall(town)
    manager, person = api.as_(town.staff(Role.MANAGER)), town.staff(Role.OPERATOR)
    path = f"/operators/{town.operator_id}/staff"
    local = api.as_(town.staff(Role.MANAGER, at=town.community_id))
    refused(local.post(path, {"staff_id": str(person.id)}), 403, "auth.forbidden")
    for _ in range(2):
        assert manager.post(path, {"staff_id": str(person.id)}).status_code == 204
    assert [each["id"] for each in manager.get(path).json["items"]] == [str(person.id)]
    assert manager.get("/operators").json["items"][0]["staff_count"] == 1
    wish = written(town, operator_id=str(town.operator_id))
    assert api.as_(person).post("/rewards", wish).status_code == 201
    assert manager.delete(f"{path}/{person.id}").status_code == 204
    refused(api.as_(person).post("/rewards", wish), 403, "auth.forbidden")
    refused(manager.post(path, {"staff_id": "1"}), 404, "operator.staff_unknown")


@pytest.mark.parametrize(
    "unfit",
    [
        {"age_min": 60, "age_max": 59},
        {"opens_at": "09:00"},
        {"opens_at": "10:00", "closes_at": "10:00"},
        {"latitude": 30.0},
        {"ladder": "star", "level": "nine"},
        {"limits": [{"per": "day", "quantity": 1}, {"per": "day", "quantity": 2}]},
    ],
)
def test_a_reward_that_contradicts_itself_is_refused(town: TownBuilder, api: ApiClient, unfit: dict[str, Any]) -> None:
    manager = api.as_(town.staff(Role.MANAGER))
    refused(manager.post("/rewards", written(town, **unfit)), 422, "reward.fields_unfit")


def test_stock_is_corrected_with_a_reason_and_never_below_what_was_redeemed(town: TownBuilder, api: ApiClient) -> None:
    open_mall(town)
    item, manager = reward(town, stock=3), api.as_(town.staff(Role.MANAGER))
    redeemed(api.as_(rich(town)), item, quantity=2)
    path = f"/rewards/{item}/stock"
    refused(manager.post(path, {"change": -2, "reason": "盘点"}), 409, "reward.stock_too_low")
    assert manager.post(path, {"change": -1, "reason": "盘点"}).json["left"] == 0
    refused(redeem(api.as_(rich(town)), item), 409, "reward.sold_out")
    assert manager.post(path, {"change": 5, "reason": "补货"}).json["left"] == 5
    log = manager.get(path).json["items"]
    assert [(each["change"], each["stock_after"], each["taken"]) for each in log] == [(5, 7, 2), (-1, 2, 2)]
    endless = reward(town)
    refused(manager.post(f"/rewards/{endless}/stock", {"change": 1, "reason": "x"}), 409, "reward.state_unfit")
    with pytest.raises(DBAPIError):
        town.act(None, lambda work: work.core.execute(update(StockChange).values(change=9)))
    assert_mall_agrees(town)


def test_a_public_body_publishes_no_merchants_offers(town: TownBuilder, api: ApiClient) -> None:
    open_mall(town)
    host(town, HostKind.GOVERNMENT)
    manager = api.as_(town.staff(Role.MANAGER))
    theirs = manager.post("/rewards", written(town, operator_id=str(town.operator_id))).json["id"]
    refused(manager.post(f"/rewards/{theirs}/decision", {"publish": True}), 403, "host.government")
    own = manager.post("/rewards", written(town)).json["id"]
    assert manager.post(f"/rewards/{own}/decision", {"publish": True}).json["status"] == "published"


def test_what_is_settled_with_whom(town: TownBuilder, api: ApiClient) -> None:
    open_mall(town)
    theirs = reward(town, operator_id=town.operator_id, title="牛奶", fee=200)
    own = reward(town, title="=1+1")
    caller, counter = api.as_(rich(town)), api.as_(merchant(town))
    for _ in range(2):
        assert scan(counter, redeemed(caller, theirs, quantity=2)["code"], fee_paid=True).status_code == 200
    assert scan(api.as_(town.staff(Role.ORGANISER)), redeemed(caller, own)["code"]).status_code == 200
    redeemed(caller, theirs)  # waits, so it is settled with nobody
    [line] = counter.get("/rewards/settlement").json["lines"]
    assert (line["redemptions"], line["pieces"], line["points"], line["fees"]) == (2, 4, 40, 800)
    auditor = api.as_(town.staff(Role.AUDITOR))
    lines = auditor.get("/rewards/settlement").json["lines"]
    assert {each["title"]: (each["operator"], each["points"]) for each in lines} == {
        "牛奶": ("测试运营", 40),
        "=1+1": (None, 10),
    }
    tomorrow = (utc_now() + timedelta(days=2)).date().isoformat()
    assert auditor.get("/rewards/settlement", **{"from": tomorrow, "to": tomorrow}).json["lines"] == []
    for caller in (api.as_(town.staff(Role.SCANNER)), api.as_(town.resident())):
        refused(caller.get("/rewards/settlement"), 403, "reward.no_counter")
    book = ZipFile(BytesIO(auditor.get("/rewards/settlement.xlsx").data))
    assert "<f>" not in book.read("xl/worksheets/sheet1.xml").decode()
    assert "牛奶" in book.read("xl/sharedStrings.xml").decode()

"""Causes: points are given, shown by name only to whom it was said, and come back only where a cause is called off."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import time_machine

from models.jobs import Outbox
from models.residents import Role
from rules.clock import utc_now
from rules.rewards.donating import return_donations
from tests.build import ApiClient, TownBuilder
from tests.ledger.keeping import audit
from tests.rewards.mall import balances, open_mall, redeemed_at, refused, rich


def cause(town: TownBuilder, api: ApiClient, **more: Any) -> str:
    body = {
        "title": "为独居老人送餐",
        "territory_id": str(town.street_id),
        "target": 100,
        "until": (utc_now() + timedelta(days=30)).isoformat(),
        "operator_id": str(town.operator_id),
    }
    made = api.as_(town.staff(Role.MANAGER)).post("/causes", body | more)
    assert made.status_code == 201, made.text
    return str(made.json["id"])


def test_points_are_given_and_the_progress_shows(town: TownBuilder, api: ApiClient) -> None:
    open_mall(town)
    id_ = cause(town, api)
    one, other = rich(town), rich(town, name="李大爷")
    given = api.as_(one).post(f"/causes/{id_}/donations", {"amount": 30}, key="once-and-no-more")
    assert (given.status_code, given.json["given"], given.json["grade"]) == (201, 30, None)
    assert api.as_(one).post(f"/causes/{id_}/donations", {"amount": 30}, key="once-and-no-more").json == given.json
    named = api.as_(other).post(f"/causes/{id_}/donations", {"amount": 60, "is_named": True})
    assert named.json["grade"] == "铜牌爱心居民"
    refused(api.as_(one).post(f"/causes/{id_}/donations", {"amount": 71}), 409, "points.insufficient")
    shown = api.get(f"/causes/{id_}").json
    assert (shown["given"], shown["donors"], shown["target"]) == (90, 2, 100)
    donors = api.get(f"/causes/{id_}/donors").json["items"]
    assert [(each["name"], each["amount"]) for each in donors] == [("李大爷", 60), (None, 30)]
    assert [each["amount"] for each in api.as_(one).get("/me/donations").json["items"]] == [30]
    assert (balances(town, one), redeemed_at(town, town.operator_id)) == ((70, 0), 90)
    audit(town)


def test_a_cause_that_is_over_takes_nothing(town: TownBuilder, api: ApiClient) -> None:
    open_mall(town)
    id_ = cause(town, api, until=(utc_now() + timedelta(days=1)).isoformat())
    resident = rich(town)
    with time_machine.travel(utc_now() + timedelta(days=2), tick=True):
        refused(api.as_(resident).post(f"/causes/{id_}/donations", {"amount": 1}), 409, "cause.closed")
        assert api.get("/causes").json["items"] == []
        assert [each["id"] for each in api.get("/causes", all="true").json["items"]] == [id_]
    assert balances(town, resident) == (100, 0)


def test_only_a_cause_that_is_called_off_gives_back(town: TownBuilder, api: ApiClient) -> None:
    open_mall(town)
    id_, kept = cause(town, api), cause(town, api, title="小花园")
    resident, manager = rich(town), api.as_(town.staff(Role.MANAGER))
    for each in (id_, kept):
        assert api.as_(resident).post(f"/causes/{each}/donations", {"amount": 25}).status_code == 201
    local = api.as_(town.staff(Role.MANAGER, at=town.community_id))
    refused(local.post(f"/causes/{id_}/cancellation", {"reason": "x"}), 403, "auth.forbidden")
    assert manager.post(f"/causes/{id_}/cancellation", {"reason": "场地未落实"}).json["status"] == "cancelled"
    refused(api.as_(resident).post(f"/causes/{id_}/donations", {"amount": 1}), 409, "cause.closed")
    assert return_donations(town.database, town.id) == (1, 0)
    assert return_donations(town.database, town.id) == (0, 0)
    assert (balances(town, resident), redeemed_at(town, town.operator_id)) == ((75, 0), 25)
    assert api.get(f"/causes/{id_}").json["given"] == 0
    assert [row.topic for row in town.rows(Outbox.topic)].count("donation.returned") == 1
    refused(manager.call("PATCH", f"/causes/{id_}", {"target": 5}), 409, "cause.closed")
    audit(town)

"""Protects who is acted for: whoever acts books for them, and sees neither their phone nor their points."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask

from rules.work import ActorKind
from tests.build import ApiClient, Person, TownBuilder
from tests.edge.helpers import open_at, problem_of
from tests.ledger.keeping import earn_points
from tests.residents.people import a_mobile, at_the_desk, registered

POINTS = 98_761
#: Where a resident may say for whom. Another place is a decision, not an accident.
FOR_SOMEBODY = {
    "GET /me/calendar.ics",
    "GET /me/reservations",
    "GET /me/appeals",
    "GET /me/bookings",
    "GET /me/certificates",
    "GET /me/hours",
    "GET /me/volunteer",
    "POST /me/certificates",
    "POST /me/volunteer",
    "DELETE /me/volunteer",
    "POST /sessions/{session_id}/reservations",
    "POST /venues/{venue_id}/bookings",
    "POST /me/checkins",
    "GET /me/estate",
    "GET /me/repairs",
    "POST /repairs",
    "GET /me/complaints",
    "POST /complaints",
    "GET /me/redemptions",
    "POST /rewards/{reward_id}/redemptions",
    "GET /me/household",
    "POST /me/household",
    "DELETE /me/household",
    "DELETE /me/household/request",
    # for a child, by its guardian alone
    "GET /me/consents",
    "POST /me/consents",
    "DELETE /me/consents/{purpose}",
    "POST /me/exports",
    "POST /me/erasure",
    "GET /me/erasure",
    "DELETE /me/erasure",
}


def test_only_reservations_bookings_and_the_door_may_be_asked_for_for_somebody(app: Flask) -> None:
    document = open_at(app, "/openapi.json").get_json()
    schemas = document["components"]["schemas"]
    found = set()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method == "parameters" or operation.get("security") not in (
                [{"bearer": ["resident"]}],
                [{"bearer": ["signed_in"]}],
            ):
                continue
            names = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "query"}
            for media in operation.get("requestBody", {}).get("content", {}).values():
                names |= set(schemas[media["schema"]["$ref"].rsplit("/", 1)[1]].get("properties", {}))
            if "resident_id" in names:
                found.add(f"{method.upper()} {path.removeprefix('/api/v1')}")
    assert found <= FOR_SOMEBODY
    assert {"GET /me/reservations", "POST /sessions/{session_id}/reservations"} <= found
    assert not any("points" in route for route in found)


def test_a_walk_of_who_acts_shows_neither_phone_nor_points(town: TownBuilder, api: ApiClient, app: Flask) -> None:
    desk, phone, daughter = at_the_desk(town, api), a_mobile(), town.resident("陈小红")
    elder = registered(desk, town, phone=phone)
    earn_points(town, Person(elder, ActorKind.RESIDENT, "陈阿婆"), POINTS)
    form = {"agent_id": str(daughter.id), "consent_note": "本人到场签字"}
    assert desk.post(f"/residents/{elder}/proxies", form).status_code == 201
    me, whom = api.as_(daughter), {"resident_id": str(elder)}

    seen = []
    booked = me.post(f"/sessions/{town.session()}/reservations", whom)
    assert booked.status_code == 201, booked.text
    seen += [booked, me.get("/me/reservations", **whom), me.get("/me/calendar.ics", **whom)]
    assert len(seen[1].json["items"]) == 1
    seen += [me.get(f"/reservations/{booked.json['id']}"), me.delete(f"/reservations/{booked.json['id']}")]
    for path in routes_without_ids(app):
        seen += [me.get(path, **whom), me.get(path)]
    for answer in seen:
        assert phone not in answer.text
        assert f"138****{phone[-4:]}" not in answer.text
        assert not re.search(rf"(?<!\d){POINTS}(?!\d)", answer.text), answer.text
    assert me.get("/me/points", **whom).json["balance"] == 0

    problem_of(desk.get("/me/points", **whom), 403, "auth.forbidden")
    problem_of(me.post("/residents/search", {"phone": phone}), 403, "resident.desk_only")
    problem_of(me.call("PATCH", f"/residents/{elder}", {"phone": None}), 404, "resident.unknown")


def test_a_neighbour_without_a_right_sees_nothing_at_all(town: TownBuilder, api: ApiClient) -> None:
    elder = registered(at_the_desk(town, api), town)
    neighbour, whom = api.as_(town.resident()), {"resident_id": str(elder)}
    for answer in (
        neighbour.get("/me/reservations", **whom),
        neighbour.get("/me/calendar.ics", **whom),
        neighbour.post(f"/sessions/{town.session()}/reservations", whom),
    ):
        problem_of(answer, 403, "proxy.none")


def routes_without_ids(app: Flask) -> list[str]:
    """Everything of a resident's own that can be read without knowing an id."""
    rules: list[Any] = [rule for rule in app.url_map.iter_rules() if "GET" in rule.methods]
    return [
        rule.rule.removeprefix("/api/v1")
        for rule in rules
        if rule.rule.startswith("/api/v1/me") and "<" not in rule.rule
    ]

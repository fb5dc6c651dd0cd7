"""Protects against requests that bring more than they may: fields, origins, addresses to fetch, methods, refused answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from blueprints.edge.house import House
from blueprints.edge.problems import all_codes
from models.residents import Resident, ResidentStatus, Role
from rules.errors import Kind, RuleError
from tests.build import ApiClient, TownBuilder, fresh_key
from tests.edge.helpers import open_at, problem_of, reserve
from tests.edge.test_permissions import BODIES, MATRIX, PUBLIC, SIGN_INS, ask

#: What is refused at the edge is refused whatever the database is.
pytestmark = pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
STRANGE = {"is_admin": True, "town_id": "1", "token_version": 99}
#: What only the house itself writes.
OURS = {
    "town_id",
    "town_code",
    "token_version",
    "password_hash",
    "openid",
    "phone_index",
    "registered_at",
    "versioned_at",
    "credited",
    "debited",
    "taken",
    "balance",
    "recorded_at",
    "role",
    "roles",
    "actor_id",
    "staff_id",
    "is_admin",
}
#: Where somebody may name one of them, and what the rule asks first.
NAMED_ON_PURPOSE = {
    "POST /api/v1/operators/{operator_id}/staff": {"staff_id"},
    "PUT /api/v1/group-members/{member_id}/role": {"role"},
}
ADDRESSES = ("url", "uri", "link", "href", "host", "endpoint", "callback", "redirect", "image", "avatar", "website")


def bodies(app: Flask) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every operation with a JSON body, and the properties that its body may have, those of parts included."""
    document = open_at(app, "/openapi.json").get_json()
    schemas = document["components"]["schemas"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {}) if isinstance(operation, dict) else {}
            if "application/json" in content:
                yield f"{method.upper()} {path}", properties(content["application/json"]["schema"], schemas)


def properties(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    found = dict(schema.get("properties", {}))
    parts = [*schema.get("properties", {}).values(), *schema.get("allOf", []), schema.get("items", {})]
    for part in parts:
        for inner in (part, part.get("items", {}), *part.get("allOf", []), *part.get("anyOf", [])):
            if isinstance(inner, dict) and "$ref" in inner:
                found |= properties(inner, schemas)
    return found


def test_every_write_with_a_body_refuses_what_it_does_not_know(
    town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    resident, staff = api.as_(town.resident()), api.as_(town.staff(*Role))
    before, taken = town.contents(), {}
    for route, body in BODIES.items():
        if route.startswith("GET") or MATRIX[route] == PUBLIC:
            continue
        monkeypatch.setitem(BODIES, route, body | STRANGE)
        callers = [api] if route in SIGN_INS else [resident, staff]
        answers = [ask(caller, route) for caller in callers]
        if not any(answer.status_code == 422 and set(STRANGE) <= set(answer.json["errors"]) for answer in answers):
            taken[route] = [(answer.status_code, answer.text[:200]) for answer in answers]
    assert not taken
    assert town.contents() == before


def test_no_body_names_what_only_the_house_writes(app: Flask) -> None:
    found = {route: set(named) & OURS for route, named in bodies(app)}
    assert len(found) > 80
    assert {route: names for route, names in found.items() if names} == NAMED_ON_PURPOSE


def test_nobody_makes_more_of_themselves(town: TownBuilder, api: ApiClient) -> None:
    resident = town.resident("王小明", status=ResidentStatus.SUSPENDED)
    before = town.contents()
    for extra in (
        {"status": "active"},
        {"token_version": 1},
        {"id": "1"},
        {"household_id": "1"},
        {"is_volunteer": True},
    ):
        refused = api.as_(resident).call("PATCH", "/me", {"name": "另一个"} | extra)
        assert list(problem_of(refused, 422, "request.invalid")["errors"]) == list(extra)
    assert town.contents() == before
    assert town.rows(Resident.name, id=resident.id) == [("王小明",)]


def test_no_request_names_an_address_that_we_fetch_but_an_administrators_webhook(app: Flask) -> None:
    named = {
        (route, name)
        for route, of_body in bodies(app)
        for name, schema in of_body.items()
        if any(word in name.lower().split("_") for word in ADDRESSES) or schema.get("format") in {"uri", "url"}
    }
    assert named == {("POST /api/v1/monitor/webhooks", "url"), ("PATCH /api/v1/monitor/webhooks/{webhook_id}", "url")}
    assert (
        MATRIX["POST /api/v1/monitor/webhooks"]
        == MATRIX["PATCH /api/v1/monitor/webhooks/<id:webhook_id>"]
        == Role.ADMIN
    )


def test_no_answer_is_for_another_origin(app: Flask, town: TownBuilder, api: ApiClient) -> None:
    origin = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    me = api.as_(town.resident())
    answers = [
        api.call("GET", "/activities", headers=origin),
        me.call("GET", "/me", headers=origin),
        me.call("OPTIONS", "/me", headers=origin),
        reserve(me, town.session()),
        open_at(app, "/nowhere", headers=origin),
        open_at(app, "/console", headers=origin),
        open_at(app, "/openapi.json", headers=origin),
    ]
    for answer in answers:
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]
        assert "evil.example" not in str(answer.headers)


def test_no_answer_sets_a_cookie_and_a_cookie_signs_nobody_in(town: TownBuilder, api: ApiClient) -> None:
    me = api.as_(town.resident())
    token = me._token
    for answer in (me.get("/me"), me.post("/auth/sign-out"), api.get("/activities")):
        assert "Set-Cookie" not in answer.headers
    for cookie in (f"Authorization=Bearer {token}", f"access_token={token}", f"session={token}"):
        problem_of(api.call("GET", "/me", headers={"Cookie": cookie}), 401, "auth.required")


def test_a_token_in_the_address_signs_nobody_in(town: TownBuilder, api: ApiClient) -> None:
    token = api.as_(town.resident())._token
    for name in ("token", "access_token", "authorization"):
        problem_of(api.get("/me", **{name: token}), 401, "auth.required")


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"])
def test_no_header_turns_a_reading_into_a_write(town: TownBuilder, api: ApiClient, header: str) -> None:
    resident = town.resident("王小明")
    for method in ("PATCH", "DELETE"):
        assert api.as_(resident).call("GET", "/me", headers={header: method}).status_code == 200
    assert town.rows(Resident.name, id=resident.id) == [("王小明",)]


@pytest.mark.parametrize("header", ["X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix", "X-Forwarded-Path"])
def test_no_header_leads_to_another_route(api: ApiClient, header: str) -> None:
    assert api.call("GET", "/activities", headers={header: "/api/v1/jobs"}).json.keys() == {"items", "next_cursor"}


def test_a_form_of_another_site_is_no_request_of_ours(town: TownBuilder, api: ApiClient) -> None:
    me = api.as_(town.resident())
    for content_type in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"):
        refused = me.call("PATCH", "/me", data=b'{"name": "x"}', content_type=content_type)
        assert refused.status_code == 415, content_type


def test_who_comes_too_often_is_told_429_and_when_to_come_back(house: House) -> None:
    limits = {code for code, refusal in RuleError.registry.items() if refusal.kind is Kind.TOO_MANY}
    assert limits >= {
        "auth.too_many_attempts",
        "request.too_many",
        "export.too_many",
        "household.too_many_requests",
        "daily_limit.reached",
        "redemption.too_many_wrong_codes",
    }
    assert {all_codes()[code] for code in limits} == {429}


def test_a_copy_too_many_says_when_the_next_one_may_be_asked_for(town: TownBuilder, api: ApiClient) -> None:
    me = api.as_(town.resident())
    assert [me.post("/me/exports", {}, key=fresh_key()).status_code for _ in range(3)] == [201] * 3
    refused = me.post("/me/exports", {}, key=fresh_key())
    problem_of(refused, 429, "export.too_many")
    assert 86_000 <= int(refused.headers["Retry-After"]) <= 86_400

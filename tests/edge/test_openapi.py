"""Protects the document at /openapi.json: complete, resolvable, and the same as what the routes do."""

from __future__ import annotations

import re
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from flask import Flask

from app import ROOMS
from blueprints.edge.document import make_document
from blueprints.edge.problems import all_codes
from rules.administration.founding import TownCodeTaken
from rules.errors import RuleError
from tests.edge.helpers import PROBLEM, open_at
from tests.edge.test_permissions import FOR_BROWSERS, MATRIX, PUBLIC, routes

Document = dict[str, Any]
PAGE = {"cursor", "limit"}
PERIOD = PAGE | {"from", "to"}
NEAR = {"near", "within_metres"}
TABLE = {"territory_id", "operator_id", "period", "first_day", "last_day", "as_of", "format"}
#: The query parameters of each route that has any.
PARAMETERS = {
    "GET /api/v1/home": {"town", "community_id"},
    "GET /api/v1/search": PAGE | {"town", "q", "kind", "near", "community_id"},
    "GET /api/v1/activities": PERIOD
    | NEAR
    | {"town", "q", "scene", "community_id", "available", "checkin_open", "weekend", "free", "audience"},
    "GET /api/v1/activities/{activity_id}": {"town"},
    "GET /api/v1/activities/{activity_id}/sessions": PERIOD | {"town"},
    "GET /api/v1/activities/managed": PAGE | {"status", "community_id"},
    "GET /api/v1/sessions/{session_id}": {"town"},
    "GET /api/v1/calendars/{secret}.ics": {"town"},
    "GET /api/v1/me/calendar.ics": {"resident_id"},
    "GET /api/v1/organisations": PAGE,
    "GET /api/v1/me/consents": {"resident_id"},
    "DELETE /api/v1/me/consents/{purpose}": {"resident_id"},
    "GET /api/v1/me/exports/{export_id}": {"part"},
    "GET /api/v1/me/erasure": {"resident_id"},
    "DELETE /api/v1/me/erasure": {"resident_id"},
    "GET /api/v1/mergings": PAGE,
    "GET /api/v1/me/household": {"resident_id"},
    "DELETE /api/v1/me/household": {"resident_id"},
    "DELETE /api/v1/me/household/request": {"resident_id"},
    "GET /api/v1/household-requests": PAGE,
    "GET /api/v1/service-centres/{centre_id}/calendar.ics": {"town"},
    "GET /api/v1/venues/{venue_id}/calendar.ics": {"town"},
    "GET /api/v1/estates": PAGE | {"town", "q", "community_id", "company_id"},
    "GET /api/v1/estates/{estate_id}": {"town"},
    "GET /api/v1/me/estate": {"resident_id"},
    "GET /api/v1/estates/{estate_id}/management": PAGE | {"town"},
    "GET /api/v1/estates/{estate_id}/repair-categories": {"town"},
    "GET /api/v1/estates/{estate_id}/service-terms": {"town", "category"},
    "GET /api/v1/estates/{estate_id}/statistics": {"town", "from", "to"},
    "GET /api/v1/estates/{estate_id}/statistics/staff": {"from", "to"},
    "GET /api/v1/estates/{estate_id}/public-repairs": PAGE,
    "GET /api/v1/property-companies": PAGE | {"town"},
    "GET /api/v1/property-companies/{company_id}": {"town"},
    "GET /api/v1/property-companies/{company_id}/estates": PAGE | {"town"},
    "GET /api/v1/property-companies/{company_id}/statistics": {"town", "from", "to"},
    "GET /api/v1/property-companies/{company_id}/statistics/staff": {"from", "to"},
    "GET /api/v1/repairs": PAGE | {"estate_id", "company_id", "status", "category", "place", "due"},
    "GET /api/v1/me/repairs": PAGE | {"status", "resident_id"},
    "GET /api/v1/repairs/{repair_id}/events": PAGE,
    "GET /api/v1/complaints": PAGE | {"estate_id", "kind", "status", "overdue"},
    "GET /api/v1/me/complaints": PAGE | {"resident_id"},
    "GET /api/v1/rewards": PAGE | {"town", "q", "kind", "operator_id", "community_id", "price_max", "available"},
    "GET /api/v1/rewards/{reward_id}": {"town"},
    "GET /api/v1/me/redemptions": PAGE | {"status", "resident_id"},
    "GET /api/v1/redemptions": PAGE | {"status", "reward_id", "operator_id"},
    "GET /api/v1/rewards/settlement": {"operator_id", "from", "to"},
    "GET /api/v1/rewards/settlement.xlsx": {"operator_id", "from", "to"},
    "GET /api/v1/rewards/managed": PAGE | {"status", "operator_id"},
    "GET /api/v1/rewards/{reward_id}/stock": PAGE,
    "GET /api/v1/causes": PAGE | {"town", "all"},
    "GET /api/v1/causes/{cause_id}": {"town"},
    "GET /api/v1/causes/{cause_id}/donors": PAGE | {"town"},
    "GET /api/v1/me/donations": PAGE,
    "GET /api/v1/operators": PAGE,
    "GET /api/v1/operators/{operator_id}/staff": PAGE,
    "GET /api/v1/venues": PAGE | NEAR | {"town", "q", "community_id", "kind", "free_from", "free_to", "free_now"},
    "GET /api/v1/venues/{venue_id}": {"town"},
    "GET /api/v1/venues/{venue_id}/availability": {"town", "from", "to"},
    "GET /api/v1/venues/{venue_id}/utilisation": {"from", "to"},
    "GET /api/v1/venues/{venue_id}/bookings": PERIOD | {"status"},
    "GET /api/v1/me/bookings": PAGE | {"resident_id"},
    "GET /api/v1/working-days": {"town", "from", "to"},
    "DELETE /api/v1/working-days": {"day"},
    "GET /api/v1/appeals": PAGE | {"status"},
    "GET /api/v1/me/appeals": PAGE | {"resident_id"},
    "GET /api/v1/me/reports": PAGE,
    "GET /api/v1/me/contents": PAGE,
    "GET /api/v1/moderation/contents": PAGE | {"kind", "overdue"},
    "GET /api/v1/points/ranking": PAGE | {"ranking", "period", "day", "scene", "community_id"},
    "GET /api/v1/points/ranking/communities": {"town", "period", "day", "scene"},
    "GET /api/v1/points/ways": {"town"},
    "GET /api/v1/communities": {"town", "near"},
    "GET /api/v1/communities/{community_id}": {"town"},
    "GET /api/v1/territory/{territory_id}": {"town"},
    "GET /api/v1/territory/{territory_id}/children": PAGE | {"town"},
    "GET /api/v1/service-centres": PAGE | NEAR | {"town", "q", "community_id", "scene", "open_now"},
    "GET /api/v1/service-centres/{service_centre_id}": {"town"},
    "GET /api/v1/service-centres/{service_centre_id}/duty": {"town", "from", "to"},
    "GET /api/v1/service-centres/{service_centre_id}/staff": PAGE,
    "DELETE /api/v1/service-centres/{service_centre_id}/staff/{staff_id}/duty-days": {"day"},
    "GET /api/v1/services": PAGE | {"town", "q", "scene", "service_centre_id", "community_id"},
    "GET /api/v1/services/{service_id}": {"town"},
    "GET /api/v1/me/favourites": PAGE | {"kind"},
    "DELETE /api/v1/me/favourites": {"kind", "subject_id"},
    "GET /api/v1/uploads/{upload_id}/display": {"town", "expires", "seen_by", "signature"},
    "GET /api/v1/uploads/{upload_id}/thumbnail": {"town", "expires", "seen_by", "signature"},
    "GET /api/v1/share/{kind}/{subject_id}": {"town"},
    "GET /api/v1/share-codes/{scene}": {"town"},
    "GET /api/v1/share-codes/{scene}/image": {"town"},
    "GET /api/v1/share-codes/{scene}/link": {"town"},
    "GET /wechat/push": {"signature", "timestamp", "nonce", "echostr"},
    "POST /wechat/push": {"signature", "timestamp", "nonce"},
    "GET /api/v1/jobs/runs": PAGE | {"job"},
    "GET /api/v1/ledger/seals": {"cursor", "limit", "town"},
    "GET /api/v1/ledger/seals/{seq}": {"town"},
    "GET /api/v1/ledger/seals/{seq}/proof": {"txn"},
    "GET /api/v1/ledger/settlement": {"first_day", "last_day"},
    "GET /api/v1/me/points/explain": PAGE,
    "GET /api/v1/me/points/statement": PAGE,
    "GET /api/v1/me/reservations": PAGE | {"resident_id"},
    "GET /api/v1/sessions/{session_id}/reservations": PAGE | {"live"},
    "GET /api/v1/sessions/{session_id}/draw": {"town"},
    "GET /api/v1/points/adjustments": PAGE | {"status"},
    "GET /api/v1/points/imports": PAGE,
    "GET /api/v1/points/imports/{import_id}/rows": PAGE,
    "GET /api/v1/rulebooks": {"town"},
    "GET /api/v1/rulebooks/drafts": PAGE,
    "GET /api/v1/rulebooks/{number}": {"town"},
    "GET /api/v1/sessions/{session_id}/attendance": PAGE,
    "GET /api/v1/sessions/{session_id}/scans": PAGE,
    "GET /api/v1/me/volunteer": {"resident_id"},
    "DELETE /api/v1/me/volunteer": {"resident_id"},
    "GET /api/v1/me/hours": PAGE | {"resident_id"},
    "GET /api/v1/me/certificates": PAGE | {"resident_id"},
    "GET /api/v1/certificates/{code}": {"town"},
    "GET /api/v1/certificates/{code}/page": {"town"},
    "GET /api/v1/volunteering/records": PAGE | {"status", "flagged", "resident_id"},
    "GET /api/v1/volunteering/reviews": PAGE,
    "POST /api/v1/auth/refresh": {"town"},
    "POST /api/v1/auth/staff": {"town"},
    "POST /api/v1/auth/wechat": {"town"},
    "POST /api/v1/rulebooks/preview": {"town"},
    "GET /api/v1/groups": PAGE | {"category", "community_id", "scene", "town"},
    "GET /api/v1/groups/{group_id}": {"town"},
    "GET /api/v1/me/groups": PAGE,
    "GET /api/v1/groups/{group_id}/members": PAGE,
    "GET /api/v1/groups/{group_id}/requests": PAGE,
    "GET /api/v1/groups/{group_id}/invitations": PAGE,
    "GET /api/v1/groups/{group_id}/meetups": PAGE,
    "GET /api/v1/me/meetups": PAGE,
    "GET /api/v1/group-meetups/{meetup_id}/attendees": PAGE,
    "GET /api/v1/groups/{group_id}/posts": PAGE,
    "GET /api/v1/groups/{group_id}/proposals": PAGE,
    "GET /api/v1/group-proposals": PAGE,
    "GET /api/v1/groups/{group_id}/activities": PAGE | {"town"},
    "GET /api/v1/partner-posts": PAGE | {"community_id", "kind"},
    "GET /api/v1/me/partner-posts": PAGE,
    "GET /api/v1/partner-posts/{post_id}/responses": PAGE,
    "GET /api/v1/me/post-responses": PAGE,
    "GET /api/v1/post-responses/{response_id}/messages": PAGE,
    "GET /api/v1/me/blocks": PAGE,
    "GET /api/v1/me/inbox": PAGE | {"unread"},
    "GET /api/v1/staff/notices": PAGE,
    "GET /api/v1/notices/dead-letters": PAGE,
    "GET /api/v1/announcements": PAGE | {"place_id", "town"},
    "GET /api/v1/announcements/{announcement_id}": {"town"},
    "GET /api/v1/staff/announcements": PAGE | {"status"},
    "GET /api/v1/staff/announcements/{announcement_id}/unconfirmed": PAGE,
    "GET /api/v1/monitor/places": PAGE,
    "GET /api/v1/monitor/overview": TABLE,
    "GET /api/v1/monitor/series": TABLE | {"measure", "by", "scene", "detail"},
    "GET /api/v1/monitor/snapshots": PAGE,
    "GET /api/v1/monitor/scenes": TABLE,
    "GET /api/v1/monitor/operators": TABLE,
    "GET /api/v1/monitor/communities": TABLE,
    "GET /api/v1/monitor/estates": TABLE,
    "GET /api/v1/monitor/venues": TABLE | {"table"},
    "GET /api/v1/monitor/points": TABLE | {"table"},
    "GET /api/v1/monitor/measures/{name}/rows": TABLE | PAGE | {"scene", "detail", "part"},
    "GET /api/v1/monitor/patterns": TABLE | PAGE,
    "GET /api/v1/monitor/targets": PAGE | {"territory_id", "with_past"},
    "GET /api/v1/monitor/weights/history": PAGE,
    "GET /api/v1/monitor/reports/{month}.pdf": {"territory_id"},
    "GET /api/v1/monitor/webhooks": PAGE,
}
ONCE = {
    "POST /api/v1/monitor/targets",
    "DELETE /api/v1/monitor/targets/{target_id}",
    "POST /api/v1/rewards/{reward_id}/redemptions",
    "DELETE /api/v1/redemptions/{redemption_id}",
    "POST /api/v1/redemptions/{redemption_id}/substitution/answer",
    "POST /api/v1/redemptions/{redemption_id}/refund",
    "POST /api/v1/redemptions/{redemption_id}/substitution",
    "POST /api/v1/rewards",
    "POST /api/v1/rewards/{reward_id}/submission",
    "POST /api/v1/rewards/{reward_id}/decision",
    "POST /api/v1/rewards/{reward_id}/withdrawal",
    "POST /api/v1/rewards/{reward_id}/stock",
    "POST /api/v1/causes/{cause_id}/donations",
    "POST /api/v1/causes",
    "POST /api/v1/causes/{cause_id}/cancellation",
    "POST /api/v1/activities",
    "POST /api/v1/activities/{activity_id}/publication",
    "POST /api/v1/activities/{activity_id}/cancellation",
    "POST /api/v1/activities/{activity_id}/finish",
    "POST /api/v1/activities/{activity_id}/copy",
    "POST /api/v1/activities/{activity_id}/sessions",
    "POST /api/v1/activities/{activity_id}/series",
    "PATCH /api/v1/sessions/{session_id}",
    "POST /api/v1/sessions/{session_id}/cancellation",
    "POST /api/v1/estates/{estate_id}/management",
    "POST /api/v1/estates/{estate_id}/management/end",
    "POST /api/v1/repair-categories",
    "POST /api/v1/service-terms",
    "POST /api/v1/property-companies",
    "POST /api/v1/repairs",
    "POST /api/v1/repairs/{repair_id}/cancellation",
    "POST /api/v1/repairs/{repair_id}/confirmation",
    "POST /api/v1/repairs/{repair_id}/reopening",
    "POST /api/v1/repairs/{repair_id}/assignment",
    "POST /api/v1/repairs/{repair_id}/visit",
    "POST /api/v1/repairs/{repair_id}/start",
    "POST /api/v1/repairs/{repair_id}/completion",
    "POST /api/v1/repairs/{repair_id}/rejection",
    "POST /api/v1/complaints",
    "POST /api/v1/complaints/{complaint_id}/answer",
    "DELETE /api/v1/complaints/{complaint_id}",
    "POST /api/v1/venues/{venue_id}/bookings",
    "DELETE /api/v1/bookings/{booking_id}",
    "POST /api/v1/bookings/{booking_id}/decision",
    "POST /api/v1/bookings/{booking_id}/arrival",
    "POST /api/v1/residents",
    "POST /api/v1/me/dependants",
    "POST /api/v1/me/exports",
    "POST /api/v1/mergings/{merging_id}/approval",
    "POST /api/v1/sessions/{session_id}/reservations",
    "DELETE /api/v1/reservations/{reservation_id}",
    "POST /api/v1/reservations/{reservation_id}/appeal",
    "POST /api/v1/reservations/{reservation_id}/confirmation",
    "POST /api/v1/appeals/{appeal_id}/decision",
    "POST /api/v1/contents/{content_id}/reports",
    "POST /api/v1/me/contents/{content_id}/appeal",
    "POST /api/v1/moderation/contents/{content_id}/decision",
    "POST /api/v1/moderation/contents/{content_id}/removal",
    "POST /api/v1/moderation/contents/{content_id}/restoration",
    "POST /api/v1/moderation/terms",
    "POST /api/v1/me/points/transfers",
    "POST /api/v1/points/adjustments",
    "POST /api/v1/points/adjustments/{adjustment_id}/approval",
    "POST /api/v1/points/adjustments/{adjustment_id}/refusal",
    "POST /api/v1/points/imports/{import_id}/approval",
    "POST /api/v1/points/imports/{import_id}/refusal",
    "POST /api/v1/ledger/transactions/{txn_id}/reversal",
    "POST /api/v1/ledger/budgets",
    "POST /api/v1/points/events",
    "POST /api/v1/volunteering/records",
    "DELETE /api/v1/volunteering/records/{record_id}",
    "POST /api/v1/volunteering/records/{record_id}/decision",
    "POST /api/v1/volunteering/reviews",
    "POST /api/v1/me/certificates",
    "POST /api/v1/certificates/{code}/withdrawal",
    "POST /api/v1/rulebooks/drafts",
    "POST /api/v1/rulebooks/drafts/{draft_id}/publication",
    "POST /api/v1/rulebooks/drafts/{draft_id}/refusal",
    "POST /api/v1/groups",
    "POST /api/v1/groups/{group_id}/closing",
    "POST /api/v1/groups/{group_id}/members",
    "DELETE /api/v1/groups/{group_id}/membership",
    "POST /api/v1/groups/{group_id}/handover",
    "DELETE /api/v1/group-members/{member_id}",
    "POST /api/v1/group-requests/{request_id}/decision",
    "POST /api/v1/groups/{group_id}/meetups",
    "POST /api/v1/group-meetups/{meetup_id}/attendance",
    "DELETE /api/v1/group-meetups/{meetup_id}/attendance",
    "POST /api/v1/group-meetups/{meetup_id}/cancellation",
    "POST /api/v1/groups/{group_id}/posts",
    "POST /api/v1/groups/{group_id}/proposals",
    "POST /api/v1/group-proposals/{proposal_id}/decision",
    "POST /api/v1/partner-posts",
    "POST /api/v1/partner-posts/{post_id}/responses",
    "POST /api/v1/post-responses/{response_id}/decision",
    "POST /api/v1/post-responses/{response_id}/messages",
    "POST /api/v1/me/subscriptions",
    "POST /api/v1/staff/announcements",
}
#: They say all there is to say by their address.
WITHOUT_A_BODY = re.compile(
    r"POST .*/(sign-out|submission|approval|refusal|publication|finish|copy|arrival|calendar-feed|card|confirmation"
    r"|attendance-complete|dead-letters/\{message_id\}/(retry|dismissal)|inbox/\{notice_id\}/read"
    r"|announcements/\{announcement_id\}/withdrawal)"
    r"|POST .*/(group-meetups/\{meetup_id\}/(attendance|cancellation)|partner-posts/\{post_id\}/closing"
    r"|webhooks/\{webhook_id\}/(test|secret))"
)
#: The document and its page are no operations of the document.
NOT_DESCRIBED = {"GET /openapi.json", "GET /docs", "GET /docs/assets/<path:name>"} | {
    route for route in MATRIX if route.startswith(FOR_BROWSERS)
}


@pytest.fixture(scope="module")
def document(app: Flask) -> Document:
    return open_at(app, "/openapi.json").get_json()


@pytest.fixture(scope="module")
def operations(document: Document) -> dict[str, Document]:
    return {
        f"{method.upper()} {path}": {
            **operation,
            "parameters": [*item.get("parameters", []), *operation.get("parameters", [])],
        }
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }


def as_path(route: str) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route)


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def resolve(document: Document, reference: str) -> Any:
    assert reference.startswith("#/"), reference
    node: Any = document
    for part in reference[2:].split("/"):
        node = node[part.replace("~1", "/").replace("~0", "~")]
    return node


def test_the_document_is_openapi_3_1_and_names_the_product(document: Document) -> None:
    assert document["openapi"].startswith("3.1")
    assert "Binfen" in document["info"]["title"]
    assert document["info"]["version"]


def test_the_document_lists_every_route_and_no_other(app: Flask, operations: dict[str, Document]) -> None:
    assert set(operations) == {as_path(route) for route in routes(app) - NOT_DESCRIBED}


def test_every_operation_says_in_a_sentence_what_it_does(operations: dict[str, Document]) -> None:
    silent = [name for name, operation in operations.items() if not operation.get("summary", "").strip()]
    assert silent == []
    assert all("\n" not in operation["summary"] for operation in operations.values())


def test_every_operation_has_an_id_of_its_own(operations: dict[str, Document]) -> None:
    nameless = [name for name, operation in operations.items() if not operation.get("operationId")]
    assert nameless == []
    counted = Counter(operation["operationId"] for operation in operations.values())
    assert counted.most_common(1)[0][1] == 1


def test_every_operation_has_a_tag_that_is_described(document: Document, operations: dict[str, Document]) -> None:
    described = {tag["name"] for tag in document["tags"] if tag.get("description")}
    assert all(set(operation["tags"]) <= described for operation in operations.values())


def test_every_operation_says_who_may_use_it(document: Document, operations: dict[str, Document]) -> None:
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    for route, need in MATRIX.items():
        if route in NOT_DESCRIBED:
            continue
        said = operations[as_path(route)].get("security", document["security"])
        if need == PUBLIC:
            assert said == [], route
        elif need == "signing_in":
            assert said == [{}], route
        elif need == "visitor":
            assert {} in said, route
            assert {"bearer": []} in said, route
        else:
            assert said == [{"bearer": [need]}], route


def test_every_route_for_callers_says_so_by_itself(operations: dict[str, Document]) -> None:
    silent = [name for name, operation in operations.items() if "security" not in operation]
    assert [name for name in silent if name.split(" ")[1].startswith("/api/")] == []


def test_the_codes_are_those_that_can_be_answered(document: Document) -> None:
    code = document["components"]["schemas"]["Problem"]["properties"]["code"]
    assert code["enum"] == list(all_codes())
    assert code["x-statuses"] == all_codes()
    left_out = [refusal for code_, refusal in RuleError.registry.items() if code_ not in code["enum"]]
    modules = {refusal.__module__ for refusal in left_out}
    assert TownCodeTaken in left_out, "this process knows what a web worker never imports"
    assert all(name.startswith("rules.administration") for name in modules), "only who types commands hears them"


def test_every_reference_leads_somewhere(document: Document) -> None:
    found = set(references(document))
    assert len(found) > 20
    for reference in found:
        assert resolve(document, reference), reference


def test_every_refusal_is_a_problem(document: Document, operations: dict[str, Document]) -> None:
    for name, operation in operations.items():
        for status, response in operation["responses"].items():
            assert status.isdigit(), name
            if int(status) >= 400 and (name, status) != ("GET /readyz", "503"):
                said = resolve(document, response["$ref"]) if "$ref" in response else response
                assert list(said["content"]) == [PROBLEM], (name, status)
                assert said["content"][PROBLEM]["schema"] == {"$ref": "#/components/schemas/Problem"}


def test_every_code_that_a_route_names_has_its_status_there(operations: dict[str, Document]) -> None:
    for name, operation in operations.items():
        for code in re.findall(r"`([a-z_]+\.[a-z_]+)`", operation.get("description", "")):
            assert str(all_codes()[code]) in operation["responses"], (name, code)


def test_every_argument_of_a_route_is_in_the_document(operations: dict[str, Document]) -> None:
    said = {
        name: {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "query"}
        for name, operation in operations.items()
    }
    assert {name: query for name, query in said.items() if query} == PARAMETERS


def test_every_part_of_a_path_is_described(operations: dict[str, Document]) -> None:
    for name, operation in operations.items():
        described = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"}
        assert described == set(re.findall(r"\{(\w+)\}", name))


def test_what_needs_a_key_says_so(operations: dict[str, Document]) -> None:
    asking = {
        name
        for name, operation in operations.items()
        for parameter in operation["parameters"]
        if (parameter["in"], parameter["name"], parameter.get("required")) == ("header", "Idempotency-Key", True)
    }
    assert asking == ONCE


def test_a_write_with_a_body_describes_it(operations: dict[str, Document]) -> None:
    bodies = {name for name, operation in operations.items() if "requestBody" in operation}
    posts = {name for name in operations if name.startswith(("POST ", "PUT ", "PATCH "))}
    posts.add("DELETE /api/v1/volunteering/records/{record_id}")  # why a record is taken back
    assert bodies == {name for name in posts if not WITHOUT_A_BODY.fullmatch(name)}
    for name in bodies:
        sent_as = "multipart/form-data" if name == "POST /api/v1/uploads" else "application/json"
        assert list(operations[name]["requestBody"]["content"]) == [sent_as]


def test_every_integer_that_comes_in_has_bounds(document: Document, operations: dict[str, Document]) -> None:
    def integers(node: Any) -> Iterator[Document]:
        if isinstance(node, dict):
            if "$ref" in node:
                yield from integers(resolve(document, node["$ref"]))
            kinds = node.get("type")
            if kinds == "integer" or (isinstance(kinds, list) and "integer" in kinds):
                yield node
            for value in node.values():
                yield from integers(value)
        elif isinstance(node, list):
            for value in node:
                yield from integers(value)

    for name, operation in operations.items():
        for schema in integers([operation["parameters"], operation.get("requestBody", {})]):
            assert "minimum" in schema, (name, schema)
            assert "maximum" in schema, (name, schema)


def test_ids_are_texts(document: Document) -> None:
    for name, schema in document["components"]["schemas"].items():
        for field, said in schema.get("properties", {}).items():
            if field == "id" or field.endswith("_id"):
                assert "string" in said["type"], f"{name}.{field}"
                assert "integer" not in said["type"], f"{name}.{field}"


def test_no_schema_has_two_names() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        schemas = orjson.loads(make_document(ROOMS))["components"]["schemas"]
    assert [str(warning.message) for warning in caught] == []
    doubled = [name for name in schemas if re.search(r"\d$", name) and re.sub(r"\d+$", "", name) in schemas]
    assert doubled == []
    alike = Counter(repr(sorted(schema.get("properties", {}).items(), key=str)) for schema in schemas.values())
    assert alike.most_common(1)[0][1] == 1


def test_the_document_is_the_same_in_a_process_that_knows_nothing_else(document: Document) -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "app", "openapi"], capture_output=True, check=True, timeout=60
    )
    assert orjson.loads(printed.stdout) == document


def test_the_document_is_the_same_every_time(app: Flask, document: Document) -> None:
    assert make_document(ROOMS) == make_document(ROOMS) == open_at(app, "/openapi.json").data
    assert open_at(app, "/openapi.json").get_json() == document

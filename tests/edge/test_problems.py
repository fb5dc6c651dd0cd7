"""Protects the form of every refusal: one document type, a stable code, the caller's language, nothing of the inside.

And what a refused request leaves behind: nothing.
"""

from __future__ import annotations

import string
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from blueprints.edge.problems import RETRY_SECONDS, all_codes
from models.residents import Role
from rules.clock import utc_now
from rules.errors import Busy, RuleError
from tests.build import ApiClient, Person, TownBuilder, fresh_key
from tests.edge.helpers import NOBODY, bad_tokens, is_chinese, open_at, problem_of, scan, scanner, sentences

ENGLISH = {"Accept-Language": "en"}
JSON = "application/json"


@dataclass(frozen=True)
class Case:
    """A town with one of each, and its API in one language."""

    app: Flask
    town: TownBuilder
    api: ApiClient
    resident: Person
    staff: Person
    session_id: int
    headers: dict[str, str]

    @property
    def me(self) -> ApiClient:
        return self.api.as_(self.resident)

    def reserve(self, body: bytes = b"{}", **options: Any) -> TestResponse:
        options = {"content_type": JSON, "key": fresh_key(), "headers": self.headers} | options
        return self.me.call("POST", f"/sessions/{self.session_id}/reservations", data=body, **options)

    def sign_in(self, body: Any) -> TestResponse:
        return self.api.call("POST", "/auth/staff", body, headers=self.headers)

    def get(self, path: str, caller: ApiClient | None = None, **query: Any) -> TestResponse:
        return (caller or self.api).call("GET", path, headers=self.headers, query_string=query)


@pytest.fixture
def case(app: Flask, town: TownBuilder, api: ApiClient) -> Callable[[dict[str, str]], Case]:
    resident, staff, session_id = town.resident(), town.staff(Role.SCANNER), town.session()
    return lambda headers: Case(app, town, api, resident, staff, session_id, headers)


Deed = Callable[[Case], TestResponse]
REFUSED: dict[str, tuple[int, str, Deed]] = {
    "broken JSON": (400, "request.malformed", lambda c: c.reserve(b'{"party_size": ')),
    "a body that is not UTF-8": (400, "request.malformed", lambda c: c.reserve(b'{"party_size": "\xff"}')),
    "a lone surrogate": (400, "request.malformed", lambda c: c.reserve(rb'{"party_size": "\ud800"}')),
    "not a number": (400, "request.malformed", lambda c: c.reserve(b'{"party_size": NaN}')),
    "a body nested too deep": (400, "request.malformed", lambda c: c.reserve(b"[" * 5000)),
    "no key": (400, "idempotency.key_required", lambda c: c.reserve(key=None)),
    "no token": (401, "auth.required", lambda c: c.get("/me")),
    "an expired token": (
        401,
        "auth.token_expired",
        lambda c: c.get("/me", c.api.as_(c.resident, at=utc_now() - timedelta(hours=2))),
    ),
    "a revoked token": (401, "auth.token_revoked", lambda c: c.get("/me", c.api.as_(c.resident, token_version=2))),
    "wrong credentials": (401, "auth.credentials_wrong", lambda c: c.sign_in({"username": "x", "password": "y"})),
    "staff where a resident is needed": (403, "auth.forbidden", lambda c: c.get("/me", c.api.as_(c.staff))),
    "a resident where staff is needed": (
        403,
        "auth.forbidden",
        lambda c: c.me.call("POST", "/checkins", {}, headers=c.headers),
    ),
    "an unknown address": (404, "route.unknown", lambda c: c.get("/nowhere")),
    "an id that is no number": (404, "route.unknown", lambda c: c.get("/activities/abc")),
    "an id of 64 bits": (404, "route.unknown", lambda c: c.get(f"/activities/{2**63}")),
    "a change of an id of 64 bits": (
        404,
        "route.unknown",
        lambda c: c.me.call("PATCH", f"/sessions/{2**63}", {}, headers=c.headers),
    ),
    "a change of the greatest id": (
        403,
        "auth.forbidden",
        lambda c: c.me.call("PATCH", f"/sessions/{2**63 - 1}", {}, key=fresh_key(), headers=c.headers),
    ),
    "an unknown activity": (404, "activity.unknown", lambda c: c.get(f"/activities/{NOBODY}")),
    "an unknown community": (404, "community.unknown", lambda c: c.get(f"/communities/{NOBODY}")),
    "an unknown session": (
        404,
        "session.unknown",
        lambda c: c.me.call("POST", f"/sessions/{NOBODY}/reservations", {}, key=fresh_key(), headers=c.headers),
    ),
    "an unknown reservation": (
        404,
        "reservation.unknown",
        lambda c: c.me.call("DELETE", f"/reservations/{NOBODY}", key=fresh_key(), headers=c.headers),
    ),
    "an unknown town": (404, "town.unknown", lambda c: c.get("/communities", town="no-such-town")),
    "an unknown method": (
        405,
        "route.method_not_allowed",
        lambda c: c.me.call("PUT", "/me", headers=c.headers),
    ),
    "a chunked body": (
        411,
        "request.length_required",
        lambda c: c.reserve(environ_overrides={"HTTP_TRANSFER_ENCODING": "chunked"}),
    ),
    "a body too large": (413, "request.too_large", lambda c: c.reserve(b" " * (512 * 1024 + 1))),
    "another media type": (415, "request.media_type", lambda c: c.reserve(content_type="text/plain")),
    "no media type": (415, "request.media_type", lambda c: c.reserve(content_type=None)),
    "an empty body where fields are needed": (
        422,
        "request.invalid",
        lambda c: c.api.call("POST", "/auth/staff", headers=c.headers, data=b"", content_type=JSON),
    ),
    "a body that is a list": (422, "request.invalid", lambda c: c.reserve(b"[]")),
    "a body that is a number": (422, "request.invalid", lambda c: c.reserve(b"5")),
    "a body that is a text": (422, "request.invalid", lambda c: c.reserve(b'"text"')),
    "a body that is null": (422, "request.invalid", lambda c: c.reserve(b"null")),
    "a wrong type": (422, "request.invalid", lambda c: c.reserve(b'{"party_size": "two"}')),
    "a fraction": (422, "request.invalid", lambda c: c.reserve(b'{"party_size": 1.5}')),
    "a truth value for a number": (422, "request.invalid", lambda c: c.reserve(b'{"party_size": true}')),
    "null for a number": (422, "request.invalid", lambda c: c.reserve(b'{"party_size": null}')),
    "an integer of 64 bits": (422, "request.invalid", lambda c: c.reserve(b'{"party_size": 9223372036854775807}')),
    "an integer of many digits": (422, "request.invalid", lambda c: c.reserve(b'{"party_size": %s}' % (b"9" * 100))),
    "an unknown field": (422, "request.invalid", lambda c: c.reserve(b'{"party_sise": 1}')),
    "a NUL character in a body": (422, "request.invalid", lambda c: c.sign_in({"username": "a\0", "password": "y"})),
    "a NUL character in a query": (422, "request.invalid", lambda c: c.get("/activities", q="a\0b")),
    "a text too long": (422, "request.invalid", lambda c: c.sign_in({"username": "a" * 65, "password": "y"})),
    "an unknown word": (422, "request.invalid", lambda c: c.get("/activities", scene="space")),
    "a moment that is none": (422, "request.invalid", lambda c: c.get("/activities", to="tomorrow")),
    "an id with a sign": (422, "request.invalid", lambda c: c.get("/activities", community_id="-1")),
    "a truth value that is none": (422, "request.invalid", lambda c: c.get("/activities", available="perhaps")),
    "a limit of many digits": (422, "request.invalid", lambda c: c.get("/activities", limit="9" * 5000)),
    "a period that ends before it begins": (
        422,
        "activity.period_invalid",
        lambda c: c.get("/activities", **{"from": "2026-05-02", "to": "2026-05-01"}),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_is_a_problem_in_the_callers_language_and_changes_nothing(
    case: Callable[[dict[str, str]], Case], name: str
) -> None:
    status, code, deed = REFUSED[name]
    in_chinese, in_english = case({}), case(ENGLISH)
    before = in_chinese.town.contents()
    chinese = problem_of(deed(in_chinese), status, code)
    english = problem_of(deed(in_english), status, code)
    after = in_chinese.town.contents()
    # A refusal of a rule is an answer to a key, so the key's record is all that stays.
    after["idempotency_record"] = before["idempotency_record"]
    assert after == before

    for text in (chinese["title"], chinese["detail"], *sentences(chinese.get("errors", []))):
        assert is_chinese(text), text
    for text in (english["title"], english["detail"], *sentences(english.get("errors", []))):
        assert not is_chinese(text), text
    assert set(chinese.get("errors", {})) == set(english.get("errors", {}))
    assert (status == 422 and code == "request.invalid") == ("errors" in chinese)


@pytest.mark.parametrize(
    "deed",
    [
        lambda c: c.reserve(b'{"party_size": "two"}'),
        lambda c: c.reserve(b"{"),
        lambda c: c.reserve(key=None),
        lambda c: c.get("/me"),
        lambda c: c.get("/me", c.api.as_(c.resident, token_version=2)),
    ],
)
def test_a_request_that_never_reached_a_rule_leaves_no_row_at_all(
    case: Callable[[dict[str, str]], Case], deed: Deed
) -> None:
    one = case({})
    before = one.town.contents()
    assert deed(one).status_code >= 400
    assert one.town.contents() == before


@pytest.mark.filterwarnings("ignore:The HMAC key")  # one of the bad tokens wants a longer one
def test_a_token_that_is_not_ours_opens_nothing(town: TownBuilder, api: ApiClient) -> None:
    person = town.resident()
    before = town.contents()
    for name, token in bad_tokens(town, person).items():
        answer = api.with_token(token).get("/me")
        document = problem_of(answer, 401, "auth.token_invalid")
        assert answer.headers["WWW-Authenticate"] == "Bearer", name
        assert is_chinese(document["detail"])
    assert town.contents() == before


@pytest.mark.parametrize("scheme", ["Basic", "Token", "Bearer:", "bearertoken"])
def test_another_scheme_than_bearer_is_no_sign_in(app: Flask, town: TownBuilder, api: ApiClient, scheme: str) -> None:
    answer = open_at(app, "/api/v1/me", headers={"Authorization": f"{scheme} {town.code_of(town.resident())}"})
    problem_of(answer, 401, "auth.token_invalid")


def test_a_method_that_an_address_does_not_take_is_told_which_it_takes(api: ApiClient) -> None:
    allowed = api.call("PUT", "/me").headers["Allow"]
    assert {method.strip() for method in allowed.split(",")} == {"GET", "HEAD", "OPTIONS", "PATCH"}


def test_a_fault_of_ours_is_answered_without_its_inside(
    town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_work: Any) -> None:
        raise RuntimeError("SELECT secret FROM inside")

    monkeypatch.setattr("rules.territory.list_communities", fail)
    answer = api.get("/communities")
    problem_of(answer, 500, "server.error")
    assert "inside" not in answer.text
    assert "RuntimeError" not in answer.text


def test_busy_says_when_to_come_back(api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_work: Any) -> None:
        raise Busy

    monkeypatch.setattr("rules.territory.list_communities", refuse)
    answer = api.get("/communities")
    problem_of(answer, 503, "server.busy")
    assert answer.headers["Retry-After"] == str(RETRY_SECONDS)


def test_a_rules_refusal_fills_its_sentence_with_the_facts(town: TownBuilder, api: ApiClient) -> None:
    session_id = town.session(capacity=2)
    answer = api.as_(town.resident()).post(f"/sessions/{session_id}/reservations", {"party_size": 3})
    document = problem_of(answer, 409, "reservation.full")
    assert "3" in document["detail"]
    assert "2" in document["detail"]


@pytest.mark.parametrize(
    ("wish", "is_english"),
    [
        (None, False),
        ("en", True),
        ("en-US,en;q=0.9", True),
        ("en-GB", True),
        ("EN", True),
        ("zh-CN,zh;q=0.9,en;q=0.8", False),
        ("zh-Hans-CN,zh-Hans;q=0.9", False),
        ("en;q=0.3,zh;q=0.9", False),
        ("fr", False),
        ("*", False),
        ("", False),
        (";;;,,,q=", False),
        ("zh-TW,en;q=0.5", False),
        ("zh-Hans-CN,en;q=0.5", False),
    ],
)
def test_the_language_is_chinese_unless_english_is_preferred(
    api: ApiClient, wish: str | None, is_english: bool
) -> None:
    answer = api.call("GET", "/nowhere", headers={} if wish is None else {"Accept-Language": wish})
    document = problem_of(answer, 404, "route.unknown")
    assert is_chinese(document["detail"]) is not is_english
    assert answer.headers["Content-Language"] == ("en" if is_english else "zh-Hans")
    assert "Accept-Language" in answer.headers["Vary"]


def test_a_field_is_named_with_its_own_message(town: TownBuilder, api: ApiClient) -> None:
    staff = api.as_(town.staff(Role.SCANNER))
    document = problem_of(
        staff.post("/checkins", {"code": "x", "nonce": "short", "direction": "up", "more": 1}), 422, "request.invalid"
    )
    assert document["errors"] == {
        "session_id": ["缺少这个必填项。"],
        "nonce": ["格式不对。"],
        "direction": ["必须是以下之一：in, out。"],
        "more": ["没有这个字段。"],
    }


def test_a_scan_of_an_unknown_session_is_a_problem_and_not_an_answer(town: TownBuilder, api: ApiClient) -> None:
    problem_of(scan(scanner(town, api), NOBODY, "code"), 404, "session.unknown")


@pytest.mark.parametrize("code", all_codes())
def test_the_type_of_every_problem_leads_to_a_page_that_explains_it(app: Flask, code: str) -> None:
    page = open_at(app, f"/problems/{code}").get_json()
    assert page["code"] == code
    assert page["status"] == all_codes()[code]
    assert is_chinese(page["zh"])
    assert page["en"]
    assert not is_chinese(page["en"])


def test_an_unknown_code_has_no_page(app: Flask) -> None:
    problem_of(open_at(app, "/problems/no.such.code"), 404, "route.unknown")


@pytest.mark.parametrize("code", RuleError.registry)
def test_a_refusal_tells_the_same_facts_in_both_languages(code: str) -> None:
    refusal = RuleError.registry[code]
    facts = [{field for _, field, _, _ in string.Formatter().parse(text) if field} for text in (refusal.zh, refusal.en)]
    assert facts[0] == facts[1]

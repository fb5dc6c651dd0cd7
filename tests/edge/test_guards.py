"""Protects what every answer says to the browser, and that the documents need nothing from anywhere else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from blueprints.edge.house import EXTENSION
from tests.apps import make_app
from tests.build import ApiClient, TownBuilder, settings_for
from tests.edge.helpers import open_at, reserve

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
STRICT_TRANSPORT = "Strict-Transport-Security"
REQUEST_ID = "X-Request-Id"
#: What a visitor is shown as everybody is, and nothing else (blueprints/edge/shared.py).
THE_SAME_FOR_ALL = {"200", "HEAD"}


def answers_of_every_kind(
    app: Flask, town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> dict[str, TestResponse]:
    me, session_id, key = api.as_(town.resident()), town.session(), "the-same-key"
    fail = {"environ_overrides": {"HTTP_TRANSFER_ENCODING": "chunked"}}
    answers = {
        "200": api.get("/activities"),
        "200 of a resident": me.get("/me"),
        "201": reserve(me, session_id, key=key),
        "201 again": reserve(me, session_id, key=key),
        "204": me.post("/auth/sign-out"),
        "400": api.call("POST", "/auth/staff", data=b"{", content_type="application/json"),
        "401": api.get("/me"),
        "403": api.as_(town.staff()).get("/me"),
        "404 of an address": open_at(app, "/nowhere"),
        "404 of a thing": api.get("/activities/1"),
        "405": api.call("PUT", "/me"),
        "411": api.call("POST", "/auth/staff", {}, **fail),
        "413": api.call("POST", "/auth/staff", {"username": "x" * 600_000}),
        "415": api.call("POST", "/auth/staff", data=b"{}", content_type="text/plain"),
        "422": api.get("/activities", limit=0),
        "HEAD": api.call("HEAD", "/activities"),
        "OPTIONS": api.call("OPTIONS", "/activities"),
        "health": open_at(app, "/healthz"),
        "readiness": open_at(app, "/readyz"),
        "metrics": open_at(app, "/metrics"),
        "keys": open_at(app, "/.well-known/jwks.json"),
        "document": open_at(app, "/openapi.json"),
        "problem": open_at(app, "/problems/server.busy"),
        "docs": open_at(app, "/docs"),
        "asset": open_at(app, "/docs/assets/swagger-ui.css"),
        "no asset": open_at(app, "/docs/assets/nothing.js"),
    }

    def broken(_work: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr("rules.territory.list_communities", broken)
        answers["500"] = api.get("/communities")
    return answers


def test_every_answer_carries_the_security_headers(
    app: Flask, town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, answer in answers_of_every_kind(app, town, api, monkeypatch).items():
        if name[:3].isdigit():
            assert answer.status_code == int(name[:3]), name
        for header, value in ALWAYS.items():
            assert answer.headers[header] == value, name
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy, name
        assert "frame-ancestors 'none'" in policy, name
        assert ("script-src" in policy) == (name in {"docs", "asset", "no asset"}), name
        assert "http" not in policy, name
        assert re.fullmatch(r"[\w.-]{8,64}", answer.headers[REQUEST_ID]), name
        assert STRICT_TRANSPORT not in answer.headers, name
        assert "Set-Cookie" not in answer.headers, name
        assert "Access-Control-Allow-Origin" not in answer.headers, name


def test_answers_are_not_stored_and_the_documents_assets_may_be(
    app: Flask, town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = answers_of_every_kind(app, town, api, monkeypatch)
    for name in answers.keys() - {"docs", "asset", "no asset"} - THE_SAME_FOR_ALL:
        assert answers[name].headers["Cache-Control"] == "no-store", name
    for name in THE_SAME_FOR_ALL:
        assert answers[name].cache_control.public, name
        assert "Authorization" in answers[name].vary, name
    assert answers["asset"].cache_control.max_age


def test_strict_transport_is_asked_for_where_tls_ends_in_front_of_us(database_url: str, tmp_path: Path) -> None:
    app = make_app(settings_for(database_url, tmp_path, https_only=True))
    for path in ("/healthz", "/nowhere", "/docs"):
        assert "max-age=31536000" in open_at(app, path).headers[STRICT_TRANSPORT]
    app.extensions[EXTENSION].transactions.engine.dispose()


def test_the_documents_page_and_all_that_it_loads_come_from_here(app: Flask) -> None:
    page = open_at(app, "/docs")
    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert not re.search(r"(https?:)?//[\w.]", page.text)
    loaded = re.findall(r"""(?:src|href)\s*=\s*["']([^"']+)["']""", page.text)
    assert len(loaded) >= 3
    assert any(path.endswith(".js") for path in loaded)
    for path in loaded:
        answer = open_at(app, path)
        assert answer.status_code == 200, path
        assert answer.data
    assert "/openapi.json" in page.text


@pytest.mark.parametrize(
    # files that are there: beside the folder, and far above it
    "path",
    ["../__init__.py", "..%2f__init__.py", "%2e%2e/__init__.py", f"{'../' * 30}etc/passwd", "/etc/passwd", "", "a\0b"],
)
def test_the_assets_folder_leads_nowhere_else(app: Flask, path: str) -> None:
    answer = open_at(app, f"/docs/assets/{path}", follow_redirects=True)
    assert answer.status_code == 404
    assert "root:" not in answer.text


@pytest.mark.parametrize("wish", ["12345678", "a.b-c_d-1234", "A" * 64])
def test_a_sane_request_id_is_given_back(api: ApiClient, wish: str) -> None:
    answer = api.call("GET", "/nowhere", headers={REQUEST_ID: wish})
    assert answer.headers[REQUEST_ID] == wish
    assert answer.get_json()["request_id"] == wish


@pytest.mark.parametrize(
    "wish",
    [
        "",
        "short",
        "A" * 65,
        "with a space",
        "<script>alert(1)</script>",
        "line%0abreak",
        "中文中文中文中文",
        '"quoted"x',
    ],
)
def test_any_other_request_id_is_replaced(api: ApiClient, wish: str) -> None:
    given = api.call("GET", "/nowhere", headers={REQUEST_ID: wish.encode().decode("latin-1")}).headers[REQUEST_ID]
    assert given != wish
    assert re.fullmatch(r"[0-9a-f-]{36}", given)


def test_each_request_gets_an_id_of_its_own(api: ApiClient) -> None:
    assert len({api.get("/activities").headers[REQUEST_ID] for _ in range(20)}) == 20


@pytest.mark.parametrize("host", ["evil.example", "a b", "[::1", "x" * 300, "127.0.0.1:99999", ""])
def test_a_strange_host_is_no_fault_of_ours(app: Flask, host: str) -> None:
    answer = open_at(app, "/healthz", headers={"Host": host})
    assert answer.status_code < 500
    assert "evil.example" not in answer.text


@pytest.mark.parametrize(
    "path",
    ["/%ff%fe", "/api/v1/activities/%00", "/api/v1/activities/1%0a", "//api/v1/me", "/api/v1/me/", "/" + "a" * 5000],
)
def test_a_strange_path_is_an_unknown_address(app: Flask, path: str) -> None:
    assert open_at(app, path).status_code in {308, 404}
    assert open_at(app, path, follow_redirects=True).status_code in {401, 404}


@pytest.mark.parametrize("length", ["-1", "abc", "9" * 40, "1e3", "０"])
def test_a_strange_length_is_no_fault_of_ours(app: Flask, length: str) -> None:
    answer = open_at(
        app,
        "/api/v1/auth/staff",
        method="POST",
        data=b"{}",
        content_type="application/json",
        environ_overrides={"CONTENT_LENGTH": length},
    )
    assert 400 <= answer.status_code < 500

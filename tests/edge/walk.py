"""A whole walk through the product in a process of its own, so that what it logs is what a deployment logs.

`python3 -m tests.edge.walk` with the settings in the environment. Logs go to standard error as ever; standard output
gets one JSON document: what must never be logged, the requests that were made, and what /metrics said.
"""

from __future__ import annotations

import sys
from typing import Any

import orjson
from flask import Flask
from sqlalchemy import insert, update
from werkzeug.test import TestResponse

from app import create_app
from blueprints.edge.house import EXTENSION
from models.residents import Resident, Role
from rules.residents import sign_in
from rules.work import SYSTEM, Work
from tests.build import PASSWORD, TownBuilder, fresh_key, new_town
from tests.edge.helpers import claims_of, signed

NAME = "欧阳不入日志"
PHONE = "13800138000"
WRONG_PASSWORD = "a wrong password of the tests"


class Walk:
    """Makes requests, and keeps what they were and what is secret in them."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()
        self.requests: list[dict[str, Any]] = []
        self.secrets: dict[str, str] = {}

    def __call__(self, method: str, path: str, status: int, token: str = "", **options: Any) -> TestResponse:
        headers = options.pop("headers", {})
        if token:
            headers["Authorization"] = f"Bearer {token}"
        answer = self.client.open(path, method=method, headers=headers, buffered=True, **options)
        assert answer.status_code == status, (method, path, answer.status_code, answer.text)
        self.requests.append({"id": answer.headers["X-Request-Id"], "method": method, "status": status})
        return answer

    def keep(self, name: str, secret: str) -> str:
        self.secrets[name] = secret
        return secret


def walk_through(app: Flask, town: TownBuilder) -> Walk:
    go = Walk(app)
    for name, secret in (("name", NAME), ("phone", PHONE), ("password", PASSWORD), ("wrong password", WRONG_PASSWORD)):
        go.keep(name, secret)
    session_id, staff, query = town.session(), town.staff(Role.SCANNER), f"?town={town.code}"
    openid = go.keep("openid", f"o{fresh_key()}")

    wechat = {"code": go.keep("WeChat code", f"demo:{openid}")}
    pair = go("POST", f"/api/v1/auth/wechat{query}", 200, json=wechat).get_json()
    go("POST", f"/api/v1/auth/wechat{query}", 401, json={"code": go.keep("bad WeChat code", f"bad-{fresh_key()}")})
    old = go.keep("refresh token", pair["refresh_token"])
    pair = go("POST", f"/api/v1/auth/refresh{query}", 200, json={"refresh_token": old}).get_json()
    resident = go.keep("access token", pair["access_token"])
    go.keep("second refresh token", pair["refresh_token"])
    me = go("GET", "/api/v1/me", 200, resident).get_json()
    town.database.write(
        town.id,
        SYSTEM,
        lambda work: work.db.execute(
            update(Resident).where(Resident.town_id == town.id, Resident.id == int(me["id"])).values(name=NAME)
        ),
    )

    credentials = {"username": staff.name, "password": PASSWORD}
    pair = go("POST", f"/api/v1/auth/staff{query}", 200, json=credentials).get_json()
    scanner = go.keep("staff's access token", pair["access_token"])
    go.keep("staff's refresh token", pair["refresh_token"])
    go("POST", f"/api/v1/auth/staff{query}", 401, json=credentials | {"password": WRONG_PASSWORD})
    go("POST", f"/api/v1/auth/staff{query}", 422, json=credentials | {"phone": PHONE})

    go("GET", f"/api/v1/activities{query}&q={PHONE}", 200)
    go("GET", f"/api/v1/communities{query}", 200)
    headers = {"Idempotency-Key": go.keep("key", fresh_key())}
    held = go("POST", f"/api/v1/sessions/{session_id}/reservations", 201, resident, headers=headers, json={}).get_json()
    go("GET", "/api/v1/me/reservations", 200, resident)
    code = go.keep("code", go("GET", "/api/v1/me/code", 200, resident).get_json()["code"])
    scan = {"code": code, "session_id": str(session_id), "nonce": go.keep("nonce", fresh_key())}
    scanned = go("POST", "/api/v1/checkins", 200, scanner, json=scan).get_json()
    assert scanned["result"] == "admitted", scanned
    go("GET", "/api/v1/me/points", 200, resident)
    go("GET", "/api/v1/me/points/statement", 200, resident)
    go("DELETE", f"/api/v1/reservations/{held['id']}", 409, resident, headers={"Idempotency-Key": fresh_key()})
    go("GET", f"/api/v1/rulebooks{query}", 200)
    wish = {"kind": "checkin", "subject": NAME, "facts": {"phone": PHONE}}
    go("POST", "/api/v1/rulebooks/preview", 200, resident, json=wish)
    go("POST", "/api/v1/rulebooks/preview", 403, resident, json=wish | {"document": f"# {PHONE}"})
    go("GET", "/api/v1/me/standing", 200, resident)
    organiser = go.keep("organiser's token", signed(town, claims_of(town, town.staff(Role.ORGANISER, Role.MANAGER))))
    event = {"resident_id": me["id"], "kind": "service", "subject": NAME, "facts": {"phone": PHONE}}
    go("POST", "/api/v1/points/events", 422, organiser, json=event, headers={"Idempotency-Key": fresh_key()})
    draft = {"document": f'"{NAME}" = "{PHONE}"', "effective_from": "2099-01-01"}
    go("POST", "/api/v1/rulebooks/drafts", 422, organiser, json=draft, headers={"Idempotency-Key": fresh_key()})

    at_the_desk(go, town, scanner, resident)

    go("GET", "/api/v1/me", 401, "not-a-token-of-ours")
    go("GET", f"/api/v1/{PHONE}", 404)
    go("GET", "/api/v1/communities", 404, query_string={"town": PHONE})
    go("PUT", "/api/v1/me", 405)
    go("BREW", "/api/v1/me", 405)
    go("GET", f"/problems/{PHONE}", 404)
    go("POST", "/api/v1/auth/sign-out", 204, resident)
    go("GET", "/api/v1/me", 401, resident)
    return go


def at_the_desk(go: Walk, town: TownBuilder, desk: str, resident: str) -> None:
    """What staff type in of people without a phone of their own, and a calendar's secret address."""
    form = {"name": NAME, "territory_id": str(town.community_id), "consent_note": NAME, "phone": PHONE}
    for key, status in ((fresh_key(), 201), (fresh_key(), 409)):
        answer = go("POST", "/api/v1/residents", status, desk, json=form, headers={"Idempotency-Key": key})
    (other,) = answer.get_json()["errors"]["resident_id"]
    go("POST", "/api/v1/residents/search", 200, desk, json={"phone": PHONE})
    go("POST", "/api/v1/residents/search", 422, desk, json={"phone": PHONE, "name": NAME})
    go("PATCH", f"/api/v1/residents/{other}", 422, desk, json={"phone": f"{PHONE}1"})
    child = {"name": NAME, "born_on": "2020-01-01", "relation": NAME}
    go("POST", "/api/v1/me/dependants", 201, resident, json=child, headers={"Idempotency-Key": fresh_key()})
    path = go("POST", "/api/v1/me/calendar-feed", 201, resident).get_json()["path"]
    go.keep("calendar's address", path.removeprefix("/api/v1/calendars/").partition(".ics")[0])
    go("GET", path, 200)


def fault_in_the_database(go: Walk, town: TownBuilder) -> None:
    """A fault of ours: a row with a resident's name in it breaks a rule of the database."""

    def break_a_foreign_key(work: Work, *_args: object) -> None:
        row = {"name": NAME, "openid_sealed": b"", "registered_at": work.now, "status": "active", "household_id": 1}
        work.db.execute(insert(Resident), {"town_id": town.id, "id": work.new_id(), **row})

    def break_a_key(work: Work, *_args: object) -> None:
        row = {"name": NAME, "openid_sealed": b"", "registered_at": work.now, "status": "active"}
        again = {"town_id": town.id, "id": work.new_id(), **row}
        work.db.execute(insert(Resident), again)
        work.db.execute(insert(Resident), again)

    def leave_a_column_out(work: Work, *_args: object) -> None:
        row = {"town_id": town.id, "id": work.new_id(), "name": NAME, "registered_at": None, "openid_sealed": b""}
        work.db.execute(insert(Resident), row)

    kept = sign_in.refresh
    try:
        for broken in (break_a_foreign_key, break_a_key, leave_a_column_out):
            sign_in.refresh = broken
            go("POST", f"/api/v1/auth/refresh?town={town.code}", 500, json={"refresh_token": "x"})
    finally:
        sign_in.refresh = kept


def main() -> None:
    app = create_app()
    town = new_town(app.extensions[EXTENSION])
    go = walk_through(app, town)
    fault_in_the_database(go, town)
    metrics = go("GET", "/metrics", 200).text
    app.extensions[EXTENSION].transactions.engine.dispose()
    report = {"secrets": go.secrets, "requests": go.requests, "metrics": metrics}
    sys.stdout.write(orjson.dumps(report).decode())


if __name__ == "__main__":
    main()

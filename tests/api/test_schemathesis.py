"""Protects that the API does what its document says, for requests that nobody thought of.

Schemathesis makes requests from the document, valid ones and broken ones, as a visitor, as a resident and as an admin, who
may use every route of staff. Half of them get ids, codes and cursors that exist, so that they come further than the first
refusal. `BINFEN_LONG=1` makes many more of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app import create_app
from blueprints.edge.house import EXTENSION, House
from models.reservations import ReservationStatus
from models.residents import Role
from models.rulebook import RulebookVersion
from tests.build import ApiClient, Person, TownBuilder, settings_for
from tests.edge.helpers import reservation
from tests.ledger.keeping import earn_points
from tests.points.spending import spend_points

SEED = 20260501
EXAMPLES = 200 if os.environ.get("BINFEN_LONG") else 12
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]
CALLERS = ("visitor", "resident", "admin")
#: It would end the sign-in that the other requests are made with.
SIGN_OUT = "/api/v1/auth/sign-out"


@dataclass(frozen=True)
class World:
    """A town with something of everything."""

    town: TownBuilder
    callers: dict[str, Callable[[], str | None]]  #: who asks, and the token


@pytest.fixture
def world(app: Flask, house: House, town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> World:
    # Visitors who name no town see this one.
    here = replace(house, settings=replace(house.settings, town=town.code))
    monkeypatch.setitem(app.extensions, EXTENSION, here)
    resident, staff, activity = town.resident(), town.staff(Role.ADMIN), town.activity()
    sessions = [town.session(activity_id=activity, capacity=1000, taken=1) for _ in range(3)]
    held = reservation(town, resident, sessions[0], status=ReservationStatus.CONFIRMED)
    held += reservation(town, resident, sessions[1], status=ReservationStatus.CANCELLED, count=3)
    town.session(activity_id=town.activity(community_id=town.other_community_id))
    cursors = [
        api.get("/activities", limit=1).get_json()["next_cursor"],
        api.get(f"/activities/{activity}/sessions", limit=1).get_json()["next_cursor"],
        api.as_(resident).get("/me/reservations", limit=1).get_json()["next_cursor"],
    ]
    earned = [earn_points(town, resident, amount) for amount in (5, 300)]
    spent = spend_points(town, resident, 7)
    adjusted = [
        api.as_(staff)
        .post("/points/adjustments", {"resident_id": str(resident.id), "amount": n, "reason": "补记"})
        .json
        for n in (1, 500)
    ]
    document = town.rows(RulebookVersion.document)[0].document
    draft = api.as_(staff).post("/rulebooks/drafts", {"document": document, "effective_from": "2099-01-01"}).json
    known = {
        "document": [document, "x = 1"],
        "draft_id": [draft["id"]],
        "kind": ["checkin"],
        "number": [1],
        "resident_id": [resident.id],
        "to_resident_id": [town.resident().id],
        "txn_id": [receipt.txn_id for receipt in (*earned, spent)],
        "adjustment_id": [adjustment["id"] for adjustment in adjusted],
        "activity_id": [activity],
        "session_id": sessions,
        "reservation_id": held,
        "community_id": [town.community_id, town.other_community_id, town.street_id],
        "code": [town.code_of(resident), "demo:schemathesis", "reservation.full"],
        "cursor": cursors,
        "town": [town.code],
    }
    callers = {
        "visitor": lambda: None,
        "resident": lambda: token_of(api, resident),
        "admin": lambda: token_of(api, staff),
        "spare resident": lambda: token_of(api, town.resident()),
    }
    known_now.clear()
    known_now.update({name: [str(value) for value in values] for name, values in known.items()})
    return World(town, callers)


def token_of(api: ApiClient, person: Person) -> str | None:
    return api.as_(person)._token


@pytest.fixture(params=CALLERS)
def caller(request: pytest.FixtureRequest) -> str:
    return request.param


def described() -> Any:
    """The document, read from an application that never meets its database."""
    settings = {
        "seed": SEED,
        "generation": {"max-examples": EXAMPLES, "database": "none", "deterministic": True},
        "suppress-health-check": ["all"],
    }
    with TemporaryDirectory() as folder:
        app = create_app(settings_for(f"sqlite:///{folder}/none.sqlite", Path(folder)))
        return schemathesis.openapi.from_wsgi("/openapi.json", app, config=SchemathesisConfig.from_dict(settings))


document = described()
#: What the requests of the test that runs now may ask for, besides what they make up.
known_now: dict[str, list[str]] = {}


def with_known(_context: Any, generated: Any) -> st.SearchStrategy[Any]:
    """The generated values, or the same with things that exist in their place."""
    if not isinstance(generated, dict):
        return st.just(generated)
    choices = {name: st.sampled_from(known_now[name]) for name in generated if name in known_now}
    chosen = st.fixed_dictionaries(choices).map(lambda values: {**generated, **values})
    return st.one_of(chosen, st.just(generated)) if choices else st.just(generated)


for place in ("path_parameters", "query", "body"):
    document.hook(f"flatmap_{place}")(with_known)


@document.parametrize()
def test_every_answer_is_one_that_the_document_promises(case: Any, app: Flask, world: World, caller: str) -> None:
    ends_it = case.operation.path == SIGN_OUT and caller != "visitor"
    token = world.callers["spare resident" if ends_it else caller]()
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    case.call_and_validate(app=app, headers=headers, checks=CHECKS)

"""Protects that the API does what its document says, for requests that nobody thought of.

Schemathesis makes requests from the document, valid ones and broken ones, as a visitor, as a resident and as an admin, who
may use every route of staff. Half of them get ids, codes and cursors that exist, so that they come further than the first
refusal. Who asks what on which engine: conftest.py. `BINFEN_LONG=1` makes many more of them.
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
from models.ledger import Txn
from models.reservations import ReservationStatus
from models.residents import Role
from models.rulebook import RulebookVersion
from tests.build import settings_for
from tests.edge.helpers import reservation
from tests.edge.world import World, world_of

SEED = int(os.environ.get("BINFEN_SEED", "20260501"))
EXAMPLES = 200 if os.environ.get("BINFEN_LONG") else 3
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


@dataclass
class Scene:
    """A world with something of everything, who asks, and how often it was used."""

    world: World
    token_of: dict[str, Callable[[], str | None]]
    known: dict[str, list[str]]  #: what exists, by the name that arguments give it
    used: int = 0


#: A world takes a second to build and wears out as requests change it.
USES_MAX = 60
scenes: dict[int, Scene] = {}


@pytest.fixture
def scene(app: Flask, house: House, monkeypatch: pytest.MonkeyPatch) -> Scene:
    scene = scenes.get(id(app))
    if scene is None or scene.used >= USES_MAX:
        scene = scenes[id(app)] = make_scene(app, house)
    scene.used += 1
    # Visitors who name no town see this one.
    here = replace(house, settings=replace(house.settings, town=scene.world.town.code))
    monkeypatch.setitem(app.extensions, EXTENSION, here)
    known_now.clear()
    known_now.update(scene.known)
    return scene


def make_scene(app: Flask, house: House) -> Scene:
    world = world_of(app, house)
    town, api, owner, admin = world.town, world.api, world.callers["owner"], world.callers["admin of the street"]
    resident, activity = world.home.owner, town.activity()
    sessions = [town.session(activity_id=activity, capacity=1000, taken=1) for _ in range(3)]
    held = reservation(town, resident, sessions[0], status=ReservationStatus.CONFIRMED)
    held += reservation(town, resident, sessions[1], status=ReservationStatus.CANCELLED, count=3)
    cursors = [
        api.get("/activities", limit=1).get_json()["next_cursor"],
        api.get(f"/activities/{activity}/sessions", limit=1).get_json()["next_cursor"],
        owner.get("/me/reservations", limit=1).get_json()["next_cursor"],
    ]
    document = town.rows(RulebookVersion.document)[0].document
    known: dict[str, list[Any]] = {name: [value] for name, value in world.ids.items() if name.endswith("_id")}
    for name, values in {
        "document": [document, "x = 1"],
        "kind": ["checkin", "activity"],
        "number": [1],
        "txn_id": [row.id for row in town.rows(Txn.id)][-5:],
        "activity_id": [activity],
        "session_id": sessions,
        "reservation_id": held,
        "community_id": [town.community_id, town.other_community_id, town.street_id],
        "code": [town.code_of(resident), "demo:schemathesis", "reservation.full"],
        "cursor": [cursor for cursor in cursors if cursor],
        "town": [town.code],
    }.items():
        known[name] = [*known.get(name, []), *values]
    token_of = {
        "visitor": lambda: None,
        "resident": lambda: owner._token,
        "admin": lambda: admin._token,
        "spare resident": lambda: api.as_(town.resident())._token,
    }
    return Scene(world, token_of, {name: [str(value) for value in values] for name, values in known.items()})


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


def closed_to(*needs: str) -> frozenset[str]:
    """The routes that nobody may use who lacks these."""
    return frozenset(
        f"{method.upper()} {path}"
        for path, operations in document.raw_schema["paths"].items()
        for method, operation in operations.items()
        if isinstance(operation, dict) and operation.get("security") in [[{"bearer": [need]}] for need in needs]
    )


#: The routes at which a caller is turned away whatever it asks.
CLOSED_TO = {
    "visitor": closed_to("signed_in", "resident", *Role),
    "resident": closed_to(*Role),
    "admin": closed_to("resident"),
}
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
def test_every_answer_is_one_that_the_document_promises(case: Any, app: Flask, scene: Scene, caller: str) -> None:
    ends_it = case.operation.path == SIGN_OUT and caller != "visitor"
    token = scene.token_of["spare resident" if ends_it else caller]()
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    case.call_and_validate(app=app, headers=headers, checks=CHECKS)

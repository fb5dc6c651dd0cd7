"""The API as a document, OpenAPI 3.1.

It follows from the code alone, so a process makes it once, for whoever asks first; who asks meanwhile waits for the same
one. It isn't made at the start: describing every schema reads, and so copies, 20 MB that workers otherwise share with the
process that they were forked from.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Flask
from flask_smorest import Api, Blueprint
from marshmallow import fields

from blueprints.edge.fields import ID_PATTERN, Cursor, Id, Moment, Words
from blueprints.edge.orjson_provider import OrjsonProvider
from blueprints.edge.paths import IdConverter, register_paths
from blueprints.edge.problems import PROBLEM_TYPE, TITLES, ProblemView, all_codes

TITLE = "Binfen 缤纷"


class BinfenApi(Api):
    """smorest's Api, with problem documents for errors and no `default` response that would hide a forgotten one."""

    ERROR_SCHEMA = ProblemView
    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_error_handlers(self) -> None:
        """Nothing is asked of this application."""

    def _register_responses(self) -> None:
        schema = {"$ref": "#/components/schemas/Problem"}
        self.spec.components.schema("Problem", schema=ProblemView)
        for status in map(HTTPStatus, TITLES):
            response = {"description": status.phrase, "content": {PROBLEM_TYPE: {"schema": schema}}}
            self.spec.components.response(status.name, response)

    def _register_pagination_header(self) -> None:
        """Our lists have cursors, not pages with numbers."""


_turn = threading.Lock()


def document_of(rooms: tuple[Blueprint, ...]) -> bytes:
    """The document of these rooms, as JSON; made once in each process."""
    with _turn:
        return _made(rooms)


def make_document(rooms: tuple[Blueprint, ...]) -> bytes:
    """Describe every operation of these rooms, in an application that serves nobody."""
    app = Flask("document", static_folder=None)
    app.json = OrjsonProvider(app)
    register_paths(app)
    api = _make_api(app)
    for room in rooms:
        api.register_blueprint(room)
    _name_codes(api)
    return app.json.dumps(api.spec.to_dict()).encode()


_made = lru_cache(1)(make_document)


def _make_api(app: Flask) -> Api:
    app.config.update(
        API_TITLE=TITLE,
        API_VERSION="1",
        OPENAPI_VERSION="3.1.0",
        API_SPEC_OPTIONS={
            "info": {"description": "One entry, one points ledger, one API for a community's mini-program."},
            "security": [],
        },
    )
    api = BinfenApi(app, spec_kwargs={"marshmallow_plugin": MarshmallowPlugin(schema_name_resolver=_schema_name)})
    api.register_field(Id, "string", None)
    api.register_field(Moment, fields.DateTime)
    api.register_field(Words, fields.String)
    api.register_field(Cursor, "string", None)
    api.register_converter(IdConverter, lambda _converter: {"type": "string", "pattern": ID_PATTERN})
    api.spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    return api


def _name_codes(api: Api) -> None:
    """Say which codes there are, once every room is known."""
    problem = api.spec.components.schemas["Problem"]
    problem["properties"]["code"]["enum"] = list(all_codes())
    problem["properties"]["code"]["x-statuses"] = all_codes()


def _schema_name(schema: Any) -> str:
    schema_class = schema if isinstance(schema, type) else type(schema)
    return schema_class.__name__.removesuffix("View")

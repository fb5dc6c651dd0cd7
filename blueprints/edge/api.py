"""The API as a document: OpenAPI 3.1 at /openapi.json, Swagger UI from a local package at /docs."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import Any

import flask_swagger_ui
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Blueprint, Flask, send_from_directory
from flask_smorest import Api
from marshmallow import fields
from werkzeug.routing import BaseConverter, ValidationError

from blueprints.edge.fields import ID_PATTERN, Cursor, Id, Moment, Words
from blueprints.edge.problems import PROBLEM_TYPE, TITLES, ProblemView, all_codes
from rules.ids import ID_MAX

SWAGGER_FILES = Path(flask_swagger_ui.__file__).parent / "dist"
ASSETS_PATH = "/docs/assets/"


class IdConverter(BaseConverter):
    """An id in a path: a number of 63 bits. Anything else is an unknown address."""

    regex = r"[1-9][0-9]{0,18}"

    def to_python(self, value: str) -> int:
        if int(value) > ID_MAX:
            raise ValidationError
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


class BinfenApi(Api):
    """smorest's Api, with problem documents for errors and no `default` response that would hide a forgotten one."""

    ERROR_SCHEMA = ProblemView
    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_error_handlers(self) -> None:
        """Ours are registered in blueprints.edge.problems; smorest's would drop headers such as Allow."""

    def _register_responses(self) -> None:
        schema = {"$ref": "#/components/schemas/Problem"}
        self.spec.components.schema("Problem", schema=ProblemView)
        for status in map(HTTPStatus, TITLES):
            response = {"description": status.phrase, "content": {PROBLEM_TYPE: {"schema": schema}}}
            self.spec.components.response(status.name, response)

    def _register_pagination_header(self) -> None:
        """Our lists have cursors, not pages with numbers."""


def make_api(app: Flask) -> Api:
    """The application's API, without rooms yet."""
    app.url_map.converters["id"] = IdConverter
    app.url_map.merge_slashes = False  # a doubled slash is an unknown address, not a redirect to whatever Host says
    app.config.update(
        API_TITLE="Binfen 缤纷",
        API_VERSION="1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/",
        OPENAPI_JSON_PATH="openapi.json",
        OPENAPI_SWAGGER_UI_PATH="/docs",
        OPENAPI_SWAGGER_UI_URL=ASSETS_PATH,
        OPENAPI_SWAGGER_UI_CONFIG={"validatorUrl": None},
        API_SPEC_OPTIONS={
            "info": {"description": "One entry, one points ledger, one API for a community's mini-program."},
            "security": [],
        },
    )
    app.register_blueprint(_swagger_assets())
    api = BinfenApi(app, spec_kwargs={"marshmallow_plugin": MarshmallowPlugin(schema_name_resolver=_schema_name)})
    api.register_field(Id, "string", None)
    api.register_field(Moment, fields.DateTime)
    api.register_field(Words, fields.String)
    api.register_field(Cursor, "string", None)
    api.register_converter(IdConverter, lambda _converter: {"type": "string", "pattern": ID_PATTERN})
    api.spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    return api


def finish_document(api: Api) -> None:
    """Say in the document which codes there are, once every room is known."""
    problem = api.spec.components.schemas["Problem"]
    problem["properties"]["code"]["enum"] = list(all_codes())
    problem["properties"]["code"]["x-statuses"] = all_codes()


def _schema_name(schema: Any) -> str:
    schema_class = schema if isinstance(schema, type) else type(schema)
    return schema_class.__name__.removesuffix("View")


def _swagger_assets() -> Blueprint:
    assets = Blueprint("swagger_assets", __name__)

    @assets.get(f"{ASSETS_PATH}<path:name>")
    def swagger_asset(name: str) -> Any:
        return send_from_directory(SWAGGER_FILES, name, max_age=86400)

    return assets

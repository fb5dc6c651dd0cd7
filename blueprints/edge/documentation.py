"""The API as a page: OpenAPI 3.1 at /openapi.json, Swagger UI from a local package at /docs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import flask_smorest.spec
import flask_swagger_ui
from flask import Blueprint, Response, render_template, send_from_directory
from flask_smorest import Blueprint as Room

from blueprints.edge.document import TITLE, document_of

TEMPLATES = Path(flask_smorest.spec.__file__).parent / "templates"
SWAGGER_FILES = Path(flask_swagger_ui.__file__).parent / "dist"
DOCUMENT_PATH = "/openapi.json"
PAGE_PATH = "/docs"
ASSETS_PATH = f"{PAGE_PATH}/assets/"


def documentation_of(rooms: Sequence[Room]) -> Blueprint:
    """The document of these rooms, made when it is first asked for, and its page."""
    documentation = Blueprint("documentation", __name__, template_folder=str(TEMPLATES))

    @documentation.get(DOCUMENT_PATH)
    def document() -> Response:
        return Response(document_of(tuple(rooms)), mimetype="application/json")

    @documentation.get(PAGE_PATH)
    def page() -> str:
        return render_template(
            "swagger_ui.html",
            title=TITLE,
            spec_url=DOCUMENT_PATH,
            swagger_ui_url=ASSETS_PATH,
            swagger_ui_config={"validatorUrl": None},
        )

    @documentation.get(f"{ASSETS_PATH}<path:name>")
    def asset(name: str) -> Any:
        return send_from_directory(SWAGGER_FILES, name, max_age=86400)

    return documentation

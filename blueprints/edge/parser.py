"""Reading arguments: JSON bodies by orjson, with the right refusal for what can't be read."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Request, abort
from marshmallow import EXCLUDE, RAISE, Schema
from webargs.flaskparser import FlaskParser
from werkzeug.datastructures import CombinedMultiDict

from blueprints.edge.schemas import instance_of


class Parser(FlaskParser):
    """webargs' parser with our JSON. An unknown key of a body is refused, an unknown query parameter is not ours."""

    DEFAULT_UNKNOWN_BY_LOCATION = {**FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, "json": RAISE, "query": EXCLUDE}  # noqa: RUF012

    def _get_schema(self, argmap: Any, req: Request) -> Schema:
        """One instance of each schema: to load a body changes nothing in it."""
        return instance_of(argmap) if isinstance(argmap, type) else super()._get_schema(argmap, req)

    def load_files(self, req: Request, schema: Any) -> Any:
        """The parts of a multipart form, files and words alike."""
        return self._makeproxy(CombinedMultiDict([req.files, req.form]), schema)

    def load_json(self, req: Request, schema: Any) -> Any:
        body = req.get_data(cache=True)
        if not body:
            return None  # no body is no JSON object: refused, where fields with defaults would let it pass
        if not req.is_json:
            abort(415)
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            abort(400)

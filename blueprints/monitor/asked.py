"""What the routes of the monitoring have in common: the question in a query, what refuses it, and the answer as a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Response
from marshmallow import Schema

from blueprints.edge.files import CSV, XLSX
from blueprints.edge.room import Room
from blueprints.monitor.sheets import Sheet, send_sheet
from rules.monitor.asking import Question
from rules.monitor.periods import PeriodInvalid
from rules.monitor.reading import AsOfInvalid, MeasureUnknown, SliceUnknown
from rules.points.budgets import OperatorUnknown
from rules.residents.identity import Forbidden
from rules.territory.tree import PlaceUnknown

Wish = dict[str, Any]
T = TypeVar("T")
#: The files that a table may be asked for as.
FILES: dict[str, dict[str, str]] = {
    CSV.partition(";")[0]: {"type": "string"},
    XLSX: {"type": "string", "format": "binary"},
}
#: What may refuse any question.
REFUSALS = (Forbidden, PlaceUnknown, OperatorUnknown, PeriodInvalid, AsOfInvalid, MeasureUnknown, SliceUnknown)


def question_of(wish: Wish) -> Question:
    """The question in a query; what else the query says stays in `wish`."""
    return Question(**{name: wish.pop(name) for name in Question.__dataclass_fields__})


def table_response(room: Room, schema: type[Schema]) -> Callable[[Any], Any]:
    """Say in the document that a route answers with JSON, or with a file where `format` asks for one."""

    def decorate(view: Any) -> Any:
        view = room.alt_response(304, description="The caller has this file already.", success=True)(view)
        for media_type, form in FILES.items():
            view = room.alt_response(200, schema=form, content_type=media_type, success=True)(view)
        return room.response(200, schema)(view)

    return decorate


def as_wished(shown: T, form: str | None, sheet_of: Callable[[T], Sheet]) -> T | Response:
    """What was found: as it is, or as a file of this form."""
    return shown if form is None else send_sheet(sheet_of(shown), form)

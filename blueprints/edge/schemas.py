"""How answers are dumped, and what every list has in common.

`Fast` documents itself like any schema and dumps in one pass: for each class, the getters and the converters of its
fields are worked out once. Its output equals marshmallow's own (a test holds the two together).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import Any, Self

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from blueprints.edge.fields import Cursor, Near

LIMIT_DEFAULT = 20
LIMIT_MAX = 100
WITHIN_METRES_MAX = 100_000

Converter = Callable[[Any], Any]


class Lasting(Schema):
    """A schema that says what its class says, and nothing changes; so one is enough.

    Every decorator of smorest copies what the ones before it have noted, and a copy of a schema copies all of its fields.
    """

    def __deepcopy__(self, _memo: dict[int, Any]) -> Self:
        return self


@cache
def instance_of(schema: type[Schema]) -> Schema:
    """The one of its class: to make it takes as long as to load a body with it."""
    return schema()


class Fast(Lasting):
    """A schema for answers: named columns of a row, or attributes of a view, in and out in one pass."""

    _plan: list[tuple[str, Converter, Converter | None]] | None = None

    def dump(self, obj: Any, *, many: bool | None = None) -> Any:
        if self.many if many is None else many:
            return [self._dump_one(item) for item in obj]
        return self._dump_one(obj)

    def _dump_one(self, obj: Any) -> dict[str, Any]:
        if self._plan is None:
            self._plan = [_column(name, field) for name, field in self.dump_fields.items()]
        dumped = {}
        for key, get, convert in self._plan:
            value = get(obj)
            dumped[key] = value if convert is None or value is None else convert(value)
        return dumped


def _column(name: str, field: fields.Field[Any]) -> tuple[str, Converter, Converter | None]:
    return field.data_key or name, attrgetter(field.attribute or name), _converter(field)


def _converter(field: fields.Field[Any]) -> Converter | None:
    if isinstance(field, fields.Nested):
        return field.schema.dump
    if isinstance(field, fields.List):
        convert = _converter(field.inner)
        return list if convert is None else lambda values: [convert(value) for value in values]
    return getattr(field, "fast", float if isinstance(field, fields.Float) else None)


class Arguments(Lasting):
    """What a caller sends. Unknown keys of a body are refused (webargs), so a typing error doesn't pass in silence."""


class PageArguments(Arguments):
    """How a list is paged; each list adds its own cursor."""

    limit = fields.Integer(
        load_default=LIMIT_DEFAULT,
        validate=validate.Range(min=1, max=LIMIT_MAX),
        metadata={"description": "How many items a page has."},
    )


class NearArguments(PageArguments):
    """How a list is paged that can be sorted by distance; the first number of its cursor is `geography.page_key`."""

    near = Near(
        load_default=None,
        metadata={"description": "latitude,longitude (GCJ-02): the nearest first, each with `distance_metres`."},
    )
    within_metres = fields.Integer(
        load_default=None,
        validate=validate.Range(min=1, max=WITHIN_METRES_MAX),
        metadata={"description": "No farther than this from `near`."},
    )

    @validates_schema
    def check_near(self, wish: dict[str, Any], **_: Any) -> None:
        """A distance is reckoned from somewhere, and a list goes on in the order in which it began."""
        if wish.get("within_metres") is not None and wish.get("near") is None:
            raise ValidationError(["Needs near."], "within_metres")
        cursor = wish.get("cursor")
        if cursor is not None and (cursor[0] > 0) != (wish.get("near") is not None):
            raise ValidationError([Cursor.default_error_messages["invalid"]], "cursor")


def cursor_of(of: str, *maxima: int) -> Cursor:
    """The argument that says where a list of this name goes on. `maxima` as in Cursor; one id unless it is given."""
    kinds = {"maxima": maxima} if maxima else {}
    return Cursor(of=of, load_default=None, metadata={"description": "`next_cursor` of the page before."}, **kinds)


def page_of(item: type[Schema], of: str) -> type[Fast]:
    """The schema of a page of these items, of the list with this name."""
    name = item.__name__.removesuffix("View") + "Page"
    members = {
        "items": fields.List(fields.Nested(item), required=True),
        "next_cursor": Cursor(
            of=of,
            attribute="next_after",
            required=True,
            allow_none=True,
            metadata={"description": "null on the last page."},
        ),
        "__doc__": "A page of a list.",
    }
    return type(name, (Fast,), members)


def all_of(item: type[Schema]) -> type[Fast]:
    """The schema of a short list that has no pages."""
    name = item.__name__.removesuffix("View") + "List"
    return type(name, (Fast,), {"items": fields.List(fields.Nested(item), required=True), "__doc__": "A short list."})

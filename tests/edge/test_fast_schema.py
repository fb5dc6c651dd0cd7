"""Protects `Fast`: its one-pass dump says what marshmallow's own dump says, for every answer of the API."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import orjson
import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import Schema, fields

import app as _rooms_are_loaded  # noqa: F401
from blueprints.edge.fields import Cursor, Distance, Id, Moment
from blueprints.edge.orjson_provider import OrjsonProvider
from blueprints.edge.schemas import Fast
from blueprints.monitor.spoken import LightWord, Spoken
from blueprints.seals.schemas import Hexadecimal
from blueprints.volunteering.certificate_schemas import VerifyPath
from blueprints.volunteering.schemas import Hours
from models.ledger import NEVER
from rules.clock import ZONE
from rules.geography import FAR
from rules.ids import ID_MAX
from rules.monitor.targets import Color

#: The kinds of fields are few and each stands in many schemas, so a few examples of each schema are many of each kind.
EXAMPLES = 60 if os.environ.get("BINFEN_LONG") else 15
PROVIDER = OrjsonProvider(Flask(__name__, static_folder=None))
INT64 = st.integers(-(2**63), 2**63 - 1)
HUNDREDTHS = st.decimals(-(10**9), 10**9, places=2)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    ["", "亲子早教", "😀", "\0", '"\\']
)
ZONES = st.sampled_from([UTC, ZONE, timezone(timedelta(hours=-11, minutes=-30))])
MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=ZONES)  # noqa: DTZ001  zones are drawn


def fast_schemas(parent: type[Fast] = Fast) -> Iterator[type[Fast]]:
    for child in parent.__subclasses__():
        yield child
        yield from fast_schemas(child)


#: Kinds of fields that rooms made for themselves, and whatever JSON can hold.
OWN_KINDS: dict[type[fields.Field], st.SearchStrategy[Any]] = {
    Distance: st.integers(0, 2 * FAR),
    Hexadecimal: st.binary(max_size=32),
    Hours: st.integers(-(10**9), 10**9),
    VerifyPath: st.builds(SimpleNamespace, code=TEXT, town_code=TEXT),
    Spoken: TEXT,
    LightWord: st.builds(
        SimpleNamespace, light=st.none() | st.sampled_from(Color), target=HUNDREDTHS, amber=HUNDREDTHS
    ),
    fields.Raw: INT64 | TEXT | st.lists(TEXT, max_size=2),
}


def values_of(field: fields.Field) -> st.SearchStrategy[Any]:
    """What a rule may hand over for this field; a kind that isn't known here fails, so that it is looked at."""
    values = OWN_KINDS[type(field)] if type(field) in OWN_KINDS else _values_of(field)
    return st.none() | values if field.allow_none else values


def _values_of(field: fields.Field) -> st.SearchStrategy[Any]:
    match field:
        case fields.Nested():
            many = field.many or field.schema.many
            one = objects_of(type(field.schema))
            return st.lists(one, max_size=3) if many else one
        case fields.List():
            return st.lists(values_of(field.inner), max_size=3) | st.lists(values_of(field.inner), max_size=2).map(
                tuple
            )
        case Cursor():
            return st.lists(st.integers(0, ID_MAX), min_size=1, max_size=2).map(tuple)
        case Id():
            return st.integers(1, ID_MAX)
        case Moment():
            return MOMENTS
        case fields.Date():
            return st.dates(date(1970, 1, 1)) | st.just(NEVER)
        case fields.Enum():
            return st.sampled_from(field.enum)
        case fields.Boolean():
            return st.booleans()
        case fields.Number():
            return HUNDREDTHS if isinstance(field, fields.Float) else INT64
        case fields.String():
            return TEXT
        case fields.Dict():
            anything = INT64 | TEXT | st.lists(TEXT, max_size=2)
            value = values_of(field.value_field) if field.value_field else anything
            return st.dictionaries(TEXT, value, max_size=3)
    raise AssertionError(f"say here what a {type(field).__name__} is filled with")


def objects_of(schema: type[Schema]) -> st.SearchStrategy[SimpleNamespace]:
    members = {field.attribute or name: values_of(field) for name, field in schema().dump_fields.items()}
    return st.fixed_dictionaries(members).map(_with_attributes)


def _with_attributes(values: dict[str, Any]) -> SimpleNamespace:
    """An object with these attributes; those with a dot are of an object within it."""
    made = SimpleNamespace()
    for path, value in values.items():
        *outer, name = path.split(".")
        holder = made
        for each in outer:
            holder.__dict__.setdefault(each, SimpleNamespace())
            holder = getattr(holder, each)
        setattr(holder, name, value)
    return made


def as_json(dumped: Any) -> Any:
    return orjson.loads(PROVIDER.dumps(dumped))


ALL = sorted(set(fast_schemas()), key=lambda schema: schema.__name__)


def test_the_walk_finds_the_answers_of_the_rooms() -> None:
    names = {schema.__name__ for schema in ALL}
    assert names >= {
        "SessionView",
        "ActivityDetailView",
        "ScanView",
        "StatementLinePage",
        "PointsView",
        "ListedPlaceList",
    }


@pytest.mark.parametrize("schema_class", ALL, ids=lambda schema: schema.__name__)
def test_the_fast_dump_says_what_marshmallows_own_says(schema_class: type[Fast]) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=True)
    @given(st.lists(objects_of(schema_class), max_size=2), objects_of(schema_class))
    def holds(some: list[SimpleNamespace], one: SimpleNamespace) -> None:
        fast = as_json(schema_class().dump(one)), as_json(schema_class(many=True).dump(some))
        with patch.object(Fast, "dump", Schema.dump):
            own = as_json(schema_class().dump(one)), as_json(schema_class(many=True).dump(some))
        assert fast == own
        assert list(fast[0]) == list(own[0])

    holds()


def test_one_instance_dumps_again_and_again_the_same() -> None:
    schema = next(schema for schema in ALL if schema.__name__ == "VenueView")()
    rooms = [SimpleNamespace(id=n, name=str(n), capacity=n) for n in range(1, 4)]
    assert [schema.dump(room) for room in rooms] == schema.dump(rooms, many=True)

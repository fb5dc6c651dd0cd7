"""Protects `Fast`: its one-pass dump says what marshmallow's own dump says, for every answer of the API."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from functools import cache
from random import Random
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import orjson
import pytest
from flask import Flask
from marshmallow import Schema, fields

import app as _rooms_are_loaded  # noqa: F401
from blueprints.edge.fields import Cursor, Distance, Id, Moment
from blueprints.edge.orjson_provider import OrjsonProvider
from blueprints.edge.schemas import Fast, instance_of
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
EXAMPLES = 500 if os.environ.get("BINFEN_LONG") else 20
PROVIDER = OrjsonProvider(Flask(__name__, static_folder=None))
TEXTS = ("", "亲子早教", "😀", "\0", '"\\', "a", "\u202e<script>", "\x7f\x80\ud7ff\uffff", "  spaces ", "长" * 20)
INTEGERS = (-(2**63), -(2**53), -1, 0, 1, 2**53, 2**63 - 1)
DECIMALS = tuple(
    Decimal(text) for text in ("-1000000000", "-0.01", "0", "0.00", "0.1", "99.99", "1E+3", "1000000000.00")
)
ZONES = (UTC, ZONE, timezone(timedelta(hours=-11, minutes=-30)))
FIRST_MOMENT, LAST_MOMENT = datetime(1970, 1, 2, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
FIRST_DAY = date(1970, 1, 1)
Making = Callable[[Random], Any]  #: makes a value, another one each time


def fast_schemas(parent: type[Fast] = Fast) -> Iterator[type[Fast]]:
    for child in parent.__subclasses__():
        yield child
        yield from fast_schemas(child)


def integer(low: int, high: int) -> Making:
    """Between these, often at an end and often small."""
    ends = [each for each in (low, high, *INTEGERS) if low <= each <= high]
    return lambda random: random.choice(ends) if random.random() < 0.5 else random.randint(low, high)


def one_of(*makings: Making) -> Making:
    return lambda random: random.choice(makings)(random)


def among(values: Iterable[Any]) -> Making:
    choices = list(values)
    return lambda random: random.choice(choices)


def some(making: Making, low: int = 0, high: int = 2) -> Making:
    """A list of these."""
    return lambda random: [making(random) for _ in range(random.randint(low, high))]


def text(random: Random) -> str:
    if random.random() < 0.5:
        return random.choice(TEXTS)
    codes = (random.choice((random.randrange(0xD800), random.randrange(0xE000, 0x110000))) for _ in range(8))
    return "".join(map(chr, codes))[: random.randint(0, 8)]


def hundredths(random: Random) -> Decimal:
    return random.choice(DECIMALS) if random.random() < 0.5 else Decimal(random.randint(-(10**11), 10**11)) / 100


def moment(random: Random) -> datetime:
    span = (LAST_MOMENT - FIRST_MOMENT) // timedelta(microseconds=1)
    microseconds = random.randrange(span)
    if random.random() < 0.5:
        microseconds -= microseconds % 1_000_000
    return (FIRST_MOMENT + timedelta(microseconds=microseconds)).astimezone(random.choice(ZONES))


def day(random: Random) -> date:
    return random.choice((NEVER, FIRST_DAY, FIRST_DAY + timedelta(days=random.randrange((NEVER - FIRST_DAY).days))))


def builds(**members: Making) -> Making:
    return lambda random: SimpleNamespace(**{name: making(random) for name, making in members.items()})


INT64 = integer(-(2**63), 2**63 - 1)
ANYTHING = one_of(INT64, text, some(text))
#: Kinds of fields that rooms made for themselves, and whatever JSON can hold.
OWN_KINDS: dict[type[fields.Field], Making] = {
    Distance: integer(0, 2 * FAR),
    Hexadecimal: lambda random: random.randbytes(random.randint(0, 32)),
    Hours: integer(-(10**9), 10**9),
    VerifyPath: builds(code=text, town_code=text),
    Spoken: text,
    LightWord: builds(light=among([None, *Color]), target=hundredths, amber=hundredths),
    fields.Raw: ANYTHING,
}


def values_of(field: fields.Field) -> Making:
    """What a rule may hand over for this field; a kind that isn't known here fails, so that it is looked at."""
    values = OWN_KINDS[type(field)] if type(field) in OWN_KINDS else _values_of(field)
    return one_of(lambda _random: None, values) if field.allow_none else values


def _values_of(field: fields.Field) -> Making:
    match field:
        case fields.Nested():
            one = objects_of(type(field.schema))
            return some(one) if field.many or field.schema.many else one
        case fields.List():
            each = some(values_of(field.inner), high=3)
            return one_of(each, lambda random: tuple(each(random)))
        case Cursor():
            each = some(integer(0, ID_MAX), low=1)
            return lambda random: tuple(each(random))
        case Id():
            return integer(1, ID_MAX)
        case Moment():
            return moment
        case fields.Date():
            return day
        case fields.Enum():
            return among(field.enum)
        case fields.Boolean():
            return among((False, True))
        case fields.Number():
            return hundredths if isinstance(field, fields.Float) else INT64
        case fields.String():
            return text
        case fields.Dict():
            value = values_of(field.value_field) if field.value_field else ANYTHING
            return lambda random: {text(random): value(random) for _ in range(random.randint(0, 3))}
    raise AssertionError(f"say here what a {type(field).__name__} is filled with")


@cache
def objects_of(schema: type[Schema]) -> Making:
    members = {field.attribute or name: values_of(field) for name, field in schema().dump_fields.items()}
    return lambda random: _with_attributes({name: making(random) for name, making in members.items()})


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
    random, make = Random(schema_class.__name__), objects_of(schema_class)
    made = [make(random) for _ in range(EXAMPLES)]
    one, many = schema_class(), schema_class(many=True)
    fast = [one.dump(each) for each in made], many.dump(made)
    with patch.object(Fast, "dump", Schema.dump):
        own = [schema_class().dump(each) for each in made], schema_class(many=True).dump(made)
    for said, wanted, of in zip(fast[0], own[0], made, strict=True):
        assert as_json(said) == as_json(wanted), of
        assert list(said) == list(wanted)
    assert as_json(fast[1]) == as_json(own[1])
    assert as_json(many.dump([])) == []


def test_the_examples_hold_what_is_at_the_ends() -> None:
    random = Random(1)
    assert {hundredths(random) for _ in range(200)} >= set(DECIMALS)
    assert {INT64(random) for _ in range(200)} >= set(INTEGERS)
    assert {text(random) for _ in range(300)} >= set(TEXTS)
    assert {moment(random).tzinfo for _ in range(50)} == set(ZONES)


def test_one_instance_dumps_again_and_again_the_same() -> None:
    schema = next(schema for schema in ALL if schema.__name__ == "VenueView")()
    rooms = [SimpleNamespace(id=n, name=str(n), capacity=n) for n in range(1, 4)]
    assert [schema.dump(room) for room in rooms] == schema.dump(rooms, many=True)


def test_all_routes_share_one_instance_of_a_schema_and_no_decorator_copies_it() -> None:
    class PostcardView(Fast):
        id = Id(required=True)

    one = instance_of(PostcardView)
    assert deepcopy({"schema": one})["schema"] is one is instance_of(PostcardView)

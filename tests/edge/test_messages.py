"""Protects that a caller who reads Chinese never gets a field's message in English.

Every schema for what callers send is walked; each message that its fields and validators can give must have a template.
"""

from __future__ import annotations

import re
import string
from collections import defaultdict
from collections.abc import Iterator

import pytest
from marshmallow import Schema, fields, validate

import app as _rooms_are_loaded  # noqa: F401
from blueprints.edge.messages import TEMPLATES, in_chinese
from blueprints.edge.schemas import Arguments
from tests.edge.helpers import is_chinese

#: Messages that are in marshmallow's tables and can't come out of our fields, with the reason.
UNREACHABLE = {
    "Invalid value.": "a validator that answers False, which marshmallow 4 doesn't know any more",
    "Number too large.": "an infinite float, which orjson doesn't read and int() of a query's text never makes",
    "Not a valid {awareness} {obj_type}.": "of marshmallow's own reading of moments, which Moment replaces",
    '"{input}" cannot be formatted as a {obj_type}.': "of dumping",
}


def schemas(parent: type[Schema] = Arguments) -> Iterator[type[Schema]]:
    for child in parent.__subclasses__():
        yield child
        yield from schemas(child)


def fields_below(field: fields.Field) -> Iterator[fields.Field]:
    yield field
    if isinstance(field, fields.Nested):
        for inner in field.schema.fields.values():
            yield from fields_below(inner)
    elif isinstance(field, fields.List):
        yield from fields_below(field.inner)
    elif isinstance(field, fields.Dict):
        for inner in (field.key_field, field.value_field):
            if inner is not None:
                yield from fields_below(inner)


def messages_of_validator(validator: object) -> Iterator[str]:
    """What a validator says; one of a kind that isn't known here fails the test, so that it is looked at."""
    if error := getattr(validator, "error", None):
        yield error
    elif isinstance(validator, validate.Range | validate.Length):
        bounds = (validator.min is not None, validator.max is not None, getattr(validator, "equal", None) is not None)
        low, high, equal = bounds
        if equal:
            yield validator.message_equal
        elif low and high:
            yield validator.message_all
        elif low:
            yield validator.message_min
        elif high:
            yield validator.message_max
    else:
        raise AssertionError(f"say here what {type(validator).__name__} can answer")


def messages() -> dict[str, str]:
    """Every message that a caller can get, with one place where it comes from."""
    found: dict[str, str] = {}
    for schema_class in schemas():
        schema = schema_class()
        for message in schema.error_messages.values():
            found.setdefault(message, schema_class.__name__)
        for name, top in schema.fields.items():
            for field in fields_below(top):
                said = [*field.error_messages.values()]
                said += [text for validator in field.validators for text in messages_of_validator(validator)]
                for message in said:
                    found.setdefault(message, f"{schema_class.__name__}.{name}")
    return found


REACHABLE = {message: place for message, place in messages().items() if message not in UNREACHABLE}


def test_the_walk_finds_the_schemas_of_the_rooms() -> None:
    names = {schema.__name__ for schema in schemas()}
    assert names >= {"ReservationRequest", "ScanArguments", "WechatSignIn", "ActivityArguments", "StatementArguments"}


@pytest.mark.parametrize("message", REACHABLE)
def test_every_message_of_a_field_is_translated(message: str) -> None:
    assert message in TEMPLATES, f"of {REACHABLE[message]}"
    filled = message.format_map(defaultdict(lambda: "7"))
    translated = in_chinese(filled)
    assert is_chinese(translated)
    assert "{" not in translated
    assert translated.count("7") == filled.count("7") or "ISO 8601" in filled


@pytest.mark.parametrize("english", TEMPLATES)
def test_a_translation_tells_the_same_facts(english: str) -> None:
    chinese = TEMPLATES[english]
    assert _facts(english) == _facts(chinese)
    assert is_chinese(chinese)


def test_a_message_that_nobody_knows_stays_as_it_is() -> None:
    assert in_chinese({"a": ["An unheard-of message."]}) == {"a": ["An unheard-of message."]}


def test_what_a_caller_wrote_is_no_part_of_a_message() -> None:
    """A template with the caller's own text in it would let {braces} of the caller reach the formatter."""
    assert not [message for message in REACHABLE if re.search(r"\{(input|value)", message)]


def _facts(template: str) -> set[str]:
    return {field for _, field, _, _ in string.Formatter().parse(template) if field}

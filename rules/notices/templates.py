"""Templates of WeChat's subscription messages: which one each kind of notice has, and what goes into its fields.

A deployment chose its templates in WeChat's console, so their ids and fields are settings: for each kind, the id, and for
each field, what fills it: `title` or `text` of the notice, or a field of its payload; with `|`, the first one that isn't
empty. What WeChat allows in a field hangs on the field's type, which its name begins with ("thing1"); a value that
doesn't fit is refused with 47003, so values are cut or replaced before they are sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from rules.clock import ZONE
from rules.notices.catalogue import Template

ELLIPSIS = "…"
#: The longest value of each type, in characters, by the table in WeChat's documentation of subscribeMessage.send.
LENGTHS_MAX = {
    "thing": 20,
    "number": 32,
    "letter": 32,
    "symbol": 5,
    "character_string": 32,
    "time": 32,
    "date": 32,
    "amount": 11,
    "phone_number": 17,
    "car_number": 8,
    "name": 10,
    "phrase": 5,
    "const": 20,
}
EMPTY = "—"

_field = re.compile(r"([a-z_]+?)\d{1,2}").fullmatch
_template_id = re.compile(r"[A-Za-z0-9_-]{6,64}").fullmatch


class TemplatesInvalid(ValueError):
    """The setting can't be right; the message says where."""


@dataclass(frozen=True, slots=True)
class TemplateSpec:
    """One template."""

    id: str
    fields: Mapping[str, tuple[str, ...]]  #: "thing1" -> ("activity", "title")


Templates = Mapping[Template, TemplateSpec]
NO_TEMPLATES: Templates = {}


def read_templates(text: str) -> Templates:
    """The templates of a setting: {"reservation": {"id": "…", "fields": {"thing1": "activity|title"}}}.

    Raises TemplatesInvalid.
    """
    if not text.strip():
        return NO_TEMPLATES
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise TemplatesInvalid("is no JSON") from None
    if not isinstance(document, dict):
        raise TemplatesInvalid("is no JSON object")
    return {_kind(word): _spec(word, value) for word, value in document.items()}


def _kind(word: str) -> Template:
    try:
        return Template(word)
    except ValueError:
        raise TemplatesInvalid(f"names no kind: {word}; there are {', '.join(Template)}") from None


def _spec(word: str, value: Any) -> TemplateSpec:
    fields = value.get("fields") if isinstance(value, dict) else None
    if not isinstance(fields, dict) or not fields or not _template_id(str(value.get("id"))):
        raise TemplatesInvalid(f"needs an id and fields for {word}")
    for name, source in fields.items():
        match = _field(name)
        if match is None or match[1] not in LENGTHS_MAX or not isinstance(source, str) or not source:
            raise TemplatesInvalid(f"has a field that can't be right for {word}: {name}")
    return TemplateSpec(value["id"], {name: tuple(source.split("|")) for name, source in fields.items()})


def fill(spec: TemplateSpec, values: Mapping[str, str], moments: Mapping[str, datetime]) -> dict[str, str]:
    """What is sent in each field. `values`: title, text and the fields of the payload, in words; `moments`: those of
    them that are one, and `now`, which a field for a time falls back on."""
    return {name: _filled(name, sources, values, moments) for name, sources in spec.fields.items()}


def _filled(name: str, sources: tuple[str, ...], values: Mapping[str, str], moments: Mapping[str, datetime]) -> str:
    if _kind_of(name) in ("time", "date"):
        moment = next((moments[source] for source in sources if source in moments), moments["now"]).astimezone(ZONE)
        return f"{moment.year}年{moment.month}月{moment.day}日 {moment:%H:%M}"
    return fitted(name, next((values[source] for source in sources if values.get(source)), values["title"]))


def fitted(name: str, value: str) -> str:
    """A value as a field of this name takes it."""
    kind = _kind_of(name)
    value = " ".join(value.split())
    length_max = LENGTHS_MAX[kind]
    if kind in _FINDERS:
        found = _FINDERS[kind](value)
        return "".join(found)[:length_max] if found else _WHERE_EMPTY[kind]
    return (value if len(value) <= length_max else value[: length_max - 1] + ELLIPSIS) or EMPTY


def _kind_of(name: str) -> str:
    match = _field(name)
    assert match is not None, "checked when the setting was read"
    return match[1]


#: What of a value may stand in a field of this type: all the pieces, or the first one.
_FINDERS: dict[str, Callable[[str], list[str]]] = {
    "number": lambda value: re.findall(r"-?[0-9]+(?:\.[0-9]+)?", value)[:1],
    "amount": lambda value: re.findall(r"[0-9]{1,10}(?:\.[0-9]+)?", value)[:1],
    "letter": lambda value: re.findall(r"[A-Za-z]", value),
    "character_string": lambda value: re.findall(r"[!-~]", value),
    "phone_number": lambda value: re.findall(r"[0-9+-]", value),
    "phrase": lambda value: re.findall(r"[\u4e00-\u9fff]", value),
}
_WHERE_EMPTY = {
    "number": "0",
    "amount": "0",
    "letter": "N",
    "character_string": "-",
    "phone_number": "0",
    "phrase": "通知",
}

#: What the fake of WeChat knows, and what a deployment's own setting may look like.
OF_THE_DEMO = """{
  "reservation": {"id": "demo-reservation", "fields": {"thing1": "activity|title", "time2": "starts_at", "thing3": "text"}},
  "booking": {"id": "demo-booking", "fields": {"thing1": "venue|title", "time2": "starts_at", "thing3": "text"}},
  "repair": {"id": "demo-repair", "fields": {"thing1": "title", "thing2": "text", "time3": "now"}},
  "points": {"id": "demo-points", "fields": {"thing1": "title", "number2": "amount", "thing3": "text"}},
  "redemption": {"id": "demo-redemption", "fields": {"thing1": "reward|title", "thing2": "text"}},
  "group": {"id": "demo-group", "fields": {"thing1": "group|title", "thing2": "text"}},
  "announcement": {"id": "demo-announcement", "fields": {"thing1": "title", "time2": "now", "thing3": "text"}}
}"""

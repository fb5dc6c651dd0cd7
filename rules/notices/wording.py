"""From a topic and a payload to words, in the reader's language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from rules.clock import ZONE
from rules.notices.catalogue import CATALOGUE, Wording

WEEKDAYS_ZH = "一二三四五六日"
OF_ANOTHER_VERSION = Wording("通知", "Notice", "请在小程序中查看。", "Please look into the mini-program.")

_moment = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d\S*(Z|[+-]\d\d:\d\d)").fullmatch
_day = re.compile(r"\d{4}-\d\d-\d\d").fullmatch
_optional = re.compile(r"\[([^\[\]]*)\]")
_field = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Words:
    """A notice in one language."""

    title: str
    text: str
    page: str | None


def words_of(topic: str, payload: Mapping[str, Any], language: str) -> Words:
    """A notice in words: in English for `en`, in Chinese for everything else.

    A topic that this version doesn't know, written by a newer one, reads as a notice without particulars.
    """
    wording = CATALOGUE.get(topic, OF_ANOTHER_VERSION)
    values = values_of(wording, payload, language)
    is_english = language == "en"
    title = rendered(wording.title_en if is_english else wording.title_zh, values)
    text = rendered(wording.text_en if is_english else wording.text_zh, values)
    return Words(title, text, rendered(wording.page, payload) if wording.page is not None else None)


def values_of(wording: Wording, payload: Mapping[str, Any], language: str) -> dict[str, str]:
    """The payload's fields in words."""
    return {name: _in_words(wording, name, value, language) for name, value in payload.items()}


def moments_of(payload: Mapping[str, Any]) -> dict[str, datetime]:
    """Those of the payload's fields that are moments."""
    moments = {}
    for name, value in payload.items():
        with suppress(ValueError):
            if isinstance(value, str) and _moment(value):
                moments[name] = datetime.fromisoformat(value)
    return moments


def rendered(sentence: str, values: Mapping[str, Any]) -> str:
    """A sentence with its fields filled in. A part in brackets with an empty field is left out, brackets go in any case."""

    def part(match: re.Match[str]) -> str:
        names = _field.findall(match[1])
        return match[1] if all(_said(values, name) for name in names) else ""

    return _field.sub(lambda match: _said(values, match[1]), _optional.sub(part, sentence))


def _said(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    return "" if value is None else str(value)


def _in_words(wording: Wording, name: str, value: Any, language: str) -> str:
    if value is None:
        return ""
    spoken = wording.words.get(name, {}).get(str(value))
    if spoken is not None:
        return spoken[1] if language == "en" else spoken[0]
    with suppress(ValueError):  # people may write what looks like a day
        if isinstance(value, str) and _moment(value):
            return moment_in_words(datetime.fromisoformat(value), language)
        if isinstance(value, str) and _day(value):
            return day_in_words(date.fromisoformat(value), language)
    return str(value)


def moment_in_words(moment: datetime, language: str) -> str:
    """A moment as people of the place say it: 11月28日（周六）09:00."""
    local = moment.astimezone(ZONE)
    if language == "en":
        return f"{local:%a} {local.day} {local:%b %H:%M}"
    return f"{local.month}月{local.day}日（周{WEEKDAYS_ZH[local.weekday()]}）{local:%H:%M}"


def day_in_words(day: date, language: str) -> str:
    """A day as people of the place say it."""
    return f"{day.day} {day:%b %Y}" if language == "en" else f"{day.year}年{day.month}月{day.day}日"

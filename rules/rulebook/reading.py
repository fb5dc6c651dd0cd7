"""How a document becomes sections: one declaration of each key, and errors that name the key, its line and what is allowed.

A section is a frozen dataclass whose fields are made by `key`: what reads the value, what it means, an example. From
the same declarations come the reader, the errors, the reference (docs/rulebook.md) and the way back to a document. A
reader is an object with three words: `read` a TOML value, `write` it back, and say what is `allowed`.

All faults of a document are collected and told at once, so a clerk mends a document in one go.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar, cast

from rules.rulebook.lines import Path, key_of

T = TypeVar("T")
TEXT_MAX = 2_000
#: Decimals that amounts and quantities may have.
DECIMALS_MAX = 4


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in a document."""

    key: str  #: "earn[2].amount"
    line: int  #: 1 for the first; the line of the table where the key itself can't be found
    zh: str  #: what is allowed, in Chinese
    en: str

    def sentence(self, language: str) -> str:
        if language == "en":
            return f"line {self.line}, `{self.key}`: {self.en}"
        return f"第 {self.line} 行 `{self.key}`：{self.zh}"


class RulebookInvalid(ValueError):
    """The document can't be a rulebook: every fault with its key, its line and what is allowed."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        assert faults, "a document without a fault is valid"
        self.faults = tuple(faults)
        super().__init__("\n".join(fault.sentence("en") for fault in faults))


class Wrong(Exception):
    """Raised by a reader: what is allowed, in both languages, and where below the value it was wrong."""

    def __init__(self, zh: str, en: str, below: Path = ()) -> None:
        super().__init__(en)
        self.zh, self.en, self.below = zh, en, below


class Faults(Exception):
    """Several wrongs of one value."""

    def __init__(self, wrongs: Sequence[Wrong]) -> None:
        super().__init__()
        self.wrongs = tuple(wrongs)

    def under(self, step: str | int) -> list[Wrong]:
        return [Wrong(wrong.zh, wrong.en, (step, *wrong.below)) for wrong in self.wrongs]


class Reader(Protocol):
    """How a key's value is read and written, and what is allowed."""

    @property
    def zh(self) -> str: ...

    @property
    def en(self) -> str: ...

    def read(self, value: Any) -> Any:
        """The value as a section holds it. Raises Wrong or Faults."""

    def write(self, value: Any) -> Any:
        """The value as TOML holds it."""


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key besides its name and its default."""

    reader: Reader
    meaning: str  #: in English, for the reference
    example: str  #: TOML, the whole line or lines


def key(reader: Reader, meaning: str, example: str, *, default: Any = MISSING) -> Any:
    """A key of a section. Without a default it must be given."""
    return field(default=default, metadata={"key": Key(reader, meaning, example)})


def keys_of(section: type[Any]) -> list[tuple[Field[Any], Key]]:
    """The keys of a section, in the order in which they are declared."""
    return [(each, each.metadata["key"]) for each in fields(section)]


def is_writable(text: str) -> bool:
    """Whether a text has no control characters but line breaks and tabs: a database may not take them."""
    return all(character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cs") for character in text)


# --- readers of single values -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Text:
    """A text that isn't empty."""

    zh: str = "须为非空文字"
    en: str = "must be a text that is not empty"

    def read(self, value: Any) -> str:
        if not (isinstance(value, str) and value.strip() and len(value) <= TEXT_MAX and is_writable(value)):
            raise Wrong(self.zh, self.en)
        return value

    def write(self, value: str) -> str:
        return value


@dataclass(frozen=True, slots=True)
class Word:
    """A stable word by which something is named: letters of any script, digits, - and _."""

    zh: str = "须为一个词：文字、数字、- 或 _，最多 64 个字符"
    en: str = "must be one word: letters, digits, - and _, at most 64 characters"

    def read(self, value: Any) -> str:
        if not (isinstance(value, str) and 0 < len(value) <= 64 and value.replace("-", "").replace("_", "").isalnum()):
            raise Wrong(self.zh, self.en)
        return value

    def write(self, value: str) -> str:
        return value


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number within bounds."""

    least: int
    most: int

    @property
    def zh(self) -> str:
        return f"须为整数，{self.least} 至 {self.most}"

    @property
    def en(self) -> str:
        return f"must be a whole number from {self.least} to {self.most}"

    def read(self, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not self.least <= value <= self.most:
            raise Wrong(self.zh, self.en)
        return value

    def write(self, value: int) -> int:
        return value


@dataclass(frozen=True, slots=True)
class Amount:
    """A number that may have decimals, within bounds."""

    least: Decimal
    most: Decimal

    @property
    def zh(self) -> str:
        return f"须为数字，{self.least} 至 {self.most}，小数最多 {DECIMALS_MAX} 位"

    @property
    def en(self) -> str:
        return f"must be a number from {self.least} to {self.most}, with at most {DECIMALS_MAX} decimals"

    def read(self, value: Any) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise Wrong(self.zh, self.en)
        number = Decimal(value)
        if not number.is_finite() or not self.least <= number <= self.most:
            raise Wrong(self.zh, self.en)
        if number != number.quantize(Decimal(1).scaleb(-DECIMALS_MAX)):
            raise Wrong(self.zh, self.en)
        return number.normalize() + 0

    def write(self, value: Decimal) -> int | Decimal:
        return int(value) if value == value.to_integral_value() else value


@dataclass(frozen=True, slots=True)
class YesNo:
    """true or false."""

    zh: str = "须为 true 或 false"
    en: str = "must be true or false"

    def read(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise Wrong(self.zh, self.en)
        return value

    def write(self, value: bool) -> bool:
        return value


@dataclass(frozen=True, slots=True)
class Day:
    """A date, 2027-01-01."""

    zh: str = "须为日期，如 2027-01-01（不加引号）"
    en: str = "must be a date such as 2027-01-01, without quotes"

    def read(self, value: Any) -> date:
        if type(value) is not date:  # a moment is a date to Python
            raise Wrong(self.zh, self.en)
        return value

    def write(self, value: date) -> date:
        return value


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """A time of day in the community's zone, as text: "17:00"."""

    zh: str = '须为时刻，如 "17:00"'
    en: str = 'must be a time of day such as "17:00"'

    def read(self, value: Any) -> str:
        if not (isinstance(value, str) and len(value) == 5 and value[2] == ":" and value.isascii()):
            raise Wrong(self.zh, self.en)
        hours, minutes = value[:2], value[3:]
        if not (hours.isdigit() and minutes.isdigit() and int(hours) < 24 and int(minutes) < 60):
            raise Wrong(self.zh, self.en)
        return value

    def write(self, value: str) -> str:
        return value


@dataclass(frozen=True, slots=True)
class DayOfYear:
    """A day of any year, as text: "09-01"."""

    zh: str = '须为月-日，如 "09-01"'
    en: str = 'must be month and day such as "09-01"'

    def read(self, value: Any) -> str:
        try:
            date.fromisoformat(f"2001-{value}")  # no 29 February: it isn't in every year
        except ValueError:
            raise Wrong(self.zh, self.en) from None
        if not isinstance(value, str) or len(value) != 5 or value[2] != "-":
            raise Wrong(self.zh, self.en)
        return value

    def write(self, value: str) -> str:
        return value


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of an enum's words."""

    words: type[StrEnum]

    @property
    def zh(self) -> str:
        return "须为以下之一：" + "、".join(f'"{word}"' for word in self.words)

    @property
    def en(self) -> str:
        return "must be one of " + ", ".join(f'"{word}"' for word in self.words)

    def read(self, value: Any) -> StrEnum:
        if not isinstance(value, str) or value not in set(self.words):
            raise Wrong(self.zh, self.en)
        return self.words(value)

    def write(self, value: StrEnum) -> str:
        return value.value


# --- readers of several values ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Either:
    """A value that one of several readers takes."""

    readers: tuple[Reader, ...]

    @property
    def zh(self) -> str:
        return "，或".join(reader.zh for reader in self.readers)

    @property
    def en(self) -> str:
        return ", or ".join(reader.en for reader in self.readers)

    def read(self, value: Any) -> Any:
        refused: list[tuple[int, Wrong | Faults]] = []
        for reader in self.readers:
            try:
                return reader.read(value)
            except (Wrong, Faults) as error:
                if isinstance(reader, Section | TableOf) and isinstance(value, dict):
                    unknown = value.keys() - reader.names if isinstance(reader, Section) else ()
                    refused.append((len(unknown), error))
        if refused:  # a table is meant for the section that knows most of its keys
            raise min(refused, key=lambda each: each[0])[1]
        raise Wrong(self.zh, self.en)

    def write(self, value: Any) -> Any:
        for reader in self.readers:
            try:
                written = reader.write(value)
                if reader.read(written) == value:
                    return written
            except (Wrong, Faults, AttributeError, TypeError, ValueError, ArithmeticError):
                continue
        raise AssertionError(f"no reader wrote {value!r}")


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of values, each read alike; one value alone may stand without brackets where `or_one` is set."""

    reader: Reader
    least: int = 0
    or_one: bool = False
    most: int = 500

    @property
    def zh(self) -> str:
        return f"须为列表（{self.least} 至 {self.most} 项），每项{self.reader.zh}"

    @property
    def en(self) -> str:
        return f"must be a list of {self.least} to {self.most}; each {self.reader.en}"

    def read(self, value: Any) -> tuple[Any, ...]:
        if self.or_one and not isinstance(value, list):
            return (self.reader.read(value),)
        if isinstance(value, dict) and isinstance(self.reader, Section):
            raise Wrong(
                "须写成两层方括号的 [[…]]，可有多项", "is written with two brackets, [[…]]: there may be several"
            )
        if not isinstance(value, list) or not self.least <= len(value) <= self.most:
            raise Wrong(self.zh, self.en)
        return tuple(_read_all(enumerate(value), self.reader.read).values())

    def write(self, value: Sequence[Any]) -> list[Any]:
        return [self.reader.write(each) for each in value]


@dataclass(frozen=True, slots=True)
class TableOf:
    """A table from words of the document's own to values that are all read alike."""

    reader: Reader
    least: int = 1
    most: int = 200

    @property
    def zh(self) -> str:
        return f"须为表（至少 {self.least} 项），每项的值{self.reader.zh}"

    @property
    def en(self) -> str:
        return f"must be a table of at least {self.least}; each value {self.reader.en}"

    def read(self, value: Any) -> Mapping[str, Any]:
        if not isinstance(value, dict) or not self.least <= len(value) <= self.most:
            raise Wrong(self.zh, self.en)
        if not all(name.strip() and is_writable(name) for name in value):
            raise Wrong("键须为非空文字", "its keys must be texts that are not empty")
        return _read_all(value.items(), self.reader.read)

    def write(self, value: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self.reader.write(each) for name, each in value.items()}


S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Section(Generic[S]):
    """A table whose keys a dataclass declares. Its method `check`, if it has one, says which keys don't go together."""

    section: type[S]

    @property
    def zh(self) -> str:
        return "须为表，可用的键：" + "、".join(each.name for each in fields(cast(Any, self.section)))

    @property
    def en(self) -> str:
        return "must be a table with the keys " + ", ".join(each.name for each in fields(cast(Any, self.section)))

    @property
    def names(self) -> set[str]:
        return {each.name for each in fields(cast(Any, self.section))}

    def read(self, value: Any) -> S:
        if not isinstance(value, dict):
            raise Wrong(self.zh, self.en)
        declared = {each.name: (each, each_key) for each, each_key in keys_of(self.section)}
        wrongs: list[Wrong] = []
        for name in value:
            if name not in declared:
                allowed = list(declared)
                wrongs.append(
                    Wrong(
                        f"没有这个键；可用：{'、'.join(allowed)}",
                        f"unknown key; allowed: {', '.join(allowed)}",
                        (name,),
                    )
                )
        given: dict[str, Any] = {}
        for name, (each, each_key) in declared.items():
            if name in value:
                _read_one(wrongs, given, name, each_key.reader.read, value[name])
            elif each.default is MISSING:
                reader = each_key.reader
                wrongs.append(Wrong(f"缺少这个键：{reader.zh}", f"is missing: {reader.en}", (name,)))
        if wrongs:
            raise Faults(wrongs)
        read = self.section(**given)
        if check := getattr(read, "check", None):
            check()
        return read

    def write(self, value: S) -> dict[str, Any]:
        written = {}
        for each, each_key in keys_of(self.section):
            held = getattr(value, each.name)
            if held is None or (each.default is not MISSING and held == each.default):
                continue
            written[each.name] = each_key.reader.write(held)
        return written


def _read_all(items: Any, read: Callable[[Any], Any]) -> dict[Any, Any]:
    """Every value read, by its step; all wrongs at once."""
    wrongs: list[Wrong] = []
    values: dict[Any, Any] = {}
    for step, value in items:
        _read_one(wrongs, values, step, read, value)
    if wrongs:
        raise Faults(wrongs)
    return values


def _read_one(
    wrongs: list[Wrong], values: dict[Any, Any], step: str | int, read: Callable[[Any], Any], value: Any
) -> None:
    """Read one value into the others, or note what is wrong with it."""
    try:
        values[step] = read(value)
    except Wrong as wrong:
        wrongs.append(Wrong(wrong.zh, wrong.en, (step, *wrong.below)))
    except Faults as faults:
        wrongs.extend(faults.under(step))


def faults_of(error: Wrong | Faults, line_of: Callable[[Path], int]) -> list[Fault]:
    """The faults of a document, in the order of their lines."""
    wrongs = [error] if isinstance(error, Wrong) else list(error.wrongs)
    faults = [Fault(key_of(wrong.below), line_of(wrong.below), wrong.zh, wrong.en) for wrong in wrongs]
    return sorted(faults, key=lambda fault: (fault.line, fault.key))


def exactly_one(section: Any, *names: str) -> None:
    """Raise Wrong unless exactly one of these keys is given."""
    given = [name for name in names if getattr(section, name) is not None]
    if len(given) != 1:
        words = "、".join(f"`{name}`" for name in names)
        english = ", ".join(f"`{name}`" for name in names)
        raise Wrong(f"{words} 须且只能给出一个", f"must have exactly one of {english}", tuple(given[1:2]))

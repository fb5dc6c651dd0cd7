"""Random rulebooks that are valid, random events, and a document's text.

A section's table is drawn from its declared keys and their readers, so a new key is drawn by itself; a new kind of reader
has to be added to `values`. Which keys go together, and what one section says of another, is left to the validator: a
table is put together key by key, a document section by section, and what would make it worse is left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING
from datetime import date, datetime, time
from decimal import Decimal
from functools import cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.errors import UnsatisfiedAssumption

from rules.clock import ZONE
from rules.rulebook.agreement import check_agreement
from rules.rulebook.conditions import Bounds, WhereReader
from rules.rulebook.decision import Happening
from rules.rulebook.document import Rulebook
from rules.rulebook.lines import Path
from rules.rulebook.periods import Calendar, WindowReader
from rules.rulebook.plan import ACCOUNT_OPENED, BOOKED, CANCELLED, PERIOD_STARTED, REDEEMED
from rules.rulebook.reading import (
    Amount,
    Day,
    DayOfYear,
    Either,
    Faults,
    ListOf,
    Number,
    OneOf,
    Section,
    TableOf,
    Text,
    TimeOfDay,
    Word,
    Wrong,
    YesNo,
    keys_of,
)
from rules.rulebook.sections.accounts import Calculation, Order
from rules.rulebook.sections.common import Rounding

Table = dict[str, Any]
TRIALS = 6
UNREADABLE = 1_000
#: Keys with which a rule is mostly silent; they are drawn less often.
SILENCING = ("approval", "claim", "objection_days", "starts_on", "ends_on", "milestone", "eligibility")

# --- words ------------------------------------------------------------------------------------------------------------

CURRENCIES = ("points", "coins", "score")  #: "points" is what rules have that name none
TALLIES = ("days", "served", "gained")
RULES = ("r1", "r2", "r3", "r4", "r5", "r6")
CATEGORIES = ("activity", "work")
KINDS = ("checkin", "service", "no_show", ACCOUNT_OPENED, PERIOD_STARTED, BOOKED, CANCELLED, REDEEMED)
QUANTITIES = ("hours", "minutes", "items")
#: Facts of events, with the values that events and conditions give them.
FACTS: dict[str, tuple[Any, ...]] = {
    "late": (True, False),
    "level": ("区级", "市级", "校级"),
    "item": ("a", "b"),
    "count": (0, 1, 2, 5, Decimal("1.5")),
    "kind": ("checkin", "service"),
}
SCALARS = tuple({repr(value): value for values in FACTS.values() for value in values}.values())
MEASURES = (
    *(f"{space}.{currency}" for space in ("balance", "earned") for currency in CURRENCIES[:2]),
    *(f"tally.{tally}" for tally in TALLIES),
    "person.age",
    "level.l1",
    "frozen.f1",
    "suspended.p1",
    "total.t1",
)
#: By the name of a key: the words that mean something there.
POOLS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("currency", "currencies", "source", "target", "overflow", "given", "earned"), CURRENCIES),
    **dict.fromkeys(("event", "events"), KINDS),
    **dict.fromkeys(("category", "categories"), CATEGORIES),
    **dict.fromkeys(("by", "fact"), tuple(FACTS)),
    **dict.fromkeys(("of", "each", "quantity"), QUANTITIES),
    "tally": TALLIES,
    "rules": RULES,
    "blocks": ("booking", "earning", "redemption", "transfer", "borrow"),
    "at": MEASURES,
    "values": ("区级", "市级", "校级", "a", "true"),
    **dict.fromkeys(("measure", "same_as", "times"), MEASURES),
}
#: The ids of the items of a section, from the first on; of all that earns, costs and turns, no two are alike.
IDS: dict[str, tuple[str, ...]] = {
    "currency": CURRENCIES,
    "tally": TALLIES,
    "earn": RULES[:4],
    "deduct": RULES[4:],
    "void": ("v1",),
    "convert": ("c1", "c2"),
}
PLAIN = st.sampled_from(["甲", "乙", "丙丁"])
WILD = PLAIN | st.text(min_size=1, max_size=12).filter(lambda text: text.strip() != "")

# --- values -----------------------------------------------------------------------------------------------------------


@cache
def values(reader: Any, name: str = "", texts: st.SearchStrategy[str] = PLAIN) -> st.SearchStrategy[Any]:  # noqa: PLR0912
    """What a reader may read, as TOML holds it. `name`: the key's, which says which words mean something."""
    found: st.SearchStrategy[Any]
    if isinstance(reader, Section):
        found = tables(reader.section, texts)
    elif isinstance(reader, ListOf):
        one = values(reader.reader, name, texts)
        found = st.lists(one, min_size=reader.least, max_size=max(reader.least, 2), unique_by=repr)
        found = one | found if reader.or_one else found
    elif isinstance(reader, TableOf):
        words = st.sampled_from(POOLS.get(name, RULES)) | texts
        number = values(reader.reader, name, texts)
        found = st.dictionaries(words, number, min_size=reader.least, max_size=max(reader.least, 3))
    elif isinstance(reader, Either):
        found = st.one_of([values(each, name, texts) for each in reader.readers])
    elif isinstance(reader, Text):
        found = st.sampled_from(POOLS[name]) if name in POOLS else texts
    elif isinstance(reader, Word):
        found = st.sampled_from(POOLS.get(name, RULES))
    elif isinstance(reader, Number):
        few = min(reader.least + 5, reader.most)
        found = st.integers(reader.least, few) | st.integers(reader.least, reader.most)
    elif isinstance(reader, Amount):
        found = amounts(reader)
    elif isinstance(reader, YesNo):
        found = st.booleans()
    elif isinstance(reader, Day):
        found = st.dates(date(2026, 1, 1), date(2027, 12, 31))
    elif isinstance(reader, TimeOfDay):
        found = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
    elif isinstance(reader, DayOfYear):
        found = st.sampled_from(["01-01", "02-28", "03-01", "07-01", "09-01", "12-31"])
    elif isinstance(reader, OneOf):
        found = st.sampled_from([word.value for word in reader.words])
    elif isinstance(reader, WindowReader):
        found = windows()
    elif isinstance(reader, WhereReader):
        found = wheres()
    else:
        raise AssertionError(f"nothing is drawn yet for the reader {reader!r}")
    return found


def amounts(reader: Amount) -> st.SearchStrategy[int | Decimal]:
    """Numbers within a reader's bounds: small ones, those with decimals, the bounds."""
    least, most = reader.least, reader.most
    few = st.integers(max(-int(-least // 1), 1), max(min(int(most), 20), 1))
    some = st.decimals(max(least, Decimal(-100)), min(most, Decimal(100)), places=1)
    exact = st.decimals(max(least, Decimal(-100)), min(most, Decimal(100)), places=4)
    choices = [*[few] * 8, some, exact, st.sampled_from([least, most])]
    return st.one_of(choices).filter(lambda number: least <= number <= most)


def windows() -> st.SearchStrategy[str]:
    return (
        st.sampled_from([word.value for word in Calendar])
        | st.builds("{} days".format, st.sampled_from([1, 2, 7, 30, 365]))
        | st.builds("{} months".format, st.sampled_from([1, 3, 12]))
    )


def wheres() -> st.SearchStrategy[Any]:
    """Conditions: a table, or several of which one must hold."""
    wanted = st.sampled_from(SCALARS) | st.lists(st.sampled_from(SCALARS), min_size=1, max_size=2) | tables(Bounds)
    of_event = st.sampled_from([*FACTS, "hours"])
    bare = st.dictionaries(of_event, wanted, min_size=1, max_size=2)
    spaced = st.builds(
        lambda fact, value, nested: _nested(fact, value) if nested else {fact: value},
        st.sampled_from([*MEASURES, *["person.age", "balance.points", "earned.points"] * 3]),
        wanted,
        st.booleans(),
    )
    alternative = bare | spaced | st.builds(lambda one, other: one | other, bare, spaced)
    return alternative | st.lists(alternative, min_size=1, max_size=2)


def _nested(fact: str, value: Any) -> Table:
    space, _, name = fact.partition(".")
    return {space: {name: value}}


_RULEBOOK = Section(Rulebook)
_READERS = {each.name: each_key.reader for each, each_key in keys_of(Rulebook)}
SECTIONS = tuple(_READERS)
#: The sections that say what an event leads to.
EVALUATED = tuple(
    name for name in SECTIONS if name not in ("booking", "redemption", "ranking", "transfer", "adjustment")
)

# --- tables and documents ---------------------------------------------------------------------------------------------


@st.composite
def tables(
    draw: st.DrawFn, section: type[Any], texts: st.SearchStrategy[str] = PLAIN, given: Table | None = None
) -> Table:
    """A table that the section reads. `given`: keys that are settled already."""
    for _ in range(TRIALS):
        table = draw(_tables(section, texts, given or {}))
        if not wrongs_of(Section(section), table):
            return table
    raise UnsatisfiedAssumption


@st.composite
def _tables(draw: st.DrawFn, section: type[Any], texts: st.SearchStrategy[str], given: Table) -> Table:
    """A table that may well be right: keys come one by one, and stay as long as they don't make it worse."""
    readers = {each.name: (each_key.reader, each.default is MISSING) for each, each_key in keys_of(section)}
    whole, table = Section(section), dict(given)
    for name, (reader, is_needed) in readers.items():
        if is_needed and name not in table:
            table[name] = draw(values(reader, name, texts))
    optional = [name for name in readers if name not in table]
    chosen = [name for name in optional if not draw(st.integers(0, 9 if name in SILENCING else 2))]
    wrong = wrongs_of(whole, table)
    for name in chosen + (draw(st.permutations(optional)) if wrong else []):
        trial = table | {name: draw(values(readers[name][0], name, texts))}
        if (then := wrongs_of(whole, trial)) <= wrong:
            table, wrong = trial, then
    for name in optional:
        trial = {each: value for each, value in table.items() if each != name}
        if wrong and (then := wrongs_of(whole, trial)) < wrong:
            table, wrong = trial, then
    return table


def wrongs_of(reader: Any, value: Any) -> int:
    """How much is wrong with a value; a rulebook that reads well may still not agree with itself, which is less."""
    try:
        read = reader.read(value)
    except Wrong:
        return UNREADABLE + 1
    except Faults as faults:
        return UNREADABLE + len(faults.wrongs)
    try:
        if isinstance(read, Rulebook):
            check_agreement(read)
    except Faults as faults:
        return len(faults.wrongs)
    return 0


@st.composite
def documents(
    draw: st.DrawFn,
    texts: st.SearchStrategy[str] = PLAIN,
    sections: tuple[str, ...] = SECTIONS,
    least: Mapping[str, int] = {},
    calculation: Table | None = None,
) -> Table:
    """A document that is a rulebook, as TOML's tables.

    `least`: at least so many items of some sections are drawn. `calculation`: what is stated, if it isn't drawn.
    """
    choices = {"round": draw(st.sampled_from(Rounding)).value, "order": draw(st.sampled_from(Order)).value}
    document: Table = {"name": "随机积分规则"}
    pieces: list[tuple[str, Any]] = []
    for name, reader in _READERS.items():
        if isinstance(reader, ListOf) and isinstance(reader.reader, Section):
            ids = IDS.get(name, (f"{name[0]}1", f"{name[0]}2"))
            fewest = least.get(name, 0)
            most = min(max(fewest, 2), len(ids)) if name in sections else 0
            chosen = ids[: draw(st.integers(fewest, most))] if most else ()
            pieces += [(name, draw(tables(reader.reader.section, texts, {"id": word}))) for word in chosen]
        elif isinstance(reader, Section):
            if reader.section is Calculation:
                stated = draw(tables(Calculation, texts, draw(st.sampled_from([{}, *[choices] * 4]))))
                document[name] = stated if calculation is None else calculation
            elif name == "expiry":
                document[name] = draw(values(reader, name, texts))
            elif name in sections and draw(st.booleans()):
                pieces.append((name, draw(values(reader, name, texts))))
    for _ in range(2):  # what one piece speaks of may come with a later one
        pieces = [piece for piece in pieces if not fits(document, *piece)]
    for name, piece in pieces:
        fits(document, name, _mended(document, name, piece))
    return document


def _with(document: Table, name: str, piece: Any) -> Table:
    is_item = isinstance(_READERS[name], ListOf)
    return document | {name: [*document.get(name, ()), piece] if is_item else piece}


def fits(document: Table, name: str, piece: Any) -> bool:
    """Put a piece into the document if that leaves it valid."""
    trial = _with(document, name, piece)
    if wrongs_of(_RULEBOOK, trial):
        return False
    document[name] = trial[name]
    return True


def _mended(document: Table, name: str, piece: Table) -> Table:
    """A piece less the keys that don't agree with the document; in the end, less all that may be left out."""
    for is_worth_it in (int.__lt__, int.__le__):
        wrong = wrongs_of(_RULEBOOK, _with(document, name, piece))
        for key in piece:
            trial = {each: value for each, value in piece.items() if each != key}
            if wrong and is_worth_it(then := wrongs_of(_RULEBOOK, _with(document, name, trial)), wrong):
                piece, wrong = trial, then
    return piece


# --- events -----------------------------------------------------------------------------------------------------------


def moments(days: int = 800) -> st.SearchStrategy[datetime]:
    """Moments of the years after New Year 2026, mostly close together."""
    times = st.sampled_from([time(0, 0), time(12, 0), time(23, 59)])
    first = date(2026, 1, 1).toordinal()
    ordinals = st.integers(first, first + 60) | st.integers(first, first + days)
    return st.builds(lambda ordinal, at: datetime.combine(date.fromordinal(ordinal), at, ZONE), ordinals, times)


def facts() -> st.SearchStrategy[dict[str, Any]]:
    """Facts that an event may well have."""
    known = {name: st.sampled_from(values) for name, values in FACTS.items() if name != "kind"}
    number = st.integers(0, 6) | st.sampled_from([Decimal("0.5"), Decimal("2.25"), 45, 90])
    quantities = dict.fromkeys(QUANTITIES, number)
    others = {
        "amount": st.integers(0, 30),
        "points": st.integers(0, 30),
        "for": st.sampled_from(["goods", "lottery"]),
        "period": st.sampled_from([each.value for each in Calendar]),
        "approved_by": st.sampled_from(["staff", "publisher", "panel", "committee", "second_person"]),
        "claimed_on": st.dates(date(2026, 1, 1), date(2026, 4, 1)),
        "evidence": st.booleans(),
        "objections_over": st.booleans(),
    }
    return st.fixed_dictionaries({}, optional={**known, **quantities, **others})


def happenings(kinds: Sequence[str] = KINDS) -> st.SearchStrategy[Happening]:
    return st.builds(Happening, st.sampled_from(kinds), moments(), PLAIN | st.just(""), facts())


@st.composite
def stories(
    draw: st.DrawFn, sections: tuple[str, ...] = EVALUATED, calculation: Table | None = None
) -> tuple[Rulebook, list[Happening]]:
    """A rulebook under which something is always earned or counted, and events of which it mostly speaks."""
    rulebook = _RULEBOOK.read(draw(documents(PLAIN, sections, {"currency": 1, "earn": 2}, calculation)))
    spoken = [kind for rule in (*rulebook.earn, *rulebook.deduct, *rulebook.penalty) for kind in kinds_of(rule)]
    return rulebook, draw(st.lists(happenings([*KINDS, *spoken * 4]), min_size=4, max_size=14))


def kinds_of(rule: Any) -> tuple[str, ...]:
    kinds: tuple[str, ...] = rule.events if hasattr(rule, "events") else rule.event
    return kinds


# --- a document's text ------------------------------------------------------------------------------------------------

#: Conditions stand in one line: with headers, tables would come after what stands behind them.
CONDITIONS = ("where", "who", "kept_while")


def toml_of(document: Mapping[str, Any], levels: int = 9) -> str:
    """A document as text. Tables have headers of their own down to so many levels, and stand in one line below."""
    return "\n".join(text for _, text in written(document, levels)) + "\n"


def written(document: Mapping[str, Any], levels: int = 9) -> list[tuple[Path, str]]:
    """The lines of a document, each with the path of its header or key."""
    lines: list[tuple[Path, str]] = []
    _write(lines, (), "", document, levels)
    return lines


def _write(lines: list[tuple[Path, str]], path: Path, header: str, table: Mapping[str, Any], levels: int) -> None:
    below: list[tuple[Path, str, str, Mapping[str, Any]]] = []
    for name, value in table.items():
        here, inner = (*path, name), f"{header}.{_key(name)}" if header else _key(name)
        if name in CONDITIONS:
            lines.append((here, f"{_key(name)} = {inline(value)}"))
        elif levels > 0 and isinstance(value, Mapping):
            below.append((here, inner, f"[{inner}]", value))
        elif levels > 0 and isinstance(value, list) and value and all(isinstance(each, Mapping) for each in value):
            below += [((*here, n), inner, f"[[{inner}]]", each) for n, each in enumerate(value)]
        else:
            lines.append((here, f"{_key(name)} = {inline(value)}"))
    for here, inner, text, each in below:
        lines.append((here, text))
        _write(lines, here, inner, each, levels - 1)


def inline(value: Any) -> str:
    """A value in one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(name)} = {inline(each)}" for name, each in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(inline(each) for each in value) + "]"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value) if isinstance(value, int) else _quoted(value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if name and name.isascii() and name.replace("-", "").replace("_", "").isalnum() else _quoted(name)

"""The page docs/measures.md: every measure in words, and the query behind it, made of the definitions themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from textwrap import wrap
from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.dialects import postgresql

from models.monitor import Slice
from rules.monitor.definitions import Better, Facts, Family, Kind, Measure, Unit
from rules.monitor.measures import FAMILIES, MEASURES

HEAD = """# Measures

Made by `flask --app app monitor measures`; don't change it by hand. What the words mean, and how a number is made of its
facts, says [monitoring.md](monitoring.md).

A *flow* happens, and the days of a period add up. A *state* holds, and of a period it is the number at its end. A *ratio* is
one measure over another, each of the whole period. *By* says how it can be split, beside the place.

"""
LINE_LENGTH = 118
DIALECT: Dialect = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]
#: A parameter, with the type that it is cast to; or a list of values.
PARAMETER = re.compile(
    r"__\[POSTCOMPILE_(?P<list>\w+)\]|(?<!:):(?P<name>\w+)(?:::(?:TIMESTAMP WITH(?:OUT)? TIME ZONE|\w+(?:\(\d+\))?))?"
)
UNITS = {
    Unit.PEOPLE: "people",
    Unit.SESSIONS: "sessions",
    Unit.PLACES: "places",
    Unit.POINTS: "points",
    Unit.MINUTES: "minutes",
    Unit.SECONDS: "seconds",
    Unit.HOURS: "hours",
    Unit.ITEMS: "items",
    Unit.SHARE: "share, 0 to 1",
    Unit.MEAN: "mean",
}
BETTER = {Better.MORE: "; more is better", Better.LESS: "; less is better", Better.NEITHER: ""}


def describe_measures() -> str:
    """The whole page."""
    parts = [HEAD, *map(_in_words, MEASURES.values()), "# Queries\n", *map(_family, FAMILIES)]
    return "\n".join(parts)


def _in_words(measure: Measure) -> str:
    return "\n".join(
        (
            f"## {measure.name}",
            "",
            f"**{measure.title.zh} · {measure.title.en}**: {', '.join(_properties(measure))}.",
            "",
            measure.meaning.zh,
            "",
            measure.meaning.en,
            "",
        )
    )


def _properties(measure: Measure) -> Iterator[str]:
    yield f"{measure.kind} in {UNITS[measure.unit]}{BETTER[measure.better]}"
    if measure.over is not None:
        yield "`{}` over `{}`".format(*measure.over)
    if measure.family is not None:
        per = f", {measure.divisor} for one of the unit" if measure.divisor > 1 else ""
        yield f"counter `{measure.counter}` of [{measure.family.name}](#{_anchor(measure.family)}){per}"
    slices = [slice_.value for slice_ in Slice if slice_ in measure.slices and slice_ is not Slice.ALL]
    if slices:
        yield f"by {' and '.join(slices)}"
    if measure.town_only:
        yield "of the whole town alone"
    if measure.confidential:
        yield "for auditors of the whole town"
    if measure.kind is Kind.STATE and measure.family is not None and measure.family.window_days:
        yield f"over {measure.family.window_days} days, worked out once a day"


def _family(family: Family) -> str:
    """A family's statements, folded away."""
    lines = [f"## Facts: {family.name}", "", f"Each is a {family.subject}; counters {', '.join(family.counters)}.", ""]
    statements = (("The facts", family.facts), ("Days of late facts", family.touched), ("Changes", family.changes))
    for title, statement in statements:
        if statement is not None:
            lines += [
                f"<details><summary>{title}</summary>",
                "",
                "```sql",
                _sql(statement),
                "```",
                "",
                "</details>",
                "",
            ]
    return "\n".join(lines)


def _anchor(family: Family) -> str:
    """How the page's own links name the heading of a family."""
    return f"facts-{family.name.replace('.', '')}"


def _sql(statement: Facts) -> str:
    """A statement as PostgreSQL takes it: the parameters by their names, its own values as they are."""
    compiled = statement.compile(dialect=DIALECT)
    own: dict[str, Any] = {
        name: bind.effective_value for bind, name in compiled.bind_names.items() if not bind.required
    }

    def in_words(found: re.Match[str]) -> str:
        name = found["list"] or found["name"]
        if name not in own:
            return f":{name}"
        values = own[name] if found["list"] else [own[name]]
        return ", ".join(_literal(value) for value in values)

    lines = (line.strip() for line in PARAMETER.sub(in_words, str(compiled)).splitlines())
    return "\n".join(wrapped for line in lines for wrapped in wrap(line, LINE_LENGTH, break_long_words=False))


def _literal(value: object) -> str:
    return f"'{value}'" if isinstance(value, str | date | datetime) else str(value)

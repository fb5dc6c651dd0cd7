"""Communities and estates side by side. What adds up is also told per thousand residents, so that a small one shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import bindparam, select

from models.territory import Territory, TerritoryKind
from rules.errors import InBoth
from rules.monitor.asking import Question, ask
from rules.monitor.numbers import Value
from rules.monitor.periods import previous
from rules.monitor.reading import read_places
from rules.monitor.tables import Cells, Column, Row, Table, columns_of, number_of
from rules.work import Work

RESIDENTS = "residents.registered"
THOUSAND = 1000
PER_THOUSAND = "per_thousand"
OF_COMMUNITIES = (
    RESIDENTS,
    "residents.active_month",
    "sessions.held",
    "reservations.attended",
    "reservations.no_show_rate",
    "venues.utilisation",
    "points.issued",
    "service.hours",
    "repairs.opened",
    "repairs.on_time_share",
)
OF_ESTATES = (
    RESIDENTS,
    "repairs.opened",
    "repairs.done",
    "repairs.on_time_share",
    "repairs.reopened_share",
    "repairs.rating",
    "repairs.overdue",
    "complaints.made",
    "complaints.on_time_share",
)
#: Also per thousand residents.
PER_HEAD = ("residents.active_month", "reservations.attended", "points.issued", "service.hours", "repairs.opened")

_nodes = (
    select(Territory.id, Territory.name)
    .where(
        Territory.town_id == bindparam("town"),
        Territory.kind == bindparam("node_kind"),
        Territory.path.startswith(bindparam("path"), autoescape=False),
    )
    .order_by(Territory.path)
)


def compare_communities(work: Work, question: Question) -> Table:
    """A row for each community of a place, in the order of the tree. Raises what `ask` does."""
    return _compare(work, question, TerritoryKind.COMMUNITY, OF_COMMUNITIES)


def compare_estates(work: Work, question: Question) -> Table:
    """A row for each estate of a place, in the order of the tree. Raises what `ask` does."""
    return _compare(work, question, TerritoryKind.ESTATE, OF_ESTATES)


def _compare(work: Work, question: Question, kind: TerritoryKind, names: Sequence[str]) -> Table:
    asked = ask(work, question)
    values = read_places(work, asked.reach, kind, names, asked.period, asked.as_of)
    before = read_places(work, asked.reach, kind, names, previous(asked.period), asked.as_of)
    nodes = work.core.execute(_nodes, {"town": work.town_id, "node_kind": kind, "path": asked.reach.path})
    rows = [
        Row(str(node.id), node.name, _cells(names, values.get(node.id)), _cells(names, before.get(node.id)))
        for node in nodes
    ]
    return Table(asked.as_of, asked.reach, asked.period, list(_columns(names)), rows)


def _columns(names: Sequence[str]) -> Iterator[Column]:
    for column in columns_of(names):
        yield column
        if column.name in PER_HEAD:
            title = InBoth(f"{column.title.zh}·每千人", f"{column.title.en} per 1,000 residents")
            yield Column(f"{column.name}:{PER_THOUSAND}", title, PER_THOUSAND)


def _cells(names: Sequence[str], values: Mapping[str, Value] | None) -> Cells:
    residents = number_of(RESIDENTS, values) or 0
    cells: dict[str, int | float | None] = {}
    for name in names:
        number = cells[name] = number_of(name, values)
        if name in PER_HEAD:
            per_head = number * THOUSAND / residents if residents and number is not None else None
            cells[f"{name}:{PER_THOUSAND}"] = per_head
    return cells

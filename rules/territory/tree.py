"""The tree of places: a node, what is above it, what is below it, and where it lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select

from models.residents import Resident
from models.territory import Territory, TerritoryKind
from rules.errors import Kind, RuleError
from rules.paging import Page, cut
from rules.paging import Position as PagePosition
from rules.rows import AnyRow
from rules.sets import is_id_in
from rules.work import Work


class PlaceUnknown(RuleError):
    code = "territory.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这个社区、小区或楼栋。"
    en = "There is no such community, estate or building."


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the tree with what is above it."""

    id: int
    parent_id: int | None
    kind: TerritoryKind
    name: str
    homes: int
    latitude: float | None
    longitude: float | None
    above: Sequence[AnyRow]  #: from the root down to the parent


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where somebody lives, from the community down, as far as it is known."""

    community: AnyRow | None
    estate: AnyRow | None
    building: AnyRow | None


COLUMNS = (
    Territory.id,
    Territory.parent_id,
    Territory.kind,
    Territory.name,
    Territory.homes,
    Territory.latitude,
    Territory.longitude,
)
_node = select(*COLUMNS, Territory.path).where(Territory.town_id == bindparam("town"), Territory.id == bindparam("id"))
_locked = _node.with_for_update(key_share=True, of=Territory)
_nodes = select(Territory.id, Territory.kind, Territory.name, Territory.path).where(
    Territory.town_id == bindparam("town"), is_id_in(Territory.id, "ids")
)
_children = (
    select(*COLUMNS)
    .where(
        Territory.town_id == bindparam("town"),
        Territory.parent_id == bindparam("parent"),
        Territory.id > bindparam("after"),
    )
    .order_by(Territory.id)
    .limit(bindparam("limit"))
)
_home = select(Resident.territory_id).where(Resident.town_id == bindparam("town"), Resident.id == bindparam("resident"))


def show_place(work: Work, place_id: int) -> Node:
    """A node of the tree with what is above it. Raises PlaceUnknown."""
    node = find_place(work, place_id)
    above = [row for row in read_line(work, node.path) if row.id != place_id]
    return Node(node.id, node.parent_id, node.kind, node.name, node.homes, node.latitude, node.longitude, above)


def list_children(work: Work, place_id: int, after: PagePosition | None, limit: int) -> Page[AnyRow]:
    """The nodes right below one, in the order in which they were added. Raises PlaceUnknown."""
    find_place(work, place_id)
    last = 0 if after is None else int(after[0])
    asked = {"town": work.town_id, "parent": place_id, "after": last, "limit": limit + 1}
    return cut(work.core.execute(_children, asked).all(), limit, lambda row: (row.id,))


def find_place(work: Work, place_id: int) -> AnyRow:
    """A node with its path. Raises PlaceUnknown."""
    node = work.core.execute(_node, {"town": work.town_id, "id": place_id}).first()
    if node is None:
        raise PlaceUnknown
    return node


def lock_place(work: Work, place_id: int) -> AnyRow:
    """The same, locked, for changing it. Raises PlaceUnknown."""
    node = work.core.execute(_locked, {"town": work.town_id, "id": place_id}).first()
    if node is None:
        raise PlaceUnknown
    return node


def read_line(work: Work, path: str) -> Sequence[AnyRow]:
    """The nodes of a path from the root down: id, kind, name, path."""
    ids = [int(part) for part in path.split("/") if part]
    rows = work.core.execute(_nodes, {"town": work.town_id, "ids": ids}).all()
    return sorted(rows, key=lambda row: len(row.path))


def read_lineage(work: Work, place_id: int | None) -> Lineage:
    """The community, the estate and the building of a node, each as far as the node reaches."""
    if place_id is None:
        return Lineage(None, None, None)
    found = {row.kind: row for row in read_line(work, find_place(work, place_id).path)}
    return Lineage(
        *(found.get(kind) for kind in (TerritoryKind.COMMUNITY, TerritoryKind.ESTATE, TerritoryKind.BUILDING))
    )


def show_my_place(work: Work) -> Lineage:
    """Where the acting resident lives, by the place that they chose."""
    return read_lineage(work, work.core.scalar(_home, {"town": work.town_id, "resident": work.actor.id}))

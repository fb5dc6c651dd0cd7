"""The nodes of a town for which numbers are kept, and to which of them each place belongs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import bindparam, select

from models.monitor import WHOLE_TOWN
from models.territory import Territory, TerritoryKind
from rules.monitor.keeping import kept_answers
from rules.monitor.places import KINDS
from rules.work import Work

TREE_SECONDS = 300

_nodes = (
    select(Territory.id, Territory.kind, Territory.path)
    .where(Territory.town_id == bindparam("town"))
    .order_by(Territory.path)
)


@dataclass(frozen=True, slots=True)
class Tree:
    """The whole tree of a town as numbers see it."""

    kinds: Mapping[int, TerritoryKind]
    #: Of each place the nodes for which numbers are kept, from itself up to the root; then WHOLE_TOWN.
    lines: Mapping[int, tuple[int, ...]]
    _below: dict[int, tuple[int, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        below: defaultdict[int, list[int]] = defaultdict(list)
        for place, line in self.lines.items():
            for node in line:
                below[node].append(place)
        object.__setattr__(self, "_below", {node: tuple(places) for node, places in below.items()})

    def line(self, territory_id: int | None) -> tuple[int, ...]:
        """The nodes to whose numbers something at a place belongs; of no place the town alone."""
        return (WHOLE_TOWN,) if territory_id is None else self.lines.get(territory_id, (WHOLE_TOWN,))

    def below(self, node: int) -> tuple[int, ...]:
        """A node for which numbers are kept, and every place below it."""
        return self._below.get(node, ())

    def node_of(self, territory_id: int | None, kind: TerritoryKind) -> int | None:
        """The node of a kind at or above a place."""
        return next((node for node in self.line(territory_id) if self.kinds.get(node) is kind), None)


def read_tree(work: Work) -> Tree:
    """Every place of the town: one statement."""
    kinds: dict[int, TerritoryKind] = {}
    lines: dict[int, tuple[int, ...]] = {}
    for row in work.send(_nodes, {"town": work.town_id}).all():  # a node comes after all that is above it
        above = row.path[:-1].rpartition("/")[0].rpartition("/")[2]
        line = lines[int(above)] if above else (WHOLE_TOWN,)
        kinds[row.id] = row.kind
        lines[row.id] = (row.id, *line) if row.kind in KINDS else line
    return Tree(kinds, lines)


def find_tree(work: Work) -> Tree:
    """The town's tree, read anew every some minutes: a building that was added since has no place until then."""
    kept, key = kept_answers(work), ("tree", work.town_id, int(work.now.timestamp()) // TREE_SECONDS)
    tree: Tree | None = kept.get(key)
    if tree is None:
        tree = read_tree(work)
        kept.put(key, tree, 0)
    return tree

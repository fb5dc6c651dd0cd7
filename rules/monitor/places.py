"""Of which place somebody sees the numbers, and whose.

Auditors and managers see those of the nodes on which they hold their role, and what is below; of the whole town, with all
that has no place, if they hold it at the root. Staff of an operator see the numbers of the operators that they act for.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import bindparam, select

from models.monitor import WHOLE_TOWN
from models.operators import OperatorStaff
from models.residents import Role
from models.territory import TerritoryKind, Town
from rules.operators import acts_for, find_operator
from rules.residents.identity import Forbidden, holds_at_root
from rules.territory import PlaceUnknown
from rules.territory.tree import find_place
from rules.work import Work

#: Of which numbers are kept. Of a building or a grid they would tell of a few people.
KINDS = frozenset({TerritoryKind.CITY, TerritoryKind.STREET, TerritoryKind.COMMUNITY, TerritoryKind.ESTATE})

_town_name = select(Town.name).where(Town.id == bindparam("town"))
_acted_for = select(OperatorStaff.operator_id).where(
    OperatorStaff.town_id == bindparam("town"), OperatorStaff.staff_id == bindparam("staff")
)


class NumbersForbidden(Forbidden):
    code = "monitor.forbidden"
    zh = "这里的运营数据只对该地点的审计员、管理者和所属运营方开放。"
    en = "These numbers are for auditors and managers of the place, and for the operator's own staff."


@dataclass(frozen=True, slots=True)
class Reach:
    """A place, and what of its numbers the actor sees."""

    territory_id: int  #: WHOLE_TOWN: all that there is
    path: str  #: of the node; empty: the whole town
    name: str
    kind: TerritoryKind | None  #: None: the whole town
    operator_id: int | None = None  #: only this operator's numbers; None: everybody's
    is_confidential: bool = False  #: also what only auditors of the whole town see

    @property
    def is_whole_town(self) -> bool:
        return self.territory_id == WHOLE_TOWN


def find_reach(work: Work, territory_id: int | None, operator_id: int | None = None) -> Reach:
    """A place as the actor sees it; without one the whole town.

    With `operator_id`, that operator's numbers alone. Who only acts for one operator need not name it. Raises
    NumbersForbidden, PlaceUnknown (also of a building), OperatorUnknown.
    """
    if territory_id is None or territory_id == WHOLE_TOWN:
        path, name, kind = "", work.send(_town_name, {"town": work.town_id}).scalar(), None
        is_auditor = holds_at_root(work, Role.AUDITOR)
        may_see_all = is_auditor or holds_at_root(work, Role.MANAGER)
        may_act = work.actor.holds(Role.OPERATOR)
    else:
        node = find_place(work, territory_id)
        path, name, kind = node.path, node.name, node.kind
        is_auditor = False
        may_see_all = work.actor.may(Role.AUDITOR, path) or work.actor.may(Role.MANAGER, path)
        may_act = work.actor.may(Role.OPERATOR, path)
        if (may_see_all or may_act) and kind not in KINDS:
            raise PlaceUnknown
    if may_see_all:
        if operator_id is not None:
            find_operator(work, operator_id)
    elif may_act:
        operator_id = _own_operator(work, operator_id)
    else:
        raise NumbersForbidden
    return Reach(territory_id or WHOLE_TOWN, path, name, kind, operator_id, is_auditor and operator_id is None)


def find_whole_reach(work: Work, territory_id: int | None) -> Reach:
    """A place of which the actor sees everybody's numbers. Raises NumbersForbidden, PlaceUnknown."""
    reach = find_reach(work, territory_id)
    if reach.operator_id is not None:
        raise NumbersForbidden
    return reach


def _own_operator(work: Work, operator_id: int | None) -> int:
    """The operator that was named, or the only one for whom the actor acts. Raises NumbersForbidden."""
    if operator_id is not None:
        if not acts_for(work, operator_id):
            raise NumbersForbidden
        return operator_id
    own = work.send(_acted_for, {"town": work.town_id, "staff": work.actor.id}).all()
    if len(own) != 1:
        raise NumbersForbidden
    return int(own[0].operator_id)

"""What a plain recomputation says: things that are counted, one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple, TypeAlias

#: A town's rows, by their model.
Contents: TypeAlias = Mapping[type[Any], Sequence[Any]]


class Counted(NamedTuple):
    """One thing, or several that have all of this in common."""

    day: date
    territory_id: int | None
    scene: str | None
    operator_id: int | None
    detail: str | None
    amount: int

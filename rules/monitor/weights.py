"""By which weights operators are ranked. Anybody who is signed in may read them, and those that were before.

Weights hold from a day on, for periods that begin then or later: a period is ranked to its end by the weights that were
published on its first day at the latest. Nothing is changed, so a past ranking can be worked out anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, insert, select

from models.monitor import Slice
from models.monitor_wishes import RankingWeights
from models.residents import Role
from rules.clock import local_day
from rules.errors import InBoth, Kind, RuleError
from rules.ids import ID_MAX
from rules.monitor.definitions import Better
from rules.monitor.measures import MEASURES
from rules.monitor.reading import MeasureUnknown
from rules.monitor.targets import SetInThePast
from rules.paging import Page, Position, cut
from rules.residents.identity import require_role_at_root
from rules.rows import AnyRow
from rules.work import Work

TOTAL = 100


class WeightsUnfit(RuleError):
    code = "weights.unfit"
    kind = Kind.INVALID
    zh = "权重要合计 100，每个指标只出现一次，并且是按运营方统计、有好坏方向的指标。"
    en = "Weights add up to 100; each measure stands once, is kept by operator, and has a better side."


@dataclass(frozen=True, slots=True)
class Weight:
    """How many of the 100 points a measure can give."""

    measure: str
    weight: int

    @property
    def title(self) -> InBoth:
        return MEASURES[self.measure].title


@dataclass(frozen=True, slots=True)
class WeightSet:
    """Weights and from when they hold. No `from_day`, no `id`: nobody has set any yet, and these are the first ones."""

    id: int | None
    from_day: date | None
    weights: tuple[Weight, ...]
    sessions_min: int  #: who held fewer sessions in a period isn't ranked
    recorded_at: datetime | None


#: Chosen, as a start for a town that has agreed on nothing yet: that much happens, that people come, that places are taken,
#: and that who takes one comes.
FIRST_ONES = WeightSet(
    None,
    None,
    (
        Weight("sessions.held", 30),
        Weight("reservations.attended", 30),
        Weight("reservations.fill_rate", 20),
        Weight("reservations.no_show_rate", 20),
    ),
    3,
    None,
)
_COLUMNS = (
    RankingWeights.id,
    RankingWeights.from_day,
    RankingWeights.weights,
    RankingWeights.sessions_min,
    RankingWeights.recorded_at,
)
_in_force = (
    select(*_COLUMNS)
    .where(
        RankingWeights.town_id == bindparam("town"),
        RankingWeights.from_day <= bindparam("day"),
        RankingWeights.recorded_at <= bindparam("as_of"),
    )
    .order_by(RankingWeights.from_day.desc(), RankingWeights.id.desc())
    .limit(1)
)
_listed = (
    select(*_COLUMNS)
    .where(RankingWeights.town_id == bindparam("town"), RankingWeights.id < bindparam("before"))
    .order_by(RankingWeights.id.desc())
    .limit(bindparam("limit"))
)
_add = insert(RankingWeights)


def show_weights(work: Work) -> WeightSet:
    """The weights for a period that begins today."""
    return weights_on(work, local_day(work.now), work.now)


def weights_on(work: Work, day: date, as_of: datetime) -> WeightSet:
    """The weights for a period that begins on a day, as they were known at a moment."""
    row = work.core.execute(_in_force, {"town": work.town_id, "day": day, "as_of": as_of}).first()
    return FIRST_ONES if row is None else _shown(row)


def list_weights(work: Work, after: Position | None, limit: int) -> Page[WeightSet]:
    """All weights that were ever set, the latest recorded first."""
    asked = {"town": work.town_id, "before": after[0] if after else ID_MAX, "limit": limit + 1}
    return cut([_shown(row) for row in work.core.execute(_listed, asked)], limit, lambda each: (each.id or 0,))


def set_weights(work: Work, from_day: date, weights: Sequence[Mapping[str, Any]], sessions_min: int) -> WeightSet:
    """Publish weights for periods that begin on a day or later.

    Raises Forbidden, MeasureUnknown, WeightsUnfit, SetInThePast.
    """
    require_role_at_root(work, Role.MANAGER)
    wished = [Weight(**each) for each in weights]
    for each in wished:
        _require_fit(each)
    if sum(each.weight for each in wished) != TOTAL or len({each.measure for each in wished}) != len(wished):
        raise WeightsUnfit
    if from_day < local_day(work.now):
        raise SetInThePast
    id_ = work.new_id()
    row = {
        "town_id": work.town_id,
        "id": id_,
        "from_day": from_day,
        "weights": [asdict(each) for each in wished],
        "sessions_min": sessions_min,
        "set_by": work.actor.id or None,
        "recorded_at": work.now,
    }
    work.core.execute(_add, row)
    return WeightSet(id_, from_day, tuple(wished), sessions_min, work.now)


def _require_fit(weight: Weight) -> None:
    """Raises MeasureUnknown, WeightsUnfit."""
    measure = MEASURES.get(weight.measure)
    if measure is None or measure.confidential:
        raise MeasureUnknown
    if Slice.OPERATOR not in measure.slices or measure.better is Better.NEITHER:
        raise WeightsUnfit


def _shown(row: AnyRow) -> WeightSet:
    weights = tuple(Weight(each["measure"], each["weight"]) for each in row.weights)
    return WeightSet(row.id, row.from_day, weights, row.sessions_min, row.recorded_at)

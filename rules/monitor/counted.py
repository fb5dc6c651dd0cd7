"""The rows that a number counts, with the names of their places: what a drill-down shows, page by page or as a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import bindparam, select

from models.residents import Role
from models.territory import Scene, Territory
from rules.errors import InBoth
from rules.monitor.asking import Asked, Question, ask
from rules.monitor.drilling import FactRow, Part, list_rows
from rules.monitor.measures import MEASURES
from rules.monitor.patterns import Finding, list_findings
from rules.monitor.periods import Period
from rules.monitor.places import KINDS
from rules.monitor.reading import MeasureUnknown
from rules.monitor.trends import slice_of
from rules.paging import Position
from rules.residents.identity import require_role_at_root
from rules.sets import is_id_in
from rules.work import Work

#: A file has no pages; so many rows are a file that Excel opens at once.
FILE_ROWS_MAX = 10_000
FINDINGS_MAX = 500  #: of a file; each has some rows
NOWHERE = (None, None)

_paths = select(Territory.id, Territory.path).where(
    Territory.town_id == bindparam("town"), is_id_in(Territory.id, "ids")
)
_nodes = select(Territory.id, Territory.name).where(
    Territory.town_id == bindparam("town"), is_id_in(Territory.id, "ids"), Territory.kind.in_(sorted(KINDS))
)


@dataclass(frozen=True, slots=True)
class CountedRow:
    """A row that a number counts."""

    id: int
    subject: str  #: what `id` is an id of
    day: date
    territory_id: int | None  #: the lowest place of which numbers are kept: nobody's building
    place: str | None
    scene: Scene | None
    operator_id: int | None
    detail: str | None
    amount: int


@dataclass(frozen=True, slots=True)
class CountedPage:
    """Rows, and of which number they are."""

    title: InBoth
    asked: Asked
    items: Sequence[CountedRow]
    next_after: Position | None

    @property
    def as_of(self) -> datetime:
        return self.asked.as_of


@dataclass(frozen=True, slots=True)
class FindingsShown:
    """A page of suspicious patterns."""

    period: Period
    as_of: datetime
    items: Sequence[Finding]
    next_after: Position | None


def show_counted(  # noqa: PLR0913
    work: Work,
    question: Question,
    name: str,
    *,
    scene: Scene | None,
    detail: str | None,
    part: Part,
    cursor: Position | None,
    limit: int,
    is_file: bool = False,
) -> CountedPage:
    """The rows behind a number, the latest first; their amounts add up to it. A file has FILE_ROWS_MAX instead of `limit`.

    Raises what `ask` does, MeasureUnknown, SliceUnknown.
    """
    asked = ask(work, question)
    slice_, key = slice_of(scene, detail)
    most = FILE_ROWS_MAX if is_file else limit
    page = list_rows(work, asked.reach, name, asked.period, asked.as_of, slice_, key, cursor, most, part)
    nodes = _nodes_of(work, (row.territory_id for row in page.items if row.territory_id is not None))
    rows = [_shown(row, *nodes.get(row.territory_id, NOWHERE)) for row in page.items]
    return CountedPage(MEASURES[name].title, asked, rows, page.next_after)


def show_findings(
    work: Work, question: Question, *, cursor: Position | None, limit: int, is_file: bool = False
) -> FindingsShown:
    """What looks suspicious in the whole town, the latest first. A file has FINDINGS_MAX instead of `limit`.

    Raises what `ask` does, Forbidden unless the actor is an auditor of the whole town, and MeasureUnknown of a place or of
    an operator, for which patterns aren't looked for.
    """
    asked = ask(work, question)
    require_role_at_root(work, Role.AUDITOR)
    if not asked.reach.is_confidential:
        raise MeasureUnknown
    page = list_findings(work, asked.period, asked.as_of, cursor, FINDINGS_MAX if is_file else limit)
    return FindingsShown(asked.period, asked.as_of, page.items, page.next_after)


def _nodes_of(work: Work, places: Iterable[int]) -> Mapping[int | None, tuple[int, str]]:
    """Of each place the lowest node of which numbers are kept, itself or above it, with its name."""
    asked = {"town": work.town_id, "ids": sorted(set(places))}
    lines = {row.id: [int(part) for part in row.path.split("/") if part] for row in work.core.execute(_paths, asked)}
    asked["ids"] = sorted({node for line in lines.values() for node in line})
    names = {row.id: row.name for row in work.core.execute(_nodes, asked)}
    lowest = {place: next((node for node in reversed(line) if node in names), None) for place, line in lines.items()}
    return {place: (node, names[node]) for place, node in lowest.items() if node is not None}


def _shown(row: FactRow, node: int | None, place: str | None) -> CountedRow:
    return CountedRow(
        row.id,
        row.subject,
        row.day,
        node,
        place,
        Scene(row.scene) if row.scene else None,
        row.operator_id,
        row.detail,
        row.amount,
    )

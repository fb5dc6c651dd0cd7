"""Rows as they were at a past moment.

`as_of(Reservation)` is a subquery in place of the table: the rows that had been made by the moment `as_of` (a parameter of
the statement), with the watched columns as they were then and those that never change. A row that wasn't watched-changed
since is the row itself; of another one its version counts, the first that lasted beyond the moment. What changed at the
very moment is counted as changed.

Its watched columns can't be searched by an index, so a statement finds its rows by other columns: by id, by session. Where
it has to search by a watched one, it says so by `only`: then the rows as they are and the versions are searched for it one
after the other. `models/history.py` says how versions come about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    FromClause,
    Select,
    Subquery,
    and_,
    bindparam,
    case,
    exists,
    literal_column,
    null,
    or_,
    select,
    union_all,
)

from models.activities import Activity, Session
from models.base import Base, UtcDateTime
from models.history import VERSIONS, watched
from models.reservations import Reservation, ReservationStatus
from models.residents import Resident

Columns: TypeAlias = Mapping[str, ColumnElement[Any]]
Condition: TypeAlias = Callable[[Columns], ColumnElement[bool]]

TOWN: ColumnElement[int] = bindparam("town", type_=BigInteger())
AS_OF: ColumnElement[datetime] = bindparam("as_of", type_=UtcDateTime())
END: ColumnElement[datetime] = bindparam("end", type_=UtcDateTime())
#: When a row was made.
_MADE_AT: Mapping[type[Base], str] = {
    Activity: "created_at",
    Session: "made_at",
    Reservation: "reserved_at",
    Resident: "registered_at",
}
#: Columns that are written once, with the moment at which it happens.
_ONCE = ("closed_at",)
#: Ends of a reservation that tell their own moment: a check-in at the door leaves no version, and what ended before
#: versions were kept has none.
_OUTCOMES: Mapping[ReservationStatus, str] = {
    ReservationStatus.CHECKED_IN: "checked_in_at",
    ReservationStatus.CANCELLED: "cancelled_at",
    ReservationStatus.NO_SHOW: "no_show_at",
}
#: What else a row has that never changes, or is written once.
_LASTING: Mapping[type[Base], tuple[str, ...]] = {
    Activity: ("town_id", "id", "title", "created_at"),
    Session: ("town_id", "id", "activity_id", "series_id", "made_at", "closed_at"),
    Reservation: ("town_id", "id", "session_id", "resident_id", "reserved_at"),
    Resident: ("town_id", "id", "registered_at"),
}


def as_of(
    table: type[Base],
    only: Condition | None = None,
    *,
    moment: ColumnElement[datetime] = AS_OF,
    at_end: bool = False,
    name: str | None = None,
) -> Subquery:
    """The rows of Activity, Session, Reservation or Resident as they were. Binds `town` and `as_of`.

    `only`: a condition on the columns by which the rows are searched: `lambda row: row["starts_at"] >= begin`. It doesn't
    know what `_OUTCOMES` says: who came since is checked in. `at_end`: as they were when a period ended, as far as that was
    known at the moment; binds `end`, which isn't in the period. `name`: by which the statement knows the rows, if it has
    two of one table. `moment`: another than the parameter.
    """
    then = _Then(table, moment, at_end)
    rows = then.joined() if only is None else then.searched(only)
    return rows.subquery(name or f"{table.__tablename__}_then")


class _Then:
    """A table's rows as they were: made of the rows as they are and of their versions."""

    def __init__(self, table: type[Base], as_of: ColumnElement[datetime], at_end: bool) -> None:
        self._table = table
        self._as_of = as_of
        self._at_end = at_end
        self._now = _rows(table).alias(f"{table.__tablename__}_now")
        self._was = _rows(VERSIONS[table]).alias(f"{table.__tablename__}_was")
        self._before = _rows(VERSIONS[table]).alias(f"{table.__tablename__}_before")

    def joined(self) -> Select[Any]:
        """The row and, where it changed since, its version beside it."""
        changed = self._was.c.id.is_not(None)
        columns = [
            case((changed, self._watched(self._was, name)), else_=self._watched(self._now, name)).label(name)
            for name in watched(self._table)
        ]
        rows = self._now.outerjoin(self._was, self._is_version())
        return select(*self._lasting(), *columns).select_from(rows).where(self._was_made())

    def searched(self, only: Condition) -> CompoundSelect[Any]:
        """The rows that didn't change since, and the versions of those that did."""
        as_it_is = self._from(self._now).where(~exists().where(self._lasted(self._was)), only(self._names(self._now)))
        as_it_was = (
            self._from(self._was)
            .select_from(self._was.join(self._now, self._is_version()))
            .where(only(self._names(self._was)))
        )
        return union_all(as_it_is, as_it_was)

    def _from(self, side: FromClause) -> Select[Any]:
        columns = [self._watched(side, name).label(name) for name in watched(self._table)]
        return select(*self._lasting(), *columns).where(self._was_made())

    def _names(self, side: FromClause) -> Columns:
        lasting = {name: self._now.c[name] for name in _LASTING[self._table]}
        return lasting | {name: side.c[name] for name in watched(self._table)}

    def _later(self, moment: ColumnElement[Any]) -> ColumnElement[bool]:
        """Whether it is after what is asked for."""
        return or_(moment > self._as_of, moment >= END) if self._at_end else moment > self._as_of

    def _lasted(self, version: FromClause) -> ColumnElement[bool]:
        """Whether it is a version that held longer. Of a row that didn't change the range to search is empty."""
        return and_(
            version.c.town_id == self._now.c.town_id,
            version.c.id == self._now.c.id,
            version.c.until <= self._now.c.versioned_at,
            self._later(version.c.until),
        )

    def _is_version(self) -> ColumnElement[bool]:
        """Whether it is the version that counts: the first that held longer."""
        earlier = exists().where(
            self._before.c.town_id == self._was.c.town_id,
            self._before.c.id == self._was.c.id,
            self._before.c.until < self._was.c.until,
            self._later(self._before.c.until),
        )
        return and_(self._lasted(self._was), ~earlier)

    def _was_made(self) -> ColumnElement[bool]:
        made_at = self._now.c[_MADE_AT[self._table]]
        was_made = and_(made_at <= self._as_of, made_at < END) if self._at_end else made_at <= self._as_of
        return and_(self._now.c.town_id == TOWN, or_(made_at.is_(None), was_made) if made_at.nullable else was_made)

    def _lasting(self) -> list[ColumnElement[Any]]:
        columns = {name: self._now.c[name] for name in _LASTING[self._table]}
        return [self._once(column).label(name) if name in _ONCE else column for name, column in columns.items()]

    def _once(self, moment: ColumnElement[Any]) -> ColumnElement[Any]:
        return case((self._later(moment), null()), else_=moment)

    def _watched(self, side: FromClause, name: str) -> ColumnElement[Any]:
        """A watched column; what became of a reservation since isn't known yet."""
        column = side.c[name]
        if self._table is not Reservation or name not in (*_OUTCOMES.values(), "cancelled_by", "status"):
            return column
        came = {status: self._came_later(side, status) for status in _OUTCOMES}
        if name == "status":
            was_waiting = and_(came[ReservationStatus.CANCELLED], side.c.confirmed_at.is_(None))
            before = case(
                (was_waiting, _word(ReservationStatus.WAITLISTED)),
                (or_(*came.values()), _word(ReservationStatus.CONFIRMED)),
                else_=column,
            )
            may_be_later = or_(*(self._later(side.c[moment]) for moment in _OUTCOMES.values()))
            return case((may_be_later, before), else_=column)  # of most rows a look at three moments is enough
        [outcome] = [each for each, moment in _OUTCOMES.items() if moment == name.replace("_by", "_at")]
        return case((came[outcome], null()), else_=column)

    def _came_later(self, side: FromClause, outcome: ReservationStatus) -> ColumnElement[bool]:
        return and_(side.c.status == _word(outcome), self._later(side.c[_OUTCOMES[outcome]]))


def _rows(table: type[Any]) -> FromClause:
    rows: FromClause = table.__table__
    return rows


def _word(status: ReservationStatus) -> ColumnElement[Any]:
    return literal_column(f"'{status}'", Reservation.status.type)

"""The moment that an id carries (`rules.ids`), worked out by the database.

Transactions of the ledger are counted by it, as the daily seal does: it is the moment of the deed, `work.now`, while the
`recorded_at` of a posting is the database's own clock. Ids are the key's order, so a day is one range of it.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Date, and_, case

from rules.expressions import on_both
from rules.ids import EPOCH, NODE_BITS, SEQUENCE_BITS
from rules.monitor.days import AS_OF, BEGIN, END

TICK = 1 << (NODE_BITS + SEQUENCE_BITS)  #: ids of one millisecond
_EPOCH_MILLISECONDS = int(EPOCH.timestamp() * 1000)
_EIGHT_HOURS = 8 * 3_600_000
_DAY = 86_400_000
assert datetime(2024, 1, 1, tzinfo=UTC) == EPOCH, "the day below is counted from it"


_id_at = on_both(
    BigInteger(),
    postgresql=f"((CAST(floor(extract(epoch FROM {{}}) * 1000) AS bigint) - {_EPOCH_MILLISECONDS}) * {TICK})",
    sqlite=(
        "((CAST(strftime('%s', substr({0}, 1, 19)) AS INTEGER) * 1000 + CAST(substr({0}, 21, 3) AS INTEGER) "
        f"- {_EPOCH_MILLISECONDS}) * {TICK})"
    ),
)
_day_of_id = on_both(
    Date(),
    postgresql=f"(DATE '2024-01-01' + CAST(({{}} / {TICK} + {_EIGHT_HOURS}) / {_DAY} AS int))",
    sqlite=f"date('2024-01-01', (({{}} / {TICK} + {_EIGHT_HOURS}) / {_DAY}) || ' days')",
)


def id_at(moment: Any) -> ColumnElement[int]:
    """The smallest id of a moment's millisecond."""
    return _id_at(moment)


def day_of_id(id_: Any) -> ColumnElement[date]:
    """The community's day that an id's moment is in."""
    return _day_of_id(id_)


def is_known_of_period(id_: Any) -> ColumnElement[bool]:
    """From `begin` on, before `end`, and recorded by `as_of`."""
    return and_(id_ >= id_at(BEGIN), id_ < id_at(END), id_ < id_at(AS_OF) + TICK)


def is_later(id_: Any) -> ColumnElement[bool]:
    """From `end` on, or not recorded by `as_of`."""
    end, known = id_at(END), id_at(AS_OF) + TICK
    is_after: ColumnElement[bool] = id_ >= case((end < known, end), else_=known)
    return is_after

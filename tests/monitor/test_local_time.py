"""Protects that both engines say the same of a moment: its month, its day, its hour, to the last instant."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import bindparam, select

from models.base import UtcDateTime
from rules.local_time import day_of, hour_of, month_of
from rules.work import SYSTEM, Transactions, Work

MOMENT = bindparam("moment", type_=UtcDateTime())
MIDNIGHT = datetime(2026, 11, 30, 16, tzinfo=UTC)  # of the first of December
INSTANT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("moment", "month", "day", "hour"),
    [
        (MIDNIGHT, "2026-12", date(2026, 12, 1), 0),
        (MIDNIGHT - INSTANT, "2026-11", date(2026, 11, 30), 23),
        (datetime(2028, 2, 29, 15, 59, 59, 999_600, tzinfo=UTC), "2028-02", date(2028, 2, 29), 23),
    ],
)
def test_the_last_instant_of_a_day_belongs_to_it(
    database: Transactions, moment: datetime, month: str, day: date, hour: int
) -> None:
    def ask(work: Work) -> tuple[object, ...]:
        return tuple(
            work.core.execute(select(month_of(MOMENT), day_of(MOMENT), hour_of(MOMENT)), {"moment": moment}).one()
        )

    assert database.read(0, SYSTEM, ask) == (month, day, hour)

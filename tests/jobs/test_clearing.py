"""Protects that what is over is deleted, town by town, and nothing that is still asked for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import time_machine
from sqlalchemy import insert

from models.idempotency import IdempotencyRecord
from models.jobs import JobRun
from models.residents import RefreshToken, Role
from models.rewards import CodeTry
from rules.clock import utc_now
from rules.ids import first_id_at
from rules.jobs.clearing import Cleared, clear_stale
from rules.work import SYSTEM, Work
from tests.build import TownBuilder, new_town

NOW = utc_now()


def days_ago(days: float) -> Any:
    return NOW - timedelta(days=days)


def fill(town: TownBuilder) -> None:
    """Of each kind something that is over, and something that isn't."""
    staff = town.staff(Role.SCANNER)

    def deed(work: Work) -> None:
        def add(table: type, **columns: Any) -> None:
            work.core.execute(insert(table), {"town_id": town.id, **columns})

        for n, days in enumerate((31, 30.5, 29)):
            answered = {"fingerprint": b"", "status": 200, "body": "", "recorded_at": days_ago(days)}
            add(IdempotencyRecord, actor_id=1, key=f"key-{n}", **answered)
        for issued, expires, used in ((40, 1.5, 39), (20, 0.5, 19), (40, -1, None)):
            moments = {"issued_at": days_ago(issued), "expires_at": days_ago(expires)}
            used_at = {"used_at": days_ago(used) if used else None, "staff_id": staff.id, "secret_hash": b""}
            add(
                RefreshToken,
                id=first_id_at(days_ago(issued)) + int(expires * 10) + 20,
                family_id=1,
                **moments,
                **used_at,
            )
        for slot, days in (("2026-10-01T03:30", 31), ("2026-10-01T03:32", 29), ("2026-10-01", 31), ("2024-01-01", 801)):
            add(JobRun, job="a-job", slot=slot, attempts=1, started_at=days_ago(days))
        for days in (3, 1):
            add(CodeTry, staff_id=staff.id, hour=days_ago(days), wrong=1)

    town.database.write(town.id, SYSTEM, deed)


def test_what_is_over_goes_and_everything_else_stays(town: TownBuilder) -> None:
    other = new_town(town.house)
    fill(town)
    fill(other)
    untouched = other.contents()
    with time_machine.travel(NOW, tick=False):
        assert clear_stale(town.database, town.id) == Cleared(answers=2, tokens=1, runs=2, tries=1)
        assert clear_stale(town.database, town.id) == Cleared(0, 0, 0, 0)
    assert town.rows(IdempotencyRecord.key) == [("key-2",)]
    assert sorted(slot for (slot,) in town.rows(JobRun.slot)) == ["2026-10-01", "2026-10-01T03:32"]
    assert len(town.rows(RefreshToken.id)) == 2, "also the used one that hasn't expired: its reuse must be noticed"
    assert len(town.rows(CodeTry.hour)) == 1
    assert other.contents() == untouched

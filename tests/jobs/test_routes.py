"""Protects what auditors see of the jobs: their own town's runs, newest first, with what came of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine

from models.jobs import JobOutcome
from models.residents import Role
from rules.jobs.runs import claim_run, finish_run
from rules.work import SYSTEM
from tests.build import ApiClient, TownBuilder, new_town
from tests.edge.helpers import problem_of
from tests.jobs.helpers import due_for

NOON = datetime.fromisoformat("2026-11-23T12:00:00+08:00")
MINUTE = timedelta(minutes=1)


def run(town: TownBuilder, job: str, slot: str, at: datetime, outcome: JobOutcome | None = None) -> None:
    with time_machine.travel(at, tick=False):
        claimed = town.database.write(town.id, SYSTEM, claim_run, due_for(job, slot))
        assert claimed is not None
        if outcome is not None:
            assert town.database.write(town.id, SYSTEM, finish_run, claimed, outcome, {"violations": []})


@pytest.fixture
def auditor(town: TownBuilder, api: ApiClient) -> ApiClient:
    return api.as_(town.staff(Role.AUDITOR))


def items(caller: ApiClient, **query: Any) -> list[dict[str, Any]]:
    answer = caller.get("/jobs/runs", **query)
    assert answer.status_code == 200, answer.text
    return answer.get_json()["items"]


def test_an_auditor_sees_the_towns_runs_and_what_came_of_them(town: TownBuilder, auditor: ApiClient) -> None:
    run(town, "ledger-audit", "2026-11-23", NOON, JobOutcome.OK)
    run(town, "ledger-audit", "2026-11-24", NOON + MINUTE)
    run(new_town(town.house), "ledger-audit", "2026-11-23", NOON, JobOutcome.FAILED)
    assert items(auditor) == [
        {
            "job": "ledger-audit",
            "slot": "2026-11-24",
            "attempts": 1,
            "started_at": "2026-11-23T12:01:00+08:00",
            "finished_at": None,
            "outcome": None,
            "result": None,
        },
        {
            "job": "ledger-audit",
            "slot": "2026-11-23",
            "attempts": 1,
            "started_at": "2026-11-23T12:00:00+08:00",
            "finished_at": "2026-11-23T12:00:00+08:00",
            "outcome": "ok",
            "result": {"violations": []},
        },
    ]


def test_the_runs_of_one_job_and_of_a_job_that_never_ran(town: TownBuilder, auditor: ApiClient) -> None:
    run(town, "ledger-audit", "2026-11-23", NOON)
    run(town, "ledger-seal", "2026-11-23", NOON)
    assert [item["job"] for item in items(auditor, job="ledger-seal")] == ["ledger-seal"]
    assert items(auditor, job="nothing") == []


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_a_walk_meets_each_run_once_and_in_order(town: TownBuilder, auditor: ApiClient, limit: int) -> None:
    slots = ["a", "b", "c", "d", "e"]
    for n, slot in enumerate(slots):
        run(town, "ledger-audit", slot, NOON + n // 2 * MINUTE)  # two at one moment
    page = auditor.get("/jobs/runs", limit=limit).get_json()
    seen = [item["slot"] for item in page["items"]]
    while page["next_cursor"] is not None:
        page = auditor.get("/jobs/runs", limit=limit, cursor=page["next_cursor"]).get_json()
        assert page["items"]
        seen += [item["slot"] for item in page["items"]]
    assert seen == ["e", "d", "c", "b", "a"]


@pytest.mark.parametrize("query", [{"cursor": "garbage"}, {"limit": 0}, {"job": "x" * 65}, {"job": "a\0b"}])
def test_what_can_not_be_asked_is_refused(auditor: ApiClient, query: dict[str, Any]) -> None:
    problem_of(auditor.get("/jobs/runs", **query), 422, "request.invalid")

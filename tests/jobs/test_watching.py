"""Protects that a job that was missed, failed or doesn't end is seen, by whoever looks, and told to staff once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask

from blueprints.edge.house import EXTENSION
from jobs.delivery.courier import Courier
from jobs.delivery.worker import deliver_due
from jobs.runner import catch_up, run_due, take_over
from jobs.schedule import Done, Errand, Job, Means, at, each_day, each_two_minutes
from models.jobs import JobOutcome, JobRun, JobSchedule, Outbox
from models.residents import Role
from rules.jobs.runs import ATTEMPTS_MAX
from rules.jobs.terms import begin_term
from rules.jobs.watching import MISSED_AFTER
from rules.work import SYSTEM
from tests.apps import make_app
from tests.build import ApiClient, TownBuilder, new_town, settings_for
from tests.conftest import Databases
from tests.edge.helpers import problem_of

NIGHT = datetime.fromisoformat("2026-11-23T03:30:00+08:00")
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


def deed(_errand: Errand) -> Done:
    return Done(JobOutcome.OK, {"things": 3})


def fail(_errand: Errand) -> Done:
    return Done(JobOutcome.FAILED, {})


NIGHTLY = Job("nightly", at(hour=3, minute=30), each_day, deed)
OFTEN = Job("often", at(minute="*/2"), each_two_minutes, deed)


@pytest.fixture(scope="module")
def own_app(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """An application on a database of its own: jobs run for every town that there is."""
    app = make_app(settings_for(databases.make(), tmp_path_factory.mktemp("instance")))
    yield app
    app.extensions[EXTENSION].transactions.engine.dispose()


@pytest.fixture
def town(own_app: Flask) -> TownBuilder:
    with time_machine.travel(NIGHT - 30 * DAY, tick=False):
        return new_town(own_app.extensions[EXTENSION])


@pytest.fixture
def api(own_app: Flask, town: TownBuilder) -> ApiClient:
    return ApiClient(own_app, town)


def means_of(town: TownBuilder) -> Means:
    return Means(town.database, town.house.keys, term=town.database.write(0, SYSTEM, begin_term))


def seen(town: TownBuilder, api: ApiClient, moment: datetime) -> dict[str, dict[str, Any]]:
    with time_machine.travel(moment, tick=False):
        auditor = town.staff(Role.AUDITOR)
        answer = api.as_(auditor).get("/jobs").get_json()
    return {item["job"]: item for item in answer["items"]}


def alarms(town: TownBuilder, api: ApiClient, moment: datetime) -> dict[str, str | None]:
    return {job: item["alarm"] for job, item in seen(town, api, moment).items()}


def told(town: TownBuilder) -> list[tuple[str, str]]:
    return sorted((row.topic, row.payload["slot"]) for row in town.rows(Outbox.topic, Outbox.payload))


def test_a_job_is_shown_with_its_schedule_its_last_run_and_its_next(town: TownBuilder, api: ApiClient) -> None:
    with time_machine.travel(NIGHT, tick=False):
        catch_up(means_of(town), [NIGHTLY])
    assert seen(town, api, NIGHT + MINUTE) == {
        "nightly": {
            "job": "nightly",
            "schedule": "30 3 * * *",
            "slot": "2026-11-23",
            "due_at": "2026-11-23T03:30:00+08:00",
            "attempts": 1,
            "started_at": "2026-11-23T03:30:00+08:00",
            "finished_at": "2026-11-23T03:30:00+08:00",
            "seconds": 0.0,
            "outcome": "ok",
            "result": {"things": 3},
            "succeeded_at": "2026-11-23T03:30:00+08:00",
            "next_due_at": "2026-11-24T03:30:00+08:00",
            "alarm": None,
        }
    }


def test_what_nobody_ran_is_missed_for_whoever_looks_and_told_once_when_somebody_leads_again(
    town: TownBuilder, api: ApiClient
) -> None:
    with time_machine.travel(NIGHT, tick=False):
        catch_up(means_of(town), [NIGHTLY, OFTEN])
    due = NIGHT + DAY
    assert alarms(town, api, due + MISSED_AFTER - MINUTE)["nightly"] is None
    assert alarms(town, api, due + MISSED_AFTER) == {"nightly": "missed", "often": "missed"}
    assert told(town) == [], "nobody is there to tell it"
    for minutes in (0, 10):
        with time_machine.travel(due + MISSED_AFTER + minutes * MINUTE, tick=False):
            catch_up(means_of(town), [NIGHTLY, OFTEN])
    assert told(town) == [("job.missed", "2026-11-24"), ("job.missed", "2026-11-24T03:34")]
    assert alarms(town, api, due + 16 * MINUTE) == {"nightly": None, "often": None}
    assert alarms(town, api, due + 2 * DAY)["nightly"] == "missed"


def test_a_failed_run_is_an_alarm_until_the_job_succeeds_and_is_told_once_within_the_hour(
    town: TownBuilder, api: ApiClient
) -> None:
    failing = replace(OFTEN, deed=fail)
    for minutes in range(0, 8, 2):
        with time_machine.travel(NIGHT + minutes * MINUTE, tick=False):
            run_due(means_of(town), failing)
    assert told(town) == [("job.failed", "2026-11-23T03:30")]
    assert alarms(town, api, NIGHT + 7 * MINUTE) == {"often": "failed"}
    with time_machine.travel(NIGHT + 8 * MINUTE, tick=False):
        run_due(means_of(town), OFTEN)
    assert alarms(town, api, NIGHT + 9 * MINUTE) == {"often": None}


def test_a_run_that_does_not_end_is_stuck_and_the_next_leader_takes_it_over(town: TownBuilder, api: ApiClient) -> None:
    def die(errand: Errand) -> Done:
        if errand.town_id == town.id:
            raise SystemExit
        return Done(JobOutcome.OK, {})

    with time_machine.travel(NIGHT, tick=False), pytest.raises(SystemExit):
        run_due(means_of(town), replace(NIGHTLY, deed=die))
    assert alarms(town, api, NIGHT + 59 * MINUTE) == {"nightly": None}
    assert alarms(town, api, NIGHT + 60 * MINUTE) == {"nightly": "stuck"}
    with time_machine.travel(NIGHT + DAY - MINUTE, tick=False):
        take_over(means_of(town), [NIGHTLY])
    assert town.rows(JobRun.slot, JobRun.attempts, JobRun.outcome) == [("2026-11-23", 2, JobOutcome.OK)]
    assert alarms(town, api, NIGHT + DAY - MINUTE) == {"nightly": None}


def test_what_no_leader_lived_to_end_has_failed_and_is_told(town: TownBuilder, api: ApiClient) -> None:
    def die(errand: Errand) -> Done:
        if errand.town_id == town.id:
            raise SystemExit
        return Done(JobOutcome.OK, {})

    fatal = replace(NIGHTLY, deed=die)
    with time_machine.travel(NIGHT, tick=False):
        with pytest.raises(SystemExit):
            run_due(means_of(town), fatal)
        for _ in range(ATTEMPTS_MAX - 1):
            with pytest.raises(SystemExit):
                take_over(means_of(town), [fatal])
        assert told(town) == []
        for _ in range(2):
            take_over(means_of(town), [fatal])
    assert town.rows(JobRun.attempts, JobRun.outcome) == [(ATTEMPTS_MAX, JobOutcome.FAILED)]
    assert told(town) == [("job.failed", "2026-11-23")]
    assert alarms(town, api, NIGHT + MINUTE) == {"nightly": "failed"}


def test_who_is_overtaken_leaves_the_run_to_the_other_one(town: TownBuilder) -> None:
    """As when a leader stands still, another one leads, and the first one goes on."""

    written: list[int] = []

    def stand_still(errand: Errand) -> Done:
        take_over(means_of(town), [NIGHTLY])
        written.append(errand.transactions.write(town.id, SYSTEM, lambda work: work.new_id()))
        return Done(JobOutcome.OK, {})

    with time_machine.travel(NIGHT, tick=False):
        run_due(means_of(town), replace(NIGHTLY, deed=stand_still))
    assert written == [], "who is overtaken writes nothing more"
    assert town.rows(JobRun.attempts, JobRun.outcome, JobRun.result) == [(2, JobOutcome.OK, {"things": 3})]
    assert told(town) == []


def test_another_schedule_and_a_job_that_is_gone_are_noted(town: TownBuilder, api: ApiClient) -> None:
    with time_machine.travel(NIGHT, tick=False):
        catch_up(means_of(town), [NIGHTLY, OFTEN])
    later = replace(NIGHTLY, when=at(hour=5, minute=0))
    with time_machine.travel(NIGHT + MINUTE, tick=False):
        catch_up(means_of(town), [later])
    assert town.rows(JobSchedule.job, JobSchedule.cron) == [("nightly", "0 5 * * *")]
    assert alarms(town, api, NIGHT + 80 * MINUTE) == {"nightly": None}, "it is due at five"
    assert alarms(town, api, NIGHT + 96 * MINUTE) == {"nightly": "missed"}
    assert told(town) == []


def test_auditors_and_admins_of_the_whole_town_are_told_and_nobody_else(town: TownBuilder, api: ApiClient) -> None:
    with time_machine.travel(NIGHT, tick=False):
        run_due(means_of(town), replace(NIGHTLY, deed=fail))
        deliver_due(Courier(town.database, town.house.keys, town.house.wechat))
        for who, count in (
            (town.staff(Role.AUDITOR), 1),
            (town.staff(Role.ADMIN), 1),
            (town.staff(Role.MANAGER), 0),
            (town.staff(Role.AUDITOR, at=town.community_id), 0),
        ):
            items = api.as_(who).get("/staff/notices").get_json()["items"]
            assert [item["text"] for item in items] == count * [
                "定时任务 nightly（2026年11月23日）执行失败，请在运行状态页查看。"
            ]


def test_the_page_is_for_auditors_of_the_whole_town_and_says_who_leads(town: TownBuilder, api: ApiClient) -> None:
    problem_of(api.as_(town.staff(Role.AUDITOR, at=town.community_id)).get("/jobs"), 403, "auth.forbidden")
    problem_of(api.as_(town.staff(Role.MANAGER)).get("/jobs"), 403, "auth.forbidden")
    with time_machine.travel(NIGHT, tick=False):
        auditor = api.as_(town.staff(Role.AUDITOR))
        term = means_of(town).term
        shown = auditor.get("/jobs").get_json()
    since = "2026-11-23T03:30:00+08:00"
    assert shown == {"leader": {"term": term, "began_at": since, "seen_at": since, "is_there": True}, "items": []}
    with time_machine.travel(NIGHT + MINUTE, tick=False):
        assert auditor.get("/jobs").get_json()["leader"]["is_there"] is False

"""Protects the running of jobs: for every town, each by itself, when it is due, and what was missed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from structlog.testing import capture_logs

from blueprints.edge.house import House
from jobs.runner import catch_up, run_due, run_job
from jobs.schedule import JOBS, Done, Errand, Job, Means, at, each_day, each_hour, first_due_on, last_due
from models.jobs import JobOutcome, JobRun
from rules.database import connect
from rules.jobs.runs import ABANDONED_AFTER, ATTEMPTS_MAX
from rules.work import Transactions
from tests.build import TownBuilder, new_town, settings_for
from tests.conftest import Databases

NOON = datetime.fromisoformat("2026-11-23T12:00:00+08:00")
NIGHTLY = at(hour=3, minute=30)
SECRET = "王小明 13800138000"


def local(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00")


class Diary:
    """A job that notes for what it ran in the towns of a test, and does there what it is told."""

    def __init__(self) -> None:
        self.towns: set[int] = set()
        self.errands: list[tuple[int, str]] = []
        self.does: Callable[[Errand], Done] = lambda errand: Done(JobOutcome.OK, {"day": errand.day.isoformat()})
        self.job = Job("a-job", NIGHTLY, each_day, self.run)

    def run(self, errand: Errand) -> Done:
        if errand.town_id not in self.towns:
            return Done(JobOutcome.OK, {})
        self.errands.append((errand.town_id, each_day(errand.moment)))
        return self.does(errand)


@pytest.fixture(scope="module")
def own_house(databases: Databases, house: House) -> Iterator[House]:
    """A house with a database of this module's own: a job runs for every town that there is."""
    settings = settings_for(databases.make(), house.settings.instance_dir)
    units = Transactions(connect(settings.database_url))
    yield replace(house, settings=settings, transactions=units)
    units.engine.dispose()


@pytest.fixture
def towns(own_house: House) -> tuple[TownBuilder, TownBuilder]:
    """The two towns of a test."""
    with time_machine.travel(NOON - timedelta(days=30), tick=False):
        return new_town(own_house), new_town(own_house)


@pytest.fixture
def diary(towns: tuple[TownBuilder, TownBuilder]) -> Diary:
    diary = Diary()
    diary.towns = {town.id for town in towns}
    return diary


def run_for(towns: tuple[TownBuilder, TownBuilder], job: Job, moment: datetime) -> list[JobOutcome | None]:
    """Run a job, and say what came of it in the test's towns."""
    outcomes = run_job(means_of(towns[0]), job, moment)
    return [outcomes[town.code] for town in towns]


def means_of(town: TownBuilder) -> Means:
    return Means(town.database, town.house.keys)


def runs(town: TownBuilder) -> list[tuple[str, int, JobOutcome | None]]:
    return sorted((run.slot, run.attempts, run.outcome) for (run,) in town.rows(JobRun))


def result_of(town: TownBuilder) -> object:
    [(result,)] = town.rows(JobRun.result)
    return result


def test_a_job_runs_once_for_every_town_and_says_what_came_of_it(
    towns: tuple[TownBuilder, TownBuilder], diary: Diary
) -> None:
    one, other = towns
    assert run_for(towns, diary.job, NOON) == [JobOutcome.OK, JobOutcome.OK]
    assert run_for(towns, diary.job, NOON) == [None, None]
    assert sorted(diary.errands) == sorted([(one.id, "2026-11-23"), (other.id, "2026-11-23")])
    assert runs(one) == runs(other) == [("2026-11-23", 1, JobOutcome.OK)]
    assert result_of(one) == {"day": "2026-11-23"}


def test_a_moment_that_has_not_come_is_not_claimed(towns: tuple[TownBuilder, TownBuilder], diary: Diary) -> None:
    one, _ = towns
    with time_machine.travel(NOON, tick=False):
        with pytest.raises(ValueError, match="in the future"):
            run_job(means_of(one), diary.job, NOON + timedelta(seconds=1))
        assert run_for(towns, diary.job, NOON) == [JobOutcome.OK, JobOutcome.OK]
    assert runs(one) == [("2026-11-23", 1, JobOutcome.OK)]


def test_a_towns_failure_is_recorded_by_its_class_alone_and_stops_no_other_town(
    towns: tuple[TownBuilder, TownBuilder], diary: Diary
) -> None:
    one, other = towns

    def fail_in_one(errand: Errand) -> Done:
        if errand.town_id == one.id:
            raise ValueError(SECRET)
        return Done(JobOutcome.OK, {})

    diary.does = fail_in_one
    with capture_logs() as logged:
        assert run_for(towns, diary.job, NOON) == [JobOutcome.FAILED, JobOutcome.OK]
    assert result_of(one) == {"error": "ValueError"}
    assert runs(other) == [("2026-11-23", 1, JobOutcome.OK)]
    assert SECRET not in str(logged)


def test_a_claim_that_fails_stops_no_other_town(
    towns: tuple[TownBuilder, TownBuilder], diary: Diary, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _ = towns
    write = one.database.write

    def gone_for_one(town_id: int, *args: object, **kwargs: object) -> object:
        if town_id == one.id:
            raise RuntimeError(SECRET)
        return write(town_id, *args, **kwargs)

    monkeypatch.setattr(one.database, "write", gone_for_one)
    with capture_logs() as logged:
        assert run_for(towns, diary.job, NOON) == [JobOutcome.FAILED, JobOutcome.OK]
    assert SECRET not in str(logged)


def test_what_was_missed_is_caught_up_once(towns: tuple[TownBuilder, TownBuilder], diary: Diary) -> None:
    one, other = towns
    with time_machine.travel(local("2026-11-23T03:29:59"), tick=False):
        catch_up(means_of(one), [diary.job])
    with time_machine.travel(NOON, tick=False):
        catch_up(means_of(one), [diary.job])
        catch_up(means_of(one), [diary.job])
        run_due(means_of(one), diary.job)
    assert [day for town_id, day in diary.errands if town_id == one.id] == ["2026-11-22", "2026-11-23"]
    assert len(runs(one)) == len(runs(other)) == 2


def test_a_failed_run_is_tried_again_a_few_times_and_by_hand_as_often_as_one_wants(
    towns: tuple[TownBuilder, TownBuilder], diary: Diary
) -> None:
    one, _ = towns
    diary.does = lambda errand: Done(JobOutcome.FAILED, {})
    with time_machine.travel(NOON, tick=False):
        for _ in range(ATTEMPTS_MAX + 2):
            catch_up(means_of(one), [diary.job])
        assert runs(one) == [("2026-11-23", ATTEMPTS_MAX, JobOutcome.FAILED)]
        diary.does = lambda errand: Done(JobOutcome.OK, {})
        run_job(means_of(one), diary.job, NOON, attempts_max=100)
    assert runs(one) == [("2026-11-23", ATTEMPTS_MAX + 1, JobOutcome.OK)]


def test_the_run_of_a_leader_that_died_is_taken_up(towns: tuple[TownBuilder, TownBuilder], diary: Diary) -> None:
    one, _ = towns

    def die(_errand: Errand) -> Done:
        raise SystemExit

    diary.does = die
    with time_machine.travel(NOON, tick=False), pytest.raises(SystemExit):
        run_job(means_of(one), diary.job, NOON)
    diary.does = lambda errand: Done(JobOutcome.OK, {})
    with time_machine.travel(NOON + ABANDONED_AFTER, tick=False):
        catch_up(means_of(one), [diary.job])
    assert runs(one) == [("2026-11-23", 2, JobOutcome.OK)]


def test_the_nightly_audit_says_what_it_looked_at(towns: tuple[TownBuilder, TownBuilder]) -> None:
    one, _ = towns
    [job] = [job for job in JOBS if job.name == "ledger-audit"]
    assert run_job(means_of(one), job, NOON)[one.code] is JobOutcome.OK
    result = result_of(one)
    assert result["violations"] == []
    assert result["checked"]["transactions"] == result["checked"]["postings"] == 1  # the town's budget


# When


def test_every_job_has_a_name_of_its_own_and_is_due_within_a_month() -> None:
    assert len({job.name for job in JOBS}) == len(JOBS)
    for job in JOBS:
        assert last_due(job, NOON) <= NOON


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-11-23T03:29:59", "2026-11-22T03:30:00"),
        ("2026-11-23T03:30:00", "2026-11-23T03:30:00"),
        ("2026-11-24T03:29:59", "2026-11-23T03:30:00"),
    ],
)
def test_the_last_due_moment_is_by_the_communitys_clock(now: str, due: str) -> None:
    assert last_due(Diary().job, local(now).astimezone(UTC)) == local(due)


def test_the_last_due_moment_of_what_is_seldom_or_often_due() -> None:
    monthly = replace(Diary().job, when=at(day=1, hour=5, minute=0))
    often = replace(Diary().job, when=at(minute="*/10"))
    assert last_due(monthly, NOON) == local("2026-11-01T05:00:00")
    assert last_due(often, NOON + timedelta(minutes=9, seconds=59)) == NOON


def test_a_slot_is_a_day_or_an_hour_of_the_community() -> None:
    late = datetime(2026, 11, 22, 19, 30, tzinfo=UTC)  # 03:30 of the next day
    assert (each_day(late), each_hour(late)) == ("2026-11-23", "2026-11-23T03")


def test_the_first_due_moment_of_a_day_lies_on_it() -> None:
    assert first_due_on(Diary().job, date(2026, 11, 23)) == local("2026-11-23T03:30:00")

"""`flask --app app jobs …`: what runs without a request, by hand."""

from __future__ import annotations

import sys
from datetime import date, datetime

import click
import orjson
from flask.cli import AppGroup

from blueprints.edge.house import house
from commands.towns import find_towns
from jobs.runner import run_job
from jobs.schedule import JOBS, JOBS_BY_NAME, Job, Means, first_due_on
from models.jobs import JobOutcome
from rules.clock import ZONE, local_day, utc_now
from rules.jobs.runs import list_runs
from rules.work import SYSTEM

group = AppGroup("jobs", help="What runs without a request.")

FIRST_DAY = date(2000, 1, 1)

IN_WORDS = {JobOutcome.OK: "ok", JobOutcome.FAILED: "failed", None: "not run: it has run already, or runs now"}


@group.command(name="list")
def list_jobs() -> None:
    """The jobs, and when each is due next."""
    now = utc_now()
    for job in JOBS:
        due = job.when.get_next_fire_time(None, now).astimezone(ZONE)
        click.echo(f"{job.name:<20} next due {due:%Y-%m-%d %H:%M}")


@group.command()
@click.option("--town", help="The code of one town; all of them without it.")
@click.option("--job", type=click.Choice(sorted(JOBS_BY_NAME)), help="One job; all of them without it.")
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="How many of each town.")
def runs(town: str | None, job: str | None, limit: int) -> None:
    """The last runs, and what came of them."""
    for each in find_towns(town):
        for row in house().transactions.read(each.id, SYSTEM, list_runs, job, None, limit).items:
            began = f"{row.started_at.astimezone(ZONE):%Y-%m-%d %H:%M:%S}"
            outcome = row.outcome.value if row.outcome is not None else "runs"
            result = orjson.dumps(row.result or {}).decode()
            click.echo(f"{each.code}: {began} {row.job} {row.slot} {outcome} attempt {row.attempts} {result}")


@group.command()
@click.argument("name", type=click.Choice(sorted(JOBS_BY_NAME)))
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="The day that the run is for; now without it.")
@click.option("--again", is_flag=True, help="Also where it has run well for that slot.")
def run(name: str, day: datetime | None, again: bool) -> None:
    """Run a job for every town, unless it has run for that slot; one that failed is run again. Ends with 1 when it fails."""
    job = JOBS_BY_NAME[name]
    moment = utc_now() if day is None else _moment_on(job, day.date(), utc_now())
    means = Means(house().transactions, house().keys, house().files)
    outcomes = run_job(means, job, moment, attempts_max=sys.maxsize, anew=again)
    for code, outcome in outcomes.items():
        click.echo(f"{code}: {name} {job.slot_of(moment)} {IN_WORDS[outcome]}")
    if JobOutcome.FAILED in outcomes.values():
        sys.exit(1)


def _moment_on(job: Job, day: date, now: datetime) -> datetime:
    """When the job was due on a day first; now, if it is today and the job isn't due yet."""
    today = local_day(now)
    if not FIRST_DAY <= day <= today:
        raise click.BadParameter(f"The day must be from {FIRST_DAY} to today, {today}.", param_hint="--day")
    due = first_due_on(job, day)
    if due > now and day < today:
        raise click.BadParameter(f"{job.name} was not due on {day} nor since.", param_hint="--day")
    return min(due, now)

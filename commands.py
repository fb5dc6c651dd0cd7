"""The command line: `flask --app app ledger …` and `flask --app app jobs …`.

It stands beside `app.py` because it needs the application's house, which the floor `jobs` doesn't know. Another command
is another function under its group.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import BinaryIO

import click
from flask.cli import AppGroup

from blueprints.edge.house import house
from jobs.runner import run_job
from jobs.schedule import JOBS, JOBS_BY_NAME, Means, first_due_on
from models.jobs import JobOutcome
from rules.clock import ZONE, utc_now
from rules.jobs import list_towns
from rules.ledger.audit import AuditReport
from rules.ledger.audit import audit as audit_town
from rules.ledger.pools import SHARDS_MAX, set_shards
from rules.ledger.sealing import export as export_town
from rules.rows import AnyRow
from rules.work import SYSTEM, Work

ledger = AppGroup("ledger", help="The points ledger.")
jobs = AppGroup("jobs", help="What runs without a request.")
GROUPS = (ledger, jobs)

IN_WORDS = {JobOutcome.OK: "ok", JobOutcome.FAILED: "failed", None: "not run: it has run already, or runs now"}


@ledger.command()
@click.option("--town", help="The code of one town; all of them without it.")
def audit(town: str | None) -> None:
    """Prove that the ledger is right: what was checked, and the first violations. Ends with 1 when there are any."""
    is_clean = True
    for each in _towns(town):
        report = house().transactions.survey(each.id, SYSTEM, audit_town)
        click.echo(_in_words(each.code, report))
        is_clean = is_clean and report.is_clean
    if not is_clean:
        sys.exit(1)


@ledger.command()
@click.option("--town", required=True, help="The code of the town.")
@click.argument("count", type=click.IntRange(1, SHARDS_MAX))
def shards(town: str, count: int) -> None:
    """Split the pools of a town into COUNT rows, and spread what is in them."""
    [found] = _towns(town)
    moved = house().transactions.write(found.id, SYSTEM, set_shards, count)
    click.echo(f"{town}: each pool has {count} shards now; {moved:,} points moved between them")


@ledger.command()
@click.option("--town", required=True, help="The code of the town.")
@click.argument("file", type=click.File("wb"))
def export(town: str, file: BinaryIO) -> None:
    """Write a town's sealed transactions to FILE, for `python3 -m rules.ledger.verify`. It names no resident."""
    [found] = _towns(town)
    size = house().transactions.survey(found.id, SYSTEM, _write_export, file)
    click.echo(f"{town}: {size:,} bytes")


def _write_export(work: Work, file: BinaryIO) -> int:
    file.seek(0)  # a transaction that is tried again begins the file again
    file.truncate()
    return sum(file.write(lines) for lines in export_town(work))


@jobs.command(name="list")
def list_jobs() -> None:
    """The jobs, and when each is due next."""
    now = utc_now()
    for job in JOBS:
        due = job.when.get_next_fire_time(None, now).astimezone(ZONE)
        click.echo(f"{job.name:<20} next due {due:%Y-%m-%d %H:%M}")


@jobs.command()
@click.argument("name", type=click.Choice(sorted(JOBS_BY_NAME)))
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="The day that the run is for; now without it.")
def run(name: str, day: datetime | None) -> None:
    """Run a job for every town, unless it has run for that slot; one that failed is run again. Ends with 1 when it fails."""
    job = JOBS_BY_NAME[name]
    moment = utc_now() if day is None else first_due_on(job, day.date())
    outcomes = run_job(Means(house().transactions, house().keys), job, moment, attempts_max=sys.maxsize)
    for code, outcome in outcomes.items():
        click.echo(f"{code}: {name} {job.slot_of(moment)} {IN_WORDS[outcome]}")
    if JobOutcome.FAILED in outcomes.values():
        sys.exit(1)


def _towns(code: str | None) -> Sequence[AnyRow]:
    towns = house().transactions.read(0, SYSTEM, list_towns)
    named = [town for town in towns if code in (None, town.code)]
    if code is not None and not named:
        raise click.ClickException(f"There is no town {code}.")
    return named


def _in_words(code: str, report: AuditReport) -> str:
    counted = ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in report.checked.items())
    found = "all is well" if report.is_clean else f"{len(report.violations)} violations, the first of each check:"
    lines = [f"  {violation.check}: {violation.sentence}" for violation in report.violations]
    return "\n".join([f"{code}: {report.checks} checks over {counted}: {found}", *lines])

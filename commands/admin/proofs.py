"""`flask --app app admin audit`, `admin log`: whether everything is right, and who did what."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from typing import BinaryIO

import click
import orjson
from flask.cli import with_appcontext
from sqlalchemy import text

from blueprints.edge.house import house
from commands.admin.who import town_named, town_option
from commands.towns import find_towns
from models import Base
from rules.administration.deeds import list_deeds
from rules.clock import ZONE
from rules.ledger.audit import audit as audit_ledger
from rules.ledger.sealing import export, list_seals
from rules.ledger.verify import Unreadable, verify
from rules.monitor.verifying import verify_snapshots
from rules.work import SYSTEM, Work

DAYS, DAYS_MAX = 30, 3660


@click.command()
@click.option("--town", help="The code of one town; all of them without it.")
@click.option(
    "--days", type=click.IntRange(1, DAYS_MAX), default=DAYS, show_default=True, help="Of snapshots, the last ones."
)
@with_appcontext
def audit(town: str | None, days: int) -> None:
    """Prove ledger, seals, snapshots, references and the tables' towns. Ends with 1 when anything is wrong."""
    is_right = True
    for name, wrong in _checks(town, days):
        click.echo(f"{name}: {'all is well' if not wrong else f'{len(wrong)} wrong'}")
        for sentence in wrong[:20]:
            click.echo(f"  {sentence}")
        is_right = is_right and not wrong
    if not is_right:
        sys.exit(1)


@click.command()
@town_option
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@with_appcontext
def log(town: str, limit: int) -> None:
    """What was done by `flask admin`, the latest first."""
    for row in house().transactions.read(town_named(town).id, SYSTEM, list_deeds, limit):
        done_at = f"{row.done_at.astimezone(ZONE):%Y-%m-%d %H:%M:%S}"
        detail = orjson.dumps(row.detail).decode()
        click.echo(
            f"{done_at} {row.deed} {row.subject} by {row.username or 'nobody of the staff'} ({row.login}) {detail}"
        )


def _checks(town: str | None, days: int) -> Iterator[tuple[str, list[str]]]:
    yield "tables", list(tables_that_cross_towns())
    yield "references", house().transactions.read(0, SYSTEM, rows_that_point_nowhere)
    for each in find_towns(town):
        report = house().transactions.survey(each.id, SYSTEM, audit_ledger)
        yield f"{each.code}: ledger", [f"{found.check}: {found.sentence}" for found in report.violations]
        yield f"{each.code}: seals", house().transactions.survey(each.id, SYSTEM, verify_seals)
        verdict = house().transactions.survey(each.id, SYSTEM, verify_snapshots, days)
        differences = [
            f"{found.measure} of {found.day}: {found.stored}, not {found.found}" for found in verdict.differences
        ]
        yield f"{each.code}: snapshots", differences


def verify_seals(work: Work) -> list[str]:
    """What doesn't hold in a town's sealed ledger, by the keys of this deployment; what erasures withhold is accepted.

    A town that has sealed nothing yet has nothing that could be wrong.
    """
    if not list_seals(work, None, 1).items:
        return []
    with tempfile.TemporaryFile() as file:
        _write(work, file)
        try:
            verifier = verify(file, house().keys.seal_keys(), None)
        except Unreadable as error:
            return [str(error)]
    return list(verifier.findings.first)


def _write(work: Work, file: BinaryIO) -> None:
    for lines in export(work):
        file.write(lines)
    file.seek(0)


def tables_that_cross_towns() -> Iterator[str]:
    """Keys and foreign keys of distributed tables that don't begin with the town."""
    for table in Base.metadata.sorted_tables:
        if table.info["distribution"] != "distributed":
            continue
        if next(iter(table.primary_key.columns)).name != "town_id":
            yield f"{table.name}: its key doesn't begin with town_id"
        for key in table.foreign_key_constraints:
            target = key.referred_table
            if target.info["distribution"] == "distributed" and key.column_keys[0] != "town_id":
                yield f"{table.name}: {key.name} leads to another town"


def rows_that_point_nowhere(work: Work) -> list[str]:
    """Broken foreign keys on SQLite, which a hand at the file can make; on PostgreSQL, constraints that aren't enforced."""
    if work.core.dialect.name == "sqlite":
        found = work.core.execute(text("PRAGMA foreign_key_check")).all()
        return [f"{row[0]}: row {row[1]} points to a row of {row[2]} that isn't there" for row in found]
    unenforced = text(
        "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype = 'f' AND NOT convalidated"
    )
    return [f"{row[0]}: {row[1]} isn't enforced for old rows" for row in work.core.execute(unenforced)]

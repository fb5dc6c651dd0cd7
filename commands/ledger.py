"""`flask --app app ledger …`: prove a ledger, split its pools, export it for the verifier, import awards."""

from __future__ import annotations

import sys
from typing import BinaryIO

import click
from flask.cli import AppGroup

from blueprints.edge.house import house
from commands.imports import import_awards
from commands.towns import find_towns
from rules.ledger.audit import AuditReport
from rules.ledger.audit import audit as audit_town
from rules.ledger.pools import SHARDS_MAX, set_shards
from rules.ledger.sealing import export as export_town
from rules.work import SYSTEM, Work

group = AppGroup("ledger", help="The points ledger.")
group.add_command(import_awards)


@group.command()
@click.option("--town", help="The code of one town; all of them without it.")
def audit(town: str | None) -> None:
    """Prove that the ledger is right: what was checked, and the first violations. Ends with 1 when there are any."""
    is_clean = True
    for each in find_towns(town):
        report = house().transactions.survey(each.id, SYSTEM, audit_town)
        click.echo(_in_words(each.code, report))
        is_clean = is_clean and report.is_clean
    if not is_clean:
        sys.exit(1)


@group.command()
@click.option("--town", required=True, help="The code of the town.")
@click.argument("count", type=click.IntRange(1, SHARDS_MAX))
def shards(town: str, count: int) -> None:
    """Split the pools of a town into COUNT rows, and spread what is in them."""
    [found] = find_towns(town)
    moved = house().transactions.write(found.id, SYSTEM, set_shards, count)
    click.echo(f"{town}: each pool has {count} shards now; {moved:,} points moved between them")
    click.echo("Servers that run already use them all once they are started anew; until then nothing goes wrong.")


@group.command()
@click.option("--town", required=True, help="The code of the town.")
@click.argument("file", type=click.File("wb"))
def export(town: str, file: BinaryIO) -> None:
    """Write a town's sealed transactions to FILE, for `python3 -m rules.ledger.verify`. It names no resident."""
    [found] = find_towns(town)
    size = house().transactions.survey(found.id, SYSTEM, _write_export, file)
    click.echo(f"{town}: {size:,} bytes")


def _write_export(work: Work, file: BinaryIO) -> int:
    file.seek(0)  # a transaction that is tried again begins the file again
    file.truncate()
    return sum(file.write(lines) for lines in export_town(work))


def _in_words(code: str, report: AuditReport) -> str:
    counted = ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in report.checked.items())
    found = "all is well" if report.is_clean else f"{len(report.violations)} violations, the first of each check:"
    lines = [f"  {violation.check}: {violation.sentence}" for violation in report.violations]
    return "\n".join([f"{code}: {report.checks} checks over {counted}: {found}", *lines])

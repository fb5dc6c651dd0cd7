"""`flask --app app monitor …`: make snapshots, prove them, write docs/measures.md."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

import click
from flask.cli import AppGroup

from blueprints.edge.house import house
from commands.towns import find_towns
from rules.monitor.describing import describe_measures
from rules.monitor.snapshots import make_snapshots
from rules.monitor.verifying import verify_snapshots
from rules.work import SYSTEM

MEASURES_PAGE = Path(__file__).resolve().parents[1] / "docs" / "measures.md"

group = AppGroup("monitor", help="The numbers of the monitoring.")
a_day = click.DateTime(["%Y-%m-%d"])


@group.command()
@click.option("--town", help="The code of one town; all of them without it.")
@click.option(
    "--again", nargs=2, type=a_day, help="The first and the last day to work out anew, after an upgrade, say."
)
def snapshot(town: str | None, again: tuple[datetime, datetime] | None) -> None:
    """Work out the days that are over and have no snapshot, and correct those of which something was recorded late."""
    days = (again[0].date(), again[1].date()) if again else None
    for each in find_towns(town):
        made = make_snapshots(house().transactions, each.id, again=days)
        rest = "" if made.is_complete else "; there are more days to come"
        click.echo(f"{each.code}: {made.days} days, {made.corrected} corrected, {made.changes:,} rows{rest}")


@group.command()
@click.option("--town", help="The code of one town; all of them without it.")
@click.option("--days", type=click.IntRange(1), help="Only so many days, the last ones.")
def verify(town: str | None, days: int | None) -> None:
    """Work out once more what the snapshots say. Ends with 1 when anything differs."""
    is_right = True
    for each in find_towns(town):
        verdict = house().transactions.survey(each.id, SYSTEM, verify_snapshots, days)
        click.echo(f"{each.code}: {verdict.days} days, {verdict.numbers:,} numbers, {len(verdict.differences)} differ")
        for found in verdict.differences[:20]:
            place = f"{found.measure} of {found.day} at {found.territory_id}, {found.slice} {found.key}".rstrip()
            click.echo(f"  {place}: stored {found.stored:,}, found {found.found:,}")
        is_right = is_right and not verdict.differences
    if not is_right:
        sys.exit(1)


@group.command()
def measures() -> None:
    """Write docs/measures.md."""
    MEASURES_PAGE.write_text(describe_measures(), encoding="utf-8")
    click.echo(f"{MEASURES_PAGE.name}: written")

"""`flask --app app search …`: read anew what can be found."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from blueprints.edge.house import house
from commands.towns import find_towns
from rules.search.refreshing import rebuild as rebuild_town
from rules.work import SYSTEM

group = AppGroup("search", help="Search over all rooms.")


@group.command()
@click.option("--town", help="The code of one town; all of them without it.")
def rebuild(town: str | None) -> None:
    """Let everything be found as it stands now. The index is kept in step by itself; this is for after an upgrade."""
    for each in find_towns(town):
        entries = house().transactions.write(each.id, SYSTEM, rebuild_town)
        click.echo(f"{each.code}: {entries:,} entries")

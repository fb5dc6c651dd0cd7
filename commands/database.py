"""`flask --app app database …`: copy the embedded database, print how the tables are spread over a cluster."""

from __future__ import annotations

from pathlib import Path

import click
from flask.cli import AppGroup

from blueprints.edge.house import house
from rules.backup import BackupFailed, copy_database
from rules.distribution import distribution_statements

group = AppGroup("database", help="The database as a whole.")


@group.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def backup(file: Path) -> None:
    """Copy the embedded database to FILE, as of one moment, while it is in use. PostgreSQL: docs/deployment.md."""
    url = house().transactions.engine.url
    if url.get_backend_name() != "sqlite" or not url.database:
        raise click.ClickException("PostgreSQL is backed up by deploy/backup/base-backup and its archive of WAL.")
    try:
        size = copy_database(Path(url.database), file)
    except BackupFailed as error:
        raise click.ClickException(f"{error}.") from None
    click.echo(f"{file}: {size:,} bytes")


@group.command()
def distribution() -> None:
    """Print the SQL that spreads the tables over a Citus cluster by town; docs/scale.md says when that is worth it."""
    for statement in distribution_statements():
        click.echo(statement)

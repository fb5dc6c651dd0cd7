"""`flask --app app admin reload`: new code and new keys without a lost request, on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import click
from flask.cli import with_appcontext

from blueprints.edge.house import house
from commands.admin.checks import Level, look_at
from commands.admin.who import login_name

RELOAD_FILE = "reload"


@click.command(name="reload")
@with_appcontext
def reload_server() -> None:
    """Renew this machine's web workers one after the other, and its scheduler, unless a check finds an error.

    That this command runs proves that the code can be loaded and the settings read: a worker that can't takes its server
    down.
    """
    errors = [finding for finding in look_at(house()) if finding.level is Level.ERROR]
    for finding in errors:
        click.echo(f"{finding.level.value}: {finding.sentence}", err=True)
    if errors:
        raise click.ClickException("Nothing was reloaded.")
    try:
        _touch(house().settings.instance_dir / RELOAD_FILE)
    except OSError as error:
        raise click.ClickException(f"{RELOAD_FILE} in INSTANCE_DIR can't be touched: {error.strerror}.") from None
    click.echo(f"reload asked for by {login_name()}; the log says `chain reloading complete` when it is done")


def _touch(path: Path) -> None:
    """Touch the file, and leave it to the folder's owner where root does it: the service's own reload touches it too."""
    path.touch()
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid)

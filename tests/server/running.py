"""Real server processes for tests, on free ports, gone when the test ends."""

from __future__ import annotations

import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import free_port

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS_MAX = 120


@dataclass(frozen=True)
class Server:
    """A running server."""

    address: str  #: host:port
    process: subprocess.Popen[bytes]
    log: Path

    def answers(self, path: str) -> bool:
        """Whether a path is answered with success now."""
        try:
            with urllib.request.urlopen(f"http://{self.address}{path}", timeout=2):
                return True
        except urllib.error.HTTPError as refused:
            refused.close()
            return False
        except OSError:
            return False

    def wait_for(self, path: str) -> None:
        """Wait until a path is answered. A real server needs real time."""
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline and self.process.poll() is None:
            if self.answers(path):
                return
            time.sleep(0.1)
        raise AssertionError(f"{path} isn't answered:\n{self.log.read_text(errors='replace')[-3000:]}")


@contextmanager
def running(command: list[str], folder: Path, ready: str) -> Iterator[Server]:
    """A server started by a command with an instance of its own, once it answers the path `ready`."""
    address = f"127.0.0.1:{free_port()}"
    environment = os.environ | {"INSTANCE_DIR": str(folder), "HTTP_ADDRESS": address}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)
    server = Server(address, process, folder / "log")
    try:
        server.wait_for(ready)
        yield server
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(30)

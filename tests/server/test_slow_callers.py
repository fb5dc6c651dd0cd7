"""Callers that send in drops don't keep the server from the others, and no process ends because of them.

`BINFEN_LONG=1` runs the control arm too: the same callers at a server that doesn't watch them.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert

from migrations.upgrade import upgrade
from models.territory import HostKind, Town
from rules.database import connect
from tests.server.running import Server, running
from tests.server.test_uwsgi import UWSGI

THREADS = 4
CALLERS = 8
DROP_SECONDS = 1.5
HEAD = (
    b"POST /api/v1/auth/wechat HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 40000\r\n\r\n{"
)


@contextlib.contextmanager
def serving(folder: Path, application: str = "") -> Iterator[Server]:
    """A server of few threads, whose routes get as far as reading a body."""
    engine = connect(f"sqlite:///{folder / 'binfen.sqlite'}")
    upgrade(engine)
    with engine.begin() as connection:
        town = {"id": 1, "code": "binfen", "name": "测试", "host_kind": HostKind.GOVERNMENT, "is_demo": False}
        connection.execute(insert(Town), town)
    engine.dispose()
    few = {"WEB_THREADS": str(THREADS), "WITHOUT_JOBS": "1"} | ({"APPLICATION": application} if application else {})
    with pytest.MonkeyPatch.context() as patched:
        for name, value in few.items():
            patched.setenv(name, value)
        with running(UWSGI, folder, "/healthz") as server:
            yield server


@contextlib.contextmanager
def dripping(server: Server, head: bytes, drop: bytes) -> Iterator[list[float]]:
    """CALLERS who begin a request and go on in drops. Gives after how many seconds each was hung up on."""
    host, port = server.address.split(":")
    ended, cut_after = threading.Event(), []

    def drip() -> None:
        began = time.monotonic()
        with socket.create_connection((host, int(port))) as line:
            try:
                line.sendall(head)
                while not ended.wait(DROP_SECONDS):
                    line.sendall(drop)
            except OSError:
                cut_after.append(time.monotonic() - began)

    callers = [threading.Thread(target=drip, daemon=True) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    yield cut_after
    ended.set()
    for caller in callers:
        caller.join(10)


def waits(server: Server, seconds: float) -> list[float]:
    """How long somebody else waits for answers, so many seconds long."""
    found, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.monotonic()
        connection = http.client.HTTPConnection(server.address, timeout=15)
        with contextlib.suppress(OSError):
            connection.request("GET", "/healthz")
            assert connection.getresponse().status == 200
        connection.close()
        found.append(time.monotonic() - began)
        time.sleep(0.2)
    return found


def test_bodies_and_heads_in_drops_keep_nobody_waiting(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        with dripping(server, HEAD, b" ") as cut_after:
            assert max(waits(server, 6)) < 5
        assert len(cut_after) >= THREADS
        with dripping(server, HEAD.partition(b"Content-Type")[0], b"X-Drop: x\r\n"):
            assert max(waits(server, 2)) < 1
        assert_a_body_in_two_parts_is_read(server)
        log = server.log.read_text()
    assert '"event":"request.slow_body"' in log.replace('": ', '":')
    assert "request.failed" not in log
    assert "HARAKIRI" not in log


def assert_a_body_in_two_parts_is_read(server: Server) -> None:
    """A phone with a bad line is no attacker."""
    connection = http.client.HTTPConnection(server.address, timeout=10)
    body = b'{"code": "no code of WeChat"}'
    connection.putrequest("POST", "/api/v1/auth/wechat")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body[:9])
    time.sleep(1.2)
    connection.send(body[9:])
    answer = connection.getresponse()
    assert (answer.status, b"wechat.code_invalid" in answer.read()) == (401, True)
    connection.close()


@pytest.mark.skipif(os.environ.get("BINFEN_LONG") != "1", reason="the control arm waits for half a minute")
def test_without_the_watch_they_keep_everybody_waiting(tmp_path: Path) -> None:
    with (
        serving(tmp_path, "tests.server.without_watch:create()") as server,
        dripping(server, HEAD, b" "),
    ):
        assert max(waits(server, 6)) > 5

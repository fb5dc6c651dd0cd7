"""The web server by `wsgi.ini`: keeps connections, refuses what it can't read, reloads and stops in good order."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.server.running import ROOT, Server, running

UWSGI = [str(Path(sys.executable).with_name("uwsgi")), "--ini", "wsgi.ini"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(UWSGI, tmp_path, "/healthz") as server:
        yield server


def test_it_keeps_connections_refuses_chunked_bodies_survives_a_reload_and_stops(server: Server) -> None:
    keeps_connections(server)
    refuses_chunked_bodies(server)
    survives_a_reload(server)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(30) == 0


def keeps_connections(server: Server) -> None:
    connection = http.client.HTTPConnection(server.address)
    for _ in range(3):
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b'{"status":"ok"}')
    connection.close()


def refuses_chunked_bodies(server: Server) -> None:
    connection = http.client.HTTPConnection(server.address)
    with suppress(BrokenPipeError):  # the refusal may be here before the body is on its way
        connection.request("POST", "/api/v1/auth/wechat", body=iter([b'{"code": "x"}']), encode_chunked=True)
    answer = connection.getresponse()
    assert answer.status == 411
    assert answer.getheader("Content-Type") == "application/problem+json"
    connection.close()


def survives_a_reload(server: Server) -> None:
    started = server.log.read_text().count("WSGI app 0")
    server.process.send_signal(signal.SIGHUP)
    while server.log.read_text().count("WSGI app 0") == started and server.process.poll() is None:
        server.wait_for("/healthz")
    server.wait_for("/healthz")


def test_settings_that_allow_no_start_end_the_server_and_say_why(tmp_path: Path) -> None:
    environment = os.environ | {
        "ENVIRONMENT": "production",
        "INSTANCE_DIR": str(tmp_path),
        "HTTP_ADDRESS": "127.0.0.1:0",
    }
    ended = subprocess.run(UWSGI, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode != 0
    assert "ENVIRONMENT=production refuses WECHAT=fake" in ended.stdout + ended.stderr

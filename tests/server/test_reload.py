"""New code and new keys without a lost request: two workers are renewed one after the other, all requests are answered."""

from __future__ import annotations

import http.client
import os
import re
import signal
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import Databases
from tests.server.running import START_SECONDS_MAX, Server, running
from tests.server.test_uwsgi import UWSGI

CALLERS = 3


class Load:
    """Callers that ask without a pause, half of them on connections that they keep."""

    def __init__(self, address: str) -> None:
        self.answers: Counter[str] = Counter()
        self._address = address
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(n % 2 == 0,)) for n in range(CALLERS)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, keeps: bool) -> None:
        connection = http.client.HTTPConnection(self._address, timeout=30)
        while not self._stop.is_set():
            try:
                connection.request("GET", "/readyz")
                answer = connection.getresponse()
                answer.read()
                self.answers[str(answer.status)] += 1
            except (OSError, http.client.HTTPException) as error:
                self.answers[type(error).__name__] += 1
                connection.close()
            if not keeps:
                connection.close()
            self._stop.wait(0.005)  # the workers that come need the processor too
        connection.close()


def wait_for_log(server: Server, words: str) -> None:
    """Wait until the log says something. A real server needs real time."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        if words in server.log.read_text(errors="replace"):
            return
        time.sleep(0.1)
    raise AssertionError(server.log.read_text(errors="replace")[-3000:])


SLOW = "tests.server.slow:answer"  #: starts at once, and takes a while for each answer


@pytest.fixture
def two_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("WEB_PROCESSES", "2"), ("WEB_THREADS", "2"), ("WITHOUT_JOBS", "1"), ("LOG_LEVEL", "ERROR")):
        monkeypatch.setenv(name, value)


def reload(server: Server, folder: Path) -> Counter[str]:
    """What callers were answered while the workers were renewed."""
    with Load(server.address) as load:
        (folder / "reload").touch()
        wait_for_log(server, "chain reloading complete")
    log = server.log.read_text(errors="replace")
    assert len(re.findall(r"Respawned uWSGI worker [12] ", log)) == 2
    assert "python -m jobs" not in log
    return load.answers


@pytest.mark.usefixtures("two_workers")
def test_a_reload_of_two_workers_under_load_loses_no_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPLICATION", SLOW)
    with running(UWSGI, tmp_path, "/readyz") as server:
        answers = reload(server, tmp_path)
        assert set(answers) == {"200"}, answers
        assert answers["200"] > 10
        with Load(server.address) as load:  # the control: whoever sends SIGHUP loses some
            server.process.send_signal(signal.SIGHUP)
            wait_for_log(server, "gracefully (RE)spawned uWSGI master process")
            server.wait_for("/readyz")
        assert set(load.answers) > {"200"}, load.answers


@pytest.mark.skipif("BINFEN_LONG" not in os.environ, reason="four starts of the application: only with BINFEN_LONG=1")
@pytest.mark.usefixtures("two_workers")
def test_so_it_is_with_the_application_itself(
    sqlite_databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", sqlite_databases.make())
    with running(UWSGI, tmp_path, "/readyz") as server:
        answers = reload(server, tmp_path)
    assert set(answers) == {"200"}, answers

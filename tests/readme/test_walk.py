"""The README's walk: its very commands, against a server that its first command started, with the answers it shows.

What must differ from one run to the next (ids, tokens, moments, and what is on at this hour) is compared by its form,
everything else to the letter.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
READMES = ("README.md", "README.zh-CN.md")
START_SECONDS_MAX = 120
MARK = "--- end of the answer ---"

FORMS = (
    ("<token>", re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")),
    ("<id>", re.compile(r"\d{15,19}")),
    ("<moment>", re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00")),
    ("<day>", re.compile(r"\d{4}-\d\d-\d\d")),
    ("<cursor>", re.compile(r"Wz[\w-]{20,}")),
    ("<newcomer>", re.compile(r"居民\d{4}")),
)
#: What is on depends on the hour: the reading room's day, evening and night have names and visitors of their own.
OF_THE_HOUR = {"title", "summary", "taken"}


@dataclass(frozen=True)
class Step:
    """A command that the README shows, and the answer it shows for it."""

    command: str
    answer: str


def steps_of(readme: str) -> list[Step]:
    steps: list[Step] = []
    for block in re.findall(r"```console\n(.*?)```", (ROOT / readme).read_text(encoding="utf-8"), re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, answer = part.partition("\n")
            steps.append(Step(command, answer.strip()))
    return steps


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`python3 dev.py run` with a database of its own; gives the API's address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    folder = tmp_path_factory.mktemp("walk")
    environment = os.environ | {"INSTANCE_DIR": str(folder), "HTTP_ADDRESS": address}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "dev.py", "run"], cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            wait_until_ready(address, process, folder / "log")
            yield f"http://{address}/api/v1"
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


def wait_until_ready(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://{address}/readyz", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)  # a real server needs real time
    raise AssertionError(f"the server didn't come up:\n{log.read_text(errors='replace')[-3000:]}")


@pytest.mark.parametrize("readme", READMES)
def test_the_walk_answers_as_the_readme_shows(readme: str, server: str, tmp_path: Path) -> None:
    steps = steps_of(readme)
    script = "\n".join(f"{step.command}\necho; echo '{MARK}'" for step in steps)
    walked = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env=os.environ | {"API": server},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    answers = [answer.strip() for answer in walked.stdout.split(MARK)[:-1]]
    assert len(answers) == len(steps)
    for step, answer in zip(steps, answers, strict=True):
        assert form_of(answer) == form_of(step.answer), step.command


def test_both_readmes_walk_the_same_way() -> None:
    english, chinese = (steps_of(readme) for readme in READMES)
    assert english == chinese
    assert len(english) > 10


def form_of(answer: str) -> Any:
    """An answer with everything that differs from run to run replaced by the name of its form."""
    return _form(json.loads(answer)) if answer else ""


def _form(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _form(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [_form(each, key) for each in value]
    if key in OF_THE_HOUR:
        return type(value).__name__
    if isinstance(value, str):
        for name, pattern in FORMS:
            value = pattern.sub(name, value)
        return re.sub(r"《.*?》", "《<title>》", value)
    return value

"""The README's walk: its very commands, against a server that its first command started, with the answers it shows.

What must differ from one run to the next (ids, tokens, moments, and what is on at this hour) is compared by its form,
everything else to the letter.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.server.running import ROOT, running

READMES = ("README.md", "README.zh-CN.md")
MARK = "--- end of the answer ---"

FORMS = (
    ("<token>", re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")),
    ("<id>", re.compile(r"\d{15,19}")),
    ("<moment>", re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00")),
    ("<day>", re.compile(r"\d{4}-\d\d-\d\d")),
    ("<newcomer>", re.compile(r"居民\d{4}")),
    ("<pick-up code>", re.compile(r"^[0-9A-Z]{12}$")),
)
#: What is on depends on the hour: the reading room's day, evening and night have names and visitors of their own, and
#: around a change two of them are open at once.
OF_THE_HOUR = {"title", "summary", "taken", "next_cursor"}


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
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the API that `python3 dev.py run` serves, with a database of its own."""
    with running([sys.executable, "dev.py", "run"], tmp_path_factory.mktemp("walk"), "/readyz") as server:
        yield f"http://{server.address}/api/v1"


@pytest.mark.parametrize("readme", READMES)
def test_the_walk_answers_as_the_readme_shows(readme: str, api: str, tmp_path: Path) -> None:
    steps = steps_of(readme)
    script = "\n".join(f"{step.command}\necho; echo '{MARK}'" for step in steps)
    walked = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env=os.environ | {"API": api},
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
        return "<of the hour>"
    if isinstance(value, str):
        for name, pattern in FORMS:
            value = pattern.sub(name, value)
        return re.sub(r"《.*?》", "《<title>》", value)
    return value

"""Protects docs/security.md: every line has a test that is there, or says why it has none."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client import REGISTRY

from blueprints.edge import slow_bodies
from rules.errors import RuleError
from rules.residents import lock_out
from settings import SETTING_NAMES, read_settings
from tests.build import ApiClient
from tests.security.test_defences_off import DEFENCES

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()
LINES = re.findall(r"^\| ((?:API|V)\d.*) \|$", PAGE, re.MULTILINE)
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`( ✂)?( ⚖)?( ✋)?")
EXCUSES = ("not met: ", "not ours: ")


def test_every_line_has_a_test_or_says_why_it_has_none() -> None:
    assert len(LINES) > 50
    assert {f"API{n}" for n in range(1, 11)} <= {line.split()[0] for line in LINES}
    assert {f"V{n}" for n in range(1, 18)} <= {re.split(r"[. ,]", line)[0] for line in LINES}
    for line in LINES:
        proof = line.rpartition(" | ")[2]
        assert NAMED.search(proof) or proof.startswith(EXCUSES), line
        if proof.startswith(EXCUSES):
            assert len(proof.partition(": ")[2]) > 10, line


def test_every_test_that_the_page_names_exists() -> None:
    for path, function, *_ in NAMED.findall(PAGE):
        text = (ROOT / path).read_text()
        assert not function or re.search(rf"^def {function}\(", text, re.MULTILINE), (path, function)


def test_what_is_said_to_be_tried_without_its_defence_is() -> None:
    marked = {f"{path.removeprefix('tests/')}::{function}" for path, function, cut, *_ in NAMED.findall(PAGE) if cut}
    assert marked == {defence.test for defence in DEFENCES}


def test_no_line_names_a_test_that_nobody_tried_without_its_defence() -> None:
    untried = [(path, function) for line in LINES for path, function, *marks in NAMED.findall(line) if not any(marks)]
    assert not untried


def test_what_is_said_to_have_a_control_arm_has_one() -> None:
    for path, function, _, scale, _ in NAMED.findall(PAGE):
        if scale:
            assert re.search(r"without|taken_away|control arm|unguarded", (ROOT / path).read_text()), (path, function)


def test_the_settings_the_codes_and_the_numbers_are_the_houses() -> None:
    named = set(re.findall(r"`([A-Z]+_[A-Z_]+)`", PAGE)) - {"BINFEN_SEED"}
    assert named <= set(SETTING_NAMES)
    settings = read_settings()
    for name, rate in re.findall(r"`(RATE_\w+)`, `([\w/]+)`", PAGE):
        assert getattr(settings, name.lower()) == rate
    assert {"request.too_many", "auth.too_many_attempts"} <= set(RuleError.registry)
    assert (lock_out.FREE_FAILURES, lock_out.WAIT_SECONDS_MAX) == (5, 900)
    assert (slow_bodies.SECONDS_FREE, slow_bodies.BYTES_A_SECOND, slow_bodies.SECONDS_MAX) == (5, 8 * 1024, 25)


def test_refusals_and_limits_are_counted(api: ApiClient) -> None:
    def counted() -> float:
        return REGISTRY.get_sample_value("binfen_refusals_total", {"code": "auth.required"}) or 0.0

    before = counted()
    api.get("/me")
    assert counted() == before + 1
    assert "binfen_rate_limited" in {metric.name for metric in REGISTRY.collect()}

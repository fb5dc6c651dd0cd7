"""Protects `dev.py audit` from taking silence for safety."""

from __future__ import annotations

from typing import Any

import pytest

import dev

CLEAN = {"dependencies": [{"name": "flask", "version": "3.1.3", "vulns": []}]}
WEAK = {
    "dependencies": [
        {"name": "flask", "version": "3.1.3", "vulns": []},
        {"name": "jinja2", "version": "2.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3.1"]}]},
    ]
}
SKIPPED = {"dependencies": [{"name": "flask", "version": "3.1.3", "skip_reason": "not found"}]}
NPM_CLEAN: dict[str, Any] = {"vulnerabilities": {}}


@pytest.mark.parametrize(
    ("pypi", "npm", "code", "told"),
    [
        (CLEAN, NPM_CLEAN, 0, "0 known weaknesses"),
        (WEAK, NPM_CLEAN, 1, "jinja2 2.0: PYSEC-1, mended in 3.1"),
        (CLEAN, {"vulnerabilities": {"left-pad": {"severity": "high"}}}, 1, "left-pad: high"),
        (SKIPPED, NPM_CLEAN, 3, "1 not asked about"),
        (None, NPM_CLEAN, 3, "pip-audit gave no report"),
        (CLEAN, None, 3, "npm's audit gave no report"),
        (CLEAN, {"error": {"code": "ENOAUDIT"}}, 3, "npm's audit gave no report"),
        ([], [], 3, "could not be asked about all"),
    ],
)
def test_the_audit_says_what_is_weak_and_what_it_could_not_ask(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], pypi: Any, npm: Any, code: int, told: str
) -> None:
    monkeypatch.setattr(dev, "python", lambda *command: 0)
    monkeypatch.setattr(dev, "answer_of", lambda command: npm if dev.NPM in command else pypi)
    assert dev.audit([]) == code
    assert told in capsys.readouterr().out


def test_the_nightly_run_is_of_all_that_know_a_long_one(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[str, ...]] = []
    monkeypatch.setattr(dev, "audit", lambda _arguments: 3)
    monkeypatch.setattr(dev, "python", lambda *command: ran.append(command) or 0)
    monkeypatch.setenv("BINFEN_SEED", "7")
    monkeypatch.delenv("BINFEN_LONG", raising=False)
    monkeypatch.chdir(dev.ROOT)
    assert dev.nightly(["-x"]) == 3
    assert dev.os.environ.pop("BINFEN_LONG") == "1"
    [command] = ran
    assert {"tests/api/test_schemathesis.py", "tests/ledger/test_invariants.py", "-x", "7"} <= set(command)

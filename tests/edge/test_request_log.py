"""Protects the log: a line for each request by the route's pattern, and never a token, a code, a name or a phone.

The walk runs in a process of its own (`tests.edge.walk`), because the log of a deployment is what is looked at.
"""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy.engine import make_url

from tests.conftest import Databases

ROOT = Path(__file__).resolve().parents[2]
#: What DEBUG adds is said by the driver of PostgreSQL; the rest of the log is the same on both.
LEVELS = {"sqlite": "INFO", "postgresql": "DEBUG"}
LINE = {"event", "level", "timestamp", "request_id", "method", "route", "status", "milliseconds", "actor"}


@dataclass(frozen=True)
class Walked:
    """What a walk left behind."""

    log: str
    secrets: dict[str, str]
    requests: list[dict[str, Any]]
    metrics: str

    @property
    def documents(self) -> list[dict[str, Any]]:
        """The lines that are JSON."""
        return [orjson.loads(line) for line in self.log.splitlines() if line.startswith("{")]

    @property
    def answered(self) -> list[dict[str, Any]]:
        return [line for line in self.documents if line["event"] == "request.answered"]


@pytest.fixture(scope="module")
def walked(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Walked:
    url = databases.make()
    settings = {
        "DATABASE_URL": url,
        "INSTANCE_DIR": str(tmp_path_factory.mktemp("instance")),
        "LOG_LEVEL": LEVELS[make_url(url).get_backend_name()],
        "WECHAT": "fake",
        "WECHAT_APPID": "wx-of-the-walk",
        "WECHAT_SECRET": "secret-of-the-walk",
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.edge.walk"],
        cwd=ROOT,
        env={**os.environ, **settings},
        capture_output=True,
        timeout=120,
        check=False,
    )
    log = done.stderr.decode()
    assert done.returncode == 0, log[-3000:]
    report = orjson.loads(done.stdout)
    secrets = report["secrets"] | {"WeChat secret": settings["WECHAT_SECRET"]}
    return Walked(log, secrets, report["requests"], report["metrics"])


def test_nothing_secret_and_nobody_is_in_the_log(walked: Walked) -> None:
    found = {name for name, secret in walked.secrets.items() if secret in walked.log}
    for name, secret in walked.secrets.items():
        if base64.b64encode(secret.encode()).decode() in walked.log or ascii(secret)[1:-1] in walked.log:
            found.add(name)
    lines = [line[:300] for line in walked.log.splitlines() if any(walked.secrets[name] in line for name in found)]
    assert not found, lines
    assert "Bearer ey" not in walked.log
    assert not re.search(r"\beyJ[\w-]{10}", walked.log), "no token of any kind"


def test_every_request_has_one_line_with_its_pattern_and_its_status(walked: Walked) -> None:
    by_id = {line["request_id"]: line for line in walked.answered}
    assert len(by_id) == len(walked.answered) == len(walked.requests)
    for request in walked.requests:
        line = by_id[request["id"]]
        assert line["status"] == request["status"]
        assert line["method"] == ("OTHER" if request["method"] == "BREW" else request["method"])
        assert set(line) == LINE
        assert line["milliseconds"] >= 0
        assert line["level"] == "info"


def test_a_line_names_the_route_and_never_the_path(walked: Walked) -> None:
    routes = {line["route"] for line in walked.answered}
    assert routes >= {
        "/api/v1/sessions/<id:session_id>/reservations",
        "/api/v1/reservations/<id:reservation_id>",
        "/problems/<string:code>",
        "/api/v1/checkins",
        "unknown",
    }
    assert not [route for route in routes if re.search(r"\d{3}|[?&=]", route)]


def test_a_line_says_what_kind_of_caller_it_was(walked: Walked) -> None:
    kinds = {(line["route"], line["status"]): line["actor"] for line in walked.answered}
    assert kinds["/api/v1/me", 200] == "resident"
    assert kinds["/api/v1/checkins", 200] == "staff"
    assert kinds["/api/v1/communities", 200] == "visitor"


def test_every_line_of_the_log_is_json(walked: Walked) -> None:
    others = [line for line in walked.log.splitlines() if not line.startswith("{")]
    assert others == []


def test_a_fault_is_logged_with_its_trace_under_its_requests_id(walked: Walked) -> None:
    faults = [line for line in walked.documents if line["event"] == "request.failed"]
    failed = [request["id"] for request in walked.requests if request["status"] == 500]
    assert [line["request_id"] for line in faults] == failed
    assert all(fault["lines"] for line in faults for fault in line["fault"][:1])


def test_metrics_count_by_the_routes_pattern(walked: Walked) -> None:
    counted: Counter[tuple[str, str, str]] = Counter()
    for labels, value in re.findall(r"^binfen_requests_total\{([^}]*)\} ([\d.]+)$", walked.metrics, re.MULTILINE):
        label = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        counted[label["method"], label["route"], label["status"]] += int(float(value))
    logged = Counter((line["method"], line["route"], str(line["status"])) for line in walked.answered)
    logged.subtract([("GET", "/metrics", "200")])  # counted after it was shown
    assert counted == +logged
    for line in walked.answered[:-1]:
        wanted = f'binfen_request_seconds_count{{method="{line["method"]}",route="{line["route"]}"}}'
        assert wanted in walked.metrics
    assert not any(secret in walked.metrics for secret in walked.secrets.values())

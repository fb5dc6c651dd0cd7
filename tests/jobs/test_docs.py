"""docs/jobs.md and docs/operations.md say what is so: jobs, metrics and numbers are held against the house."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from flask import Flask

from jobs import __main__ as process
from jobs.delivery import calling
from jobs.schedule import JOBS
from rules.clock import ZONE
from rules.jobs import clearing, runs, watching
from rules.monitor import webhooks

DOCS = Path(__file__).resolve().parents[2] / "docs"
JOBS_PAGE, OPERATIONS = ((DOCS / name).read_text(encoding="utf-8") for name in ("jobs.md", "operations.md"))


def test_every_job_stands_on_the_page_with_its_moment() -> None:
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (every [^|]*) \|", JOBS_PAGE, re.MULTILINE))
    assert rows.keys() >= {job.name for job in JOBS}
    for job in JOBS:
        minute, hour, *_ = job.cron.split()
        if hour.isdigit():
            assert rows[job.name].endswith(f"at {int(hour):02}:{int(minute):02}"), job.name
    assert str(ZONE) == "Asia/Shanghai"


def test_every_metric_stands_on_the_page_and_no_other(app: Flask) -> None:
    shown = {name for name in re.findall(r"^# TYPE (\w+)", metrics(app), re.MULTILINE) if name.startswith("binfen_")}
    shown = {name for name in shown if not name.endswith("_created")} | {"binfen_snapshot_age_seconds"}
    assert set(re.findall(r"^\| `(binfen_\w+)` \|", OPERATIONS, re.MULTILINE)) == shown
    assert set(re.findall(r"binfen_\w+", OPERATIONS)) == shown


def metrics(app: Flask) -> str:
    client = app.test_client()
    client.get("/healthz")
    return client.get("/metrics").get_data(as_text=True)


def test_the_numbers_of_the_pages_are_those_of_the_house() -> None:
    for page, said in (
        (JOBS_PAGE, f"again every {process.LOOK_SECONDS:.0f} seconds"),
        (JOBS_PAGE, f"every {process.CATCH_UP_MINUTES} minutes from then on"),
        (JOBS_PAGE, f"up to {runs.ATTEMPTS_MAX} attempts"),
        (JOBS_PAGE, f"its moment is {watching.MISSED_AFTER.seconds // 60} minutes past"),
        (JOBS_PAGE, f"`Idempotency-Key` after {clearing.ANSWERS_KEPT_DAYS} days"),
        (JOBS_PAGE, f"wrong codes after {clearing.TRIES_KEPT_DAYS} days, runs of jobs after {clearing.RUNS_KEPT_DAYS}"),
        (JOBS_PAGE, f"after {clearing.DAILY_RUNS_KEPT_DAYS} days those of daily jobs"),
        (OPERATIONS, f"it does every {process.SAY_SECONDS:.0f} seconds"),
        (OPERATIONS, f"After {webhooks.FAILURES_MAX} failures in a row"),
        (OPERATIONS, f"(up to {webhooks.WEBHOOKS_MAX})"),
        (OPERATIONS, f"ends after {calling.TOTAL_SECONDS:.0f} seconds"),
    ):
        assert said in page, said
    assert runs.ABANDONED_AFTER.seconds == 3600


def test_the_example_of_a_receiver_knows_our_signature_and_no_other() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", OPERATIONS, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    headers = {"webhook-id": "msg_1", "webhook-timestamp": "1614265330"}
    headers["webhook-signature"] = webhooks.sign(secret, "msg_1", 1614265330, body)
    assert names["is_ours"](secret, headers, body)
    assert not names["is_ours"](secret, headers, body + b" ")
    assert not names["is_ours"](secret, headers | {"webhook-id": "msg_2"}, body)

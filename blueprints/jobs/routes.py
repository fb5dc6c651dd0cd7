"""Runs of jobs: what ran for the town, and what came of it."""

from __future__ import annotations

from typing import Any

from blueprints.edge.room import Room
from blueprints.edge.schemas import page_of
from blueprints.jobs.schemas import JobRunArguments, JobRunView
from models.residents import Role
from rules import jobs
from rules.work import Work

room = Room("jobs", __name__, description="What runs without a request")

Wish = dict[str, Any]


@room.does("GET", "/jobs/runs", needs=Role.AUDITOR)
@room.arguments(JobRunArguments, location="query")
@room.response(200, page_of(JobRunView, "job_runs"))
def list_job_runs(work: Work, wish: Wish) -> Any:
    """The runs of the nightly jobs for this town, the last one first."""
    return jobs.list_runs(work, wish["job"], wish["cursor"], wish["limit"])

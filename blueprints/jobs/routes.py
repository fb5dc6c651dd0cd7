"""Jobs: whether each ran when it should have, what ran for the town, and what came of it."""

from __future__ import annotations

from typing import Any

from blueprints.edge.room import Room
from blueprints.edge.schemas import page_of
from blueprints.jobs.schemas import JobRunArguments, JobRunView, JobsView
from models.residents import Role
from rules.jobs.runs import list_runs
from rules.jobs.watching import show_jobs as show_jobs_of_town
from rules.residents.identity import Forbidden
from rules.work import Work

room = Room("jobs", __name__, description="What runs without a request")

Wish = dict[str, Any]


@room.does("GET", "/jobs", needs=Role.AUDITOR, refuses=[Forbidden])
@room.response(200, JobsView)
def show_jobs(work: Work) -> Any:
    """Each job with its schedule, its last run and what is wrong with it, and who leads. For auditors of the whole town."""
    return show_jobs_of_town(work)


@room.does("GET", "/jobs/runs", needs=Role.AUDITOR)
@room.arguments(JobRunArguments, location="query")
@room.response(200, page_of(JobRunView, "job_runs"))
def list_job_runs(work: Work, wish: Wish) -> Any:
    """The runs of the nightly jobs for this town, the last one first."""
    return list_runs(work, wish["job"], wish["cursor"], wish["limit"])

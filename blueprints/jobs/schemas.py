"""Runs of jobs."""

from __future__ import annotations

from marshmallow import fields

from blueprints.edge.fields import MICROSECONDS_MAX, Moment, Words
from blueprints.edge.schemas import Fast, PageArguments, cursor_of
from models.jobs import JobOutcome
from rules.ids import ID_MAX


class JobRunArguments(PageArguments):
    """A page of the runs of one job, or of all."""

    job = Words(length_max=64, load_default=None, metadata={"description": "The job's name."})
    cursor = cursor_of("job_runs", MICROSECONDS_MAX, ID_MAX)


class JobRunView(Fast):
    """One run of a job for the town."""

    job = fields.String(required=True)
    slot = fields.String(required=True, metadata={"description": "What the run was for: a day, an hour."})
    attempts = fields.Integer(required=True)
    started_at = Moment(required=True)
    finished_at = Moment(required=True, allow_none=True, metadata={"description": "null while it runs."})
    outcome = fields.Enum(JobOutcome, by_value=True, required=True, allow_none=True)
    result = fields.Dict(
        keys=fields.String(),
        required=True,
        allow_none=True,
        metadata={"description": "What it did, in numbers; of the audit also the first violations."},
    )

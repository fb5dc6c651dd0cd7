"""Jobs and their runs."""

from __future__ import annotations

from marshmallow import fields

from blueprints.edge.fields import MICROSECONDS_MAX, Moment, Words
from blueprints.edge.schemas import Fast, PageArguments, cursor_of
from models.jobs import JobOutcome
from rules.ids import ID_MAX
from rules.jobs.watching import Alarm


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


class LeaderView(Fast):
    """Which process runs the jobs, of all that could."""

    term = fields.Integer(required=True, metadata={"description": "Rises whenever another process begins to lead."})
    began_at = Moment(required=True, allow_none=True, metadata={"description": "null: nobody has led yet."})
    seen_at = Moment(required=True, allow_none=True)
    is_there = fields.Boolean(required=True, metadata={"description": "It said within half a minute that it leads."})


class JobView(Fast):
    """A job of the town, its last run and its next. What is null of the last run has never been."""

    job = fields.String(required=True)
    schedule = fields.String(required=True, metadata={"description": "A line of cron: `30 3 * * *`. Local time."})
    slot = fields.String(required=True, allow_none=True, metadata={"description": "What the last run was for."})
    due_at = Moment(required=True, allow_none=True)
    attempts = fields.Integer(required=True, allow_none=True)
    started_at = Moment(required=True, allow_none=True)
    finished_at = Moment(required=True, allow_none=True, metadata={"description": "null while it runs."})
    seconds = fields.Float(required=True, allow_none=True)
    outcome = fields.Enum(JobOutcome, by_value=True, required=True, allow_none=True)
    result = fields.Dict(keys=fields.String(), required=True, allow_none=True)
    succeeded_at = Moment(required=True, allow_none=True, metadata={"description": "When a run last ended well."})
    next_due_at = Moment(required=True, metadata={"description": "The first moment whose run wasn't begun."})
    alarm = fields.Enum(
        Alarm,
        by_value=True,
        required=True,
        allow_none=True,
        metadata={"description": "missed: not begun in time. failed: the last run failed. stuck: it doesn't end."},
    )


class JobsView(Fast):
    """The jobs of the town, and who runs them."""

    leader = fields.Nested(LeaderView, required=True)
    items = fields.List(fields.Nested(JobView), required=True)

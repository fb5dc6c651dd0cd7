"""What several tests of jobs need."""

from __future__ import annotations

from datetime import timedelta

from rules.clock import utc_now
from rules.jobs.runs import Due


def due_for(job: str, slot: str) -> Due:
    """A job that is due now for a slot, and again in a day."""
    return Due(job, slot, "30 3 * * *", utc_now(), utc_now() + timedelta(days=1))

"""Volunteers."""

from __future__ import annotations

from sqlalchemy import bindparam, select

from models.volunteering import VolunteerRegistration
from rules.work import Work

_registration = select(VolunteerRegistration.resident_id).where(
    VolunteerRegistration.town_id == bindparam("town"), VolunteerRegistration.resident_id == bindparam("resident")
)


def is_volunteer(work: Work, resident_id: int) -> bool:
    """Whether the resident is registered as a volunteer of the town."""
    return work.db.scalar(_registration, {"town": work.town_id, "resident": resident_id}) is not None

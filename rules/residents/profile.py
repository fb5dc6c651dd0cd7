"""What a resident sees of themselves."""

from __future__ import annotations

from sqlalchemy import bindparam, select

from models.residents import Resident
from models.territory import Territory, Town
from models.volunteering import VolunteerRegistration
from rules.rows import AnyRow
from rules.work import Work

_profile = (
    select(
        Resident.id,
        Resident.name,
        Resident.status,
        Resident.registered_at,
        Town.code.label("town_code"),
        Town.name.label("town_name"),
        Resident.territory_id,
        Territory.name.label("territory_name"),
        VolunteerRegistration.resident_id.is_not(None).label("is_volunteer"),
    )
    .join(Town, Town.id == Resident.town_id)
    .outerjoin(Territory, (Territory.town_id == Resident.town_id) & (Territory.id == Resident.territory_id))
    .outerjoin(
        VolunteerRegistration,
        (VolunteerRegistration.town_id == Resident.town_id) & (VolunteerRegistration.resident_id == Resident.id),
    )
    .where(Resident.town_id == bindparam("town"), Resident.id == bindparam("id"))
)


def show_profile(work: Work) -> AnyRow:
    """The actor's own record, with the names of town and place."""
    return work.db.execute(_profile, {"town": work.town_id, "id": work.actor.id}).one()

"""What residents see of themselves, and what they may change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, select

from models.residents import Resident, ResidentStatus
from models.territory import Territory, Town
from models.volunteering import VolunteerRegistration
from rules.errors import Kind, RuleError
from rules.keys import Keys
from rules.residents.ages import CONSENT_YEARS
from rules.residents.phones import masked_phone
from rules.residents.records import GuardianNeeded, change_record, check_birthday, lock_record
from rules.work import Work


class BirthdayFixed(RuleError):
    code = "resident.birthday_fixed"
    kind = Kind.CONFLICT
    zh = "出生日期已登记，如需更正请联系社区工作人员。"
    en = "Your birthday is on record already. Please ask the community's staff to correct it."


@dataclass(frozen=True, slots=True)
class Profile:
    """A resident, as seen by the resident."""

    id: int
    name: str
    phone: str | None  #: masked
    born_on: date | None
    status: ResidentStatus
    registered_at: datetime
    town_code: str
    town_name: str
    territory_id: int | None
    territory_name: str | None
    is_volunteer: bool


_profile = (
    select(
        Resident.id,
        Resident.name,
        Resident.phone_sealed,
        Resident.born_on,
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


def show_profile(work: Work, keys: Keys) -> Profile:
    """The actor's own record, with the names of town and place."""
    row = work.db.execute(_profile, {"town": work.town_id, "id": work.actor.id}).one()._asdict()
    sealed = row.pop("phone_sealed")
    return Profile(phone=masked_phone(keys, work.town_id, work.actor.id, sealed), **row)


def change_profile(work: Work, keys: Keys, changes: Mapping[str, Any]) -> Profile:
    """Change the actor's name, territory_id or born_on, those that are given; a birthday can be told once.

    Raises PlaceUnknown, BirthdayImplausible, BirthdayFixed, GuardianNeeded.
    """
    record = lock_record(work, work.actor.id)
    if "born_on" in changes and changes["born_on"] != record.born_on:
        if record.born_on is not None:
            raise BirthdayFixed
        if check_birthday(work, changes["born_on"]) < CONSENT_YEARS:
            raise GuardianNeeded
    change_record(work, record, changes)
    return show_profile(work, keys)

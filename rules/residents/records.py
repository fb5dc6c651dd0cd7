"""What the town has on record of a resident: name, birthday, place, household.

A record changes under the lock of its row, so two who correct it at once do so one after the other. Somebody who moves
leaves the household, unless its building lies in the new place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import aliased

from models.residents import Consent, Household, Purpose, Registration, Resident
from models.territory import Territory
from rules.clock import local_day
from rules.errors import Kind, RuleError
from rules.points.people import IS_SOMEBODY, ResidentUnknown
from rules.residents.ages import AGE_MAX, age_on
from rules.residents.sign_in import CONSENT_VERSION
from rules.rows import AnyRow
from rules.territory import PlaceUnknown
from rules.work import Work


class BirthdayImplausible(RuleError):
    code = "resident.birthday_implausible"
    kind = Kind.INVALID
    zh = "出生日期不对：不能晚于今天，也不能早于 130 年前。"
    en = "This can't be a birthday: it is after today, or more than 130 years ago."


class GuardianNeeded(RuleError):
    code = "resident.guardian_needed"
    kind = Kind.INVALID
    zh = "未满 14 周岁须由监护人同意并登记。"
    en = "Below 14 years a guardian has to consent and to register the child."


@dataclass(frozen=True, slots=True)
class NewResident:
    """Somebody whom somebody else registers."""

    name: str
    territory_id: int | None
    consent_note: str  #: how they, or their guardian, consented
    born_on: date | None = None
    household_id: int | None = None
    relation: str | None = None  #: what a guardian is to the child


_place = select(Territory.path).where(Territory.town_id == bindparam("town"), Territory.id == bindparam("place"))
_home, _house = aliased(Territory), aliased(Territory)
_lock_record = (
    select(
        Resident.id,
        Resident.name,
        Resident.born_on,
        Resident.territory_id,
        Resident.household_id,
        _home.path,
        _house.path.label("building_path"),
    )
    .outerjoin(_home, (_home.town_id == Resident.town_id) & (_home.id == Resident.territory_id))
    .outerjoin(Household, (Household.town_id == Resident.town_id) & (Household.id == Resident.household_id))
    .outerjoin(_house, (_house.town_id == Household.town_id) & (_house.id == Household.building_id))
    .where(Resident.town_id == bindparam("town"), Resident.id == bindparam("resident"), IS_SOMEBODY)
    .with_for_update(key_share=True, of=Resident)
)
_WRITTEN = ("name", "born_on", "territory_id")
_write_record = (
    update(Resident)
    .where(Resident.town_id == bindparam("town"), Resident.id == bindparam("resident"))
    .values({name: bindparam(f"new_{name}") for name in (*_WRITTEN, "household_id")})
    .values(versioned_at=bindparam("now"))
    .execution_options(synchronize_session=False)
)
_add_resident = insert(Resident)
_add_registration = insert(Registration)
_add_consent = insert(Consent)


def path_of_place(work: Work, territory_id: int) -> str:
    """The path of a node of the tree. Raises PlaceUnknown."""
    path = work.core.scalar(_place, {"town": work.town_id, "place": territory_id})
    if path is None:
        raise PlaceUnknown
    return path


def check_birthday(work: Work, born_on: date) -> int:
    """How old somebody is today who was born on that day. Raises BirthdayImplausible."""
    age = age_on(born_on, local_day(work.now))
    if not 0 <= age <= AGE_MAX:
        raise BirthdayImplausible
    return age


def lock_record(work: Work, resident_id: int) -> AnyRow:
    """A resident's record: id, name, born_on, territory_id with its path, household_id with its building_path.

    Its row is locked until the work ends. Raises ResidentUnknown, also for who was erased while the lock was waited for.
    """
    record = work.core.execute(_lock_record, {"town": work.town_id, "resident": resident_id}).first()
    if record is None:
        raise ResidentUnknown
    return record


def change_record(work: Work, record: AnyRow, changes: Mapping[str, Any]) -> None:
    """Write name, born_on or territory_id of a locked record, those that are given.

    Raises PlaceUnknown, BirthdayImplausible.
    """
    new = {name: changes.get(name, getattr(record, name)) for name in _WRITTEN}
    household_id = record.household_id
    if "born_on" in changes:
        check_birthday(work, new["born_on"])
    if new["territory_id"] != record.territory_id:
        path = path_of_place(work, new["territory_id"])
        household_id = household_id if (record.building_path or "").startswith(path) else None
    values = {f"new_{name}": value for name, value in {**new, "household_id": household_id}.items()}
    work.core.execute(_write_record, {"town": work.town_id, "resident": record.id, "now": work.now, **values})


def add_resident(work: Work, new: NewResident) -> int:
    """Write down somebody who has no WeChat, who registered them, and the consent. Returns the id."""
    resident_id = work.new_id()
    whose = {"town_id": work.town_id, "resident_id": resident_id}
    row = {"name": new.name, "born_on": new.born_on, "territory_id": new.territory_id, "household_id": new.household_id}
    work.core.execute(_add_resident, {"town_id": work.town_id, "id": resident_id, "registered_at": work.now, **row})
    by = {"registered_by_kind": work.actor.kind.value, "registered_by_id": work.actor.id, "registered_at": work.now}
    work.core.execute(_add_registration, {**whose, **by, "relation": new.relation, "consent_note": new.consent_note})
    agreed = {"purpose": Purpose.ACCOUNT, "version": CONSENT_VERSION, "given_at": work.now}
    work.core.execute(_add_consent, {**whose, "id": work.new_id(), **agreed})
    return resident_id

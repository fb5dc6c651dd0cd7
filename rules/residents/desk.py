"""The desk of a service centre: who comes without a phone is registered, found and corrected by staff.

Who works at a desk (a scanner, an organiser) serves the residents of the places that their role covers; somebody without
a place is the whole town's. A person is found by a whole number, or by its last digits and the exact name, so nobody can
leaf through the residents, and what is found is shown masked.

A mobile number is one person's: the table `mobile_holder` settles it between two desks at once. A landline belongs to a
household and may stand in several records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select

from models.residents import Resident, Role
from models.territory import Territory
from rules.errors import Kind, RuleError
from rules.keys import Keys
from rules.points.people import IS_SOMEBODY, ResidentUnknown
from rules.residents.ages import CONSENT_YEARS
from rules.residents.identity import holds_at_root
from rules.residents.names import greeting, normalised
from rules.residents.numbers import keep_number
from rules.residents.phones import Phone, masked_phone, phone_index, read_phone
from rules.residents.proxies import ProxyView, end_proxy_of, list_agents, record_proxy
from rules.residents.records import (
    GuardianNeeded,
    NewResident,
    add_resident,
    change_record,
    check_birthday,
    lock_record,
    path_of_place,
)
from rules.rows import AnyRow
from rules.work import ActorKind, TryAgain, Work

DESK = (Role.SCANNER, Role.ORGANISER)
MATCHES_MAX = 10


class DeskOnly(RuleError):
    code = "resident.desk_only"
    kind = Kind.FORBIDDEN
    zh = "只有负责该居民所在地的工作人员可以办理。"
    en = "Only staff of the place where the resident lives can do this."


class PhoneTaken(RuleError):
    code = "resident.phone_taken"
    kind = Kind.CONFLICT
    zh = "这个手机号已登记在居民 {resident_id} 名下。请核对来人是否就是这位居民，如是请直接使用该档案。"
    en = "This number is resident {resident_id}'s already. If that is who stands before you, use that record."

    def details(self, language: str) -> dict[str, list[str]]:  # noqa: ARG002
        return {"resident_id": [str(self.facts["resident_id"])]}


class PhoneTakenElsewhere(RuleError):
    code = "resident.phone_taken_elsewhere"
    kind = Kind.CONFLICT
    zh = "这个手机号已在本街道其他社区登记，请联系街道工作人员核对。"
    en = "This number is registered elsewhere in the town. Please ask staff of the whole town to look at it."


class SearchTooWide(RuleError):
    code = "resident.search_too_wide"
    kind = Kind.INVALID
    zh = "请提供完整电话号码，或手机尾号加全名。"
    en = "Give a whole telephone number, or its last four digits and the full name."


@dataclass(frozen=True, slots=True)
class DeskRecord:
    """A resident as the desk sees them."""

    id: int
    name: str  #: masked
    phone: str | None  #: masked
    territory_id: int | None
    territory_name: str | None
    has_wechat: bool


_seen = (
    select(
        Resident.id,
        Resident.name,
        Resident.phone_sealed,
        Resident.territory_id,
        Resident.openid_sealed.is_not(None).label("has_wechat"),
        Territory.name.label("territory_name"),
        Territory.path,
    )
    .outerjoin(Territory, (Territory.town_id == Resident.town_id) & (Territory.id == Resident.territory_id))
    .where(Resident.town_id == bindparam("town"), IS_SOMEBODY)
    .order_by(Resident.id)
)
_by_id = _seen.where(Resident.id == bindparam("resident"))
_by_phone = _seen.where(Resident.phone_index == bindparam("phone_index"))
_by_tail = _seen.where(Resident.phone_tail == bindparam("tail"))


def serves(work: Work, path: str | None) -> bool:
    """Whether the actor works at the desk of a place; of the whole town where there is no place."""
    if work.actor.kind is not ActorKind.STAFF:
        return False
    if path is None:
        return any(holds_at_root(work, role) for role in DESK)
    return any(work.actor.may(role, path) for role in DESK)


def require_desk(work: Work, path: str | None) -> None:
    """Raises DeskOnly unless the actor works at the desk of the place."""
    if not serves(work, path):
        raise DeskOnly


def require_desk_over(work: Work, resident_id: int) -> None:
    """Raises ResidentUnknown (also to residents, whoever it is), and DeskOnly to staff of other places."""
    seen = work.core.execute(_by_id, {"town": work.town_id, "resident": resident_id}).first()
    if seen is None or work.actor.kind is not ActorKind.STAFF:
        raise ResidentUnknown
    require_desk(work, seen.path)


def register_resident(
    work: Work, keys: Keys, new: NewResident, *, phone: str | None = None, guardian_id: int | None = None
) -> DeskRecord:
    """Register somebody who stands at the desk, by their own consent, or below 14 by the guardian's.

    Raises PlaceUnknown, DeskOnly, BirthdayImplausible, GuardianNeeded, PhoneInvalid, PhoneTaken, PhoneTakenElsewhere, and
    what `record_proxy` raises of the guardian.
    """
    assert new.territory_id is not None, "the desk's form asks for a place"
    require_desk(work, path_of_place(work, new.territory_id))
    if new.born_on is not None and check_birthday(work, new.born_on) < CONSENT_YEARS and guardian_id is None:
        raise GuardianNeeded
    resident_id = add_resident(work, new)
    if guardian_id is not None:
        record_proxy(work, resident_id, guardian_id, new.consent_note)
    if phone is not None:
        _give_phone(work, keys, resident_id, read_phone(phone))
    return _show(work, keys, resident_id)


def correct_resident(work: Work, keys: Keys, resident_id: int, changes: Mapping[str, Any]) -> DeskRecord:
    """Correct name, born_on, territory_id or phone of a resident, those that are given; a phone of None is taken away.

    Raises ResidentUnknown, DeskOnly (of the place as it was, and as it is to be), PlaceUnknown, BirthdayImplausible,
    PhoneInvalid, PhoneTaken, PhoneTakenElsewhere.
    """
    require_desk_over(work, resident_id)
    record = lock_record(work, resident_id)
    require_desk(work, record.path)  # who moved away before the lock is served elsewhere
    if "territory_id" in changes:
        require_desk(work, path_of_place(work, changes["territory_id"]))
    change_record(work, record, changes)
    if "phone" in changes:
        _give_phone(work, keys, resident_id, None if changes["phone"] is None else read_phone(changes["phone"]))
    return _show(work, keys, resident_id)


def record_proxy_at_desk(work: Work, principal_id: int, agent_id: int, consent_note: str) -> ProxyView:
    """Let somebody act for a resident who agreed to it before staff.

    Raises ResidentUnknown, DeskOnly and what `record_proxy` raises.
    """
    require_desk_over(work, principal_id)
    return record_proxy(work, principal_id, agent_id, consent_note)


def list_agents_at_desk(work: Work, principal_id: int) -> Sequence[ProxyView]:
    """Who may act for a resident. Raises ResidentUnknown, DeskOnly."""
    require_desk_over(work, principal_id)
    return list_agents(work, principal_id)


def end_proxy_at_desk(work: Work, principal_id: int, proxy_id: int) -> None:
    """End a proxy of a resident's. Raises ResidentUnknown, DeskOnly, ProxyUnknown."""
    require_desk_over(work, principal_id)
    end_proxy_of(work, principal_id, proxy_id)


def find_residents(
    work: Work, keys: Keys, *, phone: str | None = None, phone_tail: str | None = None, name: str | None = None
) -> Sequence[DeskRecord]:
    """Who has this number, or a number with this tail and this name, of those whom the actor serves.

    Raises SearchTooWide, PhoneInvalid, DeskOnly (whose roles don't serve a desk anywhere).
    """
    if not any(work.actor.holds(role) for role in DESK):
        raise DeskOnly
    wanted = None if name is None else normalised(name)
    if (phone is None) == (phone_tail is None) or (phone_tail is None) != (wanted is None) or wanted == "":
        raise SearchTooWide
    if phone is not None:
        index = phone_index(keys, work.town_id, read_phone(phone))
        rows = work.core.execute(_by_phone, {"town": work.town_id, "phone_index": index}).all()
    else:
        rows = work.core.execute(_by_tail, {"town": work.town_id, "tail": phone_tail}).all()
        rows = [row for row in rows if normalised(row.name) == wanted]
    return [_view(work, keys, row) for row in rows if serves(work, row.path)][:MATCHES_MAX]


def _give_phone(work: Work, keys: Keys, resident_id: int, phone: Phone | None) -> None:
    """Write a resident's number, or none. Raises PhoneTaken, PhoneTakenElsewhere for a mobile that somebody else has."""
    if phone is not None and phone.is_mobile:
        _refuse_taken(work, resident_id, phone_index(keys, work.town_id, phone))
    if not keep_number(work, keys, resident_id, phone):  # another desk took it since the look
        raise TryAgain


def _refuse_taken(work: Work, resident_id: int, index: bytes) -> None:
    """Raises a refusal that names the other record only to who may see it."""
    others = work.core.execute(_by_phone, {"town": work.town_id, "phone_index": index}).all()
    others = [other for other in others if other.id != resident_id]
    for other in others:
        if serves(work, other.path):
            raise PhoneTaken(resident_id=other.id)
    if others:
        raise PhoneTakenElsewhere


def _show(work: Work, keys: Keys, resident_id: int) -> DeskRecord:
    return _view(work, keys, work.core.execute(_by_id, {"town": work.town_id, "resident": resident_id}).one())


def _view(work: Work, keys: Keys, row: AnyRow) -> DeskRecord:
    return DeskRecord(
        id=row.id,
        name=greeting(row.name, row.id),
        phone=masked_phone(keys, work.town_id, row.id, row.phone_sealed),
        territory_id=row.territory_id,
        territory_name=row.territory_name,
        has_wechat=bool(row.has_wechat),
    )

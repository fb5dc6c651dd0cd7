"""Children, whom a guardian registers and acts for.

A child below 18 lives where the guardian lives and in the same household, until somebody says otherwise. The guardian's
consent is recorded for it (below 14 the law asks for it, PIPL art. 31), and the guardian's right ends with the
childhood, by itself (`rules.residents.proxies`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import and_, bindparam, select

from models.residents import Proxy, ProxyKind, Registration, Resident
from rules.clock import local_day
from rules.errors import Kind, RuleError
from rules.residents.ages import ADULT_YEARS, is_minor
from rules.residents.proxies import ProxyUnknown, end_guardianship, record_proxy
from rules.residents.records import NewResident, add_resident, check_birthday, lock_record
from rules.rows import AnyRow
from rules.work import Work


class DependantGrownUp(RuleError):
    code = "dependant.grown_up"
    kind = Kind.INVALID
    zh = "年满 18 周岁的家人不能作为被监护人登记。请本人登记后授权代办，或到社区办理。"
    en = "Who is 18 or older can't be registered as a child. They can name a proxy, in the app or at the community's desk."


class DependantKnown(RuleError):
    code = "dependant.already_registered"
    kind = Kind.CONFLICT
    zh = "您已登记过同名、同一天出生的孩子。"
    en = "You have registered a child of this name and birthday already."


class DependantUnknown(RuleError):
    code = "dependant.unknown"
    kind = Kind.UNKNOWN
    zh = "您名下没有这个孩子。"
    en = "There is no such child in your care."


_children = (
    select(Resident.id, Resident.name, Resident.born_on, Registration.relation, Proxy.recorded_at)
    .join(Proxy, and_(Proxy.town_id == Resident.town_id, Proxy.principal_id == Resident.id))
    .outerjoin(
        Registration,
        and_(
            Registration.town_id == Resident.town_id,
            Registration.resident_id == Resident.id,
            Registration.registered_by_id == Proxy.agent_id,
        ),
    )
    .where(
        Proxy.town_id == bindparam("town"),
        Proxy.agent_id == bindparam("guardian"),
        Proxy.kind == ProxyKind.GUARDIAN,
        Proxy.revoked_at.is_(None),
    )
    .order_by(Proxy.id)
)


def register_dependant(work: Work, name: str, born_on: date, relation: str) -> AnyRow:
    """Register a child of the actor's, who is its `relation` ("母亲"), and act for it from now on.

    Raises BirthdayImplausible, DependantGrownUp, DependantKnown, AgentTooYoung, TooManyPrincipals.
    """
    if check_birthday(work, born_on) >= ADULT_YEARS:
        raise DependantGrownUp
    guardian = lock_record(work, work.actor.id)
    if any((child.name, child.born_on) == (name, born_on) for child in list_dependants(work)):
        raise DependantKnown
    consent_note = f"监护人（{relation}）在小程序中登记并同意"
    child_id = add_resident(
        work,
        NewResident(
            name=name,
            born_on=born_on,
            territory_id=guardian.territory_id,
            household_id=guardian.household_id,
            relation=relation,
            consent_note=consent_note,
        ),
    )
    record_proxy(work, child_id, work.actor.id, consent_note)
    (registered,) = [child for child in list_dependants(work) if child.id == child_id]
    return registered


def list_dependants(work: Work) -> Sequence[AnyRow]:
    """The children whose guardian the actor is, in the order in which they were registered."""
    rows = work.core.execute(_children, {"town": work.town_id, "guardian": work.actor.id}).all()
    return [row for row in rows if is_minor(row.born_on, local_day(work.now))]


def leave_dependant(work: Work, child_id: int) -> None:
    """End the actor's guardianship of a child here; the child's record stays. Raises DependantUnknown."""
    try:
        end_guardianship(work, child_id)
    except ProxyUnknown:
        raise DependantUnknown from None

"""Acting for someone: a guardian for a child, a helper for an elder, staff for whoever stands at the desk.

Whoever acts is written down with what they did (`booked_by`), and the rules that hold for the person they act for hold all
the same. A proxy rests on a recorded consent and ends when it is revoked.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import bindparam, select

from models.residents import Proxy, ProxyKind, Resident
from rules.clock import local_day
from rules.errors import Kind, RuleError
from rules.points.people import IS_SOMEBODY, ResidentUnknown
from rules.residents.proxies import is_in_force
from rules.work import Actor, ActorKind, Work


class NotTheirProxy(RuleError):
    code = "proxy.none"
    kind = Kind.FORBIDDEN
    zh = "您没有为这位居民代办的授权。"
    en = "You may not act for this resident."


class GuardianshipOver(NotTheirProxy):
    code = "proxy.guardianship_over"
    zh = "孩子已满 18 周岁，监护人的代办到此为止；本人同意后可另行授权。"
    en = "The child is 18 now, so the guardian's right has ended; they may name you as their proxy."


class ResidentNeeded(RuleError):
    code = "proxy.resident_needed"
    kind = Kind.INVALID
    zh = "请写明为哪位居民办理（resident_id）。"
    en = "Say for which resident (resident_id)."


_proxy = (
    select(Proxy.kind, Resident.born_on)
    .join(Resident, (Resident.town_id == Proxy.town_id) & (Resident.id == Proxy.principal_id))
    .where(
        Proxy.town_id == bindparam("town"),
        Proxy.principal_id == bindparam("principal"),
        Proxy.agent_id == bindparam("agent"),
        Proxy.revoked_at.is_(None),
    )
)
_resident = select(Resident.id).where(
    Resident.town_id == bindparam("town"), Resident.id == bindparam("resident"), IS_SOMEBODY
)


def resident_for(work: Work, resident_id: int | None) -> int:
    """For whom the actor acts: a resident for themselves or for somebody whose proxy they are, staff for anybody.

    Staff's right is to the place of the matter, so it is the caller's to check. Raises ResidentNeeded (staff who name
    nobody), ResidentUnknown, NotTheirProxy, GuardianshipOver.
    """
    actor = work.actor
    if actor.kind is ActorKind.RESIDENT:
        if resident_id is None or resident_id == actor.id:
            return actor.id
        asked = {"town": work.town_id, "principal": resident_id, "agent": actor.id}
        proxy = work.core.execute(_proxy, asked).first()
        if proxy is None:
            raise NotTheirProxy
        if not is_in_force(proxy.kind, proxy.born_on, local_day(work.now)):
            raise GuardianshipOver
        return resident_id
    if resident_id is None:
        raise ResidentNeeded
    if work.core.scalar(_resident, {"town": work.town_id, "resident": resident_id}) is None:
        raise ResidentUnknown
    return resident_id


def ward_for(work: Work, resident_id: int | None) -> int:
    """Whose rights the actor, a resident, exercises: their own, or those of a child whose guardian they are.

    A helper books and fetches for somebody; they don't consent, see everything or have somebody erased.

    Raises NotTheirProxy, GuardianshipOver.
    """
    whom = resident_for(work, resident_id)
    if whom != work.actor.id:
        asked = {"town": work.town_id, "principal": whom, "agent": work.actor.id}
        if work.core.execute(_proxy, asked).one().kind is not ProxyKind.GUARDIAN:
            raise NotTheirProxy
    return whom


def as_resident(work: Work, resident_id: int) -> Work:
    """The same work, done as this resident: the right to do so is the caller's to prove."""
    return replace(work, actor=Actor(ActorKind.RESIDENT, resident_id))


def booked_by(work: Work, resident_id: int) -> dict[str, str | int | None]:
    """The columns that say who booked, where it wasn't the resident."""
    if work.actor.kind is ActorKind.RESIDENT and work.actor.id == resident_id:
        return {"booked_by_kind": None, "booked_by_id": None}
    return {"booked_by_kind": work.actor.kind.value, "booked_by_id": work.actor.id}


#: What acting for somebody may meet.
REFUSALS: tuple[type[RuleError], ...] = (GuardianshipOver, NotTheirProxy, ResidentNeeded, ResidentUnknown)

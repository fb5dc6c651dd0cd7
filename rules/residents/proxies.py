"""Who may act for whom: recorded with a consent, ended by either side or by staff.

A guardian acts for a child until the child is 18, without anybody writing that down; a helper acts for a grown-up who
agreed, before staff or in the app. Proxies of one pair of people, and the bounds on how many somebody may have, are
decided under the locks of both residents' rows, taken by id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Executable, and_, bindparam, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from models.residents import Proxy, ProxyKind, Resident
from models.residents.people import IS_IN_FORCE
from rules import outbox
from rules.clock import local_day
from rules.errors import Kind, RuleError
from rules.points.people import IS_SOMEBODY, ResidentUnknown
from rules.residents.ages import is_minor
from rules.residents.names import greeting
from rules.rows import AnyRow
from rules.work import Work

#: For how many people one resident may act, and how many may act for one: enough for a family and some neighbours, too few
#: for a trade in other people's places. Chosen; no rule of a town is known to say it.
PRINCIPALS_MAX = 10
AGENTS_MAX = 10
IN_THE_APP = "本人在小程序中授权"


class AgentUnknown(RuleError):
    code = "proxy.agent_unknown"
    kind = Kind.UNKNOWN
    zh = "没有这位代办人。"
    en = "There is no resident who could act like this."


class OwnProxy(RuleError):
    code = "proxy.own"
    kind = Kind.INVALID
    zh = "不能给自己代办。"
    en = "Nobody needs a proxy for themselves."


class AgentTooYoung(RuleError):
    code = "proxy.agent_too_young"
    kind = Kind.INVALID
    zh = "代办人须年满 18 周岁。"
    en = "Who acts for others has to be 18."


class PrincipalTooYoung(RuleError):
    code = "proxy.principal_too_young"
    kind = Kind.FORBIDDEN
    zh = "未满 18 周岁不能自行授权代办，请由监护人到社区办理。"
    en = "Below 18 nobody can name a proxy alone; the guardian can do it at the community's desk."


class ProxyKnown(RuleError):
    code = "proxy.already_recorded"
    kind = Kind.CONFLICT
    zh = "这项代办授权已经登记。"
    en = "This proxy is on record already."


class TooManyPrincipals(RuleError):
    code = "proxy.too_many_principals"
    kind = Kind.CONFLICT
    zh = "一位居民最多为 {maximum} 人代办。"
    en = "One resident may act for {maximum} people at most."


class TooManyAgents(RuleError):
    code = "proxy.too_many_agents"
    kind = Kind.CONFLICT
    zh = "一位居民最多有 {maximum} 位代办人。"
    en = "One resident may have {maximum} people who act for them at most."


class ProxyUnknown(RuleError):
    code = "proxy.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这项代办授权。"
    en = "There is no such proxy."


@dataclass(frozen=True, slots=True)
class ProxyView:
    """A proxy that is in force, as one side sees the other."""

    id: int
    kind: ProxyKind
    resident_id: int  #: the other side
    name: str  #: in full to who acts, masked to for whom
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class ProxiesOfOne:
    """Who may act for a resident, and for whom the resident may act."""

    agents: Sequence[ProxyView]
    principals: Sequence[ProxyView]


_lock_both = (
    select(Resident.id, Resident.born_on)
    .where(
        Resident.town_id == bindparam("town"),
        or_(Resident.id == bindparam("principal"), Resident.id == bindparam("agent")),
        IS_SOMEBODY,
    )
    .order_by(Resident.id)
    .with_for_update(key_share=True)
)
_birthday = select(Resident.born_on).where(Resident.town_id == bindparam("town"), Resident.id == bindparam("resident"))
_add = (
    insert(Proxy)
    .on_conflict_do_nothing(index_elements=["town_id", "principal_id", "agent_id"], index_where=IS_IN_FORCE)
    .returning(Proxy.id)
)
_principal, _agent = aliased(Resident), aliased(Resident)
_in_force = (
    select(
        Proxy.id,
        Proxy.kind,
        Proxy.recorded_at,
        Proxy.principal_id,
        Proxy.agent_id,
        _principal.name.label("principal_name"),
        _principal.born_on,
        _agent.name.label("agent_name"),
    )
    .join(_principal, (_principal.town_id == Proxy.town_id) & (_principal.id == Proxy.principal_id))
    .join(_agent, (_agent.town_id == Proxy.town_id) & (_agent.id == Proxy.agent_id))
    .where(Proxy.town_id == bindparam("town"), Proxy.revoked_at.is_(None))
    .order_by(Proxy.id)
)
_by_agent = _in_force.where(Proxy.agent_id == bindparam("resident"))
_for_principal = _in_force.where(Proxy.principal_id == bindparam("resident"))


_ending = (
    update(Proxy)
    .where(Proxy.town_id == bindparam("town"), Proxy.revoked_at.is_(None))
    .values(revoked_at=bindparam("now"))
    .returning(Proxy.id, Proxy.principal_id, Proxy.agent_id)
    .execution_options(synchronize_session=False)
)
#: What one side may end: who acts always, for whom only what they themselves agreed to.
_end_own = _ending.where(
    Proxy.id == bindparam("proxy"),
    or_(
        Proxy.agent_id == bindparam("me"),
        and_(Proxy.principal_id == bindparam("me"), Proxy.kind == ProxyKind.HELPER),
    ),
)
_end_of_principal = _ending.where(Proxy.id == bindparam("proxy"), Proxy.principal_id == bindparam("principal"))
_end_guardianship = _ending.where(
    Proxy.principal_id == bindparam("principal"),
    Proxy.agent_id == bindparam("agent"),
    Proxy.kind == ProxyKind.GUARDIAN,
)


def record_proxy(work: Work, principal_id: int, agent_id: int, consent_note: str) -> ProxyView:
    """Let `agent_id` act for `principal_id`: as the guardian of who is known to be under 18, else as a helper.

    The right to record it, and the consent, are the caller's to check. Raises OwnProxy, AgentUnknown, ResidentUnknown (the
    principal), AgentTooYoung, ProxyKnown, TooManyPrincipals, TooManyAgents.
    """
    if principal_id == agent_id:
        raise OwnProxy
    asked = {"town": work.town_id, "principal": principal_id, "agent": agent_id}
    born_on = {row.id: row.born_on for row in work.core.execute(_lock_both, asked)}
    if agent_id not in born_on:
        raise AgentUnknown
    if principal_id not in born_on:
        raise ResidentUnknown
    today = local_day(work.now)
    if is_minor(born_on[agent_id], today):
        raise AgentTooYoung
    kind = ProxyKind.GUARDIAN if is_minor(born_on[principal_id], today) else ProxyKind.HELPER
    if kind is ProxyKind.HELPER:  # a guardianship that ended with the childhood makes room for it
        work.core.execute(_end_guardianship, {**asked, "now": work.now})
    proxy = {
        "town_id": work.town_id,
        "id": work.new_id(),
        "principal_id": principal_id,
        "agent_id": agent_id,
        "kind": kind,
        "consent_note": consent_note,
        "recorded_by_kind": work.actor.kind.value,
        "recorded_by_id": work.actor.id,
        "recorded_at": work.now,
    }
    if work.core.scalar(_add, proxy) is None:
        raise ProxyKnown
    _check_bounds(work, principal_id, agent_id)
    (recorded,) = [row for row in _those_in_force(work, _by_agent, agent_id) if row.id == proxy["id"]]
    _tell(work, "proxy.recorded", recorded)
    return _seen_by_principal(recorded)


def name_agent(work: Work, agent_id: int, consent_note: str = IN_THE_APP) -> ProxyView:
    """Let somebody act for the actor. Raises PrincipalTooYoung and what `record_proxy` raises."""
    born_on = work.core.scalar(_birthday, {"town": work.town_id, "resident": work.actor.id})
    if is_minor(born_on, local_day(work.now)):
        raise PrincipalTooYoung
    return record_proxy(work, work.actor.id, agent_id, consent_note)


def list_proxies(work: Work) -> ProxiesOfOne:
    """Who may act for the actor, and for whom the actor may act."""
    return ProxiesOfOne(
        agents=list_agents(work, work.actor.id),
        principals=[_seen_by_agent(row) for row in _those_in_force(work, _by_agent, work.actor.id)],
    )


def list_agents(work: Work, principal_id: int) -> Sequence[ProxyView]:
    """Who may act for a resident."""
    return [_seen_by_principal(row) for row in _those_in_force(work, _for_principal, principal_id)]


def end_proxy(work: Work, proxy_id: int) -> None:
    """End a proxy of the actor's, from either side. Raises ProxyUnknown, also for a child who would end a guardian's."""
    _end(work, _end_own, {"proxy": proxy_id, "me": work.actor.id})


def end_proxy_of(work: Work, principal_id: int, proxy_id: int) -> None:
    """End a proxy of a resident whom the actor serves, which is the caller's to check. Raises ProxyUnknown."""
    _end(work, _end_of_principal, {"proxy": proxy_id, "principal": principal_id})


def end_guardianship(work: Work, principal_id: int) -> None:
    """End the actor's guardianship of a child. Raises ProxyUnknown."""
    _end(work, _end_guardianship, {"principal": principal_id, "agent": work.actor.id})


def is_in_force(kind: ProxyKind, born_on: date | None, today: date) -> bool:
    """Whether a proxy that nobody ended holds still: a guardian's holds as long as the principal is under 18."""
    return kind is not ProxyKind.GUARDIAN or is_minor(born_on, today)


def _those_in_force(work: Work, statement: Executable, resident_id: int) -> list[AnyRow]:
    rows = work.core.execute(statement, {"town": work.town_id, "resident": resident_id}).all()
    today = local_day(work.now)
    return [row for row in rows if is_in_force(row.kind, row.born_on, today)]


def _check_bounds(work: Work, principal_id: int, agent_id: int) -> None:
    """Counted with the new one in place; both rows are locked, so nobody else adds one meanwhile."""
    if len(_those_in_force(work, _by_agent, agent_id)) > PRINCIPALS_MAX:
        raise TooManyPrincipals(maximum=PRINCIPALS_MAX)
    if len(_those_in_force(work, _for_principal, principal_id)) > AGENTS_MAX:
        raise TooManyAgents(maximum=AGENTS_MAX)


def _end(work: Work, statement: Executable, which: dict[str, int]) -> None:
    ended = work.core.execute(statement, {"town": work.town_id, "now": work.now, **which}).first()
    if ended is None:
        raise ProxyUnknown
    _tell(work, "proxy.ended", ended)


def _tell(work: Work, topic: str, proxy: AnyRow) -> None:
    people = {"principal_id": str(proxy.principal_id), "agent_id": str(proxy.agent_id)}
    payload = {"proxy_id": str(proxy.id), **people, "by": work.actor.kind.value}
    outbox.put(work, [outbox.Message(topic, str(proxy.id), payload)])


def _seen_by_principal(row: AnyRow) -> ProxyView:
    name = greeting(row.agent_name, row.agent_id)
    return ProxyView(row.id, row.kind, row.agent_id, name, row.recorded_at)


def _seen_by_agent(row: AnyRow) -> ProxyView:
    return ProxyView(row.id, row.kind, row.principal_id, row.principal_name, row.recorded_at)

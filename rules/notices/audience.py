"""In whose inbox a notice goes: the resident's, and that of who acts for them where they can't read it themselves.

A guardian gets the notices of a child, a helper those of an elder who has no WeChat. Who ends the proxy ends that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select

from models.residents import Proxy, ProxyKind, Resident
from rules.clock import local_day
from rules.residents.proxies import is_in_force
from rules.sets import is_id_in
from rules.work import Work


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who is told."""

    resident_id: int
    about_id: int | None = None  #: for whom they act; None: it is their own


_residents = select(Resident.id).where(Resident.town_id == bindparam("town"), is_id_in(Resident.id, "ids"))
_agents = (
    select(Proxy.principal_id, Proxy.agent_id, Proxy.kind, Resident.born_on, Resident.openid_sealed)
    .join(Resident, (Resident.town_id == Proxy.town_id) & (Resident.id == Proxy.principal_id))
    .where(Proxy.town_id == bindparam("town"), Proxy.revoked_at.is_(None), is_id_in(Proxy.principal_id, "ids"))
    .order_by(Proxy.id)
)


def readers_of(work: Work, payload: Mapping[str, Any], fields: Iterable[str]) -> list[Reader]:
    """Who is told: the residents that these fields name, then who acts for them. Each once."""
    ids = [int(payload[name]) for name in fields if payload.get(name) is not None]
    asked = {"town": work.town_id, "ids": ids}
    known = set(work.core.scalars(_residents, asked))
    readers = {id_: Reader(id_) for id_ in ids if id_ in known}
    today = local_day(work.now)
    for row in work.core.execute(_agents, asked):
        needs_help = row.kind is ProxyKind.GUARDIAN or row.openid_sealed is None
        if needs_help and is_in_force(row.kind, row.born_on, today):
            readers.setdefault(row.agent_id, Reader(row.agent_id, row.principal_id))
    return list(readers.values())

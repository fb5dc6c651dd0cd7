"""Ending sign-ins from outside: of one person, or of everybody in a town, as after a leak."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import bindparam, func, select, update

from models.residents import RefreshToken, Resident, Staff
from rules.administration.deeds import require_administrator
from rules.errors import Kind, RuleError
from rules.residents.sign_in import sign_out
from rules.sets import is_id_in
from rules.work import Actor, ActorKind, Work

BATCH = 500


class PersonUnknown(RuleError):
    code = "admin.person_unknown"
    kind = Kind.UNKNOWN
    zh = "没有这位居民或工作人员。"
    en = "There is no such resident or member of staff."


_TABLES: dict[ActorKind, Any] = {ActorKind.RESIDENT: Resident, ActorKind.STAFF: Staff}
_OWNERS: dict[ActorKind, Any] = {ActorKind.RESIDENT: RefreshToken.resident_id, ActorKind.STAFF: RefreshToken.staff_id}
_next = {
    kind: select(table.id)
    .where(table.town_id == bindparam("town"), table.id > bindparam("after"))
    .order_by(table.id)
    .limit(bindparam("limit"))
    .with_for_update(key_share=True)
    for kind, table in _TABLES.items()
}
_raise = {
    kind: update(table)
    .where(table.town_id == bindparam("town"), is_id_in(table.id, "ids"))
    .values(token_version=table.token_version + 1)
    .execution_options(synchronize_session=False)
    for kind, table in _TABLES.items()
}
_end = {
    kind: update(RefreshToken)
    .where(RefreshToken.town_id == bindparam("town"), is_id_in(column, "ids"), RefreshToken.revoked_at.is_(None))
    .values(revoked_at=bindparam("now"))
    .execution_options(synchronize_session=False)
    for kind, column in _OWNERS.items()
}
_is_there = {
    kind: select(table.id).where(table.town_id == bindparam("town"), table.id == bindparam("id"))
    for kind, table in _TABLES.items()
}
_count = {
    kind: select(func.count()).select_from(table).where(table.town_id == bindparam("town"))
    for kind, table in _TABLES.items()
}


def end_sign_ins_of(work: Work, kind: ActorKind, id_: int) -> None:
    """End every sign-in of a resident or a member of staff. Raises Forbidden, AdministratorNeeded, PersonUnknown."""
    require_administrator(work)
    if work.core.execute(_is_there[kind], {"town": work.town_id, "id": id_}).first() is None:
        raise PersonUnknown
    sign_out(replace(work, actor=Actor(kind, id_)))


def end_some_sign_ins(work: Work, kind: ActorKind, after: int) -> Sequence[int]:
    """End the sign-ins of the next BATCH people of a town behind an id; returns their ids, none: there are no more.

    Raises Forbidden, AdministratorNeeded.
    """
    require_administrator(work)
    ids = work.core.scalars(_next[kind], {"town": work.town_id, "after": after, "limit": BATCH}).all()
    if ids:
        asked = {"town": work.town_id, "ids": list(ids), "now": work.now}
        work.core.execute(_raise[kind], asked)
        work.core.execute(_end[kind], asked)
    return ids


def count_people(work: Work, kind: ActorKind) -> int:
    """How many residents, or members of staff, a town has."""
    return int(work.core.execute(_count[kind], {"town": work.town_id}).scalar_one())

"""What neighbours see of each other: a name, who hides from whom, and which words are checked already.

Every statement here and beside it takes `town`, `me` (the acting resident, 0: nobody) and `grown` (who was born by that day
is old enough for a card).
"""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, case, exists, or_
from sqlalchemy.orm import aliased

from models.groups import ResidentBlock, ResidentCard
from models.moderation import Content
from models.residents import Resident
from rules.clock import local_day
from rules.moderation.visibility import passed
from rules.residents.ages import CONSENT_YEARS
from rules.residents.names import masked
from rules.rows import AnyRow
from rules.work import ActorKind, Work

_card_content = aliased(Content)
#: NULL unless the card is on, passed, and its owner old enough.
CARD_NAME: ColumnElement[Any] = case(
    (
        and_(
            ResidentCard.is_on,
            passed(_card_content),
            or_(Resident.born_on.is_(None), Resident.born_on <= bindparam("grown")),
        ),
        ResidentCard.display_name,
    )
).label("card_name")
REAL_NAME = Resident.name.label("real_name")


def with_names(statement: Select[Any], resident_id: Any) -> Select[Any]:
    """Joined with the resident and their card, so that CARD_NAME and REAL_NAME can be read."""
    whose = and_(Resident.town_id == bindparam("town"), Resident.id == resident_id)
    return with_card(statement.join(Resident, whose))


def with_card(statement: Select[Any]) -> Select[Any]:
    """A statement that reads from Resident, joined with their card."""
    return statement.outerjoin(
        ResidentCard, and_(ResidentCard.town_id == Resident.town_id, ResidentCard.resident_id == Resident.id)
    ).outerjoin(
        _card_content,
        and_(_card_content.town_id == ResidentCard.town_id, _card_content.id == ResidentCard.content_id),
    )


def of_content(content: Any, content_id: Any) -> ColumnElement[bool]:
    """How a piece of content is joined."""
    return and_(content.town_id == bindparam("town"), content.id == content_id)


def is_seen(content: Any) -> ColumnElement[bool]:
    """What `visible_to` says, for a prebuilt statement: it is passed, or `me` wrote it."""
    return or_(passed(content), content.resident_id == bindparam("me"))


def is_met(resident_id: Any) -> ColumnElement[bool]:
    """Neither of the two has blocked the other."""
    one, other = aliased(ResidentBlock), aliased(ResidentBlock)
    return and_(
        ~exists().where(
            one.town_id == bindparam("town"), one.blocker_id == bindparam("me"), one.blocked_id == resident_id
        ),
        ~exists().where(
            other.town_id == bindparam("town"), other.blocker_id == resident_id, other.blocked_id == bindparam("me")
        ),
    )


def me(work: Work) -> int:
    """The acting resident; 0 for everybody else."""
    return work.actor.id if work.actor.kind is ActorKind.RESIDENT else 0


def asked(work: Work, **more: Any) -> dict[str, Any]:
    """The parameters that the reads of this room have in common."""
    return {"town": work.town_id, "me": me(work), "grown": grown(work), "now": work.now, **more}


def grown(work: Work) -> date:
    """Who was born on that day or before is old enough for a card."""
    today = local_day(work.now)
    return date(today.year - CONSENT_YEARS, today.month, 28 if (today.month, today.day) == (2, 29) else today.day)


def name_for(row: AnyRow, *, with_card: bool = True) -> str:
    """What is shown of whoever a row is about: the card's name, else the masked name, else digits of the row's own id."""
    if with_card and row.card_name:
        return str(row.card_name)
    return masked(row.real_name) if len(row.real_name) > 1 else f"邻居{row.id % 10_000:04}"


def shown(row: AnyRow, **more: Any) -> SimpleNamespace:
    """A row as it is answered: its columns, and what was worked out."""
    return SimpleNamespace(**{**row._mapping, **more})

"""A manager of the place looks up who wrote something, because moderation needs it: with a reason, on record for good."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import and_, bindparam, insert, select

from models.groups import Disclosure
from models.moderation import Content
from models.residents import Resident, Role
from rules.moderation.refusals import ContentUnknown
from rules.work import Work


@dataclass(frozen=True, slots=True)
class Identity:
    """Who wrote something."""

    content_id: int
    name: str


_author = (
    select(Content.resident_id, Content.place_path, Resident.name)
    .join(Resident, and_(Resident.town_id == Content.town_id, Resident.id == Content.resident_id))
    .where(Content.town_id == bindparam("town"), Content.id == bindparam("content"))
)
_note = insert(Disclosure)


def disclose_author(work: Work, content_id: int, reason: str) -> Identity:
    """The real name of whoever wrote a piece of content, for a manager of its place. Raises ContentUnknown."""
    author = work.core.execute(_author, {"town": work.town_id, "content": content_id}).first()
    if author is None or not work.actor.may(Role.MANAGER, author.place_path):
        raise ContentUnknown
    row = {
        "town_id": work.town_id,
        "id": work.new_id(),
        "staff_id": work.actor.id,
        "resident_id": author.resident_id,
        "reason": reason,
        "disclosed_at": work.now,
    }
    work.core.execute(_note, row)
    return Identity(content_id, author.name)

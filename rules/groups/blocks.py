"""Whom a resident doesn't want to have to do with. They are named by a membership, a post or a response, never by an id of
theirs, and aren't told.
"""

from __future__ import annotations

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert

from models.groups import ResidentBlock
from models.residents import Resident
from rules.groups.limits import Deed, count_deed
from rules.groups.membership import find_member
from rules.groups.naming import CARD_NAME, REAL_NAME, asked, name_for, with_card
from rules.groups.partners import read_post
from rules.groups.refusals import (
    BlockSelf,
    BlockUnknown,
    GroupUnknown,
    MemberUnknown,
    PartnerPostUnknown,
    ResponseUnknown,
)
from rules.groups.responses import read_response, sees_card
from rules.ids import ID_MAX
from rules.paging import Page, Position, cut
from rules.rows import AnyRow
from rules.work import Work

_person = with_card(select(Resident.id, REAL_NAME, CARD_NAME).select_from(Resident)).where(
    Resident.town_id == bindparam("town"), Resident.id == bindparam("whose")
)
_block = insert(ResidentBlock).on_conflict_do_nothing()
_columns = (ResidentBlock.id, ResidentBlock.shown_as, ResidentBlock.blocked_at)
_of_mine = (ResidentBlock.town_id == bindparam("town"), ResidentBlock.blocker_id == bindparam("me"))
_one = select(*_columns).where(*_of_mine, ResidentBlock.blocked_id == bindparam("whose"))
_page = (
    select(*_columns)
    .where(*_of_mine, ResidentBlock.id < bindparam("before"))
    .order_by(ResidentBlock.id.desc())
    .limit(bindparam("limit"))
)
_unblock = delete(ResidentBlock).where(*_of_mine, ResidentBlock.id == bindparam("block")).returning(ResidentBlock.id)


def block(work: Work, *, member_id: int | None, post_id: int | None, response_id: int | None) -> AnyRow:
    """Block whoever one of these is about; again is the same. Raises BlockUnknown, BlockSelf, DailyLimitReached."""
    count_deed(work, Deed.BLOCK)
    resident_id, with_name = _find(work, member_id, post_id, response_id)
    if resident_id == work.actor.id:
        raise BlockSelf
    person = work.core.execute(_person, asked(work, whose=resident_id)).one()
    row = {
        "town_id": work.town_id,
        "id": work.new_id(),
        "blocker_id": work.actor.id,
        "blocked_id": resident_id,
        "shown_as": name_for(person, with_card=with_name),
        "blocked_at": work.now,
    }
    work.core.execute(_block, row)
    return work.core.execute(_one, asked(work, whose=resident_id)).one()


def list_blocks(work: Work, after: Position | None, limit: int) -> Page[AnyRow]:
    """Whom the actor blocked, under the name that they had then, the latest first."""
    before = ID_MAX if after is None else int(after[0])
    rows = work.core.execute(_page, asked(work, before=before, limit=limit + 1)).all()
    return cut(rows, limit, lambda row: (row.id,))


def unblock(work: Work, block_id: int) -> None:
    """Have to do with somebody again. Raises BlockUnknown."""
    if work.core.execute(_unblock, {"town": work.town_id, "me": work.actor.id, "block": block_id}).first() is None:
        raise BlockUnknown


def _find(work: Work, member_id: int | None, post_id: int | None, response_id: int | None) -> tuple[int, bool]:
    """Who is meant, and whether the actor knows the name of their card."""
    try:
        if member_id is not None:
            return find_member(work, member_id).resident_id, True
        if post_id is not None:
            return read_post(work, post_id).resident_id, False
        if response_id is not None:
            response = read_response(work, response_id)
            return response.responder_id if response.is_to_me else response.author_id, sees_card(response)
    except (GroupUnknown, MemberUnknown, PartnerPostUnknown, ResponseUnknown):
        pass
    raise BlockUnknown

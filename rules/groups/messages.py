"""What two people who found each other write, once a response is accepted and until one of them blocks the other.

A message is seen by its reader once moderation has passed it. Who is written to is told once a day for each response.
"""

from __future__ import annotations

from types import SimpleNamespace

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from models.groups import PartnerMessage, ResponseStatus
from models.moderation import Content, ContentKind
from rules.clock import local_day
from rules.groups.limits import Deed, count_deed, require_grown
from rules.groups.naming import asked, is_seen, of_content, shown
from rules.groups.refusals import ResponseUnknown
from rules.groups.responses import read_response
from rules.groups.telling import tell
from rules.ids import ID_MAX
from rules.moderation.submitting import submit
from rules.paging import Page, Position, cut
from rules.rows import AnyRow
from rules.work import Work

WRITTEN = "post.message"

_words = aliased(Content)
_messages = (
    select(
        PartnerMessage.id,
        PartnerMessage.by_author,
        PartnerMessage.words,
        PartnerMessage.content_id,
        PartnerMessage.made_at,
    )
    .join(_words, of_content(_words, PartnerMessage.content_id))
    .where(
        PartnerMessage.town_id == bindparam("town"),
        PartnerMessage.response_id == bindparam("response"),
        is_seen(_words),
        PartnerMessage.id < bindparam("before"),
    )
    .order_by(PartnerMessage.id.desc())
    .limit(bindparam("limit"))
)
_write = insert(PartnerMessage)


def write_message(work: Work, response_id: int, words: str) -> SimpleNamespace:
    """Write to the other one. Raises ResponseUnknown, TooYoung, ResidentSuspended, DailyLimitReached, ContentRefused."""
    require_grown(work)
    count_deed(work, Deed.MESSAGE)
    response = _read_accepted(work, response_id)
    row = {
        "town_id": work.town_id,
        "id": work.new_id(),
        "response_id": response_id,
        "by_author": response.is_to_me,
        "words": words,
        "content_id": submit(work, ContentKind.COMMENT, words, place_path=response.path),
        "made_at": work.now,
    }
    work.core.execute(_write, row)
    reader = response.responder_id if response.is_to_me else response.author_id
    tell(work, WRITTEN, f"{response_id}:{local_day(work.now)}", [reader], response_id=response_id)
    return SimpleNamespace(**row, is_mine=True)


def list_messages(work: Work, response_id: int, after: Position | None, limit: int) -> Page[SimpleNamespace]:
    """What the two wrote, the latest first. Raises ResponseUnknown."""
    response = _read_accepted(work, response_id)
    before = ID_MAX if after is None else int(after[0])
    rows = work.core.execute(_messages, asked(work, response=response_id, before=before, limit=limit + 1)).all()
    return cut([shown(row, is_mine=row.by_author == response.is_to_me) for row in rows], limit, lambda row: (row.id,))


def _read_accepted(work: Work, response_id: int) -> AnyRow:
    response = read_response(work, response_id)
    if response.status is not ResponseStatus.ACCEPTED:
        raise ResponseUnknown
    return response

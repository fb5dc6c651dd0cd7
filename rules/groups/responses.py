"""Who is in: a resident responds to a post, its author accepts or declines.

The author sees the card of who responded, if it is on; both see each other's name once it is accepted, and then write to
each other (`messages`). How many are accepted is guarded by the post's row; the last one closes the post.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from sqlalchemy import and_, bindparam, case, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from models.groups import PartnerPost, PartnerPostStatus, PostResponse, ResponseStatus
from models.moderation import Content, ContentKind
from models.territory import Territory
from rules.groups.limits import Deed, count_deed, require_grown
from rules.groups.naming import (
    CARD_NAME,
    REAL_NAME,
    asked,
    is_met,
    is_seen,
    me,
    name_for,
    of_content,
    shown,
    with_names,
)
from rules.groups.partners import decline_rest, is_open, read_post
from rules.groups.refusals import (
    AlreadyResponded,
    OwnPost,
    PartnerPostUnknown,
    PartnersFound,
    ResponseUnknown,
)
from rules.groups.telling import tell
from rules.ids import ID_MAX
from rules.moderation.submitting import submit
from rules.paging import Page, Position, cut
from rules.rows import AnyRow
from rules.work import Work

RESPONDED, ACCEPTED, DECLINED = "post.response", "post.accepted", "post.declined"

_words, _post_words = aliased(Content), aliased(Content)
_other_id = case((PartnerPost.resident_id == bindparam("me"), PostResponse.resident_id), else_=PartnerPost.resident_id)
#: Responses that the actor wrote or got, with the name of the other one.
RESPONSES = with_names(
    select(
        PostResponse.id,
        PostResponse.post_id,
        case((is_seen(_words), PostResponse.words)).label("words"),
        PostResponse.content_id,
        PostResponse.status,
        PostResponse.made_at,
        PostResponse.decided_at,
        PostResponse.resident_id.label("responder_id"),
        PartnerPost.resident_id.label("author_id"),
        PartnerPost.kind,
        PartnerPost.words.label("post_words"),
        Territory.path,
        (PartnerPost.resident_id == bindparam("me")).label("is_to_me"),
        REAL_NAME,
        CARD_NAME,
    )
    .join(PartnerPost, and_(PartnerPost.town_id == PostResponse.town_id, PartnerPost.id == PostResponse.post_id))
    .join(Territory, and_(Territory.town_id == PartnerPost.town_id, Territory.id == PartnerPost.community_id))
    .join(_words, of_content(_words, PostResponse.content_id))
    .join(_post_words, of_content(_post_words, PartnerPost.content_id)),
    _other_id,
).where(
    PostResponse.town_id == bindparam("town"),
    or_(
        PostResponse.resident_id == bindparam("me"),
        and_(PartnerPost.resident_id == bindparam("me"), PostResponse.status != ResponseStatus.WITHDRAWN),
    ),
    is_seen(_post_words),
    is_met(_other_id),
)
_one = RESPONSES.where(PostResponse.id == bindparam("response"))
_to_post = (
    RESPONSES.where(
        PostResponse.post_id == bindparam("post"),
        PartnerPost.resident_id == bindparam("me"),
        PostResponse.id > bindparam("after"),
    )
    .order_by(PostResponse.id)
    .limit(bindparam("limit"))
)
_mine = (
    RESPONSES.where(PostResponse.resident_id == bindparam("me"), PostResponse.id < bindparam("before"))
    .order_by(PostResponse.id.desc())
    .limit(bindparam("limit"))
)
_write = insert(PostResponse).on_conflict_do_nothing().returning(PostResponse.id)
_lock_open = (
    select(PartnerPost.id)
    .where(
        PartnerPost.town_id == bindparam("town"),
        PartnerPost.id == bindparam("post"),
        PartnerPost.status == PartnerPostStatus.OPEN,
        PartnerPost.lapses_at > bindparam("now"),
    )
    .with_for_update(read=True)
)
_is_last = PartnerPost.accepted + 1 >= PartnerPost.wanted
_take = (
    update(PartnerPost)
    .where(
        PartnerPost.town_id == bindparam("town"),
        PartnerPost.id == bindparam("post"),
        PartnerPost.status == PartnerPostStatus.OPEN,
        PartnerPost.lapses_at > bindparam("now"),
        PartnerPost.accepted < PartnerPost.wanted,
    )
    .values(
        accepted=PartnerPost.accepted + 1,
        status=case((_is_last, PartnerPostStatus.CLOSED), else_=PartnerPost.status),
        ended_at=case((_is_last, bindparam("now", type_=PartnerPost.ended_at.type)), else_=PartnerPost.ended_at),
    )
    .returning(PartnerPost.status)
    .execution_options(synchronize_session=False)
)
_decide = (
    update(PostResponse)
    .where(
        PostResponse.town_id == bindparam("town"),
        PostResponse.id == bindparam("response"),
        PostResponse.status == ResponseStatus.PENDING,
    )
    .values(status=bindparam("decision"), decided_at=bindparam("now"))
    .returning(PostResponse.id)
    .execution_options(synchronize_session=False)
)
_withdraw = _decide.where(PostResponse.resident_id == bindparam("responder"))


def respond(work: Work, post_id: int, words: str) -> SimpleNamespace:
    """Say that one is in; the author is told.

    Raises PartnerPostUnknown, OwnPost, AlreadyResponded, TooYoung, ResidentSuspended, DailyLimitReached, ContentRefused.
    """
    require_grown(work)
    count_deed(work, Deed.RESPOND)
    post = read_post(work, post_id)
    if post.is_mine:
        raise OwnPost
    if post.my_response_id is not None:
        raise AlreadyResponded
    locking = {"town": work.town_id, "post": post_id, "now": work.now}
    if not is_open(work, post) or work.core.execute(_lock_open, locking).first() is None:
        raise PartnerPostUnknown
    response_id = work.new_id()
    row = {
        "town_id": work.town_id,
        "id": response_id,
        "post_id": post_id,
        "resident_id": work.actor.id,
        "words": words,
        "content_id": submit(work, ContentKind.COMMENT, words, place_path=post.path),
        "status": ResponseStatus.PENDING,
        "made_at": work.now,
    }
    if work.core.execute(_write, row).first() is None:
        raise AlreadyResponded
    tell(work, RESPONDED, str(response_id), [post.resident_id], post_id=post_id, response_id=response_id)
    return as_shown(read_response(work, response_id))


def list_responses(work: Work, post_id: int, after: Position | None, limit: int) -> Page[SimpleNamespace]:
    """Who is in, the first to say so first. For the post's author. Raises PartnerPostUnknown."""
    if not read_post(work, post_id).is_mine:
        raise PartnerPostUnknown
    begin = 0 if after is None else int(after[0])
    rows = work.core.execute(_to_post, asked(work, post=post_id, after=begin, limit=limit + 1)).all()
    return cut([as_shown(row) for row in rows], limit, lambda row: (row.id,))


def list_my_responses(work: Work, after: Position | None, limit: int) -> Page[SimpleNamespace]:
    """To what the actor responded, the latest first."""
    before = ID_MAX if after is None else int(after[0])
    rows = work.core.execute(_mine, asked(work, before=before, limit=limit + 1)).all()
    return cut([as_shown(row) for row in rows], limit, lambda row: (row.id,))


def decide_response(work: Work, response_id: int, accept: bool) -> SimpleNamespace:
    """Take somebody along, or not; they are told. For the post's author.

    Raises ResponseUnknown, PartnersFound.
    """
    response = read_response(work, response_id)
    if not response.is_to_me or response.status is not ResponseStatus.PENDING:
        raise ResponseUnknown
    taken = None
    if accept:
        taking = {"town": work.town_id, "post": response.post_id, "now": work.now}
        taken = work.core.execute(_take, taking).first()
        if taken is None:
            raise PartnersFound
    decision = ResponseStatus.ACCEPTED if accept else ResponseStatus.DECLINED
    _turn(work, _decide, response_id, decision)
    topic = ACCEPTED if accept else DECLINED
    facts = {"post_id": response.post_id, "response_id": response_id}
    tell(work, topic, str(response_id), [response.responder_id], **facts)
    if taken is not None and taken.status is PartnerPostStatus.CLOSED:
        decline_rest(work, response.post_id)
    return as_shown(read_response(work, response_id))


def withdraw_response(work: Work, response_id: int) -> None:
    """Take back that one is in, as long as it isn't answered. Raises ResponseUnknown."""
    _turn(work, _withdraw, response_id, ResponseStatus.WITHDRAWN, responder=me(work))


def read_response(work: Work, response_id: int) -> AnyRow:
    """A response that the actor wrote or got. Raises ResponseUnknown."""
    response = work.core.execute(_one, asked(work, response=response_id)).first()
    if response is None:
        raise ResponseUnknown
    return response


def sees_card(row: AnyRow) -> bool:
    """Whether the actor may see the other one's card: who got the response, and both once it is accepted."""
    return row.status is ResponseStatus.ACCEPTED or (row.is_to_me and row.status is ResponseStatus.PENDING)


def as_shown(row: AnyRow) -> SimpleNamespace:
    """A response as it is answered."""
    with_card = sees_card(row)
    return shown(row, name=name_for(row, with_card=with_card), has_card=with_card and row.card_name is not None)


def _turn(work: Work, statement: Any, response_id: int, decision: ResponseStatus, **more: Any) -> None:
    turning = {"town": work.town_id, "response": response_id, "decision": decision, "now": work.now}
    if work.core.execute(statement, turning | more).first() is None:
        raise ResponseUnknown

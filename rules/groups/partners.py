"""找搭子: posts of people who look for company.

A post says what, when in words, where by a community, never by an address, and how many are wanted. It is over by its date,
whether or not the job has booked it. Of its author others see a masked name; who is in is met in `responses`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Select, and_, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from models.groups import PartnerKind, PartnerPost, PartnerPostStatus, PostResponse, ResponseStatus
from models.moderation import Content, ContentKind
from models.residents import Resident
from models.territory import Territory, TerritoryKind
from models.uploads import UploadPurpose
from rules.groups.addresses import refuse_address
from rules.groups.finding import pictures_of
from rules.groups.limits import Deed, count_deed, require_grown
from rules.groups.naming import asked, is_met, is_seen, me, name_for, of_content, shown
from rules.groups.posts import in_order
from rules.groups.refusals import LapseInvalid, PartnerPostUnknown
from rules.groups.telling import tell
from rules.ids import ID_MAX
from rules.keys import Keys
from rules.moderation.submitting import submit
from rules.paging import Page, Position, cut
from rules.rows import AnyRow
from rules.territory import CommunityUnknown
from rules.uploads.attaching import claim
from rules.work import Work

DAYS_MAX = 30
ENDED = "post.ended"

_words = aliased(Content)
_mine = aliased(PostResponse)
_posts = (
    select(
        PartnerPost.id,
        PartnerPost.kind,
        PartnerPost.words,
        PartnerPost.when_words,
        PartnerPost.community_id,
        Territory.name.label("community"),
        Territory.path,
        PartnerPost.wanted,
        PartnerPost.accepted,
        PartnerPost.upload_ids,
        PartnerPost.content_id,
        PartnerPost.status,
        PartnerPost.made_at,
        PartnerPost.lapses_at,
        PartnerPost.resident_id,
        (PartnerPost.resident_id == bindparam("me")).label("is_mine"),
        _mine.id.label("my_response_id"),
        _mine.status.label("my_response_status"),
        Resident.name.label("real_name"),
    )
    .join(Territory, and_(Territory.town_id == PartnerPost.town_id, Territory.id == PartnerPost.community_id))
    .join(Resident, and_(Resident.town_id == PartnerPost.town_id, Resident.id == PartnerPost.resident_id))
    .join(_words, of_content(_words, PartnerPost.content_id))
    .outerjoin(
        _mine,
        and_(
            _mine.town_id == PartnerPost.town_id,
            _mine.post_id == PartnerPost.id,
            _mine.resident_id == bindparam("me"),
            _mine.status != ResponseStatus.WITHDRAWN,
        ),
    )
    .where(PartnerPost.town_id == bindparam("town"), is_seen(_words), is_met(PartnerPost.resident_id))
)
_is_open = and_(PartnerPost.status == PartnerPostStatus.OPEN, PartnerPost.lapses_at > bindparam("now"))
_one = _posts.where(PartnerPost.id == bindparam("post"))
_page = _posts.where(PartnerPost.id < bindparam("before")).order_by(PartnerPost.id.desc()).limit(bindparam("limit"))
_open_page = _page.where(_is_open)
_my_page = _page.where(PartnerPost.resident_id == bindparam("me"))
_community = select(Territory.id, Territory.path).where(
    Territory.town_id == bindparam("town"),
    Territory.id == bindparam("place"),
    Territory.kind == TerritoryKind.COMMUNITY,
)
_write = insert(PartnerPost)
_close = (
    update(PartnerPost)
    .where(
        PartnerPost.town_id == bindparam("town"),
        PartnerPost.id == bindparam("post"),
        PartnerPost.resident_id == bindparam("author"),
        PartnerPost.status == PartnerPostStatus.OPEN,
    )
    .values(status=PartnerPostStatus.CLOSED, ended_at=bindparam("now"))
    .returning(PartnerPost.id)
    .execution_options(synchronize_session=False)
)
_decline_rest = (
    update(PostResponse)
    .where(
        PostResponse.town_id == bindparam("town"),
        PostResponse.post_id == bindparam("post"),
        PostResponse.status == ResponseStatus.PENDING,
    )
    .values(status=ResponseStatus.DECLINED, decided_at=bindparam("now"))
    .returning(PostResponse.resident_id)
    .execution_options(synchronize_session=False)
)


@dataclass(frozen=True, slots=True)
class PartnerFilter:
    """Which posts to list."""

    kind: PartnerKind | None = None
    community_id: int | None = None


def write_post(work: Work, keys: Keys, said: Mapping[str, Any]) -> SimpleNamespace:
    """Look for company. `said`: kind, words, when_words, community_id, wanted, lapses_at, upload_ids.

    Raises CommunityUnknown, LapseInvalid, AddressInText, TooYoung, ResidentSuspended, DailyLimitReached, ContentRefused,
    UploadUnknown, UploadTaken.
    """
    require_grown(work)
    count_deed(work, Deed.POST)
    if not work.now < said["lapses_at"] <= work.now + timedelta(days=DAYS_MAX):
        raise LapseInvalid(days=DAYS_MAX)
    place = _read_community(work, said["community_id"])
    refuse_address(said["words"], said["when_words"])
    claim(work, said["upload_ids"], UploadPurpose.POST)
    post_id = work.new_id()
    text = f"{said['words']}\n{said['when_words']}"
    row = {
        **said,
        "upload_ids": [str(id_) for id_ in said["upload_ids"]],
        "town_id": work.town_id,
        "id": post_id,
        "resident_id": work.actor.id,
        "accepted": 0,
        "content_id": submit(work, ContentKind.POST, text, place_path=place.path),
        "status": PartnerPostStatus.OPEN,
        "made_at": work.now,
    }
    work.core.execute(_write, row)
    return show_post(work, keys, post_id)


def list_posts(
    work: Work, keys: Keys, wanted: PartnerFilter, after: Position | None, limit: int
) -> Page[SimpleNamespace]:
    """The posts that are open, the latest first. Raises CommunityUnknown."""
    statement = _open_page
    if wanted.kind is not None:
        statement = statement.where(PartnerPost.kind == wanted.kind)
    if wanted.community_id is not None:
        _read_community(work, wanted.community_id)
        statement = statement.where(PartnerPost.community_id == wanted.community_id)
    return _read_page(work, keys, statement, after, limit)


def list_my_posts(work: Work, keys: Keys, after: Position | None, limit: int) -> Page[SimpleNamespace]:
    """The actor's posts, those that are over too, the latest first."""
    return _read_page(work, keys, _my_page, after, limit)


def show_post(work: Work, keys: Keys, post_id: int) -> SimpleNamespace:
    """A post that is open, or the actor's own, or one that the actor responded to. Raises PartnerPostUnknown."""
    return _as_shown(work, keys, [read_post(work, post_id)])[0]


def read_post(work: Work, post_id: int) -> AnyRow:
    """The same, as it is kept."""
    post = work.core.execute(_one, asked(work, post=post_id)).first()
    if post is None or not (post.is_mine or post.my_response_id is not None or is_open(work, post)):
        raise PartnerPostUnknown
    return post


def is_open(work: Work, post: AnyRow) -> bool:
    """Whether one may still respond."""
    return post.status is PartnerPostStatus.OPEN and post.lapses_at > work.now


def close_post(work: Work, keys: Keys, post_id: int) -> SimpleNamespace:
    """Look no longer; who still waits for an answer is told that it is over. Raises PartnerPostUnknown."""
    asking = {"town": work.town_id, "post": post_id, "author": me(work), "now": work.now}
    if work.core.execute(_close, asking).first() is None:
        raise PartnerPostUnknown
    decline_rest(work, post_id)
    return show_post(work, keys, post_id)


def decline_rest(work: Work, post_id: int) -> None:
    """Whoever wasn't answered by the end is told so."""
    waiting = work.core.scalars(_decline_rest, {"town": work.town_id, "post": post_id, "now": work.now}).all()
    tell(work, ENDED, str(post_id), waiting, post_id=post_id)


def _read_community(work: Work, place_id: int) -> AnyRow:
    """Where somebody looks for company is a community: what is finer would be an address."""
    found = work.core.execute(_community, {"town": work.town_id, "place": place_id}).first()
    if found is None:
        raise CommunityUnknown
    return found


def _read_page(
    work: Work, keys: Keys, statement: Select[Any], after: Position | None, limit: int
) -> Page[SimpleNamespace]:
    before = ID_MAX if after is None else int(after[0])
    rows = work.core.execute(statement, asked(work, before=before, limit=limit + 1)).all()
    return cut(_as_shown(work, keys, rows), limit, lambda row: (row.id,))


def _as_shown(work: Work, keys: Keys, rows: Sequence[AnyRow]) -> list[SimpleNamespace]:
    known = pictures_of(work, keys, [int(id_) for row in rows for id_ in row.upload_ids])
    return [
        shown(
            row,
            author=name_for(row, with_card=False),
            is_open=is_open(work, row),
            pictures=in_order(row.upload_ids, known),
        )
        for row in rows
    ]

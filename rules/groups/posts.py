"""What members write for each other; announcements are by who runs the group."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

from sqlalchemy import and_, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from models.groups import GroupMember, GroupPost, MemberStatus
from models.moderation import Content, ContentKind
from models.uploads import UploadPurpose
from rules.groups.finding import RUNNING, is_keeper, pictures_of, read_group, require_manager, require_member
from rules.groups.limits import Deed, count_deed
from rules.groups.naming import (
    CARD_NAME,
    REAL_NAME,
    asked,
    is_met,
    is_seen,
    name_for,
    of_content,
    shown,
    with_names,
)
from rules.groups.refusals import GroupPostUnknown, GroupUnknown, NotMember
from rules.groups.telling import met_members_of, tell
from rules.ids import ID_MAX
from rules.keys import Keys
from rules.moderation.submitting import submit
from rules.paging import Page, Position, cut
from rules.rows import AnyRow
from rules.uploads.attaching import claim, release
from rules.uploads.links import Picture
from rules.work import Work

ANNOUNCED = "group.announcement"

_words = aliased(Content)
_author = aliased(GroupMember)
_posts = with_names(
    select(
        GroupPost.id,
        GroupPost.group_id,
        GroupPost.member_id,
        GroupPost.words,
        GroupPost.upload_ids,
        GroupPost.content_id,
        GroupPost.is_announcement,
        GroupPost.made_at,
        _author.role,
        _author.status,
        (_author.resident_id == bindparam("me")).label("is_mine"),
        REAL_NAME,
        CARD_NAME,
    )
    .join(_author, and_(_author.town_id == GroupPost.town_id, _author.id == GroupPost.member_id))
    .join(_words, of_content(_words, GroupPost.content_id)),
    _author.resident_id,
).where(
    GroupPost.town_id == bindparam("town"),
    GroupPost.removed_at.is_(None),
    is_seen(_words),
    is_met(_author.resident_id),
)
_page = (
    _posts.where(GroupPost.group_id == bindparam("group"), GroupPost.id < bindparam("before"))
    .order_by(GroupPost.id.desc())
    .limit(bindparam("limit"))
)
_one = _posts.where(GroupPost.id == bindparam("post"))
_any = (
    select(GroupPost.group_id, GroupPost.upload_ids, _author.resident_id)
    .join(_author, and_(_author.town_id == GroupPost.town_id, _author.id == GroupPost.member_id))
    .where(GroupPost.town_id == bindparam("town"), GroupPost.id == bindparam("post"), GroupPost.removed_at.is_(None))
)
_write = insert(GroupPost)
_remove = (
    update(GroupPost)
    .where(GroupPost.town_id == bindparam("town"), GroupPost.id == bindparam("post"), GroupPost.removed_at.is_(None))
    .values(removed_at=bindparam("now"))
    .returning(GroupPost.id)
    .execution_options(synchronize_session=False)
)


def write_post(
    work: Work, keys: Keys, group_id: int, words: str, upload_ids: Sequence[int], is_announcement: bool
) -> SimpleNamespace:
    """Write to the members of a group. Of an announcement they are told; it takes who runs the group.

    Raises GroupUnknown, NotMember, NotGroupManager, DailyLimitReached, ResidentSuspended, ContentRefused, UploadUnknown,
    UploadTaken.
    """
    count_deed(work, Deed.GROUP_POST)
    group = require_manager(work, group_id) if is_announcement else require_member(work, group_id)
    if group.my_member_id is None:
        raise NotMember
    claim(work, upload_ids, UploadPurpose.GROUP)
    post_id = work.new_id()
    row = {
        "town_id": work.town_id,
        "id": post_id,
        "group_id": group_id,
        "member_id": group.my_member_id,
        "words": words,
        "upload_ids": [str(id_) for id_ in upload_ids],
        "content_id": submit(work, ContentKind.POST, words, place_path=group.path),
        "is_announcement": is_announcement,
        "made_at": work.now,
    }
    work.core.execute(_write, row)
    if is_announcement:
        others = [id_ for id_ in met_members_of(work, group_id) if id_ != work.actor.id]
        tell(work, ANNOUNCED, str(post_id), others, group_id=group_id, group=group.public_name)
    return _as_shown(work, keys, [work.core.execute(_one, asked(work, post=post_id)).one()])[0]


def list_posts(work: Work, keys: Keys, group_id: int, after: Position | None, limit: int) -> Page[SimpleNamespace]:
    """What was written in a group, the latest first. For its members. Raises GroupUnknown, NotMember."""
    group = require_member(work, group_id)
    before = ID_MAX if after is None else int(after[0])
    rows = work.core.execute(_page, asked(work, group=group_id, before=before, limit=limit + 1)).all()
    return cut(_as_shown(work, keys, rows, is_member=group.my_member_id is not None), limit, lambda row: (row.id,))


def remove_post(work: Work, post_id: int) -> None:
    """Take a post away: by its author, who runs the group, or staff of its place. Raises GroupPostUnknown."""
    post = work.core.execute(_any, {"town": work.town_id, "post": post_id}).first()
    if post is None:
        raise GroupPostUnknown
    try:
        group = read_group(work, post.group_id)
    except GroupUnknown:
        raise GroupPostUnknown from None
    is_own = group.my_role is not None and post.resident_id == work.actor.id
    if not (is_own or group.my_role in RUNNING or is_keeper(work, group)):
        raise GroupPostUnknown
    if work.core.execute(_remove, {"town": work.town_id, "post": post_id, "now": work.now}).first() is None:
        raise GroupPostUnknown
    release(work, [int(id_) for id_ in post.upload_ids])


def _as_shown(work: Work, keys: Keys, rows: Sequence[AnyRow], *, is_member: bool = True) -> list[SimpleNamespace]:
    known = pictures_of(work, keys, [int(id_) for row in rows for id_ in row.upload_ids])
    return [
        shown(
            row,
            author=name_for(row, with_card=is_member and row.status is MemberStatus.ACTIVE),
            pictures=in_order(row.upload_ids, known),
        )
        for row in rows
    ]


def in_order(upload_ids: Sequence[str], known: dict[int, Picture]) -> list[Picture]:
    """The pictures of a post that are there, in its order."""
    return [known[int(id_)] for id_ in upload_ids if int(id_) in known]

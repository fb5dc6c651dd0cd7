"""Links to pictures.

An <image> tag sends no token, so a link carries its own right: whoever holds it sees the picture until it expires. The room
that shows a picture decides who sees it, by handing out links or not. A link says whether it is for everybody who sees the
page (then the picture must be passed by moderation, now and when it is fetched) or for its keeper: who sent it, and staff.

Links end at a full hour, one to two hours from now, so that within an hour one picture has one link and caches keep it.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from urllib.parse import urlencode

from sqlalchemy import bindparam, select

from models.moderation import Content, ContentState
from models.territory import Town
from models.uploads import Upload, UploadPurpose, UploadState
from rules.keys import Keys
from rules.rows import AnyRow
from rules.uploads.refusals import LinkInvalid
from rules.work import ActorKind, Work

HOUR_SECONDS = 3600
LINK_HOURS_MAX = 2


class Size(StrEnum):
    DISPLAY = "display"  #: up to 1600 pixels
    THUMBNAIL = "thumbnail"  #: up to 320 pixels


class Audience(StrEnum):
    EVERYONE = "everyone"  #: who sees the page that shows it, once it is passed
    KEEPER = "keeper"  #: who sent it, staff, and WeChat's check


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as a page shows it."""

    id: int
    state: ContentState
    width: int  #: of the display size, in pixels
    height: int
    url: str | None  #: a path with a query; None while the viewer may not see it
    thumbnail_url: str | None


@dataclass(frozen=True, slots=True)
class SentPicture:
    """A picture as its sender is given a copy of it."""

    id: int
    purpose: UploadPurpose
    created_at: datetime
    key: str  #: of its file in the storage


_pictures = (
    select(
        Upload.id,
        Upload.resident_id,
        Upload.staff_id,
        Upload.width,
        Upload.height,
        Content.state.label("content_state"),
    )
    .join(Content, (Content.town_id == Upload.town_id) & (Content.id == Upload.content_id))
    .where(
        Upload.town_id == bindparam("town"),
        Upload.id.in_(bindparam("ids", expanding=True)),
        Upload.state == UploadState.READY,
    )
)
_stored = (
    select(Upload.storage_key, Upload.content_id, Content.state.label("content_state"))
    .join(Content, (Content.town_id == Upload.town_id) & (Content.id == Upload.content_id))
    .where(Upload.town_id == bindparam("town"), Upload.id == bindparam("id"), Upload.state == UploadState.READY)
)
_of_resident = (
    select(Upload.id, Upload.purpose, Upload.storage_key, Upload.created_at)
    .where(
        Upload.town_id == bindparam("town"),
        Upload.resident_id == bindparam("resident"),
        Upload.state == UploadState.READY,
    )
    .order_by(Upload.id)
)
_town_code = select(Town.code).where(Town.id == bindparam("town"))


def pictures(work: Work, keys: Keys, upload_ids: Sequence[int]) -> list[Picture]:
    """These pictures in this order, without those that are gone, each with links for whoever acts."""
    if not upload_ids:
        return []
    rows = work.core.execute(_pictures, {"town": work.town_id, "ids": sorted(set(upload_ids))}).all()
    found = {row.id: row for row in rows}
    return [_picture(work, keys, found[id_]) for id_ in upload_ids if id_ in found]


def files_of_resident(work: Work, resident_id: int) -> list[SentPicture]:
    """All pictures that a resident has sent, the oldest first, for a copy of what we keep of them."""
    rows = work.core.execute(_of_resident, {"town": work.town_id, "resident": resident_id})
    return [SentPicture(row.id, row.purpose, row.created_at, file_key(row.storage_key, Size.DISPLAY)) for row in rows]


def path_for_check(work: Work, keys: Keys, upload_id: int) -> str:
    """Where WeChat fetches a picture that it is to check: path and query, to be put behind the public address."""
    return _signed_path(work, keys, upload_id, Size.DISPLAY, Audience.KEEPER)


def find_linked(work: Work, keys: Keys, upload_id: int, size: Size, asked: AskedLink) -> Linked:
    """The file that a link leads to. Raises LinkInvalid, also where the picture is gone or no longer passed."""
    expected = _signature(keys, work.town_id, upload_id, size, asked.seen_by, asked.expires)
    # The time is part of what is signed: a later one that somebody wrote in has a wrong signature.
    is_true = hmac.compare_digest(expected, asked.signature.encode("ascii", "replace").decode("ascii"))
    if not is_true or asked.expires <= work.now.timestamp():
        raise LinkInvalid
    row = work.core.execute(_stored, {"town": work.town_id, "id": upload_id}).first()
    if row is None or (asked.seen_by is Audience.EVERYONE and row.content_state is not ContentState.PASSED):
        raise LinkInvalid
    return Linked(file_key(row.storage_key, size), max(asked.expires - int(work.now.timestamp()), 0))


@dataclass(frozen=True, slots=True)
class AskedLink:
    """What the query of a link says."""

    expires: int  #: seconds since 1970
    seen_by: Audience
    signature: str


@dataclass(frozen=True, slots=True)
class Linked:
    """Where a link leads."""

    key: str  #: of the file; another content has another key
    seconds_left: int  #: how long the link still works, so how long it may be kept


def file_key(storage_key: str, size: Size) -> str:
    """The key of one of a picture's files."""
    return f"{storage_key}/{size}"


def link_expiry(now: datetime) -> int:
    """When links of this hour end, in seconds since 1970: at the full hour after the next one."""
    return int((now.astimezone(UTC) + timedelta(hours=LINK_HOURS_MAX)).timestamp()) // HOUR_SECONDS * HOUR_SECONDS


def _picture(work: Work, keys: Keys, row: AnyRow) -> Picture:
    is_keeper = work.actor.kind is ActorKind.STAFF or (
        work.actor.kind is ActorKind.RESIDENT and row.resident_id == work.actor.id
    )
    is_passed = row.content_state is ContentState.PASSED
    audience = Audience.EVERYONE if is_passed else Audience.KEEPER
    is_shown = is_passed or is_keeper
    url, thumbnail_url = (
        _signed_path(work, keys, row.id, size, audience) if is_shown else None
        for size in (Size.DISPLAY, Size.THUMBNAIL)
    )
    return Picture(row.id, row.content_state, row.width, row.height, url, thumbnail_url)


def _signed_path(work: Work, keys: Keys, upload_id: int, size: Size, audience: Audience) -> str:
    expires = link_expiry(work.now)
    query = {
        "town": _code_of_town(work),
        "expires": expires,
        "seen_by": audience.value,
        "signature": _signature(keys, work.town_id, upload_id, size, audience, expires),
    }
    return f"/api/v1/uploads/{upload_id}/{size}?{urlencode(query)}"


def _signature(keys: Keys, town_id: int, upload_id: int, size: Size, audience: Audience, expires: int) -> str:
    signed = keys.index_of(f"upload-link:{town_id}:{upload_id}:{size}:{audience}:{expires}")
    return base64.urlsafe_b64encode(signed).rstrip(b"=").decode()


def _code_of_town(work: Work) -> str:
    def find() -> str:
        code = work.core.scalar(_town_code, {"town": work.town_id})
        assert code is not None, "a work is done in a town"
        return code

    return work.recall(("town_code", work.town_id), find)

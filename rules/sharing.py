"""Sharing: a short code for each thing that can be shared, its code image, and an address for outside of WeChat.

A thing has one code, made when it is asked for first. The code is random letters and digits: it says nothing, and opens
nothing but the public page that anybody may see. What may no longer be seen has no code any more for whoever asks; the code
itself stays, so that what is printed works again when the thing does.

The image and the address are made by WeChat, outside of any transaction, and kept: the image in the storage for good, the
address until a day before it ends. While WeChat can't be reached there is none: a code of our own would look alike and lead
to nothing.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from models.activities import Activity, ActivityStatus
from models.groups import Group, GroupStatus
from models.moderation import Content, ContentState
from models.rewards import Reward, RewardStatus
from models.sharing import ShareCode, ShareKind
from models.territory import HostKind, ServiceCentre, Town
from models.venues import Venue
from rules.errors import Kind, RuleError
from rules.hosting import HostedByGovernment
from rules.rows import AnyRow
from rules.work import Work

ALPHABET = string.ascii_letters + string.digits
SCENE_CHARACTERS = 16
LINK_DAYS = 30
LINK_LEFT_MIN = timedelta(days=1)  #: an address that ends sooner is made anew

#: Where each kind is shown in the mini-program.
PAGES: Mapping[ShareKind, str] = {
    ShareKind.ACTIVITY: "pages/activity",
    ShareKind.VENUE: "pages/venue",
    ShareKind.CENTRE: "pages/centre",
    ShareKind.GROUP: "pages/group",
    ShareKind.REWARD: "pages/reward",
}


class SubjectUnknown(RuleError):
    code = "share.subject_unknown"
    kind = Kind.UNKNOWN
    zh = "没有可以分享的这一项，或它还没有公开。"
    en = "There is no such thing to share, or it isn't public."


class ShareCodeUnknown(RuleError):
    code = "share.code_unknown"
    kind = Kind.UNKNOWN
    zh = "没有这个分享码，或它指向的内容已下线。"
    en = "There is no such code, or what it leads to is no longer public."


@dataclass(frozen=True, slots=True)
class Share:
    """A thing as it is shared."""

    kind: ShareKind
    id: int
    scene: str
    page: str  #: of the mini-program, for a code image
    path: str  #: of the mini-program, for a card in a chat
    image: str  #: a path of this server
    link: str | None
    link_until: datetime | None

    def link_lasts(self, moment: datetime) -> bool:
        """Whether the address for outside of WeChat works for another day."""
        return self.link_until is not None and self.link_until - moment >= LINK_LEFT_MIN


_anyones = literal(value=True)


def _open_one(
    table: type[Activity | Venue | ServiceCentre | Reward],
    *conditions: ColumnElement[bool],
    fits_the_host: ColumnElement[bool] = _anyones,
) -> Select[Any]:
    return select(fits_the_host.label("fits_the_host")).where(
        table.town_id == bindparam("town"), table.id == bindparam("id"), *conditions
    )


#: A row for what anybody may see, which says whether it is in place where the town's host is who it is.
_public: Mapping[ShareKind, Select[Any]] = {
    ShareKind.ACTIVITY: _open_one(
        Activity, Activity.status.in_((ActivityStatus.PUBLISHED, ActivityStatus.FINISHED, ActivityStatus.CANCELLED))
    ),
    ShareKind.VENUE: _open_one(Venue),
    ShareKind.CENTRE: _open_one(ServiceCentre),
    ShareKind.GROUP: select(_anyones.label("fits_the_host"))
    .select_from(Group)
    .join(Content, and_(Content.town_id == Group.town_id, Content.id == Group.content_id))
    .where(
        Group.town_id == bindparam("town"),
        Group.id == bindparam("id"),
        Group.status == GroupStatus.ACTIVE,
        Content.state == ContentState.PASSED,
    ),
    ShareKind.REWARD: _open_one(
        Reward,
        Reward.status == RewardStatus.PUBLISHED,
        fits_the_host=or_(Reward.operator_id.is_(None), Town.host_kind == HostKind.OPERATOR),
    ).join(Town, Town.id == Reward.town_id),
}
_columns = (ShareCode.kind, ShareCode.subject_id, ShareCode.scene, ShareCode.link, ShareCode.link_until)
_of_subject = (
    select(*_columns, Town.code.label("town_code"))
    .join(Town, Town.id == ShareCode.town_id)
    .where(
        ShareCode.town_id == bindparam("town"),
        ShareCode.kind == bindparam("which"),
        ShareCode.subject_id == bindparam("id"),
    )
)
_of_scene = (
    select(*_columns, Town.code.label("town_code"))
    .join(Town, Town.id == ShareCode.town_id)
    .where(ShareCode.town_id == bindparam("town"), ShareCode.scene == bindparam("code"))
)
_give = insert(ShareCode).on_conflict_do_nothing()
_keep_link = (
    update(ShareCode)
    .where(ShareCode.town_id == bindparam("town"), ShareCode.scene == bindparam("code"))
    .values(link=bindparam("address"), link_until=bindparam("until"))
    .execution_options(synchronize_session=False)
)


def find_share(work: Work, word: str, subject_id: int) -> Share | None:
    """How something is shared; None where it has no code yet. Raises SubjectUnknown, HostedByGovernment."""
    kind = _kind(word)
    _require_public(work, kind, subject_id)
    row = work.core.execute(_of_subject, {"town": work.town_id, "which": kind, "id": subject_id}).first()
    return None if row is None else _share(row)


def give_code(work: Work, word: str, subject_id: int) -> Share:
    """How something is shared, with a new code if it has none. Raises SubjectUnknown, HostedByGovernment."""
    kind = _kind(word)
    _require_public(work, kind, subject_id)
    scene = "".join(secrets.choice(ALPHABET) for _ in range(SCENE_CHARACTERS))
    row = {
        "town_id": work.town_id,
        "id": work.new_id(),
        "kind": kind,
        "subject_id": subject_id,
        "scene": scene,
        "created_at": work.now,
    }
    work.core.execute(_give, row)
    found = work.core.execute(_of_subject, {"town": work.town_id, "which": kind, "id": subject_id}).one()
    return _share(found)


def resolve_code(work: Work, scene: str) -> Share:
    """What a code leads to. Raises ShareCodeUnknown, also where that may no longer be seen."""
    if not (scene.isascii() and scene.isalnum()):
        raise ShareCodeUnknown
    row = work.core.execute(_of_scene, {"town": work.town_id, "code": scene}).first()
    if row is None or not _is_public(work, row.kind, row.subject_id):
        raise ShareCodeUnknown
    return _share(row)


def read_link(work: Work, scene: str) -> tuple[Share, bool]:
    """What a code leads to, and whether its address lasts. Raises ShareCodeUnknown."""
    share = resolve_code(work, scene)
    return share, share.link_lasts(work.now)


def keep_link(work: Work, scene: str, address: str) -> Share:
    """Keep the address that WeChat has just made. Raises ShareCodeUnknown."""
    until = work.now + timedelta(days=LINK_DAYS)
    work.core.execute(_keep_link, {"town": work.town_id, "code": scene, "address": address, "until": until})
    return resolve_code(work, scene)


def image_key(work: Work, scene: str) -> tuple[Share, str]:
    """What a code leads to, and where its image is or will be kept. Raises ShareCodeUnknown."""
    return resolve_code(work, scene), f"share/{work.town_id}/{scene}.png"


def _kind(word: str) -> ShareKind:
    try:
        return ShareKind(word)
    except ValueError:
        raise SubjectUnknown from None


def _require_public(work: Work, kind: ShareKind, subject_id: int) -> None:
    found = work.core.execute(_public[kind], {"town": work.town_id, "id": subject_id}).first()
    if found is None:
        raise SubjectUnknown
    if not found.fits_the_host:
        raise HostedByGovernment


def _is_public(work: Work, kind: ShareKind, subject_id: int) -> bool:
    found = work.core.execute(_public[kind], {"town": work.town_id, "id": subject_id}).first()
    return found is not None and bool(found.fits_the_host)


def _share(row: AnyRow) -> Share:
    page = PAGES[row.kind]
    return Share(
        kind=row.kind,
        id=row.subject_id,
        scene=row.scene,
        page=page,
        path=f"{page}?id={row.subject_id}",
        image=f"/api/v1/share-codes/{row.scene}/image?town={row.town_code}",
        link=row.link,
        link_until=row.link_until,
    )

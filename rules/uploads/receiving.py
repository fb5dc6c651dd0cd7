"""Taking a picture in: the row is begun, then the files are stored outside of any transaction, then the row is finished.

Of one person at most so many are begun in a day, counted in the database; a file that is no picture counts too, because
reading it is what costs. A picture that the same person has sent for the same purpose and not used yet is known by its
bytes: it is neither read nor counted nor stored again, so a repeated request has one effect, the day's last one too. Two at
the same moment store it twice, and the one that nobody uses is cleaned away.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import bindparam, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from models.moderation import ContentKind
from models.residents import Resident, Role
from models.territory import Territory
from models.uploads import Upload, UploadDay, UploaderKind, UploadPurpose, UploadState
from rules.clock import local_day, seconds_of_day_left
from rules.keys import Keys
from rules.moderation.submitting import submit
from rules.residents.identity import Forbidden
from rules.rows import AnyRow
from rules.uploads.attaching import whose
from rules.uploads.links import Picture, Size, file_key, pictures
from rules.uploads.pictures import MadePicture
from rules.uploads.refusals import UploadQuotaReached, UploadUnknown
from rules.work import ActorKind, Work

RESIDENTS_PURPOSES = (
    UploadPurpose.REPAIR,
    UploadPurpose.COMPLAINT,
    UploadPurpose.GROUP,
    UploadPurpose.POST,
    UploadPurpose.PROFILE,
)
#: Pictures that one person may send in a day of the community.
UPLOADS_A_DAY = {ActorKind.RESIDENT: 60, ActorKind.STAFF: 500}
KEY_CHARACTERS = 32


@dataclass(frozen=True, slots=True)
class BegunUpload:
    """A row whose files are to be stored."""

    id: int
    storage_key: str
    is_repeated: bool  #: it was sent before, and its files are there

    def files_of(self, made: MadePicture) -> dict[str, bytes]:
        """What is to be stored, by key."""
        return {
            file_key(self.storage_key, Size.DISPLAY): made.display,
            file_key(self.storage_key, Size.THUMBNAIL): made.thumbnail,
        }


_mine = or_(Upload.resident_id == bindparam("resident"), Upload.staff_id == bindparam("staff"))
_find_same = (
    select(Upload.id, Upload.storage_key)
    .where(
        Upload.town_id == bindparam("town"),
        Upload.source_hash == bindparam("hash"),
        Upload.purpose == bindparam("wanted"),
        Upload.state == UploadState.READY,
        Upload.attached_at.is_(None),
        _mine,
    )
    .limit(1)
)
_new_day = upsert(UploadDay)
_count = _new_day.on_conflict_do_update(
    index_elements=["town_id", "uploader_kind", "uploader_id", "day"],
    set_={"uploads": UploadDay.uploads + 1},
    where=UploadDay.uploads < bindparam("uploads_max"),
).returning(UploadDay.uploads)
_counted = select(UploadDay.uploads).where(
    UploadDay.town_id == bindparam("town"),
    UploadDay.uploader_kind == bindparam("whose_kind"),
    UploadDay.uploader_id == bindparam("whose_id"),
    UploadDay.day == bindparam("today"),
)
_begin = insert(Upload)
_finish = (
    update(Upload)
    .where(
        Upload.town_id == bindparam("town"),
        Upload.id == bindparam("upload"),
        Upload.state == UploadState.STORING,
        _mine,
    )
    .values(state=UploadState.READY, content_id=bindparam("content"))
    .returning(Upload.id)
    .execution_options(synchronize_session=False)
)
_place = (
    select(Territory.path)
    .join(Resident, (Resident.town_id == Territory.town_id) & (Resident.territory_id == Territory.id))
    .where(Resident.town_id == bindparam("town"), Resident.id == bindparam("resident"))
)
_root = select(Territory.path).where(Territory.town_id == bindparam("town"), Territory.parent_id.is_(None)).limit(1)
_find_mine = select(Upload.id).where(
    Upload.town_id == bindparam("town"), Upload.id == bindparam("upload"), Upload.state == UploadState.READY, _mine
)


def require_purpose(work: Work, purpose: UploadPurpose) -> None:
    """Raises Forbidden where the actor sends no pictures for this: staff do for everything, but auditors don't write."""
    actor = work.actor
    is_writing_staff = any(grant.role is not Role.AUDITOR for grant in actor.grants)
    if not (is_writing_staff or (actor.kind is ActorKind.RESIDENT and purpose in RESIDENTS_PURPOSES)):
        raise Forbidden


def admit_upload(work: Work, keys: Keys, purpose: UploadPurpose, source: bytes) -> Picture | None:
    """The picture that this file is already; None where it is worth reading. Raises Forbidden, UploadQuotaReached."""
    require_purpose(work, purpose)
    same = _find_repeated(work, purpose, hashlib.sha256(source).digest())
    if same is not None:
        return show_upload(work, keys, same.id)
    asked = {
        "town": work.town_id,
        "whose_kind": UploaderKind(work.actor.kind.value),
        "whose_id": work.actor.id,
        "today": local_day(work.now),
    }
    uploads_max = UPLOADS_A_DAY[work.actor.kind]
    if (work.core.scalar(_counted, asked) or 0) >= uploads_max:
        raise UploadQuotaReached(uploads_max=uploads_max, retry_seconds=seconds_of_day_left(work.now))
    return None


def begin_upload(work: Work, purpose: UploadPurpose, source: bytes, made: MadePicture) -> BegunUpload:
    """Write down a picture that is about to be stored. `source`: the file as it was sent.

    Raises Forbidden, UploadQuotaReached.
    """
    require_purpose(work, purpose)
    source_hash = hashlib.sha256(source).digest()
    same = _find_repeated(work, purpose, source_hash)
    if same is not None:
        return BegunUpload(same.id, same.storage_key, is_repeated=True)
    count_upload(work)
    id_ = work.new_id()
    named = hashlib.sha256(made.display).hexdigest()[:KEY_CHARACTERS]
    storage_key = f"{work.town_id}/{named}-{secrets.token_hex(KEY_CHARACTERS // 2)}"
    work.core.execute(
        _begin,
        {
            "town_id": work.town_id,
            "id": id_,
            "resident_id": whose(work)["resident"] or None,
            "staff_id": whose(work)["staff"] or None,
            "purpose": purpose,
            "state": UploadState.STORING,
            "source_hash": source_hash,
            "storage_key": storage_key,
            "width": made.width,
            "height": made.height,
            "byte_count": len(made.display),
            "created_at": work.now,
        },
    )
    return BegunUpload(id_, storage_key, is_repeated=False)


def finish_upload(work: Work, keys: Keys, begun: BegunUpload) -> Picture:
    """Let a stored picture be used, and hand it to moderation. Raises UploadUnknown where it was cleaned away meanwhile."""
    if not begun.is_repeated:
        content_id = submit(work, ContentKind.PICTURE, "", place_path=_place_of(work), upload_id=begun.id)
        finished = {"town": work.town_id, "upload": begun.id, "content": content_id, **whose(work)}
        if work.core.execute(_finish, finished).first() is None:
            raise UploadUnknown
    return show_upload(work, keys, begun.id)


def show_upload(work: Work, keys: Keys, upload_id: int) -> Picture:
    """A picture that the actor has sent, with fresh links. Raises UploadUnknown."""
    if work.core.execute(_find_mine, {"town": work.town_id, "upload": upload_id, **whose(work)}).first() is None:
        raise UploadUnknown
    found = pictures(work, keys, [upload_id])
    assert found, "a picture that is ready has a content"
    return found[0]


def count_upload(work: Work) -> None:
    """Count one more file of the actor's today. Raises UploadQuotaReached."""
    uploads_max = UPLOADS_A_DAY[work.actor.kind]
    row = {
        "town_id": work.town_id,
        "uploader_kind": UploaderKind(work.actor.kind.value),
        "uploader_id": work.actor.id,
        "day": local_day(work.now),
        "uploads": 1,
    }
    if work.core.execute(_count, row | {"uploads_max": uploads_max}).first() is None:
        raise UploadQuotaReached(uploads_max=uploads_max, retry_seconds=seconds_of_day_left(work.now))


def _find_repeated(work: Work, purpose: UploadPurpose, source_hash: bytes) -> AnyRow | None:
    """What the actor has sent of the same bytes for this purpose and not used yet."""
    asked = {"town": work.town_id, "hash": source_hash, "wanted": purpose, **whose(work)}
    return work.core.execute(_find_same, asked).first()


def _place_of(work: Work) -> str:
    """The node whose managers decide on the actor's pictures: where a resident lives, or the whole town."""
    path: str | None = None
    if work.actor.kind is ActorKind.RESIDENT:
        path = work.core.scalar(_place, {"town": work.town_id, "resident": work.actor.id})
    return path or work.core.scalar(_root, {"town": work.town_id}) or ""

"""Using pictures: a room claims them in the transaction of what shows them, and lets them go when it no longer does.

A picture is claimed once, by the person who sent it, for the purpose it was sent for. The guard is the UPDATE itself, so
of two who claim one picture at once one is refused. Rows are taken in the order of their ids.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, or_, select, update

from models.uploads import Upload, UploadPurpose, UploadState
from rules.uploads.refusals import UploadTaken, UploadUnknown
from rules.work import ActorKind, Work

_mine = or_(Upload.resident_id == bindparam("resident"), Upload.staff_id == bindparam("staff"))
_lock = (
    select(Upload.id, Upload.attached_at)
    .where(
        Upload.town_id == bindparam("town"),
        Upload.id.in_(bindparam("ids", expanding=True)),
        Upload.purpose == bindparam("wanted"),
        Upload.state == UploadState.READY,
        _mine,
    )
    .order_by(Upload.id)
    .with_for_update()
)
_claim = (
    update(Upload)
    .where(
        Upload.town_id == bindparam("town"),
        Upload.id.in_(bindparam("ids", expanding=True)),
        Upload.state == UploadState.READY,
        Upload.attached_at.is_(None),
    )
    .values(attached_at=bindparam("now"))
    .returning(Upload.id)
    .execution_options(synchronize_session=False)
)
_discard = (
    update(Upload)
    .where(
        Upload.town_id == bindparam("town"),
        Upload.id.in_(bindparam("ids", expanding=True)),
        Upload.state == UploadState.READY,
    )
    .values(state=UploadState.DISCARDED, attached_at=None)
    .returning(Upload.id)
    .execution_options(synchronize_session=False)
)
_discard_all = (
    update(Upload)
    .where(Upload.town_id == bindparam("town"), Upload.resident_id == bindparam("resident"))
    .values(state=UploadState.DISCARDED, attached_at=None)
    .execution_options(synchronize_session=False)
)
_discard_unused = _discard.where(_mine, Upload.attached_at.is_(None))
_find_mine = select(Upload.attached_at).where(
    Upload.town_id == bindparam("town"), Upload.id == bindparam("id"), Upload.state == UploadState.READY, _mine
)


def claim(work: Work, upload_ids: Sequence[int], purpose: UploadPurpose) -> None:
    """Use pictures that the actor has sent for this purpose. A picture named twice counts once.

    Raises UploadUnknown where one isn't the actor's or not for this, UploadTaken where one is used already.
    """
    wanted = sorted(set(upload_ids))
    if not wanted:
        return
    found = work.core.execute(_lock, {"town": work.town_id, "ids": wanted, "wanted": purpose, **whose(work)}).all()
    if len(found) < len(wanted):
        raise UploadUnknown
    taken = work.core.execute(_claim, {"town": work.town_id, "ids": wanted, "now": work.now}).all()
    if len(taken) < len(wanted):
        raise UploadTaken


def release(work: Work, upload_ids: Sequence[int]) -> None:
    """Pictures that are no longer shown, whoever sent them; their files are deleted soon. Not to be claimed again."""
    if upload_ids:
        work.core.execute(_discard, {"town": work.town_id, "ids": sorted(set(upload_ids))})


def release_all_of(work: Work, resident_id: int) -> None:
    """All pictures that a resident has sent; their files are deleted soon."""
    work.core.execute(_discard_all, {"town": work.town_id, "resident": resident_id})


def discard_upload(work: Work, upload_id: int) -> None:
    """Take back a picture of the actor's that nothing uses. Raises UploadUnknown, UploadTaken."""
    mine = {"town": work.town_id, **whose(work)}
    if work.core.execute(_discard_unused, {**mine, "ids": [upload_id]}).first() is not None:
        return
    if work.core.execute(_find_mine, {**mine, "id": upload_id}).first() is None:
        raise UploadUnknown
    raise UploadTaken


def whose(work: Work) -> dict[str, int]:
    """The actor as the columns of an upload name them; 0 is nobody's id."""
    kind, id_ = work.actor.kind, work.actor.id
    return {"resident": id_ if kind is ActorKind.RESIDENT else 0, "staff": id_ if kind is ActorKind.STAFF else 0}

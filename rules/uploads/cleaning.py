"""Deleting pictures that nothing shows: what was let go, what nobody used within a day, what was never stored to its end.

First the row is marked, so that nobody claims it any more; then its files are deleted, outside of any transaction; then the
row goes. Whatever breaks in between is found again by the next run.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import and_, bindparam, delete, or_, select, update

from models.uploads import Upload, UploadDay, UploadState
from rules.clock import local_day
from rules.files import Files
from rules.moderation.withdrawing import withdraw
from rules.rows import AnyRow
from rules.uploads.links import Size, file_key
from rules.work import SYSTEM, Transactions, Work

UNUSED_FOR = timedelta(days=1)
DAYS_COUNTED = timedelta(days=7)
AT_A_TIME = 100


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What a run has deleted."""

    uploads: int


_is_waste = or_(
    Upload.state == UploadState.DISCARDED,
    and_(Upload.attached_at.is_(None), Upload.created_at < bindparam("before")),
)
_find = (
    select(Upload.id)
    .where(Upload.town_id == bindparam("town"), Upload.attached_at.is_(None), _is_waste)
    .order_by(Upload.id)
    .limit(AT_A_TIME)
)
_mark = (
    update(Upload)
    .where(Upload.town_id == bindparam("town"), Upload.id.in_(bindparam("ids", expanding=True)), _is_waste)
    .values(state=UploadState.DISCARDED)
    .returning(Upload.id, Upload.storage_key, Upload.content_id)
    .execution_options(synchronize_session=False)
)
_delete = delete(Upload).where(
    Upload.town_id == bindparam("town"),
    Upload.id.in_(bindparam("ids", expanding=True)),
    Upload.state == UploadState.DISCARDED,
)
_forget_days = delete(UploadDay).where(UploadDay.town_id == bindparam("town"), UploadDay.day < bindparam("before"))


def clean_uploads(transactions: Transactions, files: Files, town_id: int) -> Cleaned:
    """Delete what nothing shows. Raises StorageBusy; what was deleted until then stays deleted."""
    uploads = 0
    while waste := transactions.write(town_id, SYSTEM, mark_waste):
        for row in waste:
            for size in Size:
                files.delete(file_key(row.storage_key, size))
        transactions.write(town_id, SYSTEM, delete_rows, [row.id for row in waste])
        uploads += len(waste)
    transactions.write(town_id, SYSTEM, forget_days)
    return Cleaned(uploads)


def mark_waste(work: Work) -> list[AnyRow]:
    """Take up to a hundred pictures out of use; their ids and keys. Nobody has to decide on them any more."""
    asked = {"town": work.town_id, "before": work.now - UNUSED_FOR}
    ids = sorted(work.core.scalars(_find, asked))
    waste = list(work.core.execute(_mark, {**asked, "ids": ids})) if ids else []
    if contents := [row.content_id for row in waste if row.content_id is not None]:
        withdraw(work, contents)
    return waste


def delete_rows(work: Work, ids: list[int]) -> None:
    """Delete the rows of pictures whose files are gone."""
    work.core.execute(_delete, {"town": work.town_id, "ids": ids})


def forget_days(work: Work) -> None:
    """Delete counts of days that are long over."""
    work.core.execute(_forget_days, {"town": work.town_id, "before": local_day(work.now) - DAYS_COUNTED})

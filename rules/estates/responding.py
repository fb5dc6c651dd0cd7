"""What the resident does with a repair: takes it back, confirms it, reopens it, rates it.

Confirming, reopening and rating earn no points: an opinion that is paid for is none.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, update

from models.estates import Repair, RepairDeed, RepairStatus
from models.uploads import UploadPurpose
from rules.estates.refusals import NotToBeRated, ReopenedTooOften, ReopenTooLate, WorkBegun
from rules.estates.repairs import find_own
from rules.estates.states import NOW, Said, add_event, change, check_step, turn
from rules.uploads.attaching import claim
from rules.work import Work

_cancel = turn(
    RepairDeed.CANCELLED, closed_at=NOW, phone_sealed=None, worker_phone_sealed=None, forget_at=None, remind_at=None
)
_confirm = turn(RepairDeed.CONFIRMED, confirmed_at=NOW, remind_at=None)
_reopen = turn(RepairDeed.REOPENED, reopens=Repair.reopens + 1, forget_at=None, remind_at=None)
_rate = (
    update(Repair)
    .where(
        Repair.town_id == bindparam("town"),
        Repair.id == bindparam("repair"),
        Repair.status.in_((RepairStatus.DONE, RepairStatus.CONFIRMED)),
        Repair.rating_until >= NOW,
    )
    .values(rating=bindparam("stars"), rating_words=bindparam("words"), rated_at=NOW)
    .returning(Repair.id)
    .execution_options(synchronize_session=False)
)


def cancel_repair(work: Work, repair_id: int, reason: str) -> None:
    """Take a repair back before the work begins. Raises RepairUnknown, WorkBegun, StepNotAllowed, RepairChanged."""
    repair = find_own(work, repair_id)
    if repair.started_at is not None and repair.closed_at is None:
        raise WorkBegun
    change(work, repair, RepairDeed.CANCELLED, _cancel, Said(reason))


def confirm_repair(work: Work, repair_id: int) -> None:
    """Say that it is done. Raises RepairUnknown, StepNotAllowed, RepairChanged."""
    change(work, find_own(work, repair_id), RepairDeed.CONFIRMED, _confirm)


def reopen_repair(work: Work, repair_id: int, reason: str, upload_ids: Sequence[int]) -> None:
    """Say that it isn't done after all, within the time that was fixed when it was done.

    Raises RepairUnknown, StepNotAllowed, ReopenTooLate, ReopenedTooOften, RepairChanged, UploadUnknown, UploadTaken.
    """
    repair = find_own(work, repair_id)
    check_step(repair, RepairDeed.REOPENED)
    if repair.reopen_until < work.now:
        raise ReopenTooLate
    if repair.reopens >= repair.reopens_max:
        raise ReopenedTooOften(maximum=repair.reopens_max)
    claim(work, upload_ids, UploadPurpose.REPAIR)
    change(work, repair, RepairDeed.REOPENED, _reopen, Said(reason, upload_ids))


def rate_repair(work: Work, repair_id: int, stars: int, words: str) -> None:
    """Rate what is done with 1 to 5 stars and in words, or change the rating, until the time for it is over.

    Raises RepairUnknown, NotToBeRated.
    """
    repair = find_own(work, repair_id)
    said = {"town": work.town_id, "repair": repair.id, "now": work.now, "stars": stars, "words": words}
    if work.core.execute(_rate, said).first() is None:
        raise NotToBeRated
    add_event(work, repair.id, RepairDeed.RATED, stars=stars)

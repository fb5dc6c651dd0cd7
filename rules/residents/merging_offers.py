"""Offering to join two records: who signed in by WeChat has the number of a record of the desk."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from models.residents import Merging, MergingStatus
from models.residents.rights import IS_PENDING
from rules.errors import Kind, RuleError
from rules.work import TryAgain, Work

#: How long an offer stands: the number was proved, and numbers change hands.
OFFER_DAYS = 7

#: How long nothing is offered any more after it was declined.
PAUSE_DAYS = 30


class MergingDeclined(RuleError):
    code = "merging.declined"
    kind = Kind.CONFLICT
    zh = "与该档案的合并已被拒绝，请带身份证明到社区服务台办理。"
    en = "Joining that record was declined. Please come to the community's desk with a proof of who you are."


_declined = select(Merging.id).where(
    Merging.town_id == bindparam("town"),
    Merging.resident_id == bindparam("resident"),
    Merging.record_id == bindparam("record"),
    Merging.status == MergingStatus.DECLINED,
    Merging.decided_at > bindparam("since"),
)
_give_up = (
    update(Merging)
    .where(
        Merging.town_id == bindparam("town"),
        Merging.resident_id == bindparam("resident"),
        Merging.status.in_((MergingStatus.OFFERED, MergingStatus.ASKED)),
        (Merging.record_id != bindparam("record")) | (Merging.lapses_at <= bindparam("now")),
    )
    .values(status=MergingStatus.WITHDRAWN, decided_at=bindparam("now"))
    .execution_options(synchronize_session=False)
)
_offer = insert(Merging)
_offer = _offer.on_conflict_do_update(
    index_elements=["town_id", "resident_id"],
    index_where=IS_PENDING,
    set_={"lapses_at": _offer.excluded.lapses_at},
    where=Merging.record_id == _offer.excluded.record_id,
)
_offer_it = _offer.returning(Merging.lapses_at)


def offer_merging(work: Work, record_id: int) -> datetime:
    """Offer the actor to join a record of the desk; returns when the offer lapses. One to another record ends.

    How often the name was wrong stays counted: the same number given again makes no new tries. Raises MergingDeclined.
    """
    asked = {"town": work.town_id, "resident": work.actor.id, "record": record_id, "now": work.now}
    if work.core.execute(_declined, asked | {"since": work.now - timedelta(days=PAUSE_DAYS)}).first() is not None:
        raise MergingDeclined
    work.core.execute(_give_up, asked)
    row = {
        "town_id": work.town_id,
        "id": work.new_id(),
        "resident_id": work.actor.id,
        "record_id": record_id,
        "status": MergingStatus.OFFERED,
        "wrong_names": 0,
        "points_moved": 0,
        "offered_at": work.now,
        "lapses_at": work.now + timedelta(days=OFFER_DAYS),
    }
    lapses_at: datetime | None = work.core.scalar(_offer_it, row)
    if lapses_at is None:  # another offer was made since
        raise TryAgain
    return lapses_at

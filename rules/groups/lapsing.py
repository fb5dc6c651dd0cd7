"""What ends by itself. Requests and posts are over by their date at every read; the job only books it, set-based, and tells.

It also makes changed words of groups their own once they are passed, and forgets the counts of days that are gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import bindparam, delete, update

from models.daily_counts import DailyCount
from models.groups import (
    GroupRequest,
    PartnerPost,
    PartnerPostStatus,
    PostResponse,
    RequestStatus,
    ResponseStatus,
)
from rules.clock import local_day
from rules.groups.founding import adopt_changes
from rules.groups.limits import LIVE
from rules.groups.partners import ENDED
from rules.groups.telling import tell
from rules.outbox import Message, put
from rules.sets import is_id_in
from rules.work import SYSTEM, Transactions, Work

LAPSING, REQUEST_LAPSED = "post.lapsing", "group.request_lapsed"
TELLS_BEFORE = timedelta(days=1)
COUNTS_KEPT_DAYS = 3


@dataclass(frozen=True, slots=True)
class LapsedAmongNeighbours:
    """What a run has ended."""

    requests: int
    posts: int
    told: int
    groups_changed: int


_lapse_requests = (
    update(GroupRequest)
    .where(
        GroupRequest.town_id == bindparam("town"),
        GroupRequest.status == RequestStatus.PENDING,
        GroupRequest.lapses_at <= bindparam("now"),
    )
    .values(status=RequestStatus.LAPSED, decided_at=bindparam("now"))
    .returning(GroupRequest.id, GroupRequest.resident_id, GroupRequest.group_id)
    .execution_options(synchronize_session=False)
)
_lapse_posts = (
    update(PartnerPost)
    .where(
        PartnerPost.town_id == bindparam("town"),
        PartnerPost.status == PartnerPostStatus.OPEN,
        PartnerPost.lapses_at <= bindparam("now"),
    )
    .values(status=PartnerPostStatus.LAPSED, ended_at=bindparam("now"))
    .returning(PartnerPost.id)
    .execution_options(synchronize_session=False)
)
_decline = (
    update(PostResponse)
    .where(
        PostResponse.town_id == bindparam("town"),
        is_id_in(PostResponse.post_id, "posts"),
        PostResponse.status == ResponseStatus.PENDING,
    )
    .values(status=ResponseStatus.DECLINED, decided_at=bindparam("now"))
    .returning(PostResponse.post_id, PostResponse.resident_id)
    .execution_options(synchronize_session=False)
)
_about_to_lapse = (
    update(PartnerPost)
    .where(
        PartnerPost.town_id == bindparam("town"),
        PartnerPost.status == PartnerPostStatus.OPEN,
        PartnerPost.lapses_at <= bindparam("soon"),
        PartnerPost.lapses_at > bindparam("now"),
        PartnerPost.told_lapsing_at.is_(None),
    )
    .values(told_lapsing_at=bindparam("now"))
    .returning(PartnerPost.id, PartnerPost.resident_id, PartnerPost.lapses_at)
    .execution_options(synchronize_session=False)
)
_forget = delete(DailyCount).where(
    DailyCount.town_id == bindparam("town"), DailyCount.day < bindparam("until"), DailyCount.day != LIVE
)


def lapse_among_neighbours(transactions: Transactions, town_id: int) -> LapsedAmongNeighbours:
    """Book what is over in a town, and tell who has to know."""
    requests = transactions.write(town_id, SYSTEM, lapse_requests)
    posts = transactions.write(town_id, SYSTEM, lapse_posts)
    told = transactions.write(town_id, SYSTEM, tell_what_lapses_soon)
    changed = transactions.write(town_id, SYSTEM, adopt_changes)
    transactions.write(town_id, SYSTEM, forget_counts)
    return LapsedAmongNeighbours(requests, posts, told, changed)


def lapse_requests(work: Work) -> int:
    """Requests that nobody answered in time; their residents are told."""
    lapsed = work.core.execute(_lapse_requests, {"town": work.town_id, "now": work.now}).all()
    told = [
        Message(REQUEST_LAPSED, str(row.id), {"resident_id": str(row.resident_id), "group_id": str(row.group_id)})
        for row in lapsed
    ]
    put(work, told)
    return len(lapsed)


def lapse_posts(work: Work) -> int:
    """Posts whose time is over; who still waited for an answer is told."""
    lapsed = work.core.scalars(_lapse_posts, {"town": work.town_id, "now": work.now}).all()
    waiting = work.core.execute(_decline, {"town": work.town_id, "posts": sorted(lapsed), "now": work.now}).all()
    for row in waiting:
        tell(work, ENDED, str(row.post_id), [row.resident_id], post_id=row.post_id)
    return len(lapsed)


def tell_what_lapses_soon(work: Work) -> int:
    """Authors whose posts lapse within a day, each post once."""
    soon = {"town": work.town_id, "now": work.now, "soon": work.now + TELLS_BEFORE}
    rows = work.core.execute(_about_to_lapse, soon).all()
    for row in rows:
        facts = {"post_id": row.id, "lapses_at": row.lapses_at.isoformat()}
        tell(work, LAPSING, str(row.id), [row.resident_id], **facts)
    return len(rows)


def forget_counts(work: Work) -> None:
    """Counts of days that are gone limit nothing any more."""
    until = local_day(work.now) - timedelta(days=COUNTS_KEPT_DAYS)
    work.core.execute(_forget, {"town": work.town_id, "until": until.isoformat()})

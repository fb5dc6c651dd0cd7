"""What machines watch: numbers over all towns, of the technical side. They name no town and nobody.

Like the list of towns these reads look across towns. Each is answered by a partial index or by a table with a row for
each town and job, so they cost little however much has been done before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, case, func, or_, select

from models.adjustments import Adjustment, DecisionStatus
from models.jobs import Outbox
from models.moderation import Content
from models.monitor import Snapshot
from models.reservations import Appeal, AppealStatus
from models.territory import Town
from models.webhooks import Webhook
from rules.jobs.terms import LeaderView, show_leader
from rules.jobs.watching import Alarm, alarm_of, with_last_run
from rules.residents.lock_out import count_locked
from rules.rows import AnyRow
from rules.work import Work


@dataclass(frozen=True, slots=True)
class JobGauges:
    """One job, over all towns."""

    job: str
    succeeded_at: datetime | None  #: of the town that is most behind; None: in some town it never has
    seconds: float  #: how long the longest of the last runs took
    alarms: Mapping[Alarm, int]  #: in how many towns


@dataclass(frozen=True, slots=True)
class QueueGauges:
    """What waits for somebody."""

    queue: str
    items: int
    oldest_seconds: int  #: how long the oldest has waited; 0: nothing waits


@dataclass(frozen=True, slots=True)
class Gauges:
    """Everything, as of one moment."""

    leader: LeaderView
    jobs: Sequence[JobGauges]
    outbox_waiting: int  #: neither delivered nor given up
    outbox_due: int  #: of those, due and in no worker's hands
    outbox_oldest_due_seconds: int
    outbox_dead: int  #: given up, and nobody has looked at them
    queues: Sequence[QueueGauges]
    snapshot_age_seconds: int | None  #: since the last one of the town, of those that have any, that is most behind
    webhooks_failing: int  #: their last call failed
    webhooks_disabled: int
    names_locked: int  #: names of staff under which nobody may sign in for now


_is_due = (Outbox.available_at <= bindparam("now")) & or_(
    Outbox.claimed_until.is_(None), Outbox.claimed_until <= bindparam("now")
)
_outbox = select(
    func.count(),
    func.coalesce(func.sum(case((_is_due, 1), else_=0)), 0),
    func.min(case((_is_due, Outbox.available_at))),
).where(Outbox.delivered_at.is_(None), Outbox.failed_at.is_(None))
_dead = select(func.count()).where(Outbox.failed_at.is_not(None), Outbox.dismissed_at.is_(None))
_queues: dict[str, Any] = {
    "moderation": select(func.count(), func.min(Content.review_since)).where(Content.due_at.is_not(None)),
    "adjustments": select(func.count(), func.min(Adjustment.requested_at)).where(
        Adjustment.status == DecisionStatus.PENDING
    ),
    "appeals": select(func.count(), func.min(Appeal.made_at)).where(
        Appeal.town_id == Town.id, Appeal.status == AppealStatus.PENDING
    ),
}
_last_day = select(func.max(Snapshot.day)).where(Snapshot.town_id == Town.id).correlate(Town).scalar_subquery()
_last_snapshots = select(
    select(func.max(Snapshot.recorded_at))
    .where(Snapshot.town_id == Town.id, Snapshot.day == _last_day)
    .correlate(Town)
    .scalar_subquery()
).select_from(Town)
_webhooks = select(
    func.coalesce(func.sum(case((Webhook.disabled_at.is_(None) & (Webhook.failures > 0), 1), else_=0)), 0),
    func.coalesce(func.sum(case((Webhook.disabled_at.is_not(None), 1), else_=0)), 0),
)


def read_gauges(work: Work) -> Gauges:
    """All of it. For machines inside the house; it asks nobody's rights."""
    now = {"now": work.now}
    waiting, due, oldest_due = work.core.execute(_outbox, now).one()
    failing, disabled = work.core.execute(_webhooks).one()
    snapshots = [moment for moment in work.core.scalars(_last_snapshots) if moment is not None]
    return Gauges(
        leader=show_leader(work),
        jobs=_jobs_of(work.core.execute(with_last_run).all(), work.now),
        outbox_waiting=int(waiting),
        outbox_due=int(due),
        outbox_oldest_due_seconds=_seconds_since(oldest_due, work.now),
        outbox_dead=int(work.core.execute(_dead).scalar_one()),
        queues=[_queue(work, name, statement) for name, statement in _queues.items()],
        snapshot_age_seconds=_seconds_since(min(snapshots), work.now) if snapshots else None,
        webhooks_failing=int(failing),
        webhooks_disabled=int(disabled),
        names_locked=int(work.core.execute(count_locked, now).scalar_one()),
    )


def _jobs_of(rows: Iterable[AnyRow], now: datetime) -> list[JobGauges]:
    of_job: dict[str, list[AnyRow]] = {}
    for row in rows:
        of_job.setdefault(row.job, []).append(row)
    return [_job(job, of_town, now) for job, of_town in sorted(of_job.items())]


def _job(job: str, rows: Sequence[AnyRow], now: datetime) -> JobGauges:
    successes = [row.succeeded_at for row in rows]
    succeeded_at = None if None in successes else min(successes)
    lengths = [(row.finished_at - row.started_at).total_seconds() for row in rows if row.finished_at is not None]
    alarms = Counter(alarm for row in rows if (alarm := alarm_of(row, now)) is not None)
    return JobGauges(job, succeeded_at, max(lengths, default=0.0), alarms)


def _queue(work: Work, name: str, statement: Any) -> QueueGauges:
    items, oldest = work.core.execute(statement).one()
    return QueueGauges(name, int(items), _seconds_since(oldest, work.now))


def _seconds_since(moment: datetime | None, now: datetime) -> int:
    return max(int((now - moment).total_seconds()), 0) if moment is not None else 0

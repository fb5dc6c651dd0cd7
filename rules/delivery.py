"""Who has a message of the outbox, until when, and what became of it.

A worker claims a batch: one guarded UPDATE gives it messages that are due and writes until when they are its own. What it
does with a message happens outside of any transaction. Then it says what came of it, and that counts only as long as the
claim is its own: `claimed_until` is the claim's name. A worker that is killed says nothing, its claim runs out, and another
one takes the message up again. So a message is delivered at least once, and a handler has to bear to be run twice.

A message that fails is put off, longer each time, without jitter, so that the schedule can be written down: 5, 15, 45,
135, 405, 1215, 3645, 10,935 seconds, then six hours each. After ATTEMPTS_MAX (a day or so) it is a dead letter, which
staff see, and have tried again or dismiss. Any number of workers may claim at once, in any number of processes:
PostgreSQL passes over rows that another one is about to claim, SQLite has one writer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, case, delete, exists, func, or_, select, update

from models.jobs import Outbox
from models.residents import Role
from models.territory import Town
from rules.errors import Kind, RuleError
from rules.ids import ID_MAX, first_id_at
from rules.paging import Page, Position, cut
from rules.residents.identity import require_role_at_root
from rules.rows import AnyRow
from rules.sets import is_id_in
from rules.work import Work

LEASE = timedelta(seconds=120)
PAUSE_SECONDS_MIN = 5
PAUSE_SECONDS_MAX = 6 * 3600
PAUSE_FACTOR = 3
ATTEMPTS_MAX = 12
KEPT_DAYS = 90  #: messages that have ended are kept so long; within it none is written a second time
REASON_LENGTH_MAX = 64


class DeadLetterUnknown(RuleError):
    code = "outbox.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这封未能送达的消息，可能已被重发或忽略。"
    en = "There is no such dead letter. It may have been tried again or dismissed."


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """A message that a worker has claimed."""

    town_id: int
    id: int
    topic: str
    key: str
    payload: dict[str, Any]
    attempts: int  #: this one included
    created_at: datetime
    claimed_until: datetime  #: the claim's name


@dataclass(frozen=True, slots=True)
class QueueView:
    """How the outbox of a town stands, for monitors."""

    waiting: int  #: neither delivered nor given up, put-off and not yet due ones included
    due: int
    claimed: int  #: a worker has them now
    oldest_due_seconds: int  #: how long the oldest has been due; 0: none is
    retried: int  #: waiting after a try that failed
    dead: int  #: given up, and nobody has looked at them


_is_waiting = Outbox.delivered_at.is_(None) & Outbox.failed_at.is_(None)
_is_due = (
    _is_waiting
    & (Outbox.available_at <= bindparam("now"))
    & or_(Outbox.claimed_until.is_(None), Outbox.claimed_until <= bindparam("now"))
)
_towns = select(Town.id).where(exists().where(Outbox.town_id == Town.id, _is_due)).order_by(Town.id)
_due = (
    select(Outbox.id)
    .where(Outbox.town_id == bindparam("town"), _is_due)
    .order_by(Outbox.available_at, Outbox.id)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
    .cte("due")
)
_claim = (
    update(Outbox)
    .where(Outbox.town_id == bindparam("town"), Outbox.id.in_(select(_due.c.id)))
    .values(claimed_until=bindparam("until"), attempts=Outbox.attempts + 1)
    .returning(Outbox.id, Outbox.topic, Outbox.key, Outbox.payload, Outbox.attempts, Outbox.created_at)
    .execution_options(synchronize_session=False)
)
_own = (
    update(Outbox)
    .where(
        Outbox.town_id == bindparam("town"),
        Outbox.id == bindparam("message"),
        Outbox.claimed_until == bindparam("claim"),
        _is_waiting,
    )
    .returning(Outbox.id)
    .execution_options(synchronize_session=False)
)
_finish = _own.values(delivered_at=bindparam("now"), claimed_until=None, failure=None)
_put_off = _own.values(available_at=bindparam("at"), claimed_until=None, failure=bindparam("reason"))
_hold_back = _own.values(available_at=bindparam("at"), claimed_until=None, attempts=Outbox.attempts - 1)
_give_up = _own.values(failed_at=bindparam("now"), claimed_until=None, failure=bindparam("reason"))

_is_dead = Outbox.failed_at.is_not(None) & Outbox.dismissed_at.is_(None)
_dead = (
    select(Outbox.id, Outbox.topic, Outbox.key, Outbox.attempts, Outbox.created_at, Outbox.failed_at, Outbox.failure)
    .where(Outbox.town_id == bindparam("town"), _is_dead, Outbox.id < bindparam("before"))
    .order_by(Outbox.id.desc())
    .limit(bindparam("limit"))
)
_one_dead = (
    update(Outbox)
    .where(Outbox.town_id == bindparam("town"), Outbox.id == bindparam("message"), _is_dead)
    .returning(Outbox.topic, Outbox.payload)
    .execution_options(synchronize_session=False)
)
_retry = _one_dead.values(failed_at=None, claimed_until=None, attempts=0, available_at=bindparam("now"))
_dismiss = _one_dead.values(dismissed_at=bindparam("now"), dismissed_by=bindparam("actor"))
_waiting = select(
    func.count(),
    func.coalesce(func.sum(case((Outbox.available_at <= bindparam("now"), 1), else_=0)), 0),
    func.coalesce(func.sum(case((Outbox.claimed_until > bindparam("now"), 1), else_=0)), 0),
    func.min(Outbox.available_at),
    func.coalesce(func.sum(case((Outbox.failure.is_not(None), 1), else_=0)), 0),
).where(Outbox.town_id == bindparam("town"), _is_waiting)
_dead_count = select(func.count()).where(Outbox.town_id == bindparam("town"), _is_dead)
_ended = (
    select(Outbox.id)
    .where(
        Outbox.town_id == bindparam("town"),
        Outbox.id < bindparam("written_before"),  # what ended earlier was written earlier, and ids rise with time
        or_(Outbox.delivered_at < bindparam("before"), Outbox.dismissed_at < bindparam("before")),
    )
    .order_by(Outbox.id)
    .limit(bindparam("limit"))
)
_clear = delete(Outbox).where(Outbox.town_id == bindparam("town"), is_id_in(Outbox.id, "ids"))


def towns_with_due(work: Work) -> Sequence[int]:
    """The towns whose outbox has something for a worker now."""
    return work.core.scalars(_towns, {"now": work.now}).all()


def claim_due(work: Work, limit: int, lease: timedelta = LEASE) -> list[OutboxMessage]:
    """Take up to `limit` messages that are due; they are the caller's until the lease runs out. The oldest come first."""
    until = work.now + lease
    asked = {"town": work.town_id, "now": work.now, "limit": limit, "until": until}
    rows = work.core.execute(_claim, asked).all()
    claimed = [
        OutboxMessage(
            work.town_id, row.id, row.topic, row.key, row.payload, row.attempts, row.created_at, claimed_until=until
        )
        for row in rows
    ]
    return sorted(claimed, key=lambda message: message.id)


def finish(work: Work, message: OutboxMessage) -> bool:
    """It is delivered. False, as in the next three: the claim is no longer the caller's, and nothing was written."""
    return _say(work, _finish, message, now=work.now)


def put_off(work: Work, message: OutboxMessage, reason: str) -> bool:
    """It failed, and is tried again after a pause; after the last attempt it is given up. `reason`: in a word."""
    if message.attempts >= ATTEMPTS_MAX:
        return give_up(work, message, reason)
    at = work.now + timedelta(seconds=pause_seconds(message.attempts))
    return _say(work, _put_off, message, at=at, reason=reason[:REASON_LENGTH_MAX])


def hold_back(work: Work, message: OutboxMessage, until: datetime) -> bool:
    """It mustn't be delivered before a moment. That is no failure, and no attempt."""
    return _say(work, _hold_back, message, at=until)


def let_go(work: Work, messages: Sequence[OutboxMessage]) -> None:
    """They weren't begun, and are anybody's again. That is no attempt."""
    for message in messages:
        _say(work, _hold_back, message, at=work.now)


def give_up(work: Work, message: OutboxMessage, reason: str) -> bool:
    """It can't be delivered as it is: a dead letter."""
    return _say(work, _give_up, message, now=work.now, reason=reason[:REASON_LENGTH_MAX])


def pause_seconds(attempts: int) -> int:
    """How long a message rests after so many attempts."""
    return int(min(PAUSE_SECONDS_MIN * PAUSE_FACTOR ** min(attempts - 1, 20), PAUSE_SECONDS_MAX))


def _say(work: Work, statement: Any, message: OutboxMessage, **values: Any) -> bool:
    asked = {"town": work.town_id, "message": message.id, "claim": message.claimed_until}
    return work.core.execute(statement, asked | values).first() is not None


def list_dead_letters(work: Work, after: Position | None, limit: int) -> Page[AnyRow]:
    """What was given up, the latest first, without the payload: that is people's. Raises Forbidden."""
    require_role_at_root(work, Role.MANAGER)
    before = ID_MAX if after is None else int(after[0])
    rows = work.core.execute(_dead, {"town": work.town_id, "before": before, "limit": limit + 1}).all()
    return cut(rows, limit, lambda row: (row.id,))


def retry(work: Work, message_id: int) -> None:
    """Have a dead letter tried again from the beginning. Raises Forbidden, DeadLetterUnknown."""
    require_role_at_root(work, Role.MANAGER)
    asked = {"town": work.town_id, "message": message_id, "now": work.now}
    if work.core.execute(_retry, asked).first() is None:
        raise DeadLetterUnknown


def dismiss(work: Work, message_id: int) -> AnyRow:
    """Leave a dead letter as it is: its topic and payload. Raises Forbidden, DeadLetterUnknown."""
    require_role_at_root(work, Role.MANAGER)
    asked = {"town": work.town_id, "message": message_id, "now": work.now, "actor": work.actor.id}
    dismissed = work.core.execute(_dismiss, asked).first()
    if dismissed is None:
        raise DeadLetterUnknown
    return dismissed


def show_queue(work: Work) -> QueueView:
    """How the outbox stands, for auditors of the whole town. Raises Forbidden."""
    require_role_at_root(work, Role.AUDITOR)
    asked = {"town": work.town_id, "now": work.now}
    waiting, due, claimed, oldest, retried = work.core.execute(_waiting, asked).one()
    seconds = max(int((work.now - oldest).total_seconds()), 0) if oldest is not None else 0
    dead = work.core.execute(_dead_count, asked).scalar_one()
    return QueueView(int(waiting), int(due), int(claimed), seconds, int(retried), int(dead))


def clear_ended(work: Work, limit: int = 1000) -> int:
    """Delete messages that ended KEPT_DAYS ago or earlier. Returns how many; 0: there are no more."""
    before = work.now - timedelta(days=KEPT_DAYS)
    asked = {"town": work.town_id, "before": before, "written_before": first_id_at(before), "limit": limit}
    ids = work.core.scalars(_ended, asked).all()
    if ids:
        work.core.execute(_clear, {"town": work.town_id, "ids": list(ids)})
    return len(ids)

"""The same write twice has one effect and one answer.

The answer is stored under (town, actor, key) in the transaction of the effect, as its last statement. Who finds it there
gets it again; who finds it under another request's fingerprint is refused. Two requests that run at the same time meet
at that last statement: one commits, the other is undone, tried anew and finds the answer of the first. So a key never
has two effects and is never left locked by a crash. A refusal undoes its work first, and is then stored in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from models.idempotency import IdempotencyRecord
from rules.errors import Kind, RuleError
from rules.sending import Reply
from rules.work import TryAgain, Work


class KeyRequired(RuleError):
    code = "idempotency.key_required"
    kind = Kind.MALFORMED
    zh = "请在请求头 Idempotency-Key 中提供 8 至 128 个可见 ASCII 字符的幂等键。"
    en = "Send an Idempotency-Key header of 8 to 128 visible ASCII characters with this request."


class KeyMismatch(RuleError):
    code = "idempotency.mismatch"
    kind = Kind.INVALID
    zh = "这个 Idempotency-Key 已经用于另一个请求，请为新的请求换一个键。"
    en = "This Idempotency-Key was already used for a different request. Use a new key for a new request."


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller was told: an HTTP status and the JSON text of the body."""

    status: int
    body: str


_find = select(IdempotencyRecord.fingerprint, IdempotencyRecord.status, IdempotencyRecord.body).where(
    IdempotencyRecord.town_id == bindparam("town"),
    IdempotencyRecord.actor_id == bindparam("actor"),
    IdempotencyRecord.key == bindparam("key"),
)
_keep = insert(IdempotencyRecord).on_conflict_do_nothing().returning(IdempotencyRecord.key)


def find_answer(work: Work, key: str, fingerprint: bytes) -> Answer | None:
    """What was answered to the actor under this key before. Raises KeyMismatch when it was to another request."""
    return read_answer(ask_answer(work, work.actor.id, key), fingerprint)


def ask_answer(work: Work, actor_id: int, key: str) -> Reply:
    """Look for what somebody was answered under this key; `read_answer` says what it was."""
    return work.send(_find, {"town": work.town_id, "actor": actor_id, "key": key})


def read_answer(found: Reply, fingerprint: bytes) -> Answer | None:
    """What was answered. Raises KeyMismatch when it was to another request."""
    row = found.first()
    if row is None:
        return None
    if row.fingerprint != fingerprint:
        raise KeyMismatch
    return Answer(row.status, row.body)


def keep_answer(work: Work, key: str, fingerprint: bytes, answer: Answer) -> None:
    """Store the answer. Raises TryAgain when another request has stored one under the key meanwhile."""
    record = {
        "town_id": work.town_id,
        "actor_id": work.actor.id,
        "key": key,
        "fingerprint": fingerprint,
        "status": answer.status,
        "body": answer.body,
        "recorded_at": work.now,
    }
    if work.send(_keep, record).first() is None:
        raise TryAgain

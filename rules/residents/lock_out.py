"""Names under which too many sign-ins failed: for a while nobody signs in under them.

A try is counted before its password is looked at, by one guarded upsert, so that many tries at once are counted one after
the other, and those that come while the name is locked meet no password at all. What was counted is forgotten by a
sign-in that succeeds, after a day without a failure, and by `unlock`.

The first FREE_FAILURES cost nothing; from then on each failure locks the name for twice as long as the one before, from
one second up to WAIT_SECONDS_MAX. So a guesser gets some twenty tries in the first hour and four in each that follows,
and who mistyped waits for seconds. (ASVS 4.0.3, 2.2.1: no more than 100 failures an hour.)

Names that nobody has are counted and locked like the others: otherwise a lock would tell which names exist. For the same
reason the table is keyed by a hash of what was typed, which may be a password in the wrong field.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import ColumnElement, bindparam, case, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from models.base import UtcDateTime
from models.residents import SignInFailure
from rules.errors import Kind, RuleError
from rules.keys import Keys
from rules.work import Work

FREE_FAILURES = 5
WAIT_SECONDS_MAX = 900
FORGOTTEN_AFTER_DAYS = 1
FORGOTTEN_AT_ONCE_MAX = 500  #: rows that one try deletes, so that nobody's sign-in waits for what a flood has left


class TooManyAttempts(RuleError):
    code = "auth.too_many_attempts"
    kind = Kind.TOO_MANY
    zh = "登录失败次数过多，请在 {retry_seconds} 秒后再试，或请管理员解锁。"
    en = "Too many sign-ins failed. Please try again in {retry_seconds} seconds, or ask an administrator to unlock it."


_now = bindparam("now", type_=UtcDateTime)
_long_ago = bindparam("long_ago", type_=UtcDateTime)
_failures_next: ColumnElement[int] = case(
    (SignInFailure.failed_at < _long_ago, 1),
    else_=SignInFailure.failures + 1,
)
_count = (
    insert(SignInFailure)
    .on_conflict_do_update(
        index_elements=["name_index"],
        set_={"failures": _failures_next, "failed_at": _now},
        where=SignInFailure.locked_until <= _now,
    )
    .returning(SignInFailure.failures)
)
_lock = (
    update(SignInFailure)
    .where(SignInFailure.name_index == bindparam("name"))
    .values(locked_until=bindparam("until", type_=UtcDateTime))
    .execution_options(synchronize_session=False)
)
_locked_until = select(SignInFailure.locked_until).where(SignInFailure.name_index == bindparam("name"))
_forget = (
    delete(SignInFailure)
    .where(SignInFailure.name_index == bindparam("name"))
    .returning(SignInFailure.failures)
    .execution_options(synchronize_session=False)
)
_old = (
    select(SignInFailure.name_index)
    .where(SignInFailure.failed_at < _long_ago)
    .order_by(SignInFailure.failed_at)
    .limit(bindparam("most", FORGOTTEN_AT_ONCE_MAX))
    .with_for_update(skip_locked=True)
)
_forget_old = (
    delete(SignInFailure).where(SignInFailure.name_index.in_(_old)).execution_options(synchronize_session=False)
)
#: How many names are locked now; binds `now`.
count_locked = select(func.count()).select_from(SignInFailure).where(SignInFailure.locked_until > _now)


def wait_seconds(failures: int) -> int:
    """How long a name is locked after so many failures in a row, in seconds."""
    beyond = failures - FREE_FAILURES
    return 0 if beyond < 0 else min(1 << min(beyond, 30), WAIT_SECONDS_MAX)


def count_attempt(work: Work, keys: Keys, username: str) -> None:
    """Count a try under a name as failed until it has succeeded. Raises TooManyAttempts while the name is locked.

    To be committed before the password is looked at.
    """
    name = _name(keys, username)
    long_ago = work.now - timedelta(days=FORGOTTEN_AFTER_DAYS)
    first = {"name_index": name, "failures": 1, "failed_at": work.now, "locked_until": work.now}
    failures = work.db.scalar(_count, first | {"now": work.now, "long_ago": long_ago})
    if failures is None:
        until = work.db.scalar(_locked_until, {"name": name}) or work.now
        left = until - work.now
        raise TooManyAttempts(retry_seconds=max(1, -(-left // timedelta(seconds=1))))
    if (seconds := wait_seconds(failures)) > 0:
        work.db.execute(_lock, {"name": name, "until": work.now + timedelta(seconds=seconds)})
    if failures == 1:
        # Each new name takes more old ones away than it adds: the table stays as small as a day's failures.
        work.db.execute(_forget_old, {"long_ago": long_ago})


def unlock(work: Work, keys: Keys, username: str) -> bool:
    """Forget what failed under a name. False: nothing had."""
    return work.db.scalar(_forget, {"name": _name(keys, username)}) is not None


def _name(keys: Keys, username: str) -> bytes:
    return keys.index_of(f"sign-in of staff: {username}")

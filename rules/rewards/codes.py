"""Pick-up codes: made at random, read as people write them, and too many wrong ones stopped.

A code is 12 characters of Crockford's base 32, so one of 2^60; whoever shows it gets what was redeemed. Wrong codes count
against the member of staff who sends them, the code of another merchant like one that doesn't exist: a try is counted
before the code is looked up, and uncounted when it was right.
"""

from __future__ import annotations

import re
import secrets
from datetime import datetime, timedelta

from sqlalchemy import bindparam, update
from sqlalchemy.dialects.postgresql import insert

from models.rewards import CodeTry
from rules.clock import seconds_between
from rules.rewards.refusals import TooManyWrongCodes
from rules.work import Work

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 12
WRONG_MAX = 20  #: for each member of staff within an hour of the clock
HOUR = timedelta(hours=1)
_CODE = re.compile(f"[{ALPHABET}]{{{LENGTH}}}")
_READ_AS = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})

_try = insert(CodeTry)
_try = _try.on_conflict_do_update(  # type: ignore[assignment]
    index_elements=["town_id", "staff_id", "hour"],
    set_={"wrong": CodeTry.wrong + 1},
    where=CodeTry.wrong < WRONG_MAX,
).returning(CodeTry.wrong)
_forgive = (
    update(CodeTry)
    .where(
        CodeTry.town_id == bindparam("town"),
        CodeTry.staff_id == bindparam("staff"),
        CodeTry.hour == bindparam("of_hour"),
    )
    .values(wrong=CodeTry.wrong - 1)
    .execution_options(synchronize_session=False)
)


def make_code() -> str:
    """A code that nobody can guess."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def read_code(written: str) -> str | None:
    """A code as it was made, from how somebody typed it: small letters, dashes, O for 0. None: it can't be one. Pure."""
    code = written.upper().translate(_READ_AS)
    return code if _CODE.fullmatch(code) else None


def count_try(work: Work) -> None:
    """Count a code that the actor sends as wrong, until it turns out to be right. Raises TooManyWrongCodes."""
    hour = _hour(work.now)
    row = {"staff_id": work.actor.id, "hour": hour, "wrong": 1}
    if work.core.execute(_try, {"town_id": work.town_id, **row}).first() is None:
        raise TooManyWrongCodes(most=WRONG_MAX, retry_seconds=seconds_between(work.now, hour + HOUR))


def forgive_try(work: Work) -> None:
    """The code was right."""
    row = {"town": work.town_id, "staff": work.actor.id, "of_hour": _hour(work.now)}
    work.core.execute(_forgive, row)


def _hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)

"""From which devices residents sign in: so that a device which signs in many can be noticed, and nothing else.

An app makes up a word at random when it is installed and says it at every sign-in, if it likes. Kept is a keyed hash of
the word, other in each town, with the resident and the day, for KEPT_DAYS; only auditors of the whole town see what comes
of it (`rules.monitor.measures.patterns`), and it goes with the resident.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert

from models.residents import SignInDevice
from rules.clock import local_day
from rules.keys import Keys
from rules.work import Work

KEPT_DAYS = 92
AT_A_TIME = 1_000

_note = insert(SignInDevice).on_conflict_do_nothing(index_elements=["town_id", "resident_id", "device_index", "day"])
_old = (
    select(SignInDevice.id)
    .where(SignInDevice.town_id == bindparam("town"), SignInDevice.day < bindparam("before"))
    .limit(AT_A_TIME)
)
_clear = (
    delete(SignInDevice)
    .where(SignInDevice.town_id == bindparam("town"), SignInDevice.id.in_(_old))
    .returning(SignInDevice.id)
)


def note_device(work: Work, keys: Keys, resident_id: int, device: str) -> None:
    """Remember that a resident signed in from a device today; once a day."""
    row = {
        "town_id": work.town_id,
        "id": work.new_id(),
        "device_index": keys.index_of(f"device:{work.town_id}:{device}"),
        "resident_id": resident_id,
        "day": local_day(work.now),
        "signed_in_at": work.now,
    }
    work.core.execute(_note, row)


def clear_devices(work: Work) -> int:
    """Forget some of what is older than KEPT_DAYS; returns how many rows, 0 when none is left."""
    before = local_day(work.now) - timedelta(days=KEPT_DAYS)
    return len(work.core.execute(_clear, {"town": work.town_id, "before": before}).all())

"""The telephone numbers in a repair: sealed, opened for those who must call, wiped when nobody has to."""

from __future__ import annotations

from rules.keys import Keys
from rules.residents.phones import Phone, read_phone

RESIDENT = "phone"
WORKER = "worker"


def seal_phone(keys: Keys, town_id: int, repair_id: int, whose: str, written: str | None) -> bytes | None:
    """A number as the row keeps it; None for none. Raises PhoneInvalid."""
    if written is None:
        return None
    return keys.seal(read_phone(written).number, phone_context(town_id, repair_id, whose))


def open_phone(keys: Keys, town_id: int, repair_id: int, whose: str, sealed: bytes) -> Phone:
    """The number of a row. Raises InvalidTag for another row's."""
    return Phone(keys.open(sealed, phone_context(town_id, repair_id, whose)))


def phone_context(town_id: int, repair_id: int, whose: str) -> str:
    """Where a sealed number belongs; it can't be opened in another row. `whose`: RESIDENT or WORKER."""
    return f"repair.{whose}:{town_id}:{repair_id}"

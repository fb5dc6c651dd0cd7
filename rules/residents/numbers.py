"""Whose a number is: the columns of the resident's row, and for a mobile the row of `mobile_holder` that settles it."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from models.residents import MobileHolder, Resident
from rules.keys import Keys
from rules.residents.phones import Phone, phone_columns, phone_index
from rules.work import Work

_set_phone = (
    update(Resident)
    .where(Resident.town_id == bindparam("town"), Resident.id == bindparam("resident"))
    .values({name: bindparam(f"new_{name}") for name in ("phone_sealed", "phone_index", "phone_tail")})
    .execution_options(synchronize_session=False)
)
_let_go = (
    delete(MobileHolder)
    .where(MobileHolder.town_id == bindparam("town"), MobileHolder.resident_id == bindparam("resident"))
    .execution_options(synchronize_session=False)
)
_take_mobile = insert(MobileHolder).on_conflict_do_nothing().returning(MobileHolder.resident_id)
_holder = select(MobileHolder.resident_id).where(
    MobileHolder.town_id == bindparam("town"), MobileHolder.phone_index == bindparam("index")
)


def keep_number(work: Work, keys: Keys, resident_id: int, phone: Phone | None) -> bool:
    """Write a resident's number, or none. False when somebody else has the mobile; the work has to be undone then."""
    whose = {"town": work.town_id, "resident": resident_id}
    columns = phone_columns(keys, work.town_id, resident_id, phone)
    work.core.execute(_let_go, whose)
    if phone is not None and phone.is_mobile:
        holder = {"town_id": work.town_id, "phone_index": columns["phone_index"], "resident_id": resident_id}
        if work.core.scalar(_take_mobile, holder) is None:
            return False
    work.core.execute(_set_phone, {**whose, **{f"new_{name}": value for name, value in columns.items()}})
    return True


def holder_of(work: Work, keys: Keys, phone: Phone) -> int | None:
    """Whose a mobile number is."""
    asked = {"town": work.town_id, "index": phone_index(keys, work.town_id, phone)}
    holder: int | None = work.core.scalar(_holder, asked)
    return holder

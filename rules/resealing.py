"""Encrypting anew what is encrypted with an old key, a batch in a transaction, while the town goes on.

A value is written back only if the row still holds what was read, so a number that somebody changes meanwhile stays
changed. It can be broken off and begun again at any time: what is done isn't looked at twice. `SEALED` names every
encrypted column of every table; a test holds it to the models.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from cryptography.exceptions import InvalidTag
from sqlalchemy import LargeBinary, bindparam, func, literal, select, update

from models.estates import Repair
from models.reservations import Draw
from models.residents import Resident
from models.volunteering import Certificate
from models.webhooks import Webhook
from models.wechat import WechatToken
from rules.estates.phones import RESIDENT, WORKER
from rules.estates.phones import phone_context as repair_context
from rules.keys import Keys
from rules.monitor.webhooks import secret_context
from rules.reservations.allocating import seed_context
from rules.residents.phones import phone_context
from rules.residents.sign_in import openid_context
from rules.volunteering.certificates import name_context
from rules.wechat_token import token_context
from rules.work import SYSTEM, Transactions, Work

BATCH = 500


class Sealed:
    """A column of encrypted values, and the context of each."""

    def __init__(self, column: Any, key: Any, context: Callable[[int, Any], str], *, first: Any = 0) -> None:
        table = column.class_
        in_town = [table.town_id == bindparam("town")] if "town_id" in table.__table__.c else []
        prefix = bindparam("prefix", type_=LargeBinary())
        is_old = func.substr(column, literal(1), bindparam("length"), type_=LargeBinary()) != prefix
        self.name = f"{table.__tablename__}.{column.key}"
        self.is_global = not in_town
        self.context = context
        self.first = first  #: before every key
        self.next = (
            select(key.label("key"), column.label("sealed"))
            .where(*in_town, key > bindparam("after"), is_old)
            .order_by(key)
            .limit(bindparam("limit"))
        )
        self.count = select(func.count()).where(*in_town, is_old)
        self.replace = (
            update(table)
            .where(*in_town, key == bindparam("row"), column == bindparam("read"))
            .values({column.key: bindparam("sealed")})
            .returning(key)
            .execution_options(synchronize_session=False)
        )


def _of_repair(whose: str, town_id: int, repair_id: int) -> str:
    return repair_context(town_id, repair_id, whose)


SEALED = (
    Sealed(Resident.openid_sealed, Resident.id, openid_context),
    Sealed(Resident.phone_sealed, Resident.id, phone_context),
    Sealed(Repair.phone_sealed, Repair.id, partial(_of_repair, RESIDENT)),
    Sealed(Repair.worker_phone_sealed, Repair.id, partial(_of_repair, WORKER)),
    Sealed(Certificate.name_sealed, Certificate.id, name_context),
    Sealed(Draw.seed_sealed, Draw.session_id, seed_context),
    Sealed(Webhook.secret_sealed, Webhook.id, secret_context),
    Sealed(WechatToken.token_sealed, WechatToken.appid, lambda _town, appid: token_context(appid), first=""),
)


@dataclass(frozen=True, slots=True)
class Resealed:
    """What came of a town, or, with town 0, of what belongs to none."""

    values: int  #: encrypted anew
    unreadable: int  #: opened by none of the keys; they are left as they are


def reseal(transactions: Transactions, town_id: int, keys: Keys, *, batch: int = BATCH) -> Resealed:
    """Encrypt with the first key what is encrypted with another one."""
    values = unreadable = 0
    for sealed in SEALED:
        if sealed.is_global != (town_id == 0):
            continue
        after = sealed.first
        while after is not None:
            after, changed, failed = transactions.write(town_id, SYSTEM, _reseal_some, keys, sealed, after, batch)
            values, unreadable = values + changed, unreadable + failed
    return Resealed(values, unreadable)


def count_old_seals(work: Work, keys: Keys) -> int:
    """How many values of the work's town, or of no town, are encrypted with another key than the first."""
    asked = _named(work, keys)
    columns = [sealed for sealed in SEALED if sealed.is_global == (work.town_id == 0)]
    return sum(int(work.core.execute(sealed.count, asked).scalar_one()) for sealed in columns)


def _reseal_some(work: Work, keys: Keys, sealed: Sealed, after: Any, batch: int) -> tuple[Any, int, int]:
    """The key of the last row looked at (None: there are no more), how many were changed, how many couldn't be read."""
    rows = work.core.execute(sealed.next, _named(work, keys) | {"after": after, "limit": batch}).all()
    changed = failed = 0
    for row in rows:
        context = sealed.context(work.town_id, row.key)
        try:
            anew = keys.seal(keys.open(row.sealed, context), context)
        except InvalidTag:
            failed += 1
            continue
        asked = {"town": work.town_id, "row": row.key, "read": row.sealed, "sealed": anew}
        changed += work.core.execute(sealed.replace, asked).first() is not None
    return (rows[-1].key if len(rows) == batch else None), changed, failed


def _named(work: Work, keys: Keys) -> dict[str, Any]:
    prefix = f"{keys.first_data_key}:".encode()
    return {"town": work.town_id, "prefix": prefix, "length": len(prefix)}

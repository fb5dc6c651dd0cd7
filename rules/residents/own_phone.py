"""A resident's own number, as WeChat knows it: given, changed, taken away.

The number comes from WeChat and not from the resident, so it is theirs. Where it is in a record of the desk, both may be
one person, and joining them is offered (`rules.rights.merging`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select

from models.residents import Purpose, Resident
from rules.clock import local_day
from rules.errors import Kind, RuleError
from rules.keys import Keys
from rules.residents.ages import is_minor
from rules.residents.consents import PHONE_VERSION, end_consent, give_consent
from rules.residents.merging_offers import offer_merging
from rules.residents.numbers import holder_of, keep_number
from rules.residents.phones import Phone, PhoneInvalid, read_phone
from rules.residents.records import lock_record
from rules.work import TryAgain, Work


class PhoneOfAnotherAccount(RuleError):
    code = "phone.of_another_account"
    kind = Kind.CONFLICT
    zh = "这个手机号已绑定另一个微信账号。请先在那个账号中解除，或到社区服务台办理。"
    en = "This number belongs to another account. Take it away there first, or ask at the community's desk."


class PhoneNone(RuleError):
    code = "phone.none"
    kind = Kind.UNKNOWN
    zh = "您没有登记手机号。"
    en = "You have no number on record."


@dataclass(frozen=True, slots=True)
class PhoneAnswer:
    """What came of giving a number."""

    phone: str  #: masked
    is_kept: bool  #: False: it is in a record of the desk, which may be joined
    merging_lapses_at: datetime | None


_holder = select(Resident.openid_sealed, Resident.born_on).where(
    Resident.town_id == bindparam("town"), Resident.id == bindparam("resident")
)
_has_phone = select(Resident.phone_index.is_not(None)).where(
    Resident.town_id == bindparam("town"), Resident.id == bindparam("resident")
)


def give_phone(work: Work, keys: Keys, number: str) -> PhoneAnswer:
    """Keep the actor's number in place of the one there was, with the consent to it.

    Raises PhoneInvalid (from abroad), PhoneOfAnotherAccount, MergingDeclined.
    """
    phone = read_phone(number)
    if not phone.is_mobile:
        raise PhoneInvalid
    lock_record(work, work.actor.id)
    holder = holder_of(work, keys, phone)
    if holder is not None and holder != work.actor.id:
        return _of_somebody_else(work, phone, holder)
    if not keep_number(work, keys, work.actor.id, phone):  # somebody took it since the look
        raise TryAgain
    give_consent(work, work.actor.id, Purpose.PHONE, PHONE_VERSION)
    return PhoneAnswer(phone.masked, is_kept=True, merging_lapses_at=None)


def take_phone_away(work: Work, keys: Keys) -> None:
    """Keep no number of the actor's any more. Raises PhoneNone."""
    if not work.core.scalar(_has_phone, {"town": work.town_id, "resident": work.actor.id}):
        raise PhoneNone
    forget_phone(work, keys, work.actor.id)


def forget_phone(work: Work, keys: Keys, resident_id: int) -> None:
    """Keep no number of a resident's, and end the consent to it."""
    keep_number(work, keys, resident_id, None)
    end_consent(work, resident_id, Purpose.PHONE)


def _of_somebody_else(work: Work, phone: Phone, holder: int) -> PhoneAnswer:
    record = work.core.execute(_holder, {"town": work.town_id, "resident": holder}).one()
    if record.openid_sealed is not None or is_minor(record.born_on, local_day(work.now)):
        raise PhoneOfAnotherAccount
    lapses_at = offer_merging(work, holder)
    return PhoneAnswer(phone.masked, is_kept=False, merging_lapses_at=lapses_at)

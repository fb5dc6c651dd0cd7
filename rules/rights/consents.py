"""Consents as their resident sees and changes them.

Only what rests on consent is listed. What the service can't do without (a place in a session needs a name on its list) rests
on the consent to the account; messages by WeChat are agreed to one by one in WeChat's own window, and the grants are their
record (`rules.notices.grants`); a picture is sent because its sender wants it shown.

A consent and what it allows begin and end in one transaction, whichever way it is said: here, or in the room itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, select

from models.residents import Consent, Purpose, Resident
from rules.errors import Kind, RuleError
from rules.groups.cards import hide_card
from rules.keys import Keys
from rules.points.ranking import choose, hide_from_rankings
from rules.residents.acting import as_resident, ward_for
from rules.residents.consents import (
    PHONE_VERSION,
    PROFILE_VERSION,
    RANKING_VERSION,
    end_consent,
    give_consent,
)
from rules.residents.own_phone import forget_phone
from rules.residents.sign_in import CONSENT_VERSION, ConsentOutdated
from rules.volunteering.refusals import NotAVolunteer
from rules.volunteering.registration import (
    STATEMENT_EN,
    STATEMENT_VERSION,
    STATEMENT_ZH,
    register_volunteer,
    withdraw_volunteer,
)
from rules.work import Work


class ConsentUnknown(RuleError):
    code = "consent.none"
    kind = Kind.UNKNOWN
    zh = "您没有给过这项同意，或者已经撤回。"
    en = "You haven't agreed to this, or have withdrawn it already."


class ErasureIsTheWay(RuleError):
    code = "consent.account_needs_erasure"
    kind = Kind.CONFLICT
    zh = "撤回账号本身的同意等于注销账号：请提交注销申请（POST /me/erasure），7 天内可以反悔。"
    en = "To withdraw the consent to the account itself is to close it: ask for erasure (POST /me/erasure)."


class NoPhoneYet(RuleError):
    code = "consent.no_phone"
    kind = Kind.CONFLICT
    zh = "还没有登记手机号。请通过微信授权手机号，授权即同意。"
    en = "There is no number on record. Give it by WeChat; that is the consent."


@dataclass(frozen=True, slots=True)
class Wording:
    """What one agrees to."""

    version: str
    zh: str
    en: str
    needed_for_zh: str
    needed_for_en: str


WORDINGS: Mapping[Purpose, Wording] = {
    Purpose.ACCOUNT: Wording(
        CONSENT_VERSION,
        "我同意社区为我建立账号，使用我的微信标识、称呼、居住地和我在这里办理的事项，用来提供预约、签到、积分、报修等服务。",
        "I agree that the community keeps an account for me, with my WeChat identity, my name, where I live and what I do "
        "here, to offer reservations, check-in, points, repairs and the like.",
        "使用本小程序；撤回即注销账号",
        "Using the programme at all; to withdraw it is to close the account",
    ),
    Purpose.VOLUNTEERING: Wording(
        STATEMENT_VERSION,
        STATEMENT_ZH,
        STATEMENT_EN,
        "志愿服务时长、星级和证明",
        "Service hours, stars and certificates",
    ),
    Purpose.RANKING: Wording(
        RANKING_VERSION,
        "我同意在积分排名中以隐去名字的称呼显示我的名次和积分。",
        "I agree to be shown in rankings, with my place, my points and a masked name.",
        "在积分排名中被看到；不同意不影响得分",
        "Being seen in rankings; points are earned all the same without it",
    ),
    Purpose.PROFILE: Wording(
        PROFILE_VERSION,
        "我同意同组的邻居和与我结伴的邻居看到我的名片（称呼、介绍、兴趣、头像）。",
        "I agree that members of my groups and neighbours I have answered see my card (name, words, interests, picture).",
        "展示名片；不同意时邻居只看到隐去名字的称呼",
        "Showing a card; without it neighbours see a masked name",
    ),
    Purpose.PHONE: Wording(
        PHONE_VERSION,
        "我同意登记微信绑定的手机号，用于现场核对身份和紧急联系；显示时隐去中间四位。",
        "I agree that the number that WeChat knows is kept, to be recognised at a door and reached in urgent cases; it is "
        "shown masked.",
        "凭手机尾号签到、与社区登记的档案合并",
        "Check-in by the last four digits, and joining a record of the community's desk",
    ),
}


@dataclass(frozen=True, slots=True)
class ConsentView:
    """Where a resident stands with one purpose."""

    purpose: Purpose
    is_given: bool
    version: str | None  #: that was agreed to
    given_at: datetime | None
    current_version: str
    wording: str
    wording_en: str
    needed_for: str
    needed_for_en: str


_given = (
    select(Consent.purpose, func.max(Consent.version).label("version"), func.max(Consent.given_at).label("given_at"))
    .where(Consent.town_id == bindparam("town"), Consent.resident_id == bindparam("resident"))
    .group_by(Consent.purpose)
)
_has_phone = select(Resident.phone_index.is_not(None)).where(
    Resident.town_id == bindparam("town"), Resident.id == bindparam("resident")
)


def list_consents(work: Work, resident_id: int | None = None) -> Sequence[ConsentView]:
    """All purposes, and where the actor, or a child of theirs, stands with each. Raises what `ward_for` raises."""
    whom = ward_for(work, resident_id)
    given = {row.purpose: row for row in work.core.execute(_given, {"town": work.town_id, "resident": whom})}
    return [_view(purpose, given.get(purpose)) for purpose in WORDINGS]


def agree(work: Work, purpose: Purpose, version: str, resident_id: int | None = None) -> Sequence[ConsentView]:
    """Agree to a purpose in its current version; what it allows begins.

    Raises ConsentOutdated, NoPhoneYet, what `ward_for` raises, and what the room refuses (a ranking where a public body
    hosts, a volunteer who is a minor without a guardian).
    """
    whom = ward_for(work, resident_id)
    if version != WORDINGS[purpose].version:
        raise ConsentOutdated(current=WORDINGS[purpose].version)
    if purpose is Purpose.VOLUNTEERING:
        register_volunteer(work, version, whom)
    elif purpose is Purpose.RANKING:
        choose(as_resident(work, whom), shown=True)
    else:
        if purpose is Purpose.PHONE and not work.core.scalar(_has_phone, {"town": work.town_id, "resident": whom}):
            raise NoPhoneYet
        give_consent(work, whom, purpose, version)
    return list_consents(work, whom)


def withdraw(work: Work, keys: Keys, word: str, resident_id: int | None = None) -> Sequence[ConsentView]:
    """End the consent to the purpose of this word; what it allowed ends with it, at once.

    Raises ErasureIsTheWay (the account), ConsentUnknown (also where there is no such purpose), what `ward_for` raises.
    """
    whom = ward_for(work, resident_id)
    if word not in set(Purpose):
        raise ConsentUnknown
    purpose = Purpose(word)
    if purpose is Purpose.ACCOUNT:
        raise ErasureIsTheWay
    if not any(view.is_given for view in list_consents(work, whom) if view.purpose is purpose):
        raise ConsentUnknown
    if purpose is Purpose.VOLUNTEERING:
        _stop_volunteering(work, whom)
    elif purpose is Purpose.RANKING:
        hide_from_rankings(work, whom)
    elif purpose is Purpose.PROFILE:
        hide_card(work, whom)
    else:
        forget_phone(work, keys, whom)
    return list_consents(work, whom)


def _stop_volunteering(work: Work, resident_id: int) -> None:
    try:
        withdraw_volunteer(work, resident_id)
    except NotAVolunteer:  # registered by staff, or ended before consents were moved
        end_consent(work, resident_id, Purpose.VOLUNTEERING)


def _view(purpose: Purpose, given: object) -> ConsentView:
    wording = WORDINGS[purpose]
    return ConsentView(
        purpose=purpose,
        is_given=given is not None,
        version=getattr(given, "version", None),
        given_at=getattr(given, "given_at", None),
        current_version=wording.version,
        wording=wording.zh,
        wording_en=wording.en,
        needed_for=wording.needed_for_zh,
        needed_for_en=wording.needed_for_en,
    )

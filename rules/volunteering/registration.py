"""Who is a volunteer: registered by themselves, or by a guardian, after agreeing to a statement.

The statement has a version; consent to it is on record as consent to every other use of personal information is, by purpose
and version. Whoever withdraws is a volunteer no more and nothing new is recorded; hours that were served stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert

from models.residents import Proxy, ProxyKind, Purpose, Resident
from models.volunteering import REGISTRATION, VolunteerWithdrawal
from rules.clock import local_day
from rules.residents.acting import resident_for
from rules.residents.ages import is_minor
from rules.residents.consents import end_consent, give_consent
from rules.volunteering.refusals import GuardianNeeded, NotAVolunteer, StatementOutdated
from rules.work import Work

STATEMENT_VERSION = "2026-11"
STATEMENT_ZH = (
    "我自愿参加社区志愿服务，会按时到场、听从安排、注意安全，不向服务对象收取报酬。"
    "我同意社区记录我的签到签退时间、服务日期、时长和内容，用于计算时长、积分和星级；"
    "也同意持有证明编号的人在网上核验我的证明，核验时只显示姓氏、时长和期间。"
    "我可以随时退出；退出后不再新增记录，已有的时长保留。"
    "我已年满 18 周岁；未满 18 周岁的，由监护人代为登记并同意以上内容。"
)
STATEMENT_EN = (
    "I volunteer for the community of my own will, come on time, do as I am asked, mind my safety, and take no pay from "
    "those I serve. I agree that the community records when I sign in and out, and day, length and content of my service, "
    "for hours, points and stars; and that whoever holds the code of a certificate may verify it online, where only my "
    "surname, the hours and the period are shown. I can withdraw at any time: nothing new is recorded then, and hours that "
    "were served stay. I am 18 or older; for whom is younger, a guardian registers and agrees to the above."
)


@dataclass(frozen=True, slots=True)
class RegistrationView:
    """Whether somebody is a volunteer, and what one agrees to."""

    is_volunteer: bool
    registered_at: datetime | None
    statement_version: str | None  #: that was agreed to
    current_version: str
    statement: str
    statement_en: str


_registration = select(REGISTRATION.c.registered_at, REGISTRATION.c.statement_version).where(
    REGISTRATION.c.town_id == bindparam("town"), REGISTRATION.c.resident_id == bindparam("resident")
)
_born_on = select(Resident.born_on).where(Resident.town_id == bindparam("town"), Resident.id == bindparam("resident"))
_guardian = select(Proxy.id).where(
    Proxy.town_id == bindparam("town"),
    Proxy.principal_id == bindparam("principal"),
    Proxy.agent_id == bindparam("agent"),
    Proxy.kind == ProxyKind.GUARDIAN,
    Proxy.revoked_at.is_(None),
)
_register = insert(REGISTRATION)
_register = _register.on_conflict_do_update(
    index_elements=["town_id", "resident_id"],
    set_={
        "statement_version": _register.excluded.statement_version,
        "agreed_by": _register.excluded.agreed_by,
    },
)
_end = (
    delete(REGISTRATION)
    .where(REGISTRATION.c.town_id == bindparam("town"), REGISTRATION.c.resident_id == bindparam("resident"))
    .returning(REGISTRATION.c.registered_at, REGISTRATION.c.statement_version, REGISTRATION.c.agreed_by)
)
_keep_withdrawal = insert(VolunteerWithdrawal)


def is_volunteer(work: Work, resident_id: int) -> bool:
    """Whether the resident is registered as a volunteer of the town."""
    return work.core.execute(_registration, _whom(work, resident_id)).first() is not None


def show_registration(work: Work, resident_id: int | None = None) -> RegistrationView:
    """Where the actor stands, or somebody they act for. Raises the refusals of `rules.residents.acting`."""
    return _read(work, resident_for(work, resident_id))


def register_volunteer(work: Work, version: str, resident_id: int | None = None) -> RegistrationView:
    """Register the actor as a volunteer, or somebody they act for; again, to agree to a newer statement.

    `version`: of the statement that was read and agreed to. Raises StatementOutdated, GuardianNeeded (a minor, by anybody
    but a guardian), and the refusals of `rules.residents.acting`.
    """
    whom = resident_for(work, resident_id)
    if version != STATEMENT_VERSION:
        raise StatementOutdated(current=STATEMENT_VERSION)
    _require_guardian(work, whom)
    row = {
        "town_id": work.town_id,
        "resident_id": whom,
        "registered_at": work.now,
        "statement_version": version,
        "agreed_by": _other(work, whom),
    }
    work.core.execute(_register, row)
    give_consent(work, whom, Purpose.VOLUNTEERING, version)
    return _read(work, whom)


def withdraw_volunteer(work: Work, resident_id: int | None = None) -> RegistrationView:
    """End a registration, with the consent that it rested on. Raises NotAVolunteer, and the refusals of acting."""
    whom = resident_for(work, resident_id)
    ended = work.core.execute(_end, _whom(work, whom)).first()
    if ended is None:
        raise NotAVolunteer
    end_consent(work, whom, Purpose.VOLUNTEERING)
    withdrawal = {"withdrawn_at": work.now, "withdrawn_by": _other(work, whom)}
    row = {"town_id": work.town_id, "id": work.new_id(), "resident_id": whom, **ended._mapping, **withdrawal}
    work.core.execute(_keep_withdrawal, row)
    return _read(work, whom)


def _require_guardian(work: Work, resident_id: int) -> None:
    """Raises GuardianNeeded when a minor is registered by somebody who isn't their guardian."""
    born_on: date | None = work.core.scalar(_born_on, _whom(work, resident_id))
    if not is_minor(born_on, local_day(work.now)):
        return
    asked = {"town": work.town_id, "principal": resident_id, "agent": work.actor.id}
    if work.core.scalar(_guardian, asked) is None:
        raise GuardianNeeded


def _other(work: Work, resident_id: int) -> int | None:
    """The actor, where it isn't the resident."""
    return None if work.actor.id == resident_id else work.actor.id


def _read(work: Work, resident_id: int) -> RegistrationView:
    row = work.core.execute(_registration, _whom(work, resident_id)).first()
    return RegistrationView(
        is_volunteer=row is not None,
        registered_at=row.registered_at if row else None,
        statement_version=row.statement_version if row else None,
        current_version=STATEMENT_VERSION,
        statement=STATEMENT_ZH,
        statement_en=STATEMENT_EN,
    )


def _whom(work: Work, resident_id: int) -> dict[str, int]:
    return {"town": work.town_id, "resident": resident_id}

"""How much of each one resident may do on a day (`rules.daily_limits`), and how many groups one may have founded."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import bindparam, select, update

from models.daily_counts import DailyCount
from models.residents import Resident, ResidentStatus
from rules.clock import local_day
from rules.daily_limits import count_today, grow
from rules.groups.refusals import GroupLimitReached, ResidentSuspended, TooYoung
from rules.residents.ages import CONSENT_YEARS, age_on
from rules.work import ActorKind, Work

LIVE = "live"
GROUPS_FOUNDED_MAX = 3


class Deed(StrEnum):
    """What is counted by day."""

    JOIN = "join"
    POST = "post"  #: partners wanted
    RESPOND = "respond"
    MESSAGE = "message"
    GROUP_POST = "group_post"
    MEETUP = "meetup"
    PROPOSE = "propose"
    INVITE = "invite"
    CHANGE = "change"  #: words of a card or of a group
    BLOCK = "block"


MOST_A_DAY = {
    Deed.JOIN: 10,
    Deed.POST: 5,
    Deed.RESPOND: 20,
    Deed.MESSAGE: 100,
    Deed.GROUP_POST: 20,
    Deed.MEETUP: 5,
    Deed.PROPOSE: 5,
    Deed.INVITE: 10,
    Deed.CHANGE: 10,
    Deed.BLOCK: 50,
}

_uncount = (
    update(DailyCount)
    .where(
        DailyCount.town_id == bindparam("town"),
        DailyCount.resident_id == bindparam("resident"),
        DailyCount.kind == bindparam("deed"),
        DailyCount.day == LIVE,
        DailyCount.used > 0,
    )
    .values(used=DailyCount.used - 1)
    .execution_options(synchronize_session=False)
)
_person = select(Resident.status, Resident.born_on).where(
    Resident.town_id == bindparam("town"), Resident.id == bindparam("me")
)


def count_deed(work: Work, deed: Deed) -> None:
    """The actor does it once more today. Staff aren't counted. Raises ResidentSuspended, DailyLimitReached."""
    if work.actor.kind is not ActorKind.RESIDENT:
        return
    if deed is not Deed.BLOCK:
        require_active(work)
    count_today(work, deed.value, MOST_A_DAY[deed])


def count_founded(work: Work) -> None:
    """The actor has founded one more group that exists. Raises GroupLimitReached."""
    if not grow(work, "found", LIVE, GROUPS_FOUNDED_MAX):
        raise GroupLimitReached(most=GROUPS_FOUNDED_MAX)


def uncount_founded(work: Work, resident_id: int) -> None:
    """One that they founded is closed."""
    work.core.execute(_uncount, {"town": work.town_id, "resident": resident_id, "deed": "found"})


def require_active(work: Work) -> None:
    """Raises ResidentSuspended where the acting resident is."""
    if work.actor.kind is ActorKind.RESIDENT:
        person = work.core.execute(_person, {"town": work.town_id, "me": work.actor.id}).one()
        if person.status is ResidentStatus.SUSPENDED:
            raise ResidentSuspended


def require_grown(work: Work) -> None:
    """Raises TooYoung where the actor is known to be below CONSENT_YEARS."""
    born_on = work.core.execute(_person, {"town": work.town_id, "me": work.actor.id}).one().born_on
    if born_on is not None and age_on(born_on, local_day(work.now)) < CONSENT_YEARS:
        raise TooYoung(years=CONSENT_YEARS)

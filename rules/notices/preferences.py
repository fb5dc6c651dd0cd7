"""What a resident wants of messages by WeChat: quiet hours, and kinds that aren't sent.

The inbox isn't touched by either: it has everything at once. Without a word of the resident's it is quiet from 22:00 to
08:00, the hours of the law on noise (噪声污染防治法 art. 88 calls 22:00 to 06:00 night) and two more for those who sleep.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from models.notices import NoticeSettings
from rules.clock import local_day, local_moment
from rules.errors import Kind, RuleError
from rules.notices.catalogue import Template
from rules.sets import is_id_in
from rules.work import Work

QUIET_FROM, QUIET_UNTIL = "22:00", "08:00"


class QuietHoursInvalid(RuleError):
    code = "notice.quiet_hours_invalid"
    kind = Kind.INVALID
    zh = "请同时填写免打扰的开始和结束时间，两者不能相同；都不填表示不设免打扰。"
    en = "Quiet hours need a beginning and an end that differ, or neither for none."


@dataclass(frozen=True, slots=True)
class Preferences:
    """A resident's wishes."""

    quiet_from: str | None = QUIET_FROM  #: local; None: there are no quiet hours
    quiet_until: str | None = QUIET_UNTIL
    kinds_off: Sequence[str] = ()  #: of Template


THE_USUAL = Preferences()

_columns = (NoticeSettings.quiet_from, NoticeSettings.quiet_until, NoticeSettings.kinds_off)
_wishes = select(*_columns).where(
    NoticeSettings.town_id == bindparam("town"), NoticeSettings.resident_id == bindparam("resident")
)
_wishes_of_many = select(NoticeSettings.resident_id, *_columns).where(
    NoticeSettings.town_id == bindparam("town"), is_id_in(NoticeSettings.resident_id, "residents")
)
_new = insert(NoticeSettings)
_keep = _new.on_conflict_do_update(
    index_elements=["town_id", "resident_id"],
    set_={name: _new.excluded[name] for name in ("quiet_from", "quiet_until", "kinds_off", "changed_at")},
)


def read_preferences(work: Work, resident_id: int) -> Preferences:
    """A resident's wishes, the usual where they said nothing."""
    row = work.core.execute(_wishes, {"town": work.town_id, "resident": resident_id}).first()
    return THE_USUAL if row is None else Preferences(*row)


def read_all_preferences(work: Work, resident_ids: Sequence[int]) -> dict[int, Preferences]:
    """The wishes of these residents, by their ids."""
    asked = {"town": work.town_id, "residents": list(resident_ids)}
    found = {row.resident_id: Preferences(*row[1:]) for row in work.core.execute(_wishes_of_many, asked)}
    return {id_: found.get(id_, THE_USUAL) for id_ in resident_ids}


def show_my_preferences(work: Work) -> Preferences:
    """The actor's wishes."""
    return read_preferences(work, work.actor.id)


def change_my_preferences(
    work: Work, quiet_from: str | None, quiet_until: str | None, kinds_off: Sequence[Template]
) -> Preferences:
    """Keep the actor's wishes. Raises QuietHoursInvalid."""
    if (quiet_from is None) != (quiet_until is None) or (quiet_from is not None and quiet_from == quiet_until):
        raise QuietHoursInvalid
    row = {
        "town_id": work.town_id,
        "resident_id": work.actor.id,
        "quiet_from": quiet_from,
        "quiet_until": quiet_until,
        "kinds_off": sorted({kind.value for kind in kinds_off}),
        "changed_at": work.now,
    }
    work.core.execute(_keep, row)
    return show_my_preferences(work)


def quiet_until(preferences: Preferences, moment: datetime) -> datetime | None:
    """When the quiet hours end that a moment lies in; None when it lies in none."""
    if preferences.quiet_from is None or preferences.quiet_until is None:
        return None
    today = local_day(moment)
    for day in (today - timedelta(days=1), today):
        begins = local_moment(day, preferences.quiet_from)
        crosses_midnight = preferences.quiet_until <= preferences.quiet_from
        ends = local_moment(day + timedelta(days=crosses_midnight), preferences.quiet_until)
        if begins <= moment < ends:
            return ends
    return None

"""The people of a centre and their duty roster, as managers keep them.

A pattern, and each day of its own, is set as a whole in place of what was said before, under the lock of the centre's row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from models.centres import CentreStaff, DutyDay, DutyHours, ListingStatus
from models.residents import Role
from models.uploads import UploadPurpose
from models.venues import DayKind
from rules.clock import local_day
from rules.errors import Kind, RuleError
from rules.keys import Keys
from rules.paging import Page, Position, cut
from rules.residents.identity import require_role
from rules.rows import AnyRow
from rules.territory.centres import find_centre
from rules.territory.duty import A_DAY, read_roster
from rules.territory.keeping import exchange_pictures
from rules.uploads.links import Picture, pictures
from rules.venues.hours import Times, check_spans, check_week
from rules.venues.places import take_centre
from rules.work import Work

#: How many of the days that stand apart from the pattern are shown: of the coming year.
DAYS_SHOWN = 366


class CentreStaffUnknown(RuleError):
    code = "centre_staff.unknown"
    kind = Kind.UNKNOWN
    zh = "该中心没有这位工作人员。"
    en = "This centre has no such member of staff."


class CentreStaffTaken(RuleError):
    code = "centre_staff.taken"
    kind = Kind.CONFLICT
    zh = "该中心已登记「{title} {name}」。"
    en = "“{name}, {title}” is listed at this centre already."


@dataclass(frozen=True, slots=True)
class HoursOfDuty:
    """When somebody is on duty on a kind of day; without spans they are off."""

    day: DayKind
    spans: Sequence[Times]


@dataclass(frozen=True, slots=True)
class DutyOfDay:
    """When somebody is on duty on one day; without spans they are off."""

    day: date
    spans: Sequence[Times]


@dataclass(frozen=True, slots=True)
class StaffDetail:
    """Somebody of a centre, with the whole roster that was said of them."""

    id: int
    service_centre_id: int
    name: str
    title: str
    introduction: str
    status: ListingStatus
    picture: Picture | None
    pattern: Sequence[HoursOfDuty]
    days: Sequence[DutyOfDay]  #: of the coming year


_columns = (
    CentreStaff.id,
    CentreStaff.service_centre_id,
    CentreStaff.name,
    CentreStaff.title,
    CentreStaff.introduction,
    CentreStaff.picture_id,
    CentreStaff.status,
)
_one = select(*_columns).where(
    CentreStaff.town_id == bindparam("town"),
    CentreStaff.service_centre_id == bindparam("centre"),
    CentreStaff.id == bindparam("staff"),
)
_page = (
    select(*_columns)
    .where(
        CentreStaff.town_id == bindparam("town"),
        CentreStaff.service_centre_id == bindparam("centre"),
        CentreStaff.id > bindparam("after"),
    )
    .order_by(CentreStaff.id)
    .limit(bindparam("limit"))
)
_same = select(CentreStaff.id).where(
    CentreStaff.town_id == bindparam("town"),
    CentreStaff.service_centre_id == bindparam("centre"),
    CentreStaff.name == bindparam("called"),
    CentreStaff.title == bindparam("titled"),
    CentreStaff.id != bindparam("but"),
)
_clear_pattern = delete(DutyHours).where(
    DutyHours.town_id == bindparam("town"), DutyHours.centre_staff_id == bindparam("staff")
)
_clear_day = delete(DutyDay).where(
    DutyDay.town_id == bindparam("town"),
    DutyDay.centre_staff_id == bindparam("staff"),
    DutyDay.day == bindparam("of_day"),
)


def add_staff(work: Work, keys: Keys, centre_id: int, columns: Mapping[str, Any]) -> StaffDetail:
    """Show somebody at a centre. Raises CentreUnknown, Forbidden, CentreStaffTaken, UploadUnknown, UploadTaken."""
    _take(work, centre_id)
    _check_is_new(work, centre_id, columns["name"], columns["title"], 0)
    exchange_pictures(work, (), _texts(columns.get("picture_id")), UploadPurpose.STAFF)
    staff_id = work.new_id()
    row = {"town_id": work.town_id, "id": staff_id, "service_centre_id": centre_id, **columns}
    work.core.execute(insert(CentreStaff), row)
    return show_staff(work, keys, centre_id, staff_id)


def change_staff(work: Work, keys: Keys, centre_id: int, staff_id: int, changes: Mapping[str, Any]) -> StaffDetail:
    """Change what is shown of somebody, or show them no more.

    Raises CentreUnknown, Forbidden, CentreStaffUnknown, CentreStaffTaken, UploadUnknown, UploadTaken.
    """
    _take(work, centre_id)
    staff = _find(work, centre_id, staff_id)
    _check_is_new(work, centre_id, changes.get("name", staff.name), changes.get("title", staff.title), staff_id)
    if "picture_id" in changes:
        exchange_pictures(work, _texts(staff.picture_id), _texts(changes["picture_id"]), UploadPurpose.STAFF)
    if changes:
        changing = update(CentreStaff).where(CentreStaff.town_id == work.town_id, CentreStaff.id == staff_id)
        work.core.execute(changing.values(**changes))
    return show_staff(work, keys, centre_id, staff_id)


def set_pattern(
    work: Work, keys: Keys, centre_id: int, staff_id: int, week: Sequence[tuple[DayKind, Sequence[Times]]]
) -> StaffDetail:
    """Say when somebody is on duty by the kind of day, in place of what was said.

    Raises CentreUnknown, Forbidden, CentreStaffUnknown, HoursInvalid.
    """
    _take(work, centre_id)
    _find(work, centre_id, staff_id)
    check_week(week)
    work.core.execute(_clear_pattern, {"town": work.town_id, "staff": staff_id})
    rows = [
        _row(work, staff_id, {"day_kind": kind}, n, times)
        for kind, spans in week
        for n, times in enumerate(spans or [None])
    ]
    if rows:
        work.core.execute(insert(DutyHours), rows)
    return show_staff(work, keys, centre_id, staff_id)


def set_day(work: Work, keys: Keys, centre_id: int, staff_id: int, day: date, spans: Sequence[Times]) -> StaffDetail:
    """Say when somebody is on duty on one day, whatever the pattern says; no spans: off.

    Raises CentreUnknown, Forbidden, CentreStaffUnknown, HoursInvalid.
    """
    _take(work, centre_id)
    _find(work, centre_id, staff_id)
    check_spans(tuple(DayKind)[day.weekday()], spans)
    work.core.execute(_clear_day, {"town": work.town_id, "staff": staff_id, "of_day": day})
    rows = [_row(work, staff_id, {"day": day}, n, times) for n, times in enumerate(spans or [None])]
    work.core.execute(insert(DutyDay), rows)
    return show_staff(work, keys, centre_id, staff_id)


def unset_day(work: Work, keys: Keys, centre_id: int, staff_id: int, day: date) -> StaffDetail:
    """Leave a day to the pattern again. Raises CentreUnknown, Forbidden, CentreStaffUnknown."""
    _take(work, centre_id)
    _find(work, centre_id, staff_id)
    work.core.execute(_clear_day, {"town": work.town_id, "staff": staff_id, "of_day": day})
    return show_staff(work, keys, centre_id, staff_id)


def list_staff(work: Work, centre_id: int, after: Position | None, limit: int) -> Page[AnyRow]:
    """The people of a centre, those who are shown no more among them. Raises CentreUnknown, Forbidden."""
    require_role(work, Role.MANAGER, find_centre(work, centre_id).territory_path)
    last = 0 if after is None else int(after[0])
    asked = {"town": work.town_id, "centre": centre_id, "after": last, "limit": limit + 1}
    return cut(work.core.execute(_page, asked).all(), limit, lambda row: (row.id,))


def read_staff(work: Work, keys: Keys, centre_id: int, staff_id: int) -> StaffDetail:
    """Somebody of a centre with their roster, for its managers. Raises CentreUnknown, Forbidden, CentreStaffUnknown."""
    require_role(work, Role.MANAGER, find_centre(work, centre_id).territory_path)
    return show_staff(work, keys, centre_id, staff_id)


def show_staff(work: Work, keys: Keys, centre_id: int, staff_id: int) -> StaffDetail:
    """Somebody of a centre with their roster. Raises CentreStaffUnknown."""
    staff = _find(work, centre_id, staff_id)
    today = local_day(work.now)
    roster = read_roster(work, [staff_id], today, today + DAYS_SHOWN * A_DAY)
    shown = pictures(work, keys, [] if staff.picture_id is None else [staff.picture_id])
    pattern = roster.pattern.get(staff_id, {})
    return StaffDetail(
        staff.id,
        staff.service_centre_id,
        staff.name,
        staff.title,
        staff.introduction,
        staff.status,
        shown[0] if shown else None,
        [HoursOfDuty(kind, pattern[kind]) for kind in DayKind if kind in pattern],
        [DutyOfDay(day, spans) for (_, day), spans in sorted(roster.days.items())],
    )


def _take(work: Work, centre_id: int) -> None:
    require_role(work, Role.MANAGER, take_centre(work, centre_id).path)


def _find(work: Work, centre_id: int, staff_id: int) -> AnyRow:
    asked = {"town": work.town_id, "centre": centre_id, "staff": staff_id}
    staff = work.core.execute(_one, asked).first()
    if staff is None:
        raise CentreStaffUnknown
    return staff


def _check_is_new(work: Work, centre_id: int, name: str, title: str, but: int) -> None:
    asked = {"town": work.town_id, "centre": centre_id, "called": name, "titled": title, "but": but}
    if work.core.execute(_same, asked).first() is not None:
        raise CentreStaffTaken(name=name, title=title)


def _row(work: Work, staff_id: int, of: Mapping[str, Any], n: int, times: Times | None) -> dict[str, Any]:
    starts_at, ends_at = times or (None, None)
    row = {"town_id": work.town_id, "centre_staff_id": staff_id, "n": n, "starts_at": starts_at, "ends_at": ends_at}
    return row | dict(of)


def _texts(picture_id: int | None) -> list[str]:
    return [] if picture_id is None else [str(picture_id)]

"""Residents: how many there are, who is new, who is active, who stays.

Active is who did something that is recorded for good: reserved a place in a session (`reservation`), was let in at a door
(`scan`, unless the scan was undone), booked a room (`venue_booking`), redeemed a reward (`redemption`). What somebody did
for them, a helper or the desk, counts for them. These rows are neither deleted nor handed to another record of the same
person, whatever becomes of the resident. Looking at pages, reading notices and signing in don't count.

Where a resident belongs is where they lived at that moment. Of who was erased only the community is still known, so a day
that is worked out anew after an erasure has one less in the estate (`models/history.py`).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, func, literal, select, union_all
from sqlalchemy.orm import aliased

from models.checkins import Scan, ScanResult, ScanUndo
from models.history import ResidentVersion
from models.monitor import Slice
from models.reservations import Reservation
from models.residents import Erasure, Merging, MergingStatus, Registration, Resident
from models.rewards import Redemption
from models.venues import VenueBooking
from rules.errors import InBoth
from rules.local_time import day_of
from rules.monitor.days import AS_OF, END, SINCE, TOWN, UNTIL, days_before, first_id
from rules.monitor.definitions import Better, Facts, Family, Kind, Measure, Unit
from rules.monitor.measures.parts import (
    DAY_OF_STATE,
    ONE,
    fact,
    happened,
    home_at,
    home_before,
    home_of_state,
    made_since,
    one_if,
    was_so,
)

R = Resident
SIGNED_IN = "self"  #: what a new resident's detail says who registered by signing in
WINDOW_DAYS = 60
HALF = WINDOW_DAYS // 2

# Who there is, and who is new

_erased = select(Erasure.id).where(Erasure.town_id == TOWN, Erasure.resident_id == R.id, was_so(Erasure.done_at))
_joined = select(Merging.id).where(
    Merging.town_id == TOWN,
    Merging.resident_id == R.id,
    Merging.status == MergingStatus.DONE,
    was_so(Merging.decided_at),
)
_there: Facts = select(*fact(R.id, DAY_OF_STATE, home_of_state(R), residents=ONE)).where(
    R.town_id == TOWN, was_so(R.registered_at), ~_erased.exists(), ~_joined.exists()
)

_new: Facts = (
    select(
        *fact(
            R.id,
            day_of(R.registered_at),
            home_at(R, R.registered_at),
            detail=func.coalesce(Registration.registered_by_kind, SIGNED_IN),
            registered=ONE,
        )
    )
    .select_from(R)
    .outerjoin(Registration, and_(Registration.town_id == R.town_id, Registration.resident_id == R.id))
    .where(R.town_id == TOWN, made_since(R.id), *happened(R.registered_at))
)

_its_resident = aliased(Resident)
_gone: Facts = (
    select(*fact(Erasure.resident_id, day_of(Erasure.done_at), home_before(_its_resident, Erasure.done_at), erased=ONE))
    .select_from(Erasure)
    .join(_its_resident, and_(_its_resident.town_id == Erasure.town_id, _its_resident.id == Erasure.resident_id))
    .where(Erasure.town_id == TOWN, *happened(Erasure.done_at))
)


def moves_of(resident: Any) -> tuple[Any, Any]:
    """Who left a place in the span, and who came to one: (id, at, territory_id, change), from the versions."""
    was = aliased(ResidentVersion)
    next_ = home_at(resident, was.until)
    moved = (
        was.town_id == TOWN,
        *happened(was.until),
        resident.registered_at < was.until,
        was.territory_id.is_distinct_from(next_),
    )
    its_own = and_(resident.town_id == was.town_id, resident.id == was.id)
    left = select(was.id, was.until.label("at"), was.territory_id.label("territory_id"), literal(-1).label("change"))
    came = select(was.id, was.until.label("at"), next_.label("territory_id"), literal(1).label("change"))
    return (
        left.select_from(was).join(resident, its_own).where(*moved),
        came.select_from(was).join(resident, its_own).where(*moved),
    )


_ended = aliased(Resident)
_changes = union_all(
    select(
        R.id, R.registered_at.label("at"), home_at(R, R.registered_at).label("territory_id"), literal(1).label("change")
    ).where(R.town_id == TOWN, made_since(R.id), *happened(R.registered_at)),
    select(Erasure.resident_id, Erasure.done_at, home_at(_ended, Erasure.done_at), literal(-1))
    .join(_ended, and_(_ended.town_id == Erasure.town_id, _ended.id == Erasure.resident_id))
    .where(Erasure.town_id == TOWN, *happened(Erasure.done_at)),
    select(Merging.resident_id, Merging.decided_at, home_at(_ended, Merging.decided_at), literal(-1))
    .join(_ended, and_(_ended.town_id == Merging.town_id, _ended.id == Merging.resident_id))
    .where(Merging.town_id == TOWN, Merging.status == MergingStatus.DONE, *happened(Merging.decided_at)),
    *moves_of(aliased(Resident)),
).subquery("change")
_comings: Facts = select(
    *fact(_changes.c.id, day_of(_changes.c.at), _changes.c.territory_id, residents=_changes.c.change)
)

# Who is active

_undone = select(ScanUndo.scan_id).where(
    ScanUndo.town_id == Scan.town_id, ScanUndo.scan_id == Scan.id, ScanUndo.undone_at <= AS_OF
)


def _deed(table: Any, at: Any, *conditions: Any) -> Any:
    return select(table.resident_id.label("resident_id"), at.label("at")).where(
        table.town_id == TOWN, made_since(table.id), *happened(at), *conditions
    )


_deeds = union_all(
    _deed(Reservation, Reservation.reserved_at),
    _deed(
        Scan,
        Scan.occurred_at,
        Scan.result == ScanResult.ADMITTED,
        Scan.received_at <= AS_OF,
        ~_undone.exists(),
    ),
    _deed(VenueBooking, VenueBooking.booked_at),
    _deed(Redemption, Redemption.redeemed_at),
).subquery("deed")
_of_day = (
    select(_deeds.c.resident_id, day_of(_deeds.c.at).label("day"), func.min(_deeds.c.at).label("at"))
    .group_by(_deeds.c.resident_id, day_of(_deeds.c.at))
    .subquery("active_day")
)
_active: Facts = select(*fact(_of_day.c.resident_id, _of_day.c.day, home_at(R, _of_day.c.at), active=ONE)).select_from(
    _of_day.outerjoin(R, and_(R.town_id == TOWN, R.id == _of_day.c.resident_id))
)

_late_scans = select(day_of(Scan.occurred_at).label("day")).where(
    Scan.town_id == TOWN,
    Scan.id >= first_id(SINCE),
    Scan.received_at > SINCE,
    Scan.received_at <= UNTIL,
    day_of(Scan.occurred_at) < day_of(SINCE),
)
_late_undos = (
    select(day_of(Scan.occurred_at).label("day"))
    .join(ScanUndo, and_(ScanUndo.town_id == Scan.town_id, ScanUndo.scan_id == Scan.id))
    .where(
        Scan.town_id == TOWN,
        ScanUndo.undone_at > SINCE,
        ScanUndo.undone_at <= UNTIL,
        day_of(Scan.occurred_at) < day_of(SINCE),
    )
)
_late = union_all(_late_scans, _late_undos).subquery("late")
_touched: Facts = select(_late.c.day).distinct()

# Whoever was joined to another record is one person with it.
_has_joined = and_(
    Merging.town_id == TOWN,
    Merging.resident_id == _deeds.c.resident_id,
    Merging.status == MergingStatus.DONE,
    was_so(Merging.decided_at),
)
_person = func.coalesce(Merging.record_id, _deeds.c.resident_id)
_in_window = (
    select(_person.label("resident_id"), func.min(_deeds.c.at).label("first"), func.max(_deeds.c.at).label("last"))
    .select_from(_deeds.outerjoin(Merging, _has_joined))
    .group_by(_person)
    .subquery("in_window")
)
_is_there = ~_erased.exists()
_middle = days_before(END, HALF)
_windows: Facts = select(
    *fact(
        _in_window.c.resident_id,
        DAY_OF_STATE,
        home_of_state(R),
        week=one_if(and_(_in_window.c.last >= days_before(END, 7), _is_there)),
        month=one_if(and_(_in_window.c.last >= _middle, _is_there)),
        former=one_if(_in_window.c.first < _middle),
        kept=one_if(and_(_in_window.c.first < _middle, _in_window.c.last >= _middle, _is_there)),
    )
).select_from(_in_window.outerjoin(R, and_(R.town_id == TOWN, R.id == _in_window.c.resident_id)))

RESIDENTS = Family(
    "residents", "resident", _there, ("residents",), is_state=True, changes=_comings, changes_have_places=True
)
NEW_RESIDENTS = Family("new_residents", "resident", _new, ("registered",))
ERASED_RESIDENTS = Family("erased_residents", "resident", _gone, ("erased",))
ACTIVE_DAYS = Family("active_days", "resident", _active, ("active",), touched=_touched)
ACTIVE_WINDOWS = Family(
    "active_windows",
    "resident",
    _windows,
    ("week", "month", "former", "kept"),
    is_state=True,
    window_days=WINDOW_DAYS,
)

_DEEDS_ZH = "活跃指预约活动、签到入场（撤销的核销除外）、预订场地或兑换奖品；由家人或工作人员代办的算居民本人。"
_DEEDS_EN = (
    "Active: reserved a place, was let in (unless the scan was undone), booked a room, or redeemed a reward, also where "
    "somebody did it for them."
)
_ONCE_ZH = "并入另一份档案的与该档案算一人。每天凌晨算一次。"
_ONCE_EN = "Who was joined to another record is one person with it. Worked out once a night."

MEASURES = (
    Measure(
        "residents.registered",
        InBoth("注册居民", "Registered residents"),
        InBoth(
            "期末在册的居民：已注册、没有注销、也没有并入另一份档案。按当时居住的小区或社区计；未选社区的只计入总数。",
            "On the register at the end: neither erased nor joined to another record. Where they lived then; who has chosen "
            "no place counts for the town alone.",
        ),
        Unit.PEOPLE,
        Kind.STATE,
        RESIDENTS,
        "residents",
        better=Better.MORE,
    ),
    Measure(
        "residents.new",
        InBoth("新增居民", "New residents"),
        InBoth(
            "当天注册的居民，按注册当时的居住地计。"
            "细分为登记方式：self 本人登录、staff 工作人员代登记、resident 监护人登记。",
            "Registered on the day, where they lived then; by who registered them: self (signed in), staff, resident (a "
            "guardian).",
        ),
        Unit.PEOPLE,
        Kind.FLOW,
        NEW_RESIDENTS,
        "registered",
        slices=frozenset({Slice.ALL, Slice.DETAIL}),
        better=Better.MORE,
    ),
    Measure(
        "residents.erased",
        InBoth("注销居民", "Erased residents"),
        InBoth(
            "当天完成注销的居民；注销后只知道所在社区。",
            "Whose erasure was done on the day; only the community is known afterwards.",
        ),
        Unit.PEOPLE,
        Kind.FLOW,
        ERASED_RESIDENTS,
        "erased",
        better=Better.LESS,
    ),
    Measure(
        "residents.active_days",
        InBoth("日活跃居民（人日）", "Active residents by day (person-days)"),
        InBoth(
            f"当天活跃的居民，一天一人计一次，多天相加为人日。{_DEEDS_ZH}按当天第一次活跃时的居住地计；离线补传的核销计入发生日。",
            f"Residents active on the day, once a day; over several days person-days. {_DEEDS_EN} Where they lived at the "
            "first deed of the day; an uploaded scan counts on the day on which it happened.",
        ),
        Unit.PEOPLE,
        Kind.FLOW,
        ACTIVE_DAYS,
        "active",
        better=Better.MORE,
    ),
    Measure(
        "residents.active_week",
        InBoth("周活跃居民", "Active residents in 7 days"),
        InBoth(
            f"截至期末的 7 天内活跃过的在册居民，一人计一次。{_DEEDS_ZH}{_ONCE_ZH}",
            f"On the register and active in the 7 days up to the end, each once. {_DEEDS_EN} {_ONCE_EN}",
        ),
        Unit.PEOPLE,
        Kind.STATE,
        ACTIVE_WINDOWS,
        "week",
        better=Better.MORE,
    ),
    Measure(
        "residents.active_month",
        InBoth("月活跃居民", "Active residents in 30 days"),
        InBoth(
            f"截至期末的 30 天内活跃过的在册居民，一人计一次。{_DEEDS_ZH}{_ONCE_ZH}",
            f"On the register and active in the 30 days up to the end, each once. {_DEEDS_EN} {_ONCE_EN}",
        ),
        Unit.PEOPLE,
        Kind.STATE,
        ACTIVE_WINDOWS,
        "month",
        better=Better.MORE,
    ),
    Measure(
        "residents.active_share",
        InBoth("月活跃率", "Share active in 30 days"),
        InBoth("月活跃居民 ÷ 注册居民。", "Active in 30 days over registered."),
        Unit.SHARE,
        Kind.RATIO,
        over=("residents.active_month", "residents.registered"),
        better=Better.MORE,
    ),
    Measure(
        "residents.active_before",
        InBoth("上一个 30 天活跃居民", "Active in the 30 days before"),
        InBoth(
            f"期末前第 60 天到第 31 天活跃过的居民，其后注销的也计。{_DEEDS_ZH}{_ONCE_ZH}",
            f"Active between 60 and 30 days before the end, also who was erased since. {_DEEDS_EN} {_ONCE_EN}",
        ),
        Unit.PEOPLE,
        Kind.STATE,
        ACTIVE_WINDOWS,
        "former",
    ),
    Measure(
        "residents.kept",
        InBoth("留存居民", "Residents kept"),
        InBoth(
            "上一个 30 天活跃、最近 30 天也活跃的在册居民。",
            "Active in the 30 days before and in the last 30 days as well, and still on the register.",
        ),
        Unit.PEOPLE,
        Kind.STATE,
        ACTIVE_WINDOWS,
        "kept",
        better=Better.MORE,
    ),
    Measure(
        "residents.retention",
        InBoth("30 天留存率", "Retention over 30 days"),
        InBoth("留存居民 ÷ 上一个 30 天活跃居民。", "Kept over active in the 30 days before."),
        Unit.SHARE,
        Kind.RATIO,
        over=("residents.kept", "residents.active_before"),
        better=Better.MORE,
    ),
)

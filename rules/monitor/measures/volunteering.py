"""Volunteers and their hours.

Hours belong to the day on which they were served. They count from the moment at which they were recorded, or at which a
second person accepted them, until they are taken back. Minutes that are corrected are taken back and written anew.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, literal, or_, select, union, union_all
from sqlalchemy.orm import aliased

from models.monitor import Slice
from models.residents import Resident
from models.rulebook import StandingLevel, StandingLevelVersion
from models.volunteering import RECORD, REGISTRATION, VolunteerWithdrawal
from rules.errors import InBoth
from rules.local_time import day_of
from rules.monitor.days import AS_OF, BEGIN, END, SINCE, TOWN, UNTIL, first_id, last_day
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
    was_not_yet,
    was_so,
)
from rules.monitor.measures.residents import moves_of

W = VolunteerWithdrawal
WINDOW_DAYS = 30

# Who is a volunteer

_terms = union_all(
    select(
        REGISTRATION.c.resident_id.label("resident_id"),
        REGISTRATION.c.registered_at.label("registered_at"),
    ).where(REGISTRATION.c.town_id == TOWN, was_so(REGISTRATION.c.registered_at)),
    select(W.resident_id, W.registered_at).where(
        W.town_id == TOWN, was_so(W.registered_at), was_not_yet(W.withdrawn_at)
    ),
).subquery("term")
_R = Resident
_volunteers: Facts = select(*fact(_terms.c.resident_id, DAY_OF_STATE, home_of_state(_R), volunteers=ONE)).select_from(
    _terms.outerjoin(_R, and_(_R.town_id == TOWN, _R.id == _terms.c.resident_id))
)

_who = aliased(Resident)
_moves = union_all(*moves_of(aliased(Resident))).subquery("move")


def _turns(resident_id: Any, at: Any, home: Any, change: int) -> Any:
    """Somebody became a volunteer, or ceased to be one."""
    return (
        select(
            resident_id.label("id"),
            at.label("at"),
            home(_who, at).label("territory_id"),
            literal(change).label("change"),
        )
        .join(_who, and_(_who.town_id == TOWN, _who.id == resident_id))
        .where(*happened(at))
    )


_served_then = or_(
    select(REGISTRATION.c.resident_id)
    .where(
        REGISTRATION.c.town_id == TOWN,
        REGISTRATION.c.resident_id == _moves.c.id,
        REGISTRATION.c.registered_at < _moves.c.at,
    )
    .exists(),
    select(W.id)
    .where(
        W.town_id == TOWN,
        W.resident_id == _moves.c.id,
        W.registered_at < _moves.c.at,
        W.withdrawn_at > _moves.c.at,
    )
    .exists(),
)
_changes = union_all(
    _turns(REGISTRATION.c.resident_id, REGISTRATION.c.registered_at, home_at, 1).where(REGISTRATION.c.town_id == TOWN),
    _turns(W.resident_id, W.registered_at, home_at, 1).where(W.town_id == TOWN, made_since(W.id)),
    _turns(W.resident_id, W.withdrawn_at, home_before, -1).where(W.town_id == TOWN, made_since(W.id)),
    select(_moves.c.id, _moves.c.at, _moves.c.territory_id, _moves.c.change).where(_served_then),
).subquery("change")
_turned: Facts = select(
    *fact(_changes.c.id, day_of(_changes.c.at), _changes.c.territory_id, volunteers=_changes.c.change)
)

# Levels

_L, _V = StandingLevel, StandingLevelVersion


def _detail(table: Any) -> Any:
    return table.ladder + "/" + table.level


_held = union_all(
    select(_L.resident_id.label("resident_id"), _detail(_L).label("detail")).where(
        _L.town_id == TOWN, _L.level != "", was_so(_L.reached_at)
    ),
    select(_V.resident_id, _detail(_V)).where(
        _V.town_id == TOWN, _V.level != "", was_so(_V.reached_at), was_not_yet(_V.until)
    ),
).subquery("held")
_levels: Facts = select(
    *fact(_held.c.resident_id, DAY_OF_STATE, home_of_state(_R), detail=_held.c.detail, residents=ONE)
).select_from(_held.outerjoin(_R, and_(_R.town_id == TOWN, _R.id == _held.c.resident_id)))


def _level_turns(table: Any, at: Any, home: Any, change: int, *conditions: Any) -> Any:
    """Somebody reached a level, or left it."""
    return (
        select(
            table.resident_id.label("id"),
            at.label("at"),
            home(_who, at).label("territory_id"),
            _detail(table).label("detail"),
            literal(change).label("change"),
        )
        .join(_who, and_(_who.town_id == TOWN, _who.id == table.resident_id))
        .where(table.town_id == TOWN, table.level != "", *happened(at), *conditions)
    )


def _moved_with(table: Any, *conditions: Any) -> Any:
    """Who moved while they had a level."""
    return (
        select(_moves.c.id, _moves.c.at, _moves.c.territory_id, _detail(table), _moves.c.change)
        .join(table, and_(table.town_id == TOWN, table.resident_id == _moves.c.id))
        .where(table.level != "", table.reached_at < _moves.c.at, *conditions)
    )


_level_changes = union_all(
    _level_turns(_L, _L.reached_at, home_at, 1),
    _level_turns(_V, _V.reached_at, home_at, 1, _V.until >= BEGIN),
    _level_turns(_V, _V.until, home_before, -1),
    _moved_with(_L),
    _moved_with(_V, _V.until > _moves.c.at),
).subquery("level_change")
_levels_turned: Facts = select(
    *fact(
        _level_changes.c.id,
        day_of(_level_changes.c.at),
        _level_changes.c.territory_id,
        detail=_level_changes.c.detail,
        residents=_level_changes.c.change,
    )
)

# Hours

_counts = (
    RECORD.c.town_id == TOWN,
    RECORD.c.txn_id.is_not(None),
    RECORD.c.recorded_at <= AS_OF,
    or_(RECORD.c.decided_at.is_(None), RECORD.c.decided_at <= AS_OF),
    or_(RECORD.c.voided_at.is_(None), RECORD.c.voided_at > AS_OF),
)
_in_span = (
    made_since(RECORD.c.id),  # nobody's service is recorded before it was done
    RECORD.c.served_on >= day_of(BEGIN),
    RECORD.c.served_on <= last_day(END),
)
_hours: Facts = select(
    *fact(
        RECORD.c.id,
        RECORD.c.served_on,
        RECORD.c.community_id,
        scene=RECORD.c.scene,
        operator_id=RECORD.c.operator_id,
        detail=RECORD.c.provenance,
        minutes=RECORD.c.minutes,
        records=ONE,
    )
).where(*_counts, *_in_span)


def _late(at: Any, *conditions: Any) -> Any:
    return select(RECORD.c.served_on.label("day")).where(
        RECORD.c.town_id == TOWN, at > SINCE, at <= UNTIL, RECORD.c.served_on < day_of(SINCE), *conditions
    )


_late_days = union(
    _late(RECORD.c.recorded_at, RECORD.c.id >= first_id(SINCE)),
    _late(RECORD.c.decided_at),
    _late(RECORD.c.voided_at),
).subquery("late")
_touched: Facts = select(_late_days.c.day)

_who_served = select(RECORD.c.resident_id).where(*_counts, *_in_span).distinct().subquery("who_served")
_active: Facts = select(*fact(_who_served.c.resident_id, DAY_OF_STATE, home_of_state(_R), active=ONE)).select_from(
    _who_served.outerjoin(_R, and_(_R.town_id == TOWN, _R.id == _who_served.c.resident_id))
)

VOLUNTEERS = Family(
    "volunteers", "resident", _volunteers, ("volunteers",), is_state=True, changes=_turned, changes_have_places=True
)
LEVELS = Family(
    "levels", "resident", _levels, ("residents",), is_state=True, changes=_levels_turned, changes_have_places=True
)
SERVICE = Family("service", "service_record", _hours, ("minutes", "records"), touched=_touched, has_earlier_days=True)
ACTIVE_VOLUNTEERS = Family(
    "active_volunteers", "resident", _active, ("active",), is_state=True, window_days=WINDOW_DAYS
)

_SPLIT = frozenset({Slice.ALL, Slice.SCENE, Slice.OPERATOR, Slice.DETAIL})
_HOURS_ZH = "细分为来源：signed 现场签到签退、staff 工作人员补录、imported 外部导入。"
_HOURS_EN = "By provenance: signed (in and out at the door), staff (written down afterwards), imported."

MEASURES = (
    Measure(
        "volunteers.registered",
        InBoth("注册志愿者", "Registered volunteers"),
        InBoth(
            "期末已登记、没有退出的志愿者，按当时的居住地计。",
            "Registered and not withdrawn at the end, where they lived then.",
        ),
        Unit.PEOPLE,
        Kind.STATE,
        VOLUNTEERS,
        "volunteers",
        better=Better.MORE,
    ),
    Measure(
        "volunteers.active_month",
        InBoth("活跃志愿者", "Volunteers who served in 30 days"),
        InBoth(
            "截至期末的 30 天内有已计入的服务的人，一人计一次，按期末的居住地计。每天凌晨算一次。",
            "Who served in the 30 days up to the end, each once, where they lived at the end. Worked out once a night.",
        ),
        Unit.PEOPLE,
        Kind.STATE,
        ACTIVE_VOLUNTEERS,
        "active",
        better=Better.MORE,
    ),
    Measure(
        "volunteers.active_share",
        InBoth("志愿者活跃率", "Share of volunteers who served"),
        InBoth("活跃志愿者 ÷ 注册志愿者。", "Served in 30 days over registered."),
        Unit.SHARE,
        Kind.RATIO,
        over=("volunteers.active_month", "volunteers.registered"),
        better=Better.MORE,
    ),
    Measure(
        "levels.held",
        InBoth("星级与等级人数", "Residents by star and level"),
        InBoth(
            "期末拥有各等级的居民，按当时的居住地计；细分为“阶梯/等级”（规则里的编号，志愿星级是其中按时长升级的阶梯）。"
            "一人在几个阶梯上各计一次，总数是人次；注销后仍留在总数里。",
            'Residents who hold a level at the end, where they lived then; by "ladder/level", the rulebook\'s ids '
            "(volunteers' stars are the ladder that rises with hours). Somebody in several ladders counts in each; who was "
            "erased still counts for the town.",
        ),
        Unit.PEOPLE,
        Kind.STATE,
        LEVELS,
        "residents",
        slices=frozenset({Slice.ALL, Slice.DETAIL}),
        better=Better.MORE,
    ),
    Measure(
        "service.hours",
        InBoth("志愿服务时长", "Hours of service"),
        InBoth(
            f"服务日在期内、已计入的时长；待复核的不计，复核通过或作废后更正服务日当天的数。{_HOURS_ZH}"
            "按活动所在社区计；工作人员补录和导入的没有社区。",
            f"Hours that count, on the day on which they were served; what waits for a second person doesn't, and the day "
            f"is corrected when it is accepted or taken back. {_HOURS_EN} In the community of the activity; what was "
            "written down or imported has none.",
        ),
        Unit.HOURS,
        Kind.FLOW,
        SERVICE,
        "minutes",
        divisor=60,
        slices=_SPLIT,
        better=Better.MORE,
    ),
    Measure(
        "service.records",
        InBoth("志愿服务人次", "Records of service"),
        InBoth(
            f"服务日在期内、已计入的服务记录数。{_HOURS_ZH}",
            f"Records of service that count, on the day on which it was done. {_HOURS_EN}",
        ),
        Unit.ITEMS,
        Kind.FLOW,
        SERVICE,
        "records",
        slices=_SPLIT,
        better=Better.MORE,
    ),
)

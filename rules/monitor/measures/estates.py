"""Repairs and complaints, from what happened to them.

What happened to a repair is a row of `repair_event`, which nothing changes, so how a repair stood at a past moment is the
sum of its events until then: submitted and reopened open it; done, cancelled and rejected end it. It is overdue from the
moment at which that was written down (`rules.estates.tending`) until its step ends.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, case, func, or_, select, union
from sqlalchemy.orm import aliased

from models.estates import IS_OPEN, Complaint, ComplaintKind, Repair, RepairDeed, RepairEvent
from models.monitor import Slice
from rules.errors import InBoth
from rules.local_time import day_of
from rules.monitor.days import AS_OF, END, TOWN
from rules.monitor.definitions import Better, Facts, Family, Kind, Measure, Unit
from rules.monitor.measures.parts import DAY_OF_STATE, NONE, fact, happened, made_since, one_if, was_so

_OPENING = (RepairDeed.SUBMITTED, RepairDeed.REOPENED)
_CLOSING = (RepairDeed.DONE, RepairDeed.CANCELLED, RepairDeed.REJECTED)
_STEPS = (*_OPENING, RepairDeed.ASSIGNED, RepairDeed.STARTED, *_CLOSING)
_OF_COMPANY = (RepairDeed.ASSIGNED, RepairDeed.STARTED, RepairDeed.DONE)

E, R, C = RepairEvent, Repair, Complaint
_its_repair = and_(R.town_id == E.town_id, R.id == E.repair_id)


def _is(event: type[RepairEvent], *deeds: RepairDeed) -> ColumnElement[bool]:
    """Whether it is one of these deeds."""
    return event.deed.in_(deeds)


_opened: Facts = select(
    *fact(R.id, day_of(R.submitted_at), R.territory_id, detail=R.category, opened=one_if(R.id > 0))
).where(R.town_id == TOWN, made_since(R.id), *happened(R.submitted_at))

_earlier = aliased(RepairEvent)
_was_late = (
    select(_earlier.id)
    .where(
        _earlier.town_id == E.town_id,
        _earlier.repair_id == E.repair_id,
        _earlier.id <= E.id,
        _is(_earlier, *_OF_COMPANY),
        _earlier.due_at < _earlier.at,
    )
    .correlate(E)
    .exists()
)
_done: Facts = (
    select(
        *fact(
            E.id,
            day_of(E.at),
            R.territory_id,
            detail=R.category,
            done=one_if(_is(E, RepairDeed.DONE)),
            on_time=case((_is(E, RepairDeed.DONE), one_if(~_was_late)), else_=NONE),
            reopened=one_if(_is(E, RepairDeed.REOPENED)),
            ratings=one_if(E.stars.is_not(None)),
            stars=func.coalesce(E.stars, NONE),
        )
    )
    .select_from(E)
    .outerjoin(R, _its_repair)
    .where(
        E.town_id == TOWN,
        made_since(E.id),
        *happened(E.at),
        _is(E, RepairDeed.DONE, RepairDeed.REOPENED, RepairDeed.RATED),
    )
)

#: What is open now, and what has changed since the moment that is asked for: no other repair can have been open then.
_candidates = union(
    select(R.id).where(R.town_id == TOWN, IS_OPEN),
    select(E.repair_id).where(
        E.town_id == TOWN,
        or_(and_(made_since(E.id, END), E.at >= END), and_(made_since(E.id, AS_OF), E.at > AS_OF)),
    ),
).subquery("candidate")
_opens = case((_is(E, *_OPENING), 1), (_is(E, *_CLOSING), -1), else_=0)
_last_step = func.max(case((_is(E, *_STEPS), E.id), else_=0))
_last_noted = func.max(case((_is(E, RepairDeed.OVERDUE), E.id), else_=0))
_open_ones = (
    select(E.repair_id, one_if(_last_noted > _last_step).label("overdue"))
    .join(_candidates, _candidates.c.id == E.repair_id)
    .where(E.town_id == TOWN, was_so(E.at))
    .group_by(E.repair_id)
    .having(func.sum(_opens) == 1)
    .subquery("open_one")
)
_standing: Facts = select(
    *fact(
        _open_ones.c.repair_id,
        DAY_OF_STATE,
        R.territory_id,
        detail=R.category,
        open=one_if(_open_ones.c.repair_id > 0),
        overdue=_open_ones.c.overdue,
    )
).select_from(_open_ones.outerjoin(R, and_(R.town_id == TOWN, R.id == _open_ones.c.repair_id)))

_noted, _between = aliased(RepairEvent), aliased(RepairEvent)
_was_overdue = (
    select(_noted.id)
    .where(
        _noted.town_id == E.town_id,
        _noted.repair_id == E.repair_id,
        _noted.id < E.id,
        _is(_noted, RepairDeed.OVERDUE),
        ~select(_between.id)
        .where(
            _between.town_id == _noted.town_id,
            _between.repair_id == _noted.repair_id,
            _between.id > _noted.id,
            _between.id < E.id,
            _is(_between, *_STEPS),
        )
        .correlate(_noted, E)
        .exists(),
    )
    .correlate(E)
    .exists()
)
_turns: Facts = (
    select(
        *fact(
            E.id,
            day_of(E.at),
            R.territory_id,
            detail=R.category,
            open=_opens,
            overdue=case((_is(E, RepairDeed.OVERDUE), 1), (and_(_is(E, *_STEPS), _was_overdue), -1), else_=0),
        )
    )
    .select_from(E)
    .outerjoin(R, _its_repair)
    .where(E.town_id == TOWN, made_since(E.id), *happened(E.at), _is(E, *_STEPS, RepairDeed.OVERDUE))
)

_is_complaint = C.kind == ComplaintKind.COMPLAINT
_said: Facts = select(
    *fact(
        C.id,
        day_of(C.made_at),
        C.estate_id,
        detail=C.addressee,
        complaints=one_if(_is_complaint),
        praise=one_if(~_is_complaint),
    )
).where(C.town_id == TOWN, made_since(C.id), *happened(C.made_at))
_answered: Facts = select(
    *fact(
        C.id,
        day_of(C.answered_at),
        C.estate_id,
        detail=C.addressee,
        answered=one_if(_is_complaint),
        on_time=one_if(C.answered_at <= C.due_at),
    )
).where(C.town_id == TOWN, _is_complaint, *happened(C.answered_at))

REPAIRS_OPENED = Family("repairs_opened", "repair", _opened, ("opened",))
REPAIR_EVENTS = Family("repair_events", "repair_event", _done, ("done", "on_time", "reopened", "ratings", "stars"))
REPAIRS_STANDING = Family(
    "repairs_standing",
    "repair",
    _standing,
    ("open", "overdue"),
    is_state=True,
    changes=_turns,
    changes_have_places=True,
)
COMPLAINTS_SAID = Family("complaints_said", "complaint", _said, ("complaints", "praise"))
COMPLAINTS_ANSWERED = Family("complaints_answered", "complaint", _answered, ("answered", "on_time"))

_BY_CATEGORY = frozenset({Slice.ALL, Slice.DETAIL})

MEASURES = (
    Measure(
        "repairs.opened",
        InBoth("新增报修", "Repairs opened"),
        InBoth(
            "当天提交的报修，按提交日和报修所在的小区或楼栋计；细分为报修类别。后来撤销或退回的也计在内。",
            "Repairs submitted, on the day of submission, where the fault is; by category. Those cancelled or "
            "rejected later count too.",
        ),
        Unit.ITEMS,
        Kind.FLOW,
        REPAIRS_OPENED,
        "opened",
        slices=_BY_CATEGORY,
    ),
    Measure(
        "repairs.done",
        InBoth("完成报修", "Repairs done"),
        InBoth(
            "当天物业报告完成的次数；重开后再次完成的再计一次。细分为报修类别。",
            "How often the company said that a repair was done, that day; one that was reopened counts again. By category.",
        ),
        Unit.ITEMS,
        Kind.FLOW,
        REPAIR_EVENTS,
        "done",
        slices=_BY_CATEGORY,
        better=Better.MORE,
    ),
    Measure(
        "repairs.on_time",
        InBoth("按时完成", "Done on time"),
        InBoth(
            "当天完成的报修中，派单、上门、完成每一步都不晚于该步开始时定下的期限。",
            "Of those done on the day, those whose every step of the company ended by the deadline fixed when it began.",
        ),
        Unit.ITEMS,
        Kind.FLOW,
        REPAIR_EVENTS,
        "on_time",
        slices=_BY_CATEGORY,
        better=Better.MORE,
    ),
    Measure(
        "repairs.on_time_share",
        InBoth("报修按时率", "Share done on time"),
        InBoth("按时完成 ÷ 完成报修。", "Done on time over done."),
        Unit.SHARE,
        Kind.RATIO,
        over=("repairs.on_time", "repairs.done"),
        slices=_BY_CATEGORY,
        better=Better.MORE,
    ),
    Measure(
        "repairs.reopened",
        InBoth("重开报修", "Repairs reopened"),
        InBoth(
            "当天居民说没有修好而重开的次数。", "How often residents said that it wasn't done after all, on that day."
        ),
        Unit.ITEMS,
        Kind.FLOW,
        REPAIR_EVENTS,
        "reopened",
        slices=_BY_CATEGORY,
        better=Better.LESS,
    ),
    Measure(
        "repairs.reopened_share",
        InBoth("报修重开率", "Share reopened"),
        InBoth("同期重开次数 ÷ 完成次数。", "Reopened over done, both of the period."),
        Unit.SHARE,
        Kind.RATIO,
        over=("repairs.reopened", "repairs.done"),
        slices=_BY_CATEGORY,
        better=Better.LESS,
    ),
    Measure(
        "repairs.ratings",
        InBoth("报修评价数", "Ratings of repairs"),
        InBoth(
            "当天居民给出的评价；改过的评价在修改当天再计一次。",
            "Ratings given on the day; one that is changed counts again on the day of the change.",
        ),
        Unit.ITEMS,
        Kind.FLOW,
        REPAIR_EVENTS,
        "ratings",
        slices=_BY_CATEGORY,
    ),
    Measure(
        "repairs.stars",
        InBoth("报修评价总星数", "Stars given to repairs"),
        InBoth("当天评价的星数之和，每次 1 到 5 星。", "The stars of the day's ratings, 1 to 5 each, added up."),
        Unit.ITEMS,
        Kind.FLOW,
        REPAIR_EVENTS,
        "stars",
        slices=_BY_CATEGORY,
        better=Better.MORE,
    ),
    Measure(
        "repairs.rating",
        InBoth("报修平均评分", "Mean rating of repairs"),
        InBoth("总星数 ÷ 评价数。", "Stars over ratings."),
        Unit.MEAN,
        Kind.RATIO,
        over=("repairs.stars", "repairs.ratings"),
        slices=_BY_CATEGORY,
        better=Better.MORE,
    ),
    Measure(
        "repairs.open",
        InBoth("未完成报修", "Open repairs"),
        InBoth(
            "期末已提交或重开、物业还没有报告完成、也没有撤销或退回的报修。",
            "Submitted or reopened, and neither done nor cancelled nor rejected at the end.",
        ),
        Unit.ITEMS,
        Kind.STATE,
        REPAIRS_STANDING,
        "open",
        slices=_BY_CATEGORY,
        better=Better.LESS,
    ),
    Measure(
        "repairs.overdue",
        InBoth("超期报修", "Overdue repairs"),
        InBoth(
            "期末未完成的报修中，当前一步已记为超期的（每十分钟检查一次）。",
            "Of the open ones, those whose present step had been written down as late, looked for every ten minutes.",
        ),
        Unit.ITEMS,
        Kind.STATE,
        REPAIRS_STANDING,
        "overdue",
        slices=_BY_CATEGORY,
        better=Better.LESS,
    ),
    Measure(
        "complaints.made",
        InBoth("新增投诉", "Complaints made"),
        InBoth(
            "当天提出的投诉，按小区计；细分为投诉对象（物业或街道）。后来撤回的也计在内。",
            "Complaints made on the day, by estate; by addressee. Those withdrawn later count too.",
        ),
        Unit.ITEMS,
        Kind.FLOW,
        COMPLAINTS_SAID,
        "complaints",
        slices=_BY_CATEGORY,
        better=Better.LESS,
    ),
    Measure(
        "complaints.praise",
        InBoth("表扬", "Praise"),
        InBoth("当天提出的表扬，按小区计。", "Praise given on the day, by estate."),
        Unit.ITEMS,
        Kind.FLOW,
        COMPLAINTS_SAID,
        "praise",
        slices=_BY_CATEGORY,
        better=Better.MORE,
    ),
    Measure(
        "complaints.answered",
        InBoth("已答复投诉", "Complaints answered"),
        InBoth("当天答复的投诉；表扬不计。", "Complaints answered on the day, without praise."),
        Unit.ITEMS,
        Kind.FLOW,
        COMPLAINTS_ANSWERED,
        "answered",
        slices=_BY_CATEGORY,
        better=Better.MORE,
    ),
    Measure(
        "complaints.answered_on_time",
        InBoth("按时答复", "Answered on time"),
        InBoth(
            "当天答复、且不晚于提出时定下的期限的投诉。",
            "Of those, the ones answered by the deadline fixed when they were made.",
        ),
        Unit.ITEMS,
        Kind.FLOW,
        COMPLAINTS_ANSWERED,
        "on_time",
        slices=_BY_CATEGORY,
        better=Better.MORE,
    ),
    Measure(
        "complaints.on_time_share",
        InBoth("投诉按时答复率", "Share of complaints answered on time"),
        InBoth("按时答复 ÷ 已答复投诉。", "Answered on time over answered."),
        Unit.SHARE,
        Kind.RATIO,
        over=("complaints.answered_on_time", "complaints.answered"),
        slices=_BY_CATEGORY,
        better=Better.MORE,
    ),
)

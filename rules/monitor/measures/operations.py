"""How the house itself runs: what waits for somebody, and whether the books were looked at and sealed.

What waits is one row each in the state of its queue, with the seconds that it has waited; so queues are compared by how
much waits and how long on average, and the oldest is a row of its own. Requests, appeals and reviews keep when they were
made and decided, so a past moment is told exactly. The outbox keeps no history: what is put off or tried again after a
moment looks, when asked of that moment later, as if it had been so then; what was stored of a day stays.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import CompoundSelect, Select, and_, case, func, literal, literal_column, or_, select, union, union_all
from sqlalchemy.orm import aliased

from models.adjustments import Adjustment, AwardImport
from models.jobs import IS_DEAD, IS_WAITING, JobOutcome, JobRun, Outbox
from models.ledger import TXN
from models.moderation import Content, ContentDecision, ContentReport, ContentState
from models.monitor import Slice
from models.reservations import Appeal, Reservation
from models.residents import Resident
from models.rulebook import DraftStatus, RulebookDraft
from models.seals import Seal
from models.territory import Territory
from models.volunteering import RECORD, ServiceStatus
from rules.errors import InBoth
from rules.local_time import day_of
from rules.monitor.days import AS_OF, END, TOWN, days_after, days_before, days_between, first_id, seconds_between
from rules.monitor.definitions import Better, Facts, Family, Kind, Measure, Unit
from rules.monitor.measures.parts import (
    DAY_OF_STATE,
    NOWHERE,
    ONE,
    fact,
    home_of_state,
    one_if,
    was_not_yet,
    was_so,
)

OUTBOX, DEAD_LETTERS, MODERATION, APPEALS = "outbox", "dead_letters", "moderation", "appeals"
APPROVALS = ("approval_points", "approval_imports", "approval_rulebooks", "approval_hours")
AUDIT = "ledger-audit"  #: the job that looks at the whole ledger
#: A message that was delivered later than so after it was written is not found among what waited then.
OUTBOX_DAYS = 8

#: The moment at which a state is looked at.
_MOMENT = case((END < AS_OF, END), else_=AS_OF)
_O, _C, _D, _Q = Outbox, Content, ContentDecision, ContentReport


def _waits(queue: str, id_: Any, since: Any, territory_id: Any = NOWHERE) -> Select[Any]:
    return select(
        id_.label("id"), literal(queue).label("queue"), since.label("since"), territory_id.label("territory_id")
    )


def _after(moment: Any) -> Any:
    """It happened after the state was looked at."""
    return or_(moment >= END, moment > AS_OF)


# What is to leave the house

_due_then = (_O.town_id == TOWN, was_so(_O.created_at), was_so(_O.available_at))
_sent_later = and_(_O.id >= first_id(days_before(_MOMENT, OUTBOX_DAYS)), _after(_O.delivered_at))
_outbox = (
    _waits(OUTBOX, _O.id, _O.available_at).where(*_due_then, IS_WAITING),
    _waits(OUTBOX, _O.id, _O.available_at).where(*_due_then, _sent_later),
    _waits(OUTBOX, _O.id, _O.available_at).where(*_due_then, IS_DEAD, _after(_O.failed_at)),
    _waits(OUTBOX, _O.id, _O.available_at).where(*_due_then, _after(_O.dismissed_at), _after(_O.failed_at)),
)
_dead = (
    _waits(DEAD_LETTERS, _O.id, _O.failed_at).where(_O.town_id == TOWN, IS_DEAD, was_so(_O.failed_at)),
    _waits(DEAD_LETTERS, _O.id, _O.failed_at).where(_O.town_id == TOWN, _after(_O.dismissed_at), was_so(_O.failed_at)),
)

# What residents wrote, and staff look at

_candidates = union(
    select(_C.id.label("id")).where(_C.town_id == TOWN, _C.due_at.is_not(None)),
    select(_D.content_id).where(_D.town_id == TOWN, _after(_D.decided_at)),
).subquery("content_candidate")
_latest = aliased(ContentDecision)
_last_decision = (
    select(_latest.id)
    .where(_latest.town_id == TOWN, _latest.content_id == _candidates.c.id, was_so(_latest.decided_at))
    .order_by(_latest.id.desc())
    .limit(1)
    .correlate(_candidates)
    .scalar_subquery()
)
_reported_at = (
    select(func.min(_Q.reported_at))
    .where(_Q.town_id == TOWN, _Q.content_id == _candidates.c.id, was_so(_Q.reported_at), was_not_yet(_Q.decided_at))
    .correlate(_candidates)
    .scalar_subquery()
)
_in_review = case((_D.state == ContentState.REVIEW, _D.decided_at))
_looked_at = (
    select(_candidates.c.id, func.coalesce(_in_review, _reported_at).label("since"))
    .outerjoin(_D, and_(_D.town_id == TOWN, _D.id == _last_decision))
    .subquery("content_state")
)
_moderation = (
    _waits(MODERATION, _looked_at.c.id, _looked_at.c.since, Territory.id)
    .select_from(_looked_at)
    .join(_C, and_(_C.town_id == TOWN, _C.id == _looked_at.c.id))
    .outerjoin(Territory, and_(Territory.town_id == TOWN, Territory.path == _C.place_path))
    .where(_looked_at.c.since.is_not(None)),
)

# What waits for a decision

_R = Resident
_appeals = (
    _waits(APPEALS, Appeal.id, Appeal.made_at, home_of_state(_R))
    .select_from(Appeal)
    .outerjoin(Reservation, and_(Reservation.town_id == Appeal.town_id, Reservation.id == Appeal.reservation_id))
    .outerjoin(_R, and_(_R.town_id == Reservation.town_id, _R.id == Reservation.resident_id))
    .where(Appeal.town_id == TOWN, was_so(Appeal.made_at), was_not_yet(Appeal.decided_at)),
)


def _of_resident(queue: str, table: Any, id_: Any, since: Any) -> Select[Any]:
    return (
        _waits(queue, id_, since, home_of_state(_R))
        .select_from(table)
        .outerjoin(_R, and_(_R.town_id == TOWN, _R.id == _column(table, "resident_id")))
        .where(_column(table, "town_id") == TOWN, was_so(since))
    )


def _column(table: Any, name: str) -> Any:
    return table.c[name] if hasattr(table, "c") else getattr(table, name)


#: Written into the statement, as it stands in the index of what is pending.
_IS_PENDING = RECORD.c.status == literal_column(f"'{ServiceStatus.PENDING.value}'")
_hours_in_review = _of_resident(APPROVALS[3], RECORD, RECORD.c.id, RECORD.c.recorded_at)
_approvals = (
    _of_resident(APPROVALS[0], Adjustment, Adjustment.id, Adjustment.requested_at).where(
        Adjustment.needs_second_person, was_not_yet(Adjustment.decided_at)
    ),
    _waits(APPROVALS[1], AwardImport.id, AwardImport.requested_at).where(
        AwardImport.town_id == TOWN,
        AwardImport.needs_second_person,
        was_so(AwardImport.requested_at),
        was_not_yet(AwardImport.decided_at),
    ),
    _waits(APPROVALS[2], RulebookDraft.id, RulebookDraft.requested_at).where(
        RulebookDraft.town_id == TOWN,
        or_(RulebookDraft.status == DraftStatus.PENDING, RulebookDraft.decided_at.is_not(None)),
        was_so(RulebookDraft.requested_at),
        was_not_yet(RulebookDraft.decided_at),
    ),
    _hours_in_review.where(_IS_PENDING),
    _hours_in_review.where(_after(RECORD.c.decided_at)),
    _hours_in_review.where(RECORD.c.txn_id.is_(None), RECORD.c.decided_at.is_(None), _after(RECORD.c.voided_at)),
)


def _queues(parts: tuple[Select[Any], ...]) -> Facts:
    """What waits, one by one."""
    item = _together(parts).subquery("item")
    return select(
        *fact(
            item.c.id,
            DAY_OF_STATE,
            item.c.territory_id,
            detail=item.c.queue,
            waiting=ONE,
            seconds=seconds_between(item.c.since, _MOMENT),
        )
    )


def _together(parts: tuple[Select[Any], ...]) -> CompoundSelect[Any]:
    return union_all(*parts)


def _oldest(parts: tuple[Select[Any], ...]) -> Facts:
    """The one that has waited longest."""
    item = _together(parts).subquery("item")
    first = select(item.c.id, item.c.since).order_by(item.c.since, item.c.id).limit(1).subquery("first")
    return select(*fact(first.c.id, DAY_OF_STATE, seconds=seconds_between(first.c.since, _MOMENT)))


# The books

_first_txn = (
    select(TXN.c.id, TXN.c.recorded_at).where(TXN.c.town_id == TOWN).order_by(TXN.c.id).limit(1).subquery("first_txn")
)
_sealed = select(func.max(Seal.day)).where(Seal.town_id == TOWN, was_so(Seal.sealed_at)).scalar_subquery()
_audits = select(JobRun.slot, JobRun.finished_at, JobRun.outcome).where(
    JobRun.town_id == TOWN, JobRun.job == AUDIT, was_so(JobRun.finished_at)
)
_last_audit = _audits.order_by(JobRun.finished_at.desc(), JobRun.slot.desc()).limit(1).subquery("last_audit")
_last_clean = (
    _audits.with_only_columns(func.max(JobRun.finished_at)).where(JobRun.outcome == JobOutcome.OK).scalar_subquery()
)
_last_outcome = select(_last_audit.c.outcome).scalar_subquery()


def _days_since(day: Any) -> Any:
    """The days between a day and the state's; since the first transaction where there is no such day."""
    since_first = days_between(day_of(_first_txn.c.recorded_at), DAY_OF_STATE)
    since = func.coalesce(days_between(day, DAY_OF_STATE), since_first)
    return case((since < 0, 0), else_=since)


_books: Facts = (
    select(
        *fact(
            _first_txn.c.id,
            DAY_OF_STATE,
            audit_failed=one_if(_last_outcome == JobOutcome.FAILED),
            days_unaudited=_days_since(day_of(_last_clean)),
            days_unsealed=_days_since(days_after(_sealed, 1)),
        )
    )
    .select_from(_first_txn)
    .where(_first_txn.c.recorded_at < END)
)

QUEUES = Family(
    "queues",
    "queue_item",
    _queues((*_outbox, *_dead, *_moderation, *_appeals, *_approvals)),
    ("waiting", "seconds"),
    is_state=True,
)
OLDEST = {
    OUTBOX: Family("oldest_in_outbox", "outbox", _oldest(_outbox), ("seconds",), is_state=True),
    DEAD_LETTERS: Family("oldest_dead_letter", "outbox", _oldest(_dead), ("seconds",), is_state=True),
    MODERATION: Family("oldest_in_moderation", "content", _oldest(_moderation), ("seconds",), is_state=True),
    APPEALS: Family("oldest_appeal", "appeal", _oldest(_appeals), ("seconds",), is_state=True),
    "approvals": Family("oldest_approval", "queue_item", _oldest(_approvals), ("seconds",), is_state=True),
}
BOOKS = Family("books", "txn", _books, ("audit_failed", "days_unaudited", "days_unsealed"), is_state=True)

_QUEUES_ZH = (
    "细分为队列：outbox 待发消息（到时未发）、dead_letters 发送失败待处理、moderation 待审内容、appeals 爽约申诉、"
    "approval_points 积分调整复核、approval_imports 积分导入复核、approval_rulebooks 规则发布复核、"
    "approval_hours 志愿时长复核。"
)
_QUEUES_EN = (
    "By queue: outbox (due and not sent), dead_letters, moderation, appeals (of no-shows), and what waits for a second "
    "person: approval_points, approval_imports, approval_rulebooks, approval_hours."
)
_OUTBOX_ZH = f"待发消息不留历史：事后重试、或写入 {OUTBOX_DAYS} 天后才送达的，问过去某刻时会有出入；已存的日数不变。"
_OUTBOX_EN = (
    f"The outbox keeps no history: what was tried again, or delivered {OUTBOX_DAYS} days after it was written, shows in a "
    "past moment as it ended; what was stored of a day stays."
)
_BY_QUEUE = frozenset({Slice.ALL, Slice.DETAIL})


def _oldest_measure(queue: str, title: InBoth, meaning: InBoth) -> Measure:
    return Measure(
        f"queues.oldest_{queue}",
        title,
        meaning,
        Unit.SECONDS,
        Kind.STATE,
        OLDEST[queue],
        "seconds",
        better=Better.LESS,
        town_only=True,
    )


MEASURES = (
    Measure(
        "queues.waiting",
        InBoth("待处理事项", "What waits"),
        InBoth(
            f"期末在各队列里等候的事项数，内容按管理地、申诉和复核按居民居住地计。{_QUEUES_ZH}{_OUTBOX_ZH}",
            f"Items that wait at the end; content at the place whose managers decide, appeals and reviews where the "
            f"resident lives. {_QUEUES_EN} {_OUTBOX_EN}",
        ),
        Unit.ITEMS,
        Kind.STATE,
        QUEUES,
        "waiting",
        slices=_BY_QUEUE,
        better=Better.LESS,
    ),
    Measure(
        "queues.seconds",
        InBoth("等候总时长", "Seconds waited"),
        InBoth("期末等候的事项各自已等的秒数之和。", "The seconds that the items which wait have waited, added up."),
        Unit.SECONDS,
        Kind.STATE,
        QUEUES,
        "seconds",
        slices=_BY_QUEUE,
        better=Better.LESS,
    ),
    Measure(
        "queues.mean_seconds",
        InBoth("平均等候时长", "Mean time waited"),
        InBoth("等候总时长 ÷ 待处理事项。", "Seconds waited over items that wait."),
        Unit.SECONDS,
        Kind.RATIO,
        over=("queues.seconds", "queues.waiting"),
        slices=_BY_QUEUE,
        better=Better.LESS,
    ),
    _oldest_measure(
        OUTBOX,
        InBoth("最久未发消息", "Oldest message due"),
        InBoth(
            f"期末到时未发的消息里，最早到时的已等的秒数；没有则为 0。{_OUTBOX_ZH}",
            f"How long the message has been due that has been so longest; 0 where none is. {_OUTBOX_EN}",
        ),
    ),
    _oldest_measure(
        DEAD_LETTERS,
        InBoth("最久未处理失败消息", "Oldest dead letter"),
        InBoth(
            f"期末发送失败、还没有人处理的消息里，最早一封已等的秒数；没有则为 0。{_OUTBOX_ZH}",
            f"How long the oldest dead letter has waited for staff; 0 where there is none. {_OUTBOX_EN}",
        ),
    ),
    _oldest_measure(
        MODERATION,
        InBoth("最久待审内容", "Oldest in moderation"),
        InBoth(
            "期末等待工作人员审核的内容里，最早进入审核或被举报的一条已等的秒数。",
            "How long the content has waited for staff, since its review or its first open report, that has waited longest.",
        ),
    ),
    _oldest_measure(
        APPEALS,
        InBoth("最久未决申诉", "Oldest appeal"),
        InBoth(
            "期末未决的爽约申诉里，最早一件已等的秒数。",
            "How long the oldest undecided appeal of a no-show has waited.",
        ),
    ),
    _oldest_measure(
        "approvals",
        InBoth("最久待复核事项", "Oldest waiting for a second person"),
        InBoth(
            "期末等待第二人复核的事项（积分调整、导入、规则、志愿时长）里，最早一件已等的秒数。",
            "How long the oldest has waited of what needs a second person: points, imports, rulebooks, hours.",
        ),
    ),
    Measure(
        "books.audit_failed",
        InBoth("账本核对未通过", "Audit failed"),
        InBoth(
            "期末最近一次夜间账本核对发现问题或中断为 1，否则为 0。",
            "1 where the last nightly audit of the ledger found something wrong or broke off, else 0.",
        ),
        Unit.ITEMS,
        Kind.STATE,
        BOOKS,
        "audit_failed",
        better=Better.LESS,
        town_only=True,
    ),
    Measure(
        "books.days_unaudited",
        InBoth("距上次核对通过（天）", "Days since the last clean audit"),
        InBoth(
            "期末距最近一次核对通过的天数；从未通过则从第一笔账算起。",
            "Days since an audit found nothing wrong; since the first transaction where none ever did.",
        ),
        Unit.ITEMS,
        Kind.STATE,
        BOOKS,
        "days_unaudited",
        better=Better.LESS,
        town_only=True,
    ),
    Measure(
        "books.days_unsealed",
        InBoth("未封账天数", "Days not sealed"),
        InBoth(
            "期末那天之前、还没有封账的天数；每天凌晨一点封前一天，正常为 0。",
            "Days before the last one that no seal covers; each is sealed at one in the morning, so 0 is the usual.",
        ),
        Unit.ITEMS,
        Kind.STATE,
        BOOKS,
        "days_unsealed",
        better=Better.LESS,
        town_only=True,
    ),
)

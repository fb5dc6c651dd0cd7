"""What staff decide, and what the author says to it.

Somebody has to decide while `due_at` is set. A decision is one guarded UPDATE that takes it away, so of two who decide at
once the second is told that it is done. It answers all reports, and each change of state is a row of the log. What is
public can be taken down, what is refused can be shown again, each from that state only.

Nobody is the second person to themselves: who refused something doesn't decide on the appeal against that, and who wrote
something for the staff neither answers reports of it nor shows it again, unless nobody else at the place may (another
active manager or admin of the place or of a node above it). The guard stands in the same UPDATE.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, ColumnElement, Update, and_, bindparam, func, null, or_, select, update

from models.moderation import (
    Content,
    ContentReport,
    ContentState,
    DecisionSource,
    ReportOutcome,
)
from models.residents import Role, RoleGrant, Staff, StaffStatus
from models.territory import Territory
from rules.moderation.checking import take_pushed_answer
from rules.moderation.log import note_decision
from rules.moderation.refusals import (
    AlreadyAppealed,
    AnotherHasToDecide,
    ContentDecided,
    ContentNotPassed,
    ContentNotRefused,
    ContentUnknown,
)
from rules.moderation.telling import tell_refusal, tell_reporters, tell_restoration
from rules.moderation.terms import read_terms
from rules.rows import AnyRow
from rules.work import ActorKind, Work

MOMENT = Content.due_at.type


def _changing(*guard: ColumnElement[bool], **values: Any) -> Update:
    """An UPDATE of one piece of content where the guard holds."""
    return (
        update(Content)
        .where(Content.town_id == bindparam("town"), Content.id == bindparam("content"), *guard)
        .values(**values)
        .returning(Content.id, Content.kind, Content.resident_id, Content.review_since, Content.appealed_at)
        .execution_options(synchronize_session=False)
    )


_decided: dict[str, Any] = {
    "state": bindparam("to", type_=Content.state.type),
    "due_at": null(),
    "open_reports": 0,
    "decided_by": bindparam("actor"),
    "decided_at": bindparam("now", type_=MOMENT),
    "reason": bindparam("why"),
}
_is_alone = bindparam("is_alone", type_=Boolean())
_wrote_it_not = Content.staff_id.is_distinct_from(bindparam("actor"))
_refused_it_not = or_(
    Content.appealed_at.is_(None),
    Content.appealed_at < Content.decided_at,  # the appeal is decided
    Content.decided_by.is_distinct_from(bindparam("actor")),
)
_decide = _changing(Content.due_at.is_not(None), or_(_is_alone, and_(_wrote_it_not, _refused_it_not)), **_decided)
_take_down = _changing(Content.state == ContentState.PASSED, **_decided)
_restore = _changing(Content.state == ContentState.REFUSED, or_(_is_alone, _wrote_it_not), **_decided)
_appeal = _changing(
    Content.state == ContentState.REFUSED,
    Content.resident_id == bindparam("resident"),
    Content.appealed_at.is_(None),
    state=ContentState.REVIEW,
    appeal=bindparam("words"),
    appealed_at=bindparam("now", type_=MOMENT),
    review_since=bindparam("now", type_=MOMENT),
    due_at=bindparam("due", type_=MOMENT),
)
_place = select(Content.place_path).where(Content.town_id == bindparam("town"), Content.id == bindparam("content"))
#: Somebody else who may decide at a place.
_another = (
    select(RoleGrant.staff_id)
    .join(Staff, and_(Staff.town_id == RoleGrant.town_id, Staff.id == RoleGrant.staff_id))
    .join(Territory, and_(Territory.town_id == RoleGrant.town_id, Territory.id == RoleGrant.territory_id))
    .where(
        RoleGrant.town_id == bindparam("town"),
        RoleGrant.role.in_([Role.MANAGER, Role.ADMIN]),
        RoleGrant.staff_id != bindparam("actor"),
        Staff.status == StaffStatus.ACTIVE,
        Territory.path == func.substr(bindparam("place"), 1, func.length(Territory.path)),
    )
    .limit(1)
)
_waits = select(Content.state, Content.due_at).where(
    Content.town_id == bindparam("town"), Content.id == bindparam("content")
)
_own = select(Content.state, Content.appealed_at).where(
    Content.town_id == bindparam("town"),
    Content.id == bindparam("content"),
    Content.resident_id == bindparam("resident"),
)
_answer_reports = (
    update(ContentReport)
    .where(
        ContentReport.town_id == bindparam("town"),
        ContentReport.content_id == bindparam("content"),
        ContentReport.outcome == ReportOutcome.PENDING,
    )
    .values(outcome=bindparam("to", type_=ContentReport.outcome.type), decided_at=bindparam("now", type_=MOMENT))
    .returning(ContentReport.id, ContentReport.reporter_id)
    .execution_options(synchronize_session=False)
)


def decide(work: Work, content_id: int, passes: bool, reason: str) -> None:
    """Pass or refuse what waits for staff, and so answer all reports. `reason`: for the author.

    For managers at the content's place. Raises ContentUnknown (also where the actor is none), ContentDecided,
    AnotherHasToDecide.
    """
    place = _require_place(work, content_id)
    state = ContentState.PASSED if passes else ContentState.REFUSED
    decided = _change(work, _decide, content_id, state, reason, is_alone=_is_alone_at(work, place))
    if decided is None:
        raise AnotherHasToDecide if _read(work, content_id).due_at is not None else ContentDecided
    note_decision(work, content_id, DecisionSource.STAFF, state, reason=reason, waited_since=decided.review_since)
    _answer(work, content_id, ReportOutcome.DISMISSED if passes else ReportOutcome.UPHELD)
    if not passes:
        tell_refusal(work, content_id, decided.kind, decided.resident_id, reason)
    elif decided.appealed_at is not None and decided.appealed_at == decided.review_since:  # it waited by an appeal
        tell_restoration(work, content_id, decided.kind, decided.resident_id)


def take_down(work: Work, content_id: int, reason: str) -> None:
    """Take away what is public, whether or not somebody reported it. Raises ContentUnknown, ContentNotPassed."""
    _require_place(work, content_id)
    changed = _change(work, _take_down, content_id, ContentState.REFUSED, reason)
    if changed is None:
        raise ContentNotPassed
    note_decision(work, content_id, DecisionSource.STAFF, ContentState.REFUSED, reason=reason)
    _answer(work, content_id, ReportOutcome.UPHELD)
    tell_refusal(work, content_id, changed.kind, changed.resident_id, reason)


def restore(work: Work, content_id: int, reason: str) -> None:
    """Show again what was refused or taken down. Raises ContentUnknown, ContentNotRefused, AnotherHasToDecide."""
    place = _require_place(work, content_id)
    alone = _is_alone_at(work, place)
    changed = _change(work, _restore, content_id, ContentState.PASSED, reason, is_alone=alone)
    if changed is None:
        is_refused = _read(work, content_id).state is ContentState.REFUSED
        raise AnotherHasToDecide if is_refused else ContentNotRefused
    note_decision(work, content_id, DecisionSource.STAFF, ContentState.PASSED, reason=reason)
    tell_restoration(work, content_id, changed.kind, changed.resident_id)


def make_appeal(work: Work, content_id: int, words: str) -> None:
    """Ask staff to look again at what was refused, once. For its author.

    Raises ContentUnknown (also where it is somebody else's), ContentNotRefused, AlreadyAppealed.
    """
    asked = {"town": work.town_id, "content": content_id, "resident": work.actor.id}
    said = {"words": words, "now": work.now, "due": read_terms(work).due_from(work.now)}
    if work.core.execute(_appeal, asked | said).first() is not None:
        note_decision(work, content_id, DecisionSource.AUTHOR, ContentState.REVIEW)  # what is said can be erased
        return
    own = work.core.execute(_own, asked).first()
    if own is None or work.actor.kind is not ActorKind.RESIDENT:
        raise ContentUnknown
    raise AlreadyAppealed if own.appealed_at is not None else ContentNotRefused


def picture_checked(work: Work, trace_id: str, suggest: str, label: int) -> None:
    """WeChat's answer about a picture, as it was pushed; `suggest` is pass, review or risky.

    What is asked by nobody in this town, answered already or decided by staff changes nothing; a word that we don't know
    leaves the picture to staff.
    """
    take_pushed_answer(work, trace_id, suggest, label)


def _require_place(work: Work, content_id: int) -> str:
    """The path of the content's place. Raises ContentUnknown unless the actor is a manager there."""
    path: str | None = work.core.scalar(_place, {"town": work.town_id, "content": content_id})
    if path is None or not work.actor.may(Role.MANAGER, path):
        raise ContentUnknown
    return path


def _is_alone_at(work: Work, place: str) -> bool:
    """Whether nobody but the actor may decide at a place."""
    asked = {"town": work.town_id, "actor": work.actor.id, "place": place}
    return work.core.execute(_another, asked).first() is None


def _read(work: Work, content_id: int) -> AnyRow:
    return work.core.execute(_waits, {"town": work.town_id, "content": content_id}).one()


def _change(
    work: Work, statement: Update, content_id: int, state: ContentState, reason: str, **guard: bool
) -> AnyRow | None:
    of = {"town": work.town_id, "content": content_id} | guard
    return work.core.execute(
        statement, of | {"to": state, "actor": work.actor.id, "now": work.now, "why": reason}
    ).first()


def _answer(work: Work, content_id: int, outcome: ReportOutcome) -> None:
    """Every report that nobody has decided on has this outcome; its reporter is told."""
    asked = {"town": work.town_id, "content": content_id, "to": outcome, "now": work.now}
    answered = work.core.execute(_answer_reports, asked).all()
    tell_reporters(work, sorted((row.id, row.reporter_id) for row in answered), outcome)

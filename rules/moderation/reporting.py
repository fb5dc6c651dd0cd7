"""举报: residents complain of what others wrote.

A resident counts once for a piece of content, by a unique key; the count that hides it is taken by an UPDATE of the
content's row, at which reports and decisions queue. So of many who report at once nobody is counted twice and nobody
is lost, and a report either comes before a decision, which answers it, or finds that the content is gone.

The author never learns who reported, nor do staff; the reporter learns what came of it.
"""

from __future__ import annotations

from sqlalchemy import bindparam, case, func, select, update
from sqlalchemy.dialects.postgresql import insert

from models.moderation import Content, ContentReport, ContentState, DecisionSource, ReportOutcome, ReportReason
from rules.ids import ID_MAX
from rules.moderation.log import note_decision
from rules.moderation.refusals import AlreadyReported, ContentUnknown, OwnContent
from rules.moderation.terms import read_terms
from rules.paging import Page, Position, cut
from rules.rows import AnyRow
from rules.work import Work

REPORTED = "reported"
MOMENT = Content.due_at.type

_this = (Content.town_id == bindparam("town"), Content.id == bindparam("content"))
_count = (
    update(Content)
    # What waits for its first check nobody else can have seen.
    .where(*_this, Content.state.in_([ContentState.PASSED, ContentState.REVIEW]))
    .values(
        open_reports=Content.open_reports + 1,
        review_since=case((Content.due_at.is_(None), bindparam("now", type_=MOMENT)), else_=Content.review_since),
        due_at=func.coalesce(Content.due_at, bindparam("due", type_=MOMENT)),
    )
    .returning(Content.resident_id, Content.state, Content.label)
    .execution_options(synchronize_session=False)
)
_hide = (
    update(Content)
    .where(*_this, Content.state == ContentState.PASSED, Content.open_reports >= bindparam("reporters_to_hide"))
    .values(state=ContentState.REVIEW, label=REPORTED)
    .returning(Content.id)
    .execution_options(synchronize_session=False)
)
_keep = (
    insert(ContentReport)
    .on_conflict_do_nothing(index_elements=["town_id", "content_id", "reporter_id"])
    .returning(ContentReport.id)
)
_mine = (
    select(
        ContentReport.id,
        ContentReport.content_id,
        ContentReport.reason,
        ContentReport.words,
        ContentReport.reported_at,
        ContentReport.outcome,
        ContentReport.decided_at,
    )
    .where(
        ContentReport.town_id == bindparam("town"),
        ContentReport.reporter_id == bindparam("resident"),
        ContentReport.id < bindparam("before"),
    )
    .order_by(ContentReport.id.desc())
    .limit(bindparam("limit"))
)


def report(work: Work, content_id: int, reason: ReportReason, words: str = "") -> int:
    """Complain of what somebody else wrote; returns the report's id. For residents.

    Enough residents hide it until staff decide; from the first report on staff have to. Raises ContentUnknown (also where
    it was never shown or is gone), OwnContent, AlreadyReported.
    """
    terms = read_terms(work)
    this = {"town": work.town_id, "content": content_id}
    found = work.core.execute(_count, this | {"now": work.now, "due": terms.due_from(work.now)}).first()
    if found is None or (found.state is ContentState.REVIEW and found.label != REPORTED):
        raise ContentUnknown
    if found.resident_id == work.actor.id:
        raise OwnContent
    report_id = work.new_id()
    row = {
        "town_id": work.town_id,
        "id": report_id,
        "content_id": content_id,
        "reporter_id": work.actor.id,
        "reason": reason,
        "words": words,
        "reported_at": work.now,
        "outcome": ReportOutcome.PENDING,
    }
    if work.core.execute(_keep, row).first() is None:
        raise AlreadyReported
    if work.core.execute(_hide, this | {"reporters_to_hide": terms.reporters_to_hide}).first() is not None:
        note_decision(work, content_id, DecisionSource.REPORTS, ContentState.REVIEW, label=REPORTED)
    return report_id


def list_my_reports(work: Work, after: Position | None, limit: int) -> Page[AnyRow]:
    """What the actor complained of and what came of it, the latest first."""
    before = ID_MAX if after is None else int(after[0])
    asked = {"town": work.town_id, "resident": work.actor.id, "before": before, "limit": limit + 1}
    return cut(work.core.execute(_mine, asked).all(), limit, lambda row: (row.id,))

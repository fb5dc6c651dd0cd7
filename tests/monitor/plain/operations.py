"""The measures of queues and books once more, item by item."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from models.adjustments import Adjustment, AwardImport
from models.history import ResidentVersion
from models.jobs import JobRun, Outbox
from models.ledger import Txn
from models.moderation import Content, ContentDecision, ContentReport
from models.reservations import Appeal, Reservation
from models.residents import Resident
from models.rulebook import RulebookDraft
from models.seals import Seal
from models.territory import Territory
from models.volunteering import ServiceRecord
from rules.clock import local_day
from tests.monitor.plain.counted import Contents, Counted
from tests.monitor.plain.times import Homes, Span, whole_seconds

TABLES = (
    Outbox,
    Content,
    ContentDecision,
    ContentReport,
    Appeal,
    Reservation,
    Adjustment,
    AwardImport,
    RulebookDraft,
    ServiceRecord,
    JobRun,
    Seal,
    Txn,
    Territory,
    Resident,
    ResidentVersion,
)
#: Where it waits, since when, where it belongs.
Item = tuple[str, datetime, int | None]


def recompute(rows: Contents, measure: str, begin: datetime, end: datetime, as_of: datetime) -> list[Counted]:
    """What waited at the end, one by one; or how the books stood then."""
    span = Span(begin, end, as_of)
    if measure.startswith("books."):
        return _of_books(rows, measure, span)
    items = [*_in_outbox(rows, span), *_in_moderation(rows, span), *_to_decide(rows, span)]
    if measure.startswith("queues.oldest_"):
        queue = measure.removeprefix("queues.oldest_").removesuffix("s")
        since = min((item[1] for item in items if item[0].startswith(queue)), default=None)
        waited = [] if since is None else [whole_seconds(since, span.moment)]
        return [Counted(span.last_day, None, None, None, None, seconds) for seconds in waited if seconds]
    return [
        Counted(
            span.last_day,
            place,
            None,
            None,
            queue,
            1 if measure == "queues.waiting" else whole_seconds(since, span.moment),
        )
        for queue, since, place in items
    ]


def _in_outbox(rows: Contents, span: Span) -> Iterator[Item]:
    for each in rows[Outbox]:
        if span.was(each.failed_at):
            if not span.was(each.dismissed_at):
                yield "dead_letters", each.failed_at, None
        elif span.was(each.created_at) and span.was(each.available_at) and not span.was(each.delivered_at):
            yield "outbox", each.available_at, None


def _in_moderation(rows: Contents, span: Span) -> Iterator[Item]:
    nodes = {node.path: node.id for node in rows[Territory]}
    for content in rows[Content]:
        since: datetime | None = None
        decided = sorted((each for each in rows[ContentDecision] if each.content_id == content.id), key=lambda e: e.id)
        is_over = content.due_at is None and all(span.was(each.decided_at) for each in decided)
        if is_over:  # with its author, who was erased, without a word in the log
            continue
        for decision in decided:
            if span.was(decision.decided_at):
                since = decision.decided_at if decision.state.value == "review" else None
        open_reports = [
            each.reported_at
            for each in rows[ContentReport]
            if each.content_id == content.id and span.was(each.reported_at) and not span.was(each.decided_at)
        ]
        since = since or min(open_reports, default=None)
        if since is not None:
            yield "moderation", since, nodes.get(content.place_path)


def _to_decide(rows: Contents, span: Span) -> Iterator[Item]:
    homes, residents = Homes.of(rows), {each.id: each.resident_id for each in rows[Reservation]}
    for appeal in rows[Appeal]:
        if span.was(appeal.made_at) and not span.was(appeal.decided_at):
            yield "appeals", appeal.made_at, homes.of_state(residents[appeal.reservation_id], span)
    for each in rows[Adjustment]:
        if each.needs_second_person and span.was(each.requested_at) and not span.was(each.decided_at):
            yield "approval_points", each.requested_at, homes.of_state(each.resident_id, span)
    for each in rows[AwardImport]:
        if each.needs_second_person and span.was(each.requested_at) and not span.was(each.decided_at):
            yield "approval_imports", each.requested_at, None
    for each in rows[RulebookDraft]:
        if span.was(each.requested_at) and not span.was(each.decided_at):
            yield "approval_rulebooks", each.requested_at, None
    for each in rows[ServiceRecord]:
        was_flagged = each.txn_id is None or each.decided_at is not None
        is_over = span.was(each.decided_at) or span.was(each.voided_at)
        if was_flagged and span.was(each.recorded_at) and not is_over:
            yield "approval_hours", each.recorded_at, homes.of_state(each.resident_id, span)


def _of_books(rows: Contents, measure: str, span: Span) -> list[Counted]:
    begun = min(((each.id, each.recorded_at) for each in rows[Txn]), default=None)
    if begun is None or begun[1] >= span.end:
        return []
    first = local_day(begun[1])
    runs = sorted(
        (each for each in rows[JobRun] if each.job == "ledger-audit" and span.was(each.finished_at)),
        key=lambda each: (each.finished_at, each.slot),
    )
    clean = [local_day(each.finished_at) for each in runs if each.outcome.value == "ok"]
    sealed = [each.day + timedelta(days=1) for each in rows[Seal] if span.was(each.sealed_at)]

    def days_since(days: list[date]) -> int:
        return max((span.last_day - max(days, default=first)).days, 0)

    amount = {
        "books.audit_failed": int(bool(runs) and runs[-1].outcome.value == "failed"),
        "books.days_unaudited": days_since(clean),
        "books.days_unsealed": days_since(sealed),
    }[measure]
    return [Counted(span.last_day, None, None, None, None, amount)] if amount else []

"""Hours that staff write down: entries, files, the second person, and taking back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from blueprints.edge.room import Room
from blueprints.edge.schemas import all_of, page_of
from blueprints.volunteering.record_schemas import (
    ServiceBatchView,
    ServiceDecisionRequest,
    ServiceDecisionsRequest,
    ServiceEntriesRequest,
    ServiceImportRequest,
    ServiceListArguments,
    ServiceRecordView,
    ServiceReviewArguments,
    ServiceReviewView,
    ServiceVoidingRequest,
)
from models.residents import Role
from rules.ledger.spending import PointsInsufficient
from rules.points.award_file import FileEmpty, FileUnreadable, TooManyRows
from rules.points.second_person import SecondPersonRequired
from rules.residents.identity import Forbidden
from rules.volunteering import imports, records
from rules.volunteering.entries import Entry
from rules.volunteering.refusals import (
    BatchUnknown,
    FileHeaderWrong,
    RecordSettled,
    RecordsInvalid,
    RecordUnknown,
    SignedAtTheDoor,
)
from rules.work import Work

room = Room("service_records", __name__, description="Hours of service, for staff")

Wish = dict[str, Any]
DECIDING = (Forbidden, PointsInsufficient, RecordSettled, RecordUnknown, SecondPersonRequired)


@room.does(
    "POST",
    "/volunteering/records",
    needs=Role.ORGANISER,
    once=True,
    refuses=[Forbidden, PointsInsufficient, RecordsInvalid],
)
@room.arguments(ServiceEntriesRequest)
@room.response(201, ServiceBatchView)
def record_hours(work: Work, wish: Wish) -> Any:
    """Write down hours of residents. What is flagged counts when a second person accepts it."""
    return records.record_hours(work, [Entry(**item) for item in wish["items"]])


@room.does("GET", "/volunteering/records", needs=Role.ORGANISER)
@room.arguments(ServiceListArguments, location="query")
@room.response(200, page_of(ServiceRecordView, "service_records"))
def list_service_records(work: Work, wish: Wish) -> Any:
    """Records of residents whom I organise, the latest first."""
    cursor, limit = wish.pop("cursor"), wish.pop("limit")
    return records.list_records(work, records.RecordFilter(**wish), cursor, limit)


@room.does(
    "DELETE",
    "/volunteering/records/<id:record_id>",
    needs=Role.ORGANISER,
    once=True,
    refuses=[Forbidden, PointsInsufficient, RecordSettled, RecordUnknown, SignedAtTheDoor],
)
@room.arguments(ServiceVoidingRequest)
@room.response(200, ServiceRecordView)
def void_service_record(work: Work, wish: Wish, record_id: int) -> Any:
    """Take back a record that was written down, with the hours and the points that came of it."""
    return records.void_record(work, record_id, **wish)


@room.does("POST", "/volunteering/records/<id:record_id>/decision", needs=Role.MANAGER, once=True, refuses=[*DECIDING])
@room.arguments(ServiceDecisionRequest)
@room.response(200, ServiceRecordView)
def decide_service_record(work: Work, wish: Wish, record_id: int) -> Any:
    """Accept or decline a flagged record that somebody else wrote down."""
    return records.decide_records(work, [record_id], **wish)[0]


@room.does("GET", "/volunteering/reviews", needs=Role.MANAGER)
@room.arguments(ServiceReviewArguments, location="query")
@room.response(200, page_of(ServiceReviewView, "service_reviews"))
def list_service_reviews(work: Work, wish: Wish) -> Any:
    """What waits for a second person, the oldest first."""
    return records.list_reviews(work, wish["cursor"], wish["limit"])


@room.does("POST", "/volunteering/reviews", needs=Role.MANAGER, once=True, refuses=[*DECIDING])
@room.arguments(ServiceDecisionsRequest)
@room.response(200, all_of(ServiceRecordView))
def decide_service_records(work: Work, wish: Wish) -> Any:
    """Accept or decline several flagged records at once; all of them or none."""
    return SimpleNamespace(items=records.decide_records(work, wish.pop("ids"), **wish))


@room.does(
    "POST",
    "/volunteering/imports",
    needs=Role.ORGANISER,
    refuses=[FileEmpty, FileHeaderWrong, FileUnreadable, Forbidden, PointsInsufficient, TooManyRows],
)
@room.arguments(ServiceImportRequest)
@room.response(201, ServiceBatchView)
def import_hours(work: Work, wish: Wish) -> Any:
    """Keep the hours of a file, line by line what can be kept. The same text again is the same batch, and needs no key."""
    return imports.import_hours(work, wish["name"], wish["csv"])


@room.does("GET", "/volunteering/batches/<id:batch_id>", needs=Role.ORGANISER, refuses=[BatchUnknown])
@room.response(200, ServiceBatchView)
def show_service_batch(work: Work, batch_id: int) -> Any:
    """What I wrote down together, and what became of it."""
    return records.show_batch(work, batch_id)

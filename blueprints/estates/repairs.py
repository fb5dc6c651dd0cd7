"""Repairs 报修: submitted and followed by residents, handled by the company."""

from __future__ import annotations

from typing import Any

from blueprints.edge.caller import RESIDENT, SIGNED_IN
from blueprints.edge.house import house
from blueprints.edge.room import Room
from blueprints.edge.schemas import page_of
from blueprints.estates.repair_schemas import (
    AssignmentRequest,
    CompletionRequest,
    ListedRepairView,
    MyRepairArguments,
    MyRepairView,
    PublicRepairArguments,
    PublicRepairView,
    RatingRequest,
    RejectionRequest,
    ReopeningRequest,
    RepairContactView,
    RepairEventArguments,
    RepairEventView,
    RepairListArguments,
    RepairReasonRequest,
    RepairRequest,
    RepairView,
    StartRequest,
    VisitRequest,
)
from rules.daily_limits import DailyLimitReached
from rules.estates import handling, refusals, repairs, responding, submitting
from rules.moderation.refusals import ContentRefused
from rules.residents import acting
from rules.residents.identity import Forbidden
from rules.residents.phones import PhoneInvalid
from rules.uploads.refusals import CLAIMING
from rules.work import Work

room = Room("repairs", __name__, description="Repairs in homes and estates")

Wish = dict[str, Any]
STEP = (refusals.RepairChanged, refusals.RepairUnknown, refusals.StepNotAllowed)


@room.does(
    "POST",
    "/repairs",
    needs=SIGNED_IN,
    once=True,
    refuses=[
        *acting.REFUSALS,
        *CLAIMING,
        DailyLimitReached,
        ContentRefused,
        Forbidden,
        PhoneInvalid,
        refusals.CategoryUnknown,
        refusals.EstateUnknown,
        refusals.NotOfThisEstate,
        refusals.PlaceOutside,
        refusals.WantedInThePast,
    ],
)
@room.arguments(RepairRequest)
@room.response(201, RepairView)
def submit_repair(work: Work, wish: Wish) -> Any:
    """Say what is broken: at home, or of what belongs to all. Staff at a desk may do it for a resident."""
    resident_id = wish.pop("resident_id")
    return _shown(work, submitting.submit_repair(work, house().keys, submitting.RepairWish(**wish), resident_id))


@room.does("GET", "/me/repairs", needs=RESIDENT, refuses=acting.REFUSALS)
@room.arguments(MyRepairArguments, location="query")
@room.response(200, page_of(MyRepairView, "my-repairs"))
def list_my_repairs(work: Work, wish: Wish) -> Any:
    """My repairs and those at my home, the latest first; or of somebody I may act for."""
    return repairs.list_my_repairs(work, wish["status"], wish["cursor"], wish["limit"], wish["resident_id"])


@room.does(
    "GET",
    "/estates/<id:estate_id>/public-repairs",
    needs=SIGNED_IN,
    refuses=[refusals.EstateUnknown, refusals.NotOfThisEstate],
)
@room.arguments(PublicRepairArguments, location="query")
@room.response(200, page_of(PublicRepairView, "public-repairs"))
def list_public_repairs(work: Work, wish: Wish, estate_id: int) -> Any:
    """What is broken of what belongs to all, without names. For residents of the estate and its staff."""
    return repairs.list_public_repairs(work, estate_id, wish["cursor"], wish["limit"])


@room.does("GET", "/repairs", needs=SIGNED_IN)
@room.arguments(RepairListArguments, location="query")
@room.response(200, page_of(ListedRepairView, "repairs"))
def list_repairs(work: Work, wish: Wish) -> Any:
    """Repairs of the estates that I answer for, the first submitted first. For staff; `due=overdue` is their worklist."""
    after, limit = wish.pop("cursor"), wish.pop("limit")
    return repairs.list_repairs(work, repairs.RepairFilter(**wish), after, limit)


@room.does("GET", "/repairs/<id:repair_id>", needs=SIGNED_IN, refuses=[refusals.RepairUnknown])
@room.response(200, RepairView)
def show_repair(work: Work, repair_id: int) -> Any:
    """A repair, as the caller may see it."""
    return _shown(work, repair_id)


@room.does("GET", "/repairs/<id:repair_id>/events", needs=SIGNED_IN, refuses=[refusals.RepairUnknown])
@room.arguments(RepairEventArguments, location="query")
@room.response(200, page_of(RepairEventView, "repair-events"))
def list_repair_events(work: Work, wish: Wish, repair_id: int) -> Any:
    """What happened to a repair, the first first."""
    return repairs.list_events(work, house().keys, repair_id, wish["cursor"], wish["limit"])


@room.does(
    "GET",
    "/repairs/<id:repair_id>/contact",
    needs=SIGNED_IN,
    refuses=[Forbidden, refusals.ContactClosed, refusals.RepairUnknown],
)
@room.response(200, RepairContactView)
def show_repair_contact(work: Work, repair_id: int) -> Any:
    """Whom to call. For those who handle the repair, while it is open."""
    return repairs.show_contact(work, house().keys, repair_id)


@room.does(
    "POST",
    "/repairs/<id:repair_id>/cancellation",
    needs=SIGNED_IN,
    once=True,
    refuses=[*STEP, refusals.WorkBegun],
)
@room.arguments(RepairReasonRequest)
@room.response(200, RepairView)
def cancel_repair(work: Work, wish: Wish, repair_id: int) -> Any:
    """Take my repair back, before the work begins."""
    responding.cancel_repair(work, repair_id, wish["reason"])
    return _shown(work, repair_id)


@room.does("POST", "/repairs/<id:repair_id>/confirmation", needs=SIGNED_IN, once=True, refuses=STEP)
@room.response(200, RepairView)
def confirm_repair(work: Work, repair_id: int) -> Any:
    """Say that my repair is done."""
    responding.confirm_repair(work, repair_id)
    return _shown(work, repair_id)


@room.does(
    "POST",
    "/repairs/<id:repair_id>/reopening",
    needs=SIGNED_IN,
    once=True,
    refuses=[*STEP, *CLAIMING, refusals.ReopenTooLate, refusals.ReopenedTooOften],
)
@room.arguments(ReopeningRequest)
@room.response(200, RepairView)
def reopen_repair(work: Work, wish: Wish, repair_id: int) -> Any:
    """Say that my repair isn't done after all."""
    responding.reopen_repair(work, repair_id, **wish)
    return _shown(work, repair_id)


@room.does(
    "PUT",
    "/repairs/<id:repair_id>/rating",
    needs=SIGNED_IN,
    refuses=[refusals.NotToBeRated, refusals.RepairUnknown],
)
@room.arguments(RatingRequest)
@room.response(200, RepairView)
def rate_repair(work: Work, wish: Wish, repair_id: int) -> Any:
    """Rate my repair, or change my rating."""
    responding.rate_repair(work, repair_id, wish["rating"], wish["words"])
    return _shown(work, repair_id)


@room.does(
    "POST",
    "/repairs/<id:repair_id>/assignment",
    needs=SIGNED_IN,
    once=True,
    refuses=[*STEP, Forbidden, PhoneInvalid, refusals.WorkerNeeded],
)
@room.arguments(AssignmentRequest)
@room.response(200, RepairView)
def assign_repair(work: Work, wish: Wish, repair_id: int) -> Any:
    """Send somebody, or somebody else; the resident is told. For the company."""
    worker = handling.Worker(*(wish.pop(f"worker_{name}") for name in ("staff_id", "name", "phone")))
    handling.assign_repair(work, house().keys, repair_id, worker=worker, **wish)
    return _shown(work, repair_id)


@room.does("POST", "/repairs/<id:repair_id>/visit", needs=SIGNED_IN, once=True, refuses=[*STEP, Forbidden])
@room.arguments(VisitRequest)
@room.response(200, RepairView)
def set_repair_visit(work: Work, wish: Wish, repair_id: int) -> Any:
    """Note when the worker comes; the resident is told. For the company."""
    handling.set_visit(work, repair_id, **wish)
    return _shown(work, repair_id)


@room.does("POST", "/repairs/<id:repair_id>/start", needs=SIGNED_IN, once=True, refuses=[*STEP, Forbidden])
@room.arguments(StartRequest)
@room.response(200, RepairView)
def start_repair(work: Work, wish: Wish, repair_id: int) -> Any:
    """The work begins. For the company."""
    handling.start_repair(work, repair_id, **wish)
    return _shown(work, repair_id)


@room.does(
    "POST", "/repairs/<id:repair_id>/completion", needs=SIGNED_IN, once=True, refuses=[*STEP, *CLAIMING, Forbidden]
)
@room.arguments(CompletionRequest)
@room.response(200, RepairView)
def finish_repair(work: Work, wish: Wish, repair_id: int) -> Any:
    """The work is done; the resident is asked to confirm it. For the company."""
    handling.finish_repair(work, repair_id, **wish)
    return _shown(work, repair_id)


@room.does("POST", "/repairs/<id:repair_id>/rejection", needs=SIGNED_IN, once=True, refuses=[*STEP, Forbidden])
@room.arguments(RejectionRequest)
@room.response(200, RepairView)
def reject_repair(work: Work, wish: Wish, repair_id: int) -> Any:
    """Turn a repair down, with a reason; the resident is told. For the company."""
    handling.reject_repair(work, repair_id, **wish)
    return _shown(work, repair_id)


def _shown(work: Work, repair_id: int) -> Any:
    return repairs.show_repair(work, house().keys, repair_id)

"""Complaints and praise 投诉 表扬: to the company or to the street."""

from __future__ import annotations

from typing import Any

from blueprints.edge.caller import RESIDENT, SIGNED_IN
from blueprints.edge.house import house
from blueprints.edge.room import Room
from blueprints.edge.schemas import page_of
from blueprints.estates.complaint_schemas import (
    ComplaintAnswerRequest,
    ComplaintListArguments,
    ComplaintRequest,
    ComplaintView,
    MyComplaintArguments,
    MyComplaintView,
)
from rules.daily_limits import DailyLimitReached
from rules.estates import complaints, refusals
from rules.residents import acting
from rules.residents.identity import Forbidden
from rules.uploads.refusals import CLAIMING
from rules.work import Work

room = Room("complaints", __name__, description="What residents have to say of their estate's company")

Wish = dict[str, Any]


@room.does(
    "POST",
    "/complaints",
    needs=SIGNED_IN,
    once=True,
    refuses=[
        *acting.REFUSALS,
        *CLAIMING,
        DailyLimitReached,
        Forbidden,
        refusals.EstateUnknown,
        refusals.NotOfThisEstate,
        refusals.RepairUnknown,
    ],
)
@room.arguments(ComplaintRequest)
@room.response(201, ComplaintView)
def make_complaint(work: Work, wish: Wish) -> Any:
    """Complain of a company, or praise it: to itself, with or without my name, or to the street."""
    resident_id = wish.pop("resident_id")
    return complaints.make_complaint(work, house().keys, complaints.ComplaintWish(**wish), resident_id)


@room.does("GET", "/me/complaints", needs=RESIDENT, refuses=acting.REFUSALS)
@room.arguments(MyComplaintArguments, location="query")
@room.response(200, page_of(MyComplaintView, "my-complaints"))
def list_my_complaints(work: Work, wish: Wish) -> Any:
    """What I had to say and what was answered, the latest first."""
    whose = wish["resident_id"]
    return complaints.list_my_complaints(work, house().keys, wish["cursor"], wish["limit"], whose)


@room.does("GET", "/complaints", needs=SIGNED_IN)
@room.arguments(ComplaintListArguments, location="query")
@room.response(200, page_of(ComplaintView, "complaints"))
def list_complaints(work: Work, wish: Wish) -> Any:
    """What was said of the estates that I answer for, the first said first. For staff."""
    after, limit, is_overdue = wish.pop("cursor"), wish.pop("limit"), wish.pop("overdue")
    wanted = complaints.ComplaintFilter(**wish, is_overdue=is_overdue)
    return complaints.list_complaints(work, house().keys, wanted, after, limit)


@room.does("GET", "/complaints/<id:complaint_id>", needs=SIGNED_IN, refuses=[refusals.ComplaintUnknown])
@room.response(200, ComplaintView)
def show_complaint(work: Work, complaint_id: int) -> Any:
    """A complaint or praise, as the caller may see it."""
    return _shown(work, complaint_id)


@room.does(
    "POST",
    "/complaints/<id:complaint_id>/answer",
    needs=SIGNED_IN,
    once=True,
    refuses=[Forbidden, refusals.ComplaintOver, refusals.ComplaintUnknown],
)
@room.arguments(ComplaintAnswerRequest)
@room.response(200, ComplaintView)
def answer_complaint(work: Work, wish: Wish, complaint_id: int) -> Any:
    """Answer a complaint or praise, once; the resident is told. For the company or the street."""
    complaints.answer_complaint(work, complaint_id, wish["answer"])
    return _shown(work, complaint_id)


@room.does(
    "DELETE",
    "/complaints/<id:complaint_id>",
    needs=RESIDENT,
    once=True,
    refuses=[refusals.ComplaintOver, refusals.ComplaintUnknown],
)
@room.response(200, ComplaintView)
def withdraw_complaint(work: Work, complaint_id: int) -> Any:
    """Take back what nobody has answered yet."""
    complaints.withdraw_complaint(work, complaint_id)
    return _shown(work, complaint_id)


def _shown(work: Work, complaint_id: int) -> Any:
    return complaints.show_complaint(work, house().keys, complaint_id)

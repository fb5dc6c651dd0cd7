"""Announcements: read them, and write them for the nodes of the tree where one works."""

from __future__ import annotations

from typing import Any

from blueprints.edge.caller import ANYONE, RESIDENT, SIGNED_IN
from blueprints.edge.house import house
from blueprints.edge.room import Room
from blueprints.edge.schemas import page_of
from blueprints.notices.schemas import (
    AnnouncementArguments,
    AnnouncementRequest,
    AnnouncementSummaryView,
    AnnouncementView,
    DeskAnnouncementArguments,
    DeskAnnouncementView,
    ReadingCountsView,
    ReadingRequest,
    UnreadResidentArguments,
    UnreadResidentView,
)
from models.residents import Role
from rules.notices import announcing
from rules.notices.announcements import AnnouncementUnknown, list_for, record_reading
from rules.notices.announcements import show_announcement as show
from rules.residents.identity import Forbidden
from rules.territory.tree import PlaceUnknown
from rules.uploads.refusals import UploadTaken, UploadUnknown
from rules.work import Work

room = Room("announcements", __name__, description="What communities and property companies announce")

Wish = dict[str, Any]
OF_A_DRAFT = [Forbidden, PlaceUnknown, announcing.AnnouncementEnds, UploadTaken, UploadUnknown]


@room.does("GET", "/announcements", needs=ANYONE, shared=True, refuses=[PlaceUnknown])
@room.arguments(AnnouncementArguments, location="query")
@room.response(200, page_of(AnnouncementSummaryView, "announcements"))
def list_announcements(work: Work, wish: Wish) -> Any:
    """What is announced where I live, or at a place; pinned ones first, then the latest."""
    return list_for(work, place_id=wish["place_id"], after=wish["cursor"], limit=wish["limit"])


@room.does("GET", "/announcements/<id:announcement_id>", needs=ANYONE, shared=True, refuses=[AnnouncementUnknown])
@room.response(200, AnnouncementView)
def show_announcement(work: Work, announcement_id: int) -> Any:
    """One announcement."""
    return show(work, house().keys, announcement_id)


@room.does("PUT", "/announcements/<id:announcement_id>/reading", needs=RESIDENT, refuses=[AnnouncementUnknown])
@room.arguments(ReadingRequest)
@room.response(200, AnnouncementView)
def read_announcement(work: Work, wish: Wish, announcement_id: int) -> Any:
    """I have read it, and confirm that where it is asked for."""
    return record_reading(work, house().keys, announcement_id, wish["confirms"])


@room.does("GET", "/staff/announcements", needs=SIGNED_IN)
@room.arguments(DeskAnnouncementArguments, location="query")
@room.response(200, page_of(DeskAnnouncementView, "desk-announcements"))
def list_desk_announcements(work: Work, wish: Wish) -> Any:
    """Drafts, published and withdrawn ones for the places where I work, the latest first."""
    return announcing.list_at_desk(work, house().keys, wish["status"], wish["cursor"], wish["limit"])


@room.does("POST", "/staff/announcements", needs=SIGNED_IN, once=True, refuses=OF_A_DRAFT)
@room.arguments(AnnouncementRequest)
@room.response(201, DeskAnnouncementView)
def write_announcement(work: Work, wish: Wish) -> Any:
    """Write a draft. I need to be an organiser, a manager or of the property company at each of its places."""
    return announcing.write_announcement(work, house().keys, announcing.Draft(**wish))


@room.does(
    "PUT",
    "/staff/announcements/<id:announcement_id>",
    needs=SIGNED_IN,
    refuses=[*OF_A_DRAFT, AnnouncementUnknown, announcing.AnnouncementNotDraft],
)
@room.arguments(AnnouncementRequest)
@room.response(200, DeskAnnouncementView)
def change_announcement(work: Work, wish: Wish, announcement_id: int) -> Any:
    """Write a draft anew."""
    return announcing.change_announcement(work, house().keys, announcement_id, announcing.Draft(**wish))


@room.does("GET", "/staff/announcements/<id:announcement_id>", needs=SIGNED_IN, refuses=[AnnouncementUnknown])
@room.response(200, DeskAnnouncementView)
def show_desk_announcement(work: Work, announcement_id: int) -> Any:
    """One announcement, with what only staff see."""
    return announcing.show_at_desk(work, house().keys, announcement_id)


@room.does(
    "POST",
    "/staff/announcements/<id:announcement_id>/publication",
    needs=SIGNED_IN,
    refuses=[AnnouncementUnknown, announcing.AnnouncementEnds, announcing.AnnouncementNotDraft],
)
@room.response(200, DeskAnnouncementView)
def publish_announcement(work: Work, announcement_id: int) -> Any:
    """Publish a draft: at once, or when its time comes."""
    return announcing.publish_announcement(work, house().keys, announcement_id)


@room.does(
    "POST",
    "/staff/announcements/<id:announcement_id>/withdrawal",
    needs=SIGNED_IN,
    refuses=[AnnouncementUnknown, announcing.AnnouncementWithdrawn],
)
@room.response(200, DeskAnnouncementView)
def withdraw_announcement(work: Work, announcement_id: int) -> Any:
    """Take an announcement back."""
    return announcing.withdraw_announcement(work, house().keys, announcement_id)


@room.does("GET", "/staff/announcements/<id:announcement_id>/readings", needs=SIGNED_IN, refuses=[AnnouncementUnknown])
@room.response(200, ReadingCountsView)
def count_readings(work: Work, announcement_id: int) -> Any:
    """How many it is for, and how many have read and confirmed it; by nobody's name."""
    return announcing.count_readings(work, announcement_id)


@room.does(
    "GET",
    "/staff/announcements/<id:announcement_id>/unconfirmed",
    needs=Role.MANAGER,
    refuses=[AnnouncementUnknown, Forbidden, announcing.ConfirmationNotNeeded],
)
@room.arguments(UnreadResidentArguments, location="query")
@room.response(200, page_of(UnreadResidentView, "unconfirmed"))
def list_unconfirmed(work: Work, wish: Wish, announcement_id: int) -> Any:
    """Who hasn't confirmed an announcement that asks for it, masked, for managers of all its places."""
    return announcing.list_unconfirmed(work, announcement_id, wish["cursor"], wish["limit"])

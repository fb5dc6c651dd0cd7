"""What residents write: report it, appeal against a refusal, decide on what waits."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from blueprints.edge.caller import RESIDENT
from blueprints.edge.house import house
from blueprints.edge.room import Room
from blueprints.edge.schemas import page_of
from blueprints.moderation.schemas import (
    ContentAppealRequest,
    ContentDecisionRequest,
    ContentHistoryView,
    ContentReasonRequest,
    MadeReportView,
    ModerationStatisticsView,
    ModerationTermsRequest,
    ModerationTermsView,
    MyContentArguments,
    MyContentView,
    MyReportArguments,
    MyReportView,
    ReportRequest,
    WaitingContentArguments,
    WaitingContentView,
)
from models.residents import Role
from rules.moderation import deciding, queue, refusals, reporting, terms
from rules.residents.identity import Forbidden
from rules.work import Work

room = Room("moderation", __name__, description="What residents write is checked before others see it")

Wish = dict[str, Any]


@room.does(
    "POST",
    "/contents/<id:content_id>/reports",
    needs=RESIDENT,
    once=True,
    refuses=[refusals.ContentUnknown, refusals.OwnContent, refusals.AlreadyReported],
)
@room.arguments(ReportRequest)
@room.response(201, MadeReportView)
def report_content(work: Work, wish: Wish, content_id: int) -> Any:
    """Report something that somebody else wrote, once. The author doesn't learn who did; I am told what came of it."""
    return SimpleNamespace(id=reporting.report(work, content_id, **wish))


@room.does("GET", "/me/reports", needs=RESIDENT)
@room.arguments(MyReportArguments, location="query")
@room.response(200, page_of(MyReportView, "my-reports"))
def list_my_reports(work: Work, wish: Wish) -> Any:
    """What I reported and what came of it, the latest first."""
    return reporting.list_my_reports(work, wish["cursor"], wish["limit"])


@room.does("GET", "/me/contents", needs=RESIDENT)
@room.arguments(MyContentArguments, location="query")
@room.response(200, page_of(MyContentView, "my-contents"))
def list_my_contents(work: Work, wish: Wish) -> Any:
    """What I wrote and whether others see it, the latest first."""
    return queue.list_my_contents(work, wish["cursor"], wish["limit"])


@room.does(
    "POST",
    "/me/contents/<id:content_id>/appeal",
    needs=RESIDENT,
    once=True,
    refuses=[refusals.ContentUnknown, refusals.ContentNotRefused, refusals.AlreadyAppealed],
)
@room.arguments(ContentAppealRequest)
@room.response(204)
def appeal_for_content(work: Work, wish: Wish, content_id: int) -> None:
    """Ask staff to look again at something of mine that was refused, once."""
    deciding.make_appeal(work, content_id, wish["words"])


@room.does("GET", "/moderation/contents", needs=Role.MANAGER)
@room.arguments(WaitingContentArguments, location="query")
@room.response(200, page_of(WaitingContentView, "moderation"))
def list_waiting_contents(work: Work, wish: Wish) -> Any:
    """What waits for a decision at my places, the first to be due first."""
    after, limit = wish["cursor"], wish["limit"]
    return queue.list_waiting(work, house().keys, wish["kind"], wish["overdue"], after, limit)


@room.does("GET", "/moderation/contents/<id:content_id>", needs=Role.MANAGER, refuses=[refusals.ContentUnknown])
@room.response(200, ContentHistoryView)
def show_content(work: Work, content_id: int) -> Any:
    """A piece of content, what was reported of it, and who decided what."""
    return queue.show_content(work, house().keys, content_id)


@room.does(
    "POST",
    "/moderation/contents/<id:content_id>/decision",
    needs=Role.MANAGER,
    once=True,
    refuses=[refusals.ContentUnknown, refusals.ContentDecided, refusals.AnotherHasToDecide],
)
@room.arguments(ContentDecisionRequest)
@room.response(200, ContentHistoryView)
def decide_on_content(work: Work, wish: Wish, content_id: int) -> Any:
    """Pass or refuse what waits; that answers all reports of it. Author and reporters are told."""
    deciding.decide(work, content_id, **wish)
    return queue.show_content(work, house().keys, content_id)


@room.does(
    "POST",
    "/moderation/contents/<id:content_id>/removal",
    needs=Role.MANAGER,
    once=True,
    refuses=[refusals.ContentUnknown, refusals.ContentNotPassed],
)
@room.arguments(ContentReasonRequest)
@room.response(200, ContentHistoryView)
def take_content_down(work: Work, wish: Wish, content_id: int) -> Any:
    """Take down something that everybody sees."""
    deciding.take_down(work, content_id, wish["reason"])
    return queue.show_content(work, house().keys, content_id)


@room.does(
    "POST",
    "/moderation/contents/<id:content_id>/restoration",
    needs=Role.MANAGER,
    once=True,
    refuses=[refusals.ContentUnknown, refusals.ContentNotRefused, refusals.AnotherHasToDecide],
)
@room.arguments(ContentReasonRequest)
@room.response(200, ContentHistoryView)
def restore_content(work: Work, wish: Wish, content_id: int) -> Any:
    """Show again something that was refused or taken down."""
    deciding.restore(work, content_id, wish["reason"])
    return queue.show_content(work, house().keys, content_id)


@room.does("GET", "/moderation/statistics", needs=Role.MANAGER)
@room.response(200, ModerationStatisticsView)
def show_moderation_statistics(work: Work) -> Any:
    """How much waits at my places, how much is overdue, and how long decisions take."""
    return queue.show_statistics(work)


@room.does("GET", "/moderation/terms", needs=Role.MANAGER)
@room.response(200, ModerationTermsView)
def show_moderation_terms(work: Work) -> Any:
    """How long staff may take, and how many reports hide something."""
    return terms.read_terms(work)


@room.does("POST", "/moderation/terms", needs=Role.MANAGER, once=True, refuses=[Forbidden, terms.TermsOutdated])
@room.arguments(ModerationTermsRequest)
@room.response(201, ModerationTermsView)
def set_moderation_terms(work: Work, wish: Wish) -> Any:
    """Let other terms hold from a moment to come. For managers of the whole town."""
    return terms.set_terms(work, **wish)

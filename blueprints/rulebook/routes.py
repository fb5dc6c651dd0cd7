"""The town's rules: what is in force in plain words, drafts and their second person, previews and replays."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from blueprints.edge.caller import ANYONE
from blueprints.edge.room import Room
from blueprints.edge.schemas import all_of, page_of
from blueprints.rulebook.schemas import (
    DraftArguments,
    DraftRequest,
    DraftView,
    PreviewRequest,
    PreviewView,
    ReplayRequest,
    ReplayView,
    RulebookDocumentView,
    RulebookView,
)
from models.residents import Role
from rules.points import previews, replays
from rules.points.people import ResidentUnknown
from rules.points.second_person import RulebookMissing
from rules.residents.identity import Forbidden
from rules.rulebook import catalogue, drafts
from rules.rulebook.versions import VersionUnknown
from rules.work import Work

room = Room("rulebook", __name__, description="The rules of points")

Wish = dict[str, Any]
PUTTING_INTO_FORCE = (Forbidden, drafts.EffectiveInPast, drafts.NotOperable, drafts.RulebookRejected)
DECIDING = (Forbidden, drafts.DraftDecided, drafts.DraftUnknown, drafts.SecondPersonNeeded)


@room.does("GET", "/rulebooks", needs=ANYONE, shared=True)
@room.response(200, all_of(RulebookView))
def list_rulebooks(work: Work) -> Any:
    """The rules in force, and those to come, in plain words."""
    return SimpleNamespace(items=catalogue.list_rulebooks(work))


@room.does("GET", "/rulebooks/<id:number>", needs=ANYONE, shared=True, refuses=[VersionUnknown])
@room.response(200, RulebookDocumentView)
def show_rulebook(work: Work, number: int) -> Any:
    """A version as it was published."""
    return catalogue.show_rulebook(work, number)


@room.does("POST", "/rulebooks/drafts", needs=Role.MANAGER, once=True, refuses=[*PUTTING_INTO_FORCE])
@room.arguments(DraftRequest)
@room.response(201, DraftView)
def draft_rulebook(work: Work, wish: Wish) -> Any:
    """Keep a rulebook for a second person to publish."""
    return drafts.draft_rulebook(work, drafts.DraftWish(**wish))


@room.does("GET", "/rulebooks/drafts", needs=Role.MANAGER, refuses=[Forbidden])
@room.arguments(DraftArguments, location="query")
@room.response(200, page_of(DraftView, "rulebook_drafts"))
def list_rulebook_drafts(work: Work, wish: Wish) -> Any:
    """The town's drafts, the latest first."""
    return drafts.list_drafts(work, wish["cursor"], wish["limit"])


@room.does(
    "POST",
    "/rulebooks/drafts/<id:draft_id>/publication",
    needs=Role.MANAGER,
    once=True,
    refuses=[*PUTTING_INTO_FORCE, *DECIDING],
)
@room.response(200, DraftView)
def publish_rulebook_draft(work: Work, draft_id: int) -> Any:
    """Put another manager's draft into force from its date on."""
    return drafts.publish_draft(work, draft_id)


@room.does("POST", "/rulebooks/drafts/<id:draft_id>/refusal", needs=Role.MANAGER, once=True, refuses=[*DECIDING])
@room.response(200, DraftView)
def decline_rulebook_draft(work: Work, draft_id: int) -> Any:
    """Turn down another manager's draft."""
    return drafts.decline_draft(work, draft_id)


@room.does(
    "POST",
    "/rulebooks/preview",
    needs=ANYONE,
    reads=True,
    refuses=[Forbidden, ResidentUnknown, RulebookMissing, drafts.RulebookRejected, previews.PreviewForbidden],
)
@room.arguments(PreviewRequest)
@room.response(200, PreviewView)
def preview_event(work: Work, wish: Wish) -> Any:
    """What an event would earn, and why not more; nothing is written."""
    seen = previews.preview(work, previews.PreviewWish(**wish))
    total = seen.decision.total(seen.plan.rulebook.main_currency.id)
    return SimpleNamespace(rulebook=seen.rulebook, total=total, lines=seen.decision.lines)


@room.does(
    "POST",
    "/rulebooks/replay",
    needs=Role.MANAGER,
    reads=True,
    refuses=[Forbidden, drafts.RulebookRejected, replays.PeriodInvalid, replays.ReplayTooLong],
)
@room.arguments(ReplayRequest)
@room.response(200, ReplayView)
def replay_period(work: Work, wish: Wish) -> Any:
    """What a rulebook would have made of a period: winners, losers, budget, the biggest differences; nothing is written."""
    return replays.replay_period(work, **wish)

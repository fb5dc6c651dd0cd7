"""Targets with their lights, and the weights of the operators' ranking."""

from __future__ import annotations

from typing import Any

from blueprints.edge.caller import SIGNED_IN
from blueprints.edge.room import Room
from blueprints.monitor.arguments import TargetArguments, TargetRequest, WeightsArguments, WeightsRequest
from blueprints.monitor.schemas import TARGETS, WEIGHTS, TargetView, WeightsView
from models.residents import Role
from rules.monitor import targets, weights
from rules.monitor.reading import MeasureUnknown
from rules.residents.identity import Forbidden
from rules.territory.tree import PlaceUnknown
from rules.work import Work

room = Room("monitor_targets", __name__, description="Targets, and the weights of the operators' ranking")

Wish = dict[str, Any]


@room.does("GET", "/monitor/targets", needs=SIGNED_IN, refuses=[Forbidden, PlaceUnknown])
@room.arguments(TargetArguments, location="query")
@room.response(200, TARGETS)
def list_targets(work: Work, wish: Wish) -> Any:
    """The targets of a place, the latest first."""
    after, limit = wish.pop("cursor"), wish.pop("limit")
    return targets.list_targets(work, **wish, after=after, limit=limit)


@room.does(
    "POST",
    "/monitor/targets",
    needs=Role.MANAGER,
    once=True,
    refuses=[Forbidden, PlaceUnknown, MeasureUnknown, targets.TargetUnfit, targets.SetInThePast],
)
@room.arguments(TargetRequest)
@room.response(201, TargetView)
def set_target(work: Work, wish: Wish) -> Any:
    """Say what a number is to be from a day on. For managers of the place."""
    return targets.set_target(work, targets.TargetWish(**wish))


@room.does(
    "DELETE",
    "/monitor/targets/<id:target_id>",
    needs=Role.MANAGER,
    once=True,
    refuses=[Forbidden, targets.TargetUnknown],
)
@room.response(200, TargetView)
def end_target(work: Work, target_id: int) -> Any:
    """Let a target hold no more: from today on, or from its day if that is to come. For managers of the place."""
    return targets.end_target(work, target_id)


@room.does("GET", "/monitor/weights", needs=SIGNED_IN)
@room.response(200, WeightsView)
def show_weights(work: Work) -> Any:
    """The weights of a ranking that begins today. For anybody who is signed in."""
    return weights.show_weights(work)


@room.does("GET", "/monitor/weights/history", needs=SIGNED_IN)
@room.arguments(WeightsArguments, location="query")
@room.response(200, WEIGHTS)
def list_weights(work: Work, wish: Wish) -> Any:
    """All weights that were ever set, the latest first. For anybody who is signed in."""
    return weights.list_weights(work, wish["cursor"], wish["limit"])


@room.does(
    "PUT",
    "/monitor/weights",
    needs=Role.MANAGER,
    refuses=[Forbidden, MeasureUnknown, weights.WeightsUnfit, targets.SetInThePast],
)
@room.arguments(WeightsRequest)
@room.response(200, WeightsView)
def set_weights(work: Work, wish: Wish) -> Any:
    """Publish weights for periods that begin on a day or later. For managers of the whole town."""
    return weights.set_weights(work, wish["from_day"], wish["weights"], wish["sessions_min"])

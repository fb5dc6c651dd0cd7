"""Points within a family: who is mine, and giving them points."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from blueprints.edge.caller import RESIDENT
from blueprints.edge.room import Room
from blueprints.edge.schemas import all_of
from blueprints.points.transfer_schemas import FamilyMemberView, TransferRequest, TransferView
from rules.ledger.spending import PointsInsufficient
from rules.points import transfers
from rules.work import Work

room = Room("transfers", __name__, description="Points within a family")

Wish = dict[str, Any]


@room.does("GET", "/me/family", needs=RESIDENT)
@room.response(200, all_of(FamilyMemberView))
def list_family(work: Work) -> Any:
    """The other members of my household."""
    return SimpleNamespace(items=transfers.list_family(work))


@room.does(
    "POST",
    "/me/points/transfers",
    needs=RESIDENT,
    once=True,
    refuses=[
        PointsInsufficient,
        transfers.NotFamily,
        transfers.TransferNotAllowed,
        transfers.TransferRefused,
        transfers.TransferToSelf,
    ],
)
@room.arguments(TransferRequest)
@room.response(201, TransferView)
def give_points(work: Work, wish: Wish) -> Any:
    """Give points of mine to a member of my household; they keep their last good day."""
    return transfers.give_points(work, **wish)

"""Printed cards for those without a phone: staff print them and revoke them."""

from __future__ import annotations

from typing import Any

from blueprints.checkins.card_schemas import CardView, to_print
from blueprints.edge.caller import SIGNED_IN
from blueprints.edge.house import house
from blueprints.edge.room import Room
from rules.checkins.cards import CardNone, issue_card, revoke_card
from rules.points.people import ResidentUnknown
from rules.residents.identity import Forbidden
from rules.work import Work

room = Room("cards", __name__, description="Printed cards for those without a phone")


@room.does("POST", "/residents/<id:resident_id>/card", needs=SIGNED_IN, refuses=[ResidentUnknown, Forbidden])
@room.response(201, CardView)
def print_card(work: Work, resident_id: int) -> Any:
    """A new card to print, by staff as organiser or scanner where the resident lives. The old one is refused from now on."""
    return to_print(issue_card(work, house().keys, resident_id))


@room.does(
    "DELETE", "/residents/<id:resident_id>/card", needs=SIGNED_IN, refuses=[ResidentUnknown, Forbidden, CardNone]
)
@room.response(204)
def revoke_a_card(work: Work, resident_id: int) -> None:
    """End a resident's card: it was lost, or isn't needed any more."""
    revoke_card(work, resident_id)

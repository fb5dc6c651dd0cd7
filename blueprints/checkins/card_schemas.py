"""Printed cards."""

from __future__ import annotations

from types import SimpleNamespace

from marshmallow import fields

from blueprints.checkins.pictures import card_svg
from blueprints.edge.fields import Id, Moment
from blueprints.edge.schemas import Fast
from rules.checkins.cards import PrintedCard


class CardView(Fast):
    """A card to print. Its code is shown here and never again: print it, hand it over, keep no copy."""

    id = Id(required=True)
    resident_id = Id(required=True)
    name = fields.String(required=True)
    code = fields.String(required=True, metadata={"description": "What the QR code holds."})
    svg = fields.String(required=True, metadata={"description": "The card to print, 85.6 by 54 millimetres."})
    issued_at = Moment(required=True)


def to_print(card: PrintedCard) -> SimpleNamespace:
    """The card with its picture."""
    return SimpleNamespace(
        id=card.id,
        resident_id=card.resident_id,
        name=card.name,
        code=card.code,
        svg=card_svg(card.code, card.name, str(card.id)),
        issued_at=card.issued_at,
    )

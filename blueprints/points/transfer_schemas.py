"""Points that residents give to their family."""

from __future__ import annotations

from marshmallow import fields, validate

from blueprints.edge.fields import Id
from blueprints.edge.schemas import Arguments, Fast
from rules.rulebook.sections.common import AMOUNT_MAX


class FamilyMemberView(Fast):
    """Somebody of my household."""

    id = Id(required=True)
    name = fields.String(required=True, metadata={"description": "Masked."})


class TransferRequest(Arguments):
    """To whom how many points go."""

    to_resident_id = Id(required=True)
    amount = fields.Integer(required=True, strict=True, validate=validate.Range(min=1, max=AMOUNT_MAX))


class TransferView(Fast):
    """Points that were given."""

    txn_id = Id(required=True)
    amount = fields.Integer(required=True)
    balance = fields.Integer(required=True, metadata={"description": "What I may spend, just after it."})

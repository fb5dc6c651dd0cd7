"""The books as a whole."""

from __future__ import annotations

from marshmallow import fields

from blueprints.edge.fields import Day, Id, Moment
from blueprints.edge.schemas import Arguments, Fast
from models.ledger import AccountKind, OwnerType

TOWN = {"description": "null: the town itself."}


class PeriodArguments(Arguments):
    """Whole local days, both included."""

    first_day = Day(load_default=None, metadata={"description": "The first of the last day's month by default."})
    last_day = Day(load_default=None, metadata={"description": "Today by default."})


class BalanceLineView(Fast):
    """All accounts of one kind and owner."""

    kind = fields.Enum(AccountKind, by_value=True, required=True)
    owner_type = fields.Enum(OwnerType, by_value=True, required=True)
    operator_id = Id(required=True, allow_none=True)
    operator = fields.String(required=True, allow_none=True)
    accounts = fields.Integer(required=True)
    credited = fields.Integer(required=True)
    debited = fields.Integer(required=True)
    balance = fields.Integer(required=True)


class TrialBalanceView(Fast):
    """Every account in lines; the two totals are equal."""

    as_of = Moment(required=True)
    lines = fields.List(fields.Nested(BalanceLineView), required=True)
    credited = fields.Integer(required=True)
    debited = fields.Integer(required=True)


class LiabilityLineView(Fast):
    """What one issuer owes until the end of a month."""

    issuer_id = Id(required=True, allow_none=True, metadata=TOWN)
    issuer = fields.String(required=True, allow_none=True)
    month = fields.String(required=True, allow_none=True, metadata={"description": "`2027-12`; null: never lapses."})
    amount = fields.Integer(required=True)
    held = fields.Integer(required=True, metadata={"description": "Part of the amount that is set aside."})


class SettlementLineView(Fast):
    """Points of one issuer that one redeemer took in."""

    issuer_id = Id(required=True, allow_none=True, metadata=TOWN)
    issuer = fields.String(required=True, allow_none=True)
    redeemer_id = Id(required=True, allow_none=True, metadata=TOWN)
    redeemer = fields.String(required=True, allow_none=True)
    redeemed = fields.Integer(required=True)
    refunded = fields.Integer(required=True)
    owed = fields.Integer(required=True, metadata={"description": "redeemed less refunded"})

"""Published seals of the ledger. Bytes are hexadecimal digits in lower case, here and in the export."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from blueprints.edge.fields import Id, Moment
from blueprints.edge.schemas import Arguments, Fast, PageArguments, cursor_of


class Hexadecimal(fields.String):
    """Bytes, written as hexadecimal digits in lower case."""

    fast = staticmethod(bytes.hex)

    def _serialize(self, value: bytes | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else value.hex()


class SealArguments(PageArguments):
    """A page of seals."""

    cursor = cursor_of("seals")


class ProofArguments(Arguments):
    """Which transaction to prove."""

    txn = Id(required=True, metadata={"description": "The transaction's id, as the statement shows it."})


class SealView(Fast):
    """A day's seal, with everything that its signature covers."""

    town_code = fields.String(required=True)
    town_id = Id(required=True)
    seq = fields.Integer(required=True, metadata={"description": "1, 2, 3 … in the town."})
    day = fields.Date(required=True, metadata={"description": "The last local day that it covers."})
    txn_count = fields.Integer(required=True)
    posting_count = fields.Integer(required=True)
    amount_total = fields.Integer(required=True, metadata={"description": "Of all postings."})
    root = Hexadecimal(required=True, metadata={"description": "Merkle tree hash (RFC 6962, section 2.1)."})
    previous_hash = Hexadecimal(required=True, metadata={"description": "Of the seal before; zeros for the first."})
    hash = Hexadecimal(required=True, metadata={"description": "SHA-256 of the seal's canonical form."})
    key_id = fields.String(required=True, metadata={"description": "`kid` at /.well-known/jwks.json."})
    signature = Hexadecimal(required=True, metadata={"description": "Ed25519 over the canonical form."})
    sealed_at = Moment(required=True)


class ProofView(Fast):
    """That a transaction is in a seal (RFC 6962, section 2.1.1)."""

    seal = fields.Nested(SealView, required=True)
    leaf = fields.Integer(required=True, metadata={"description": "Its place among the seal's leaves, from 0."})
    leaf_hash = Hexadecimal(required=True)
    path = fields.List(Hexadecimal(), required=True, metadata={"description": "The nearest to the leaf first."})
    record = fields.Dict(required=True, metadata={"description": "The transaction as it is sealed; see docs/seals.md."})
    is_withheld = fields.Boolean(
        required=True,
        metadata={"description": "A resident's salt was erased, so the record no longer gives the leaf's hash."},
    )

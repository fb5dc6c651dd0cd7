"""封账: what was sealed, for everyone to see and keep, and the proof that a transaction is in it."""

from __future__ import annotations

from typing import Any

from blueprints.edge.caller import ANYONE, SIGNED_IN
from blueprints.edge.room import Room
from blueprints.edge.schemas import page_of
from blueprints.seals.schemas import ProofArguments, ProofView, SealArguments, SealView
from rules.ledger import sealing
from rules.ledger.transactions import TxnUnknown
from rules.work import Work

room = Room("seals", __name__, description="Published seals of the ledger")

Wish = dict[str, Any]


@room.does("GET", "/ledger/seals", needs=ANYONE, shared=True)
@room.arguments(SealArguments, location="query")
@room.response(200, page_of(SealView, "seals"))
def list_seals(work: Work, wish: Wish) -> Any:
    """The daily seals of the ledger, the newest first. Keep them: they show later that nothing was changed."""
    return sealing.list_seals(work, wish["cursor"], wish["limit"])


@room.does("GET", "/ledger/seals/<id:seq>", needs=ANYONE, shared=True, refuses=[sealing.SealUnknown])
@room.response(200, SealView)
def show_seal(work: Work, seq: int) -> Any:
    """One seal, by its number."""
    return sealing.read_seal(work, seq)


@room.does("GET", "/ledger/seals/<id:seq>/proof", needs=SIGNED_IN, refuses=[sealing.NotSealedYet, TxnUnknown])
@room.arguments(ProofArguments, location="query")
@room.response(200, ProofView)
def show_proof(work: Work, wish: Wish, seq: int) -> Any:
    """The proof that a transaction is in a seal: their own for residents, any for auditors."""
    return sealing.prove_in_seal(work, seq, wish["txn"])

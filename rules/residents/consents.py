"""Consents on record: given purpose by purpose, in one version of a wording, and ended without a trace being lost.

A consent in force is a row of `consent`; one that ends moves to `consent_withdrawal`. What a consent allows begins and ends
in its own room, in the same transaction (`rules.rights.consents`).
"""

from __future__ import annotations

from sqlalchemy import bindparam, delete, insert
from sqlalchemy.dialects.postgresql import insert as upsert

from models.residents import Consent, ConsentWithdrawal, Purpose
from rules.work import ActorKind, Work

#: The wordings of this floor; those of the account and of volunteering are kept where they are agreed to.
RANKING_VERSION = "2026-12"
PROFILE_VERSION = "2026-12"
PHONE_VERSION = "2026-12"

_keep = upsert(Consent).on_conflict_do_nothing(index_elements=["town_id", "resident_id", "purpose", "version"])
_end = (
    delete(Consent)
    .where(Consent.town_id == bindparam("town"), Consent.resident_id == bindparam("resident"))
    .returning(Consent.purpose, Consent.version, Consent.given_at)
    .execution_options(synchronize_session=False)
)
_end_one = _end.where(Consent.purpose == bindparam("of_purpose"))
_keep_withdrawal = insert(ConsentWithdrawal)


def give_consent(work: Work, resident_id: int, purpose: Purpose, version: str) -> None:
    """Write down that a resident agreed, now; once for each version."""
    row = {"purpose": purpose, "version": version, "given_at": work.now}
    work.core.execute(_keep, {"town_id": work.town_id, "id": work.new_id(), "resident_id": resident_id, **row})


def end_consent(work: Work, resident_id: int, purpose: Purpose | None) -> bool:
    """End a resident's consent to a purpose, in all versions; None: to every purpose. False where there is none."""
    whose = {"town": work.town_id, "resident": resident_id}
    statement, asked = (_end, whose) if purpose is None else (_end_one, whose | {"of_purpose": purpose})
    ended = work.core.execute(statement, asked).all()
    if not ended:
        return False
    is_own = work.actor.kind is not ActorKind.RESIDENT or work.actor.id == resident_id
    by = {"withdrawn_at": work.now, "withdrawn_by": None if is_own else work.actor.id}
    rows = [
        {"town_id": work.town_id, "id": work.new_id(), "resident_id": resident_id, **row._mapping, **by}
        for row in ended
    ]
    work.core.execute(_keep_withdrawal, rows)
    return True

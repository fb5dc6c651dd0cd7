"""How long staff may take to decide, and how many reports hide something until they do.

A town sets its own terms, each from a moment on. What is due was worked out when somebody began to wait, by the terms that
held then, and is never worked out anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from models.moderation import ModerationTerms
from models.residents import Role
from rules.moderation.refusals import TermsOutdated
from rules.residents.identity import require_role_at_root
from rules.work import Work


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds in a town at a moment."""

    review_hours: int = 24  #: by the clock, nights and Sundays included: what is hidden waits
    reporters_to_hide: int = 3  #: residents, each counted once
    effective_from: datetime | None = None  #: None: nobody has set any

    def due_from(self, moment: datetime) -> datetime:
        """By when staff decide on what begins to wait at a moment."""
        return moment + timedelta(hours=self.review_hours)


_in_force = (
    select(ModerationTerms.review_hours, ModerationTerms.reporters_to_hide, ModerationTerms.effective_from)
    .where(ModerationTerms.town_id == bindparam("town"), ModerationTerms.effective_from <= bindparam("at"))
    .order_by(ModerationTerms.effective_from.desc())
    .limit(1)
)
_set = (
    insert(ModerationTerms)
    .on_conflict_do_nothing(index_elements=["town_id", "effective_from"])
    .returning(ModerationTerms.effective_from)
)


def read_terms(work: Work) -> Terms:
    """The terms that hold now."""
    row = work.send(_in_force, {"town": work.town_id, "at": work.now}).first()
    return Terms() if row is None else Terms(*row)


def set_terms(work: Work, review_hours: int, reporters_to_hide: int, effective_from: datetime) -> Terms:
    """Let other terms hold from a moment to come, until those that are set for later. For managers of the whole town.

    What is set for a moment stays: only another moment can be given. Raises Forbidden, TermsOutdated.
    """
    require_role_at_root(work, Role.MANAGER)
    if effective_from <= work.now:
        raise TermsOutdated
    row = {
        "town_id": work.town_id,
        "effective_from": effective_from,
        "review_hours": review_hours,
        "reporters_to_hide": reporters_to_hide,
        "set_by": work.actor.id,
    }
    if work.core.execute(_set, row).first() is None:
        raise TermsOutdated
    return Terms(review_hours, reporters_to_hide, effective_from)

"""Printed cards, for those without a phone.

A card's code is a signed token with the card's id and its resident's, and it doesn't expire: what ends it is the revocation
in the database. A resident has one card at a time (partial unique index); printing a new one revokes the old, so a card
that was lost is dead as soon as its owner has another. The code itself isn't stored: it is on the card.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert

from models.cards import Card
from models.reservations import LIVE, Reservation
from models.residents import Resident, Role
from models.territory import Territory
from rules.checkins.signing import TokenKind, sign
from rules.errors import Kind, RuleError
from rules.keys import Keys
from rules.points.people import IS_SOMEBODY, ResidentUnknown
from rules.residents.identity import Forbidden, holds_at_root
from rules.work import ActorKind, TryAgain, Work

#: Who may print cards and revoke them, where the resident lives.
DESK = (Role.ORGANISER, Role.SCANNER)


class CardNone(RuleError):
    code = "card.none"
    kind = Kind.UNKNOWN
    zh = "这位居民没有有效的卡。"
    en = "This resident has no valid card."


@dataclass(frozen=True, slots=True)
class PrintedCard:
    """A card as it is printed. Whoever has its code stands at the door as its resident."""

    id: int
    resident_id: int
    name: str
    code: str
    issued_at: datetime


_resident = (
    select(Resident.name, Territory.path)
    .outerjoin(Territory, and_(Territory.town_id == Resident.town_id, Territory.id == Resident.territory_id))
    .where(Resident.town_id == bindparam("town"), Resident.id == bindparam("resident"), IS_SOMEBODY)
)
_revoke = (
    update(Card)
    .where(Card.town_id == bindparam("town"), Card.resident_id == bindparam("resident"), Card.revoked_at.is_(None))
    .values(revoked_at=bindparam("now"), revoked_by=bindparam("staff"))
    .returning(Card.id)
    .execution_options(synchronize_session=False)
)
_issue = insert(Card).on_conflict_do_nothing().returning(Card.id)
_revoked = (
    select(Card.id)
    .join(Reservation, and_(Reservation.town_id == Card.town_id, Reservation.resident_id == Card.resident_id))
    .where(
        Reservation.town_id == bindparam("town"),
        Reservation.session_id == bindparam("session"),
        Reservation.status.in_(LIVE),
        Card.revoked_at.is_not(None),
    )
    .order_by(Card.id)
)
_valid_from_before = select(func.count()).where(
    Card.town_id == bindparam("town"), Card.issued_at < bindparam("moment"), Card.revoked_at.is_(None)
)


def issue_card(work: Work, keys: Keys, resident_id: int) -> PrintedCard:
    """A card to print for a resident; the one they had is revoked. Raises ResidentUnknown, Forbidden."""
    name = _require_desk(work, resident_id)
    work.core.execute(_revoke, _whose(work, resident_id))
    card_id = work.new_id()
    row = {
        "town_id": work.town_id,
        "id": card_id,
        "resident_id": resident_id,
        "issued_by": work.actor.id,
        "issued_at": work.now,
    }
    if work.core.scalar(_issue, row) is None:  # somebody else issued one between the two
        raise TryAgain
    code = sign(keys, TokenKind.CARD, {"jti": str(card_id), "sub": str(resident_id), "town": str(work.town_id)})
    return PrintedCard(card_id, resident_id, name, code, work.now)


def revoke_card(work: Work, resident_id: int) -> None:
    """End a resident's card: it is refused from now on. Raises ResidentUnknown, Forbidden, CardNone."""
    _require_desk(work, resident_id)
    if work.core.scalar(_revoke, _whose(work, resident_id)) is None:
        raise CardNone


def revoked_cards_of(work: Work, session_id: int) -> list[int]:
    """The ids of the revoked cards of those who have a live reservation, for a device that works without a network."""
    return list(work.core.scalars(_revoked, {"town": work.town_id, "session": session_id}))


def count_cards_before(work: Work, moment: datetime) -> int:
    """How many cards of before a moment still open doors."""
    return int(work.core.execute(_valid_from_before, {"town": work.town_id, "moment": moment}).scalar_one())


def _whose(work: Work, resident_id: int) -> dict[str, object]:
    return {"town": work.town_id, "resident": resident_id, "now": work.now, "staff": work.actor.id}


def _require_desk(work: Work, resident_id: int) -> str:
    """The resident's name. Raises ResidentUnknown (to other residents, always), and Forbidden unless one of DESK holds."""
    resident = work.core.execute(_resident, {"town": work.town_id, "resident": resident_id}).first()
    if resident is None or work.actor.kind is not ActorKind.STAFF:
        raise ResidentUnknown
    path: str | None = resident.path
    if not any(holds_at_root(work, role) if path is None else work.actor.may(role, path) for role in DESK):
        raise Forbidden
    return str(resident.name)

"""Who stands at the door: from what is presented to a resident.

Three things may be presented: the rotating code of a phone, the code of a printed card, the last four digits of a phone
number with the name as a check. All are judged as of a moment, so that what was stored without a network is answered as
it would have been then: a code must have been good at `at`, a card not yet revoked, give or take the clock's skew.

A phone's tail finds only who has something to do with the session, and a wrong name is answered like a wrong tail, so
nobody can ask the door who lives here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, bindparam, or_, select

from models.cards import Card, Identification
from models.reservations import LIVE, Reservation, ReservationStatus
from models.residents import Resident
from rules.checkins.codes import GRACE_SECONDS, bearer_of
from rules.checkins.signing import CodeExpired, CodeUnknown, NotIdentified, Signed, TokenKind, read_signed
from rules.keys import Keys
from rules.residents.names import normalised
from rules.rows import AnyRow
from rules.work import Work

__all__ = [
    "CardRevoked",
    "CodeExpired",
    "CodeUnknown",
    "Identified",
    "NobodyMatches",
    "NotIdentified",
    "Presented",
    "SeveralMatch",
    "candidates",
    "identify",
]

#: Who may be at the door, besides who cancelled after that moment. Among them who was written down as absent: what a
#: device stored without a network comes after the session was closed.
EXPECTED = (*LIVE, ReservationStatus.NO_SHOW)


class CardRevoked(NotIdentified):
    """A card that was given up or replaced."""


class NobodyMatches(NotIdentified):
    """The tail or the name is wrong; which of them isn't said."""


class SeveralMatch(NotIdentified):
    """Several people of the session have this tail and this name."""


@dataclass(frozen=True, slots=True)
class Presented:
    """What is presented: a code, or a phone's tail with a name."""

    code: str | None = None
    phone_tail: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Identified:
    """Who it is, and how we know. A code is believed on its signature: whether its resident is still here isn't asked."""

    resident_id: int
    method: Identification


_card = select(Card.resident_id, Card.issued_at, Card.revoked_at).where(
    Card.town_id == bindparam("town"), Card.id == bindparam("card")
)
_candidates = (
    select(Resident.id, Resident.name, Reservation.party_size, Reservation.status)
    .join(Reservation, (Reservation.town_id == Resident.town_id) & (Reservation.resident_id == Resident.id))
    .where(
        Reservation.town_id == bindparam("town"),
        Reservation.session_id == bindparam("session"),
        or_(
            Reservation.status.in_(EXPECTED),
            and_(Reservation.status == ReservationStatus.CANCELLED, Reservation.cancelled_at > bindparam("at")),
        ),
        Resident.phone_tail == bindparam("tail"),
    )
    .order_by(Reservation.id)
)


def identify(
    work: Work, keys: Keys, presented: Presented, session_id: int, at: datetime, skew: timedelta
) -> Identified:
    """Who presents this at the session's door at this moment, by a clock that may be off by the skew.

    Raises CodeUnknown, CodeExpired, CardRevoked, NobodyMatches, SeveralMatch.
    """
    if presented.code is None:
        return _by_phone(work, presented, session_id, at - skew)
    signed = read_signed(keys, presented.code, TokenKind.RESIDENT, TokenKind.CARD)
    if signed.number("town") != work.town_id:
        raise CodeUnknown
    if signed.kind is TokenKind.CARD:
        return _by_card(work, signed, at, skew)
    return Identified(bearer_of(signed, at, skew).resident_id, Identification.CODE)


def candidates(work: Work, session_id: int, phone_tail: str, at: datetime) -> list[AnyRow]:
    """Who was expected in the session at this moment and has a phone with this tail: id, name, party_size, status."""
    asked = {"town": work.town_id, "session": session_id, "tail": phone_tail, "at": at}
    return list(work.core.execute(_candidates, asked).all())


def _by_phone(work: Work, presented: Presented, session_id: int, at: datetime) -> Identified:
    name = normalised(presented.name or "")
    if not presented.phone_tail or not name:
        raise NobodyMatches
    found = candidates(work, session_id, presented.phone_tail, at)
    matching = {person.id for person in found if normalised(person.name) == name}
    if not matching:
        raise NobodyMatches
    if len(matching) > 1:
        raise SeveralMatch
    return Identified(matching.pop(), Identification.PHONE)


def _by_card(work: Work, signed: Signed, at: datetime, skew: timedelta) -> Identified:
    """Who holds a card. One that was not made yet at that moment is unknown."""
    card = work.core.execute(_card, {"town": work.town_id, "card": signed.number("jti")}).first()
    if card is None or card.resident_id != signed.number("sub"):
        raise CodeUnknown
    if at < card.issued_at - skew - timedelta(seconds=GRACE_SECONDS):
        raise CodeUnknown
    if card.revoked_at is not None and card.revoked_at <= at - skew:
        raise CardRevoked
    return Identified(card.resident_id, Identification.CARD)

"""Who has a phone with these last digits? Staff at the door look among those who are expected there, and nowhere else.

They see masked names, so that they ask for the name ("您贵姓？") instead of saying it; the name is the check with which the
scan is then made.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.reservations import ReservationStatus
from rules.checkins.door_codes import require_scanner
from rules.checkins.identifying import candidates
from rules.residents.names import greeting
from rules.work import Work


@dataclass(frozen=True, slots=True)
class Candidate:
    """A party that may be the one at the door."""

    name: str  #: masked
    party_size: int
    status: ReservationStatus


def search_roster(work: Work, session_id: int, phone_tail: str) -> list[Candidate]:
    """The parties of a session whose phones end in these digits. Raises SessionUnknown, Forbidden."""
    require_scanner(work, session_id)
    found = candidates(work, session_id, phone_tail, work.now)
    return [Candidate(greeting(person.name, person.id), person.party_size, person.status) for person in found]

"""Who gets the free places, of those who wait in order. Pure.

A party gets places when all of it fits. One that is too large for what is free doesn't stop a smaller one behind it: no
place stays empty while somebody who wants it fits. It is told so, and keeps its turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.reservations import WaitingReason


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody who waits."""

    id: int
    size: int


@dataclass(frozen=True, slots=True)
class Seating:
    """What came of it."""

    seated: tuple[Party, ...]
    waiting: tuple[tuple[Party, WaitingReason], ...]  #: in order, and why each of them isn't seated
    free: int  #: places that are left


def seat(free: int, parties: Sequence[Party]) -> Seating:
    """Give `free` places to parties, the first first."""
    left, seated, waiting = free, [], []
    for party in parties:
        if party.size <= left:
            left -= party.size
            seated.append(party)
        else:
            waiting.append((party, _why(party, free)))
    assert left >= 0, "nobody is seated on a place that isn't there"
    return Seating(tuple(seated), tuple(waiting), left)


def _why(party: Party, free: int) -> WaitingReason:
    if free <= 0:
        return WaitingReason.FULL
    return WaitingReason.PARTY_TOO_LARGE if party.size > free else WaitingReason.OTHERS_FIRST

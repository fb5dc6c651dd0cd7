"""Rankings: who has the highest numbers of a period. Pure; the numbers are read by whoever asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from rules.rulebook.sections.standing import Ranking


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a ranking; equal numbers share one."""

    place: int  #: 1 for the highest
    holder_id: int
    number: Decimal


def rank(ranking: Ranking, numbers: Mapping[int, Decimal]) -> list[Place]:
    """The places of a ranking, from the first to the last that it has; all who share the last one are in it.

    `numbers`: the measure of everybody who may be ranked, by holder.
    """
    least = ranking.least or Decimal(0)
    highest = sorted(((-number, holder) for holder, number in numbers.items() if number > 0 and number >= least))
    places: list[Place] = []
    for n, (number, holder) in enumerate(highest, 1):
        place = places[-1].place if places and places[-1].number == -number else n
        if place > ranking.top:
            break
        places.append(Place(place, holder, -number))
    return places

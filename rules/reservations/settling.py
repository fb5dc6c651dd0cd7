"""What time does to places: a run for one town, each deed in a transaction of its own, safe to be run twice at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from rules.errors import RuleError
from rules.keys import Keys
from rules.reservations.allocating import allocate_places, sessions_to_allocate
from rules.reservations.closing import close_session, mark_no_show, reservations_missing, sessions_over
from rules.reservations.offers import expire_offers, sessions_with_lapsed_offers
from rules.work import SYSTEM, Transactions, Work

T = TypeVar("T")

AT_A_TIME = 200
#: Sessions that ended longer ago are left as they are: nobody is blamed for what was before the house kept count.
LOOK_BACK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Settled:
    """What a run did."""

    allocated: int  #: sessions whose places were given out
    lapsed: int  #: offers
    no_shows: int
    closed: int  #: sessions
    failed: int = 0  #: deeds that were refused; the next run tries them again


def settle_places_of(transactions: Transactions, town_id: int, keys: Keys) -> Settled:
    """Do all that is due in a town: give out, let lapse, mark, close, in this order."""

    failed: list[int] = []

    def each(find: Callable[[Work], Sequence[int]], deed: Callable[[Work, int], T]) -> list[T]:
        """Deal with all that is found. A round that finds nothing new, because others deal with it, is the last."""
        done: list[T] = []
        seen: set[int] = set()
        while fresh := [id_ for id_ in transactions.read(town_id, SYSTEM, find) if id_ not in seen]:
            seen.update(fresh)
            for id_ in fresh:
                try:
                    done.append(transactions.write(town_id, SYSTEM, deed, id_))
                except RuleError:  # one that can't be dealt with doesn't keep the town's others waiting
                    failed.append(id_)
        return done

    allocated = each(
        lambda work: sessions_to_allocate(work, AT_A_TIME), lambda work, id_: allocate_places(work, keys, id_)
    )
    lapsed = each(lambda work: sessions_with_lapsed_offers(work, AT_A_TIME), expire_offers)
    missing = each(lambda work: reservations_missing(work, work.now - LOOK_BACK, AT_A_TIME), mark_no_show)
    closed = each(lambda work: sessions_over(work, work.now - LOOK_BACK, AT_A_TIME), close_session)
    return Settled(len(allocated), sum(lapsed), missing.count(True), len(closed), len(failed))

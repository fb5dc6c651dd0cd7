"""What keeps activities going without a request: each step is a unit of work of its own, so that a night that breaks off has
done what it has done, and the next run goes on from there."""

from __future__ import annotations

from dataclasses import dataclass

from rules.activities.expanding import roll_series, series_to_roll
from rules.activities.finishing import finish_activities
from rules.activities.minimum import call_off_if_short, short_sessions
from rules.activities.overbooking import adapt_overbooking, sessions_to_overbook
from rules.errors import RuleError
from rules.keys import Keys
from rules.work import SYSTEM, Transactions


@dataclass(frozen=True, slots=True)
class Tended:
    """What a night did, in numbers."""

    sessions: int  #: that were made
    clashes: int  #: that weren't, because their room was taken
    series_failed: int
    overbooked: int  #: sessions whose overbooking changed
    finished: int  #: activities


def tend_activities(transactions: Transactions, town_id: int, keys: Keys) -> Tended:
    """Move the horizon of series on, adapt overbooking, and finish what is over."""
    made = clashes = failed = 0
    for series_id in transactions.read(town_id, SYSTEM, series_to_roll):
        try:
            rolled = transactions.write(town_id, SYSTEM, roll_series, keys, series_id)
        except RuleError:
            failed += 1
        else:
            made, clashes = made + rolled.made, clashes + rolled.clashes
    changed = [
        transactions.write(town_id, SYSTEM, adapt_overbooking, session_id)
        for session_id in transactions.read(town_id, SYSTEM, sessions_to_overbook)
    ]
    finished = transactions.write(town_id, SYSTEM, finish_activities)
    return Tended(made, clashes, failed, sum(map(bool, changed)), len(finished))


def call_off_short_sessions(transactions: Transactions, town_id: int) -> int:
    """Call off the sessions that too few people want; returns how many."""
    short = transactions.read(town_id, SYSTEM, short_sessions)
    return sum(transactions.write(town_id, SYSTEM, call_off_if_short, session_id) for session_id in short)

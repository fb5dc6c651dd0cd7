"""Whether something is open now, until when, and when it opens next. Pure but for the hours that are read before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from rules.clock import local_day
from rules.rows import AnyRow
from rules.venues.hours import Opening, Span, read_centre_openings
from rules.work import Work

#: How far ahead the next opening is looked for: further than the longest public holiday.
LOOK_AHEAD_DAYS = 16


@dataclass(frozen=True, slots=True)
class OpenState:
    """What the door says at a moment."""

    open_now: bool
    open_until: datetime | None  #: None: it is closed, or doesn't close within 16 days
    opens_next_at: datetime | None  #: None: it is open, or stays closed for 16 days


def read_open_states(work: Work, centres: Sequence[AnyRow]) -> dict[int, OpenState]:
    """What the doors of centres say now. `centres`: rows with id, opens_at and closes_at."""
    end = work.now + timedelta(days=LOOK_AHEAD_DAYS)
    openings = read_centre_openings(work, centres, work.now, end) if centres else {}
    return {centre_id: state_at(opening, work.now) for centre_id, opening in openings.items()}


def state_at(opening: Opening, now: datetime) -> OpenState:
    """What the door says at a moment, by an opening that was read for the days that follow it."""
    today = local_day(now)
    horizon = now + timedelta(days=LOOK_AHEAD_DAYS - 1)
    for span in open_spans(opening, today, LOOK_AHEAD_DAYS):
        if span.ends_at <= now:
            continue
        if span.begins_at <= now:
            return OpenState(
                open_now=True, open_until=span.ends_at if span.ends_at < horizon else None, opens_next_at=None
            )
        return OpenState(open_now=False, open_until=None, opens_next_at=span.begins_at)
    return OpenState(open_now=False, open_until=None, opens_next_at=None)


def open_spans(opening: Opening, first: date, days: int) -> Iterator[Span]:
    """When it is open from a day on, for so many days: closures taken out, spans that meet at midnight made one."""
    last: Span | None = None
    for n in range(days):
        for span in opening.spans_on(first + timedelta(days=n)):
            for piece in without(span, opening.closures):
                if last is not None and piece.begins_at <= last.ends_at:
                    last = Span(last.begins_at, max(last.ends_at, piece.ends_at))
                    continue
                if last is not None:
                    yield last
                last = piece
    if last is not None:
        yield last


def without(span: Span, closures: Sequence[Span]) -> list[Span]:
    """What is left of a span when closures are taken out, in order."""
    pieces = [span]
    for closure in closures:
        pieces = [left for piece in pieces for left in _cut(piece, closure)]
    return pieces


def _cut(span: Span, closure: Span) -> list[Span]:
    if not closure.meets(span.begins_at, span.ends_at):
        return [span]
    sides = (Span(span.begins_at, closure.begins_at), Span(closure.ends_at, span.ends_at))
    return [side for side in sides if side.begins_at < side.ends_at]

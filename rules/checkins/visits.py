"""What a resident's scans add up to: visits, one after the other. Pure.

Scans come in any order: a device that had no network sends hours later what another has long told. So visits are never
continued from where they stood; they are folded anew from all scans of a resident that can touch each other, in the order
in which they happened (equal moments: in before out, then by scanner and nonce, so that the order is always the same).

- In, while in this session already: the same visit; the first scan counts.
- In, while in another session: that visit ends at this moment. Nobody is in two rooms, so hours never overlap.
- In again, after the visit of this session ended: another visit where the activity allows it or staff said so, else nothing.
- Out, while in: the visit ends.
- Out without an entry: nothing (`not_in`). But where nothing says that the resident ever came before, and one lone entry
  follows within `CLOCKS_APART`, two devices' clocks have turned the two around: the visit is there, and has no minutes.
- Who is in when the session is over, and is seen nowhere else, was there until its end as far as anybody knows: the visit
  ends then, and counts no signed hours.

Signed minutes count from half an hour before the session at the earliest to half an hour after it at the latest, and only
where a scan ended the visit, here or at another room's door.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from models.checkins import ClosedBy, Direction

#: How far a device's clock may be off.
CLOCK_SKEW = timedelta(minutes=5)
#: How far two devices' clocks may be from each other.
CLOCKS_APART = 2 * CLOCK_SKEW
#: How long before and after a session somebody may be there and it still counts.
MARGIN = timedelta(minutes=30)
#: How long after its end a session is over for good: nobody is in any more.
CLOSES_AFTER = MARGIN + CLOCK_SKEW
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Room:
    """What a session says of who may be in it, and when."""

    session_id: int
    opens_at: datetime  #: from when on people are let in
    starts_at: datetime
    ends_at: datetime
    allows_reentry: bool
    volunteers_only: bool

    @property
    def closes_at(self) -> datetime:
        """From when on nobody is in."""
        return self.ends_at + CLOSES_AFTER


@dataclass(frozen=True, slots=True)
class Sight:
    """Somebody was seen at a door: a scan as far as visits go."""

    scan_id: int
    session_id: int
    reservation_id: int
    direction: Direction
    at: datetime
    scanner_id: int
    nonce: str
    offline: bool = False  #: `at` is by a device's clock, corrected as far as we know
    overridden: bool = False

    @property
    def order(self) -> tuple[datetime, bool, int, str]:
        return self.at, self.direction is Direction.OUT, self.scanner_id, self.nonce


class Meaning(Enum):
    """What a scan turned out to be."""

    ENTRY = "entry"
    EXIT = "exit"
    IN_ALREADY = "in_already"
    LEFT_ALREADY = "left_already"
    NOT_IN = "not_in"


@dataclass(slots=True)
class Stay:
    """A visit. `left_at` is None while the resident is in."""

    session_id: int
    reservation_id: int
    entered_at: datetime
    entry_scan_id: int
    left_at: datetime | None = None
    closed_by: ClosedBy | None = None
    exit_scan_id: int | None = None

    @property
    def minutes(self) -> int | None:
        """How long, in whole minutes; None while the resident is in."""
        return None if self.left_at is None else (self.left_at - self.entered_at) // MINUTE

    def end(self, at: datetime, by: ClosedBy, scan_id: int | None = None) -> None:
        self.left_at, self.closed_by, self.exit_scan_id = at, by, scan_id


@dataclass(slots=True)
class Folded:
    """Visits in order of time, and what each scan turned out to be, by its id."""

    stays: list[Stay] = field(default_factory=list)
    meanings: dict[int, Meaning] = field(default_factory=dict)

    def stay_of(self, scan_id: int, session_id: int) -> Stay | None:
        """The visit that a scan began, ended or fell into; else the last one of its session."""
        of_session = [stay for stay in self.stays if stay.session_id == session_id]
        for stay in of_session:
            if scan_id in (stay.entry_scan_id, stay.exit_scan_id):
                return stay
        return of_session[-1] if of_session else None


def fold(sights: Iterable[Sight], rooms: Mapping[int, Room], now: datetime) -> Folded:
    """What these scans of one resident add up to by `now`. `rooms`: all their sessions, by id."""
    folder = _Folder(sorted(sights, key=lambda sight: sight.order), rooms)
    for index, sight in enumerate(folder.sights):
        folder.close_what_is_over(sight.at)
        if sight.direction is Direction.IN:
            folder.come(index, sight)
        else:
            folder.go(sight)
    folder.close_what_is_over(now)
    return folder.folded


class _Folder:
    def __init__(self, sights: Sequence[Sight], rooms: Mapping[int, Room]) -> None:
        self.sights = sights
        self.folded = Folded()
        self._rooms = rooms
        self._open: Stay | None = None
        self._entered: set[int] = set()  #: sessions that had an entry
        self._unexplained: dict[int, Sight] = {}  #: by session: the last one that went out before any entry

    def close_what_is_over(self, at: datetime) -> None:
        if self._open is not None and at >= self._rooms[self._open.session_id].closes_at:
            ends_at = self._rooms[self._open.session_id].ends_at
            self._close(max(ends_at, self._open.entered_at), ClosedBy.SESSION_END)

    def come(self, index: int, sight: Sight) -> None:
        if self._open is not None and self._open.session_id == sight.session_id:
            self._note(sight, Meaning.IN_ALREADY)
            return
        is_first = sight.session_id not in self._entered
        if not (is_first or sight.overridden or self._rooms[sight.session_id].allows_reentry):
            self._note(sight, Meaning.LEFT_ALREADY)
            return
        if self._open is not None:
            self._close(sight.at, ClosedBy.OTHER_ROOM, sight.scan_id)
        self._open = Stay(sight.session_id, sight.reservation_id, sight.at, sight.scan_id)
        self.folded.stays.append(self._open)
        self._entered.add(sight.session_id)
        self._note(sight, Meaning.ENTRY)
        went = self._went_before(index, sight) if is_first else None
        if went is not None:
            self._note(went, Meaning.EXIT)
            self._close(sight.at, ClosedBy.SCAN, went.scan_id)

    def go(self, sight: Sight) -> None:
        if self._open is not None and self._open.session_id == sight.session_id:
            self._note(sight, Meaning.EXIT)
            self._close(sight.at, ClosedBy.SCAN, sight.scan_id)
            return
        self._note(sight, Meaning.NOT_IN)
        if sight.session_id not in self._entered:
            self._unexplained[sight.session_id] = sight

    def _went_before(self, index: int, came: Sight) -> Sight | None:
        """The scan out that belongs to this lone entry, though by its device's clock it was before it."""
        went = self._unexplained.get(came.session_id)
        if went is None or came.at - went.at > CLOCKS_APART or not (came.offline or went.offline):
            return None
        later = self.sights[index + 1 :]
        goes_later = any(sight.session_id == came.session_id and sight.direction is Direction.OUT for sight in later)
        return None if goes_later else went

    def _note(self, sight: Sight, meaning: Meaning) -> None:
        self.folded.meanings[sight.scan_id] = meaning

    def _close(self, at: datetime, by: ClosedBy, scan_id: int | None = None) -> None:
        assert self._open is not None, "only who is in can leave"
        self._open.end(at, by, scan_id)
        self._open = None


def signed_minutes(stays: Iterable[Stay], room: Room) -> int:
    """The whole minutes that visits of one session sign for."""
    first, last = room.starts_at - MARGIN, room.ends_at + MARGIN
    total = timedelta()
    for stay in stays:
        if stay.left_at is not None and stay.closed_by is not ClosedBy.SESSION_END:
            total += max(min(stay.left_at, last) - max(stay.entered_at, first), timedelta())
    return total // MINUTE


def touching(rooms: Iterable[Room], begin: datetime, end: datetime) -> set[int]:
    """The sessions that overlap a stretch of time, or one that does: what happens in the others changes nothing there."""
    found: set[int] = set()
    rest = list(rooms)
    while near := [room for room in rest if room.opens_at < end and begin < room.closes_at]:
        found.update(room.session_id for room in near)
        begin = min(begin, *(room.opens_at for room in near))
        end = max(end, *(room.closes_at for room in near))
        rest = [room for room in rest if room.session_id not in found]
    return found

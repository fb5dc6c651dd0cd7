"""What plain recomputations ask of moments: what had happened then, who lived where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from models.history import ResidentVersion
from models.residents import Resident
from rules.clock import local_day
from tests.monitor.plain.counted import Contents


@dataclass(frozen=True)
class Span:
    """What is asked for: days, or the end of the last one, as far as it was known."""

    begin: datetime
    end: datetime
    as_of: datetime

    @property
    def last_day(self) -> date:
        return local_day(self.end - timedelta(microseconds=1))

    @property
    def moment(self) -> datetime:
        """When a state is looked at."""
        return min(self.end, self.as_of)

    def holds(self, at: datetime | None) -> bool:
        """It happened in the span, and was known."""
        return at is not None and self.begin <= at < self.end and at <= self.as_of

    def was(self, at: datetime | None) -> bool:
        """It had happened by the end, and was known."""
        return at is not None and at < self.end and at <= self.as_of

    def knows(self, at: datetime | None) -> bool:
        return at is not None and at <= self.as_of


@dataclass(frozen=True)
class Homes:
    """Who lived where, and until when."""

    now: dict[int, int | None]
    before: dict[int, list[tuple[datetime, int | None]]]

    @classmethod
    def of(cls, rows: Contents) -> Homes:
        before: dict[int, list[tuple[datetime, int | None]]] = {}
        for version in sorted(rows[ResidentVersion], key=lambda each: each.until):
            before.setdefault(version.id, []).append((version.until, version.territory_id))
        return cls({each.id: each.territory_id for each in rows[Resident]}, before)

    def at(self, resident_id: int, moment: datetime) -> int | None:
        """A move at the very moment has happened."""
        return self._first(resident_id, (place for until, place in self.before.get(resident_id, []) if until > moment))

    def until(self, resident_id: int, moment: datetime) -> int | None:
        """A move at the very moment hasn't happened yet."""
        return self._first(resident_id, (place for until, place in self.before.get(resident_id, []) if until >= moment))

    def of_state(self, resident_id: int, span: Span) -> int | None:
        later = (place for until, place in self.before.get(resident_id, []) if not span.was(until))
        return self._first(resident_id, later)

    def _first(self, resident_id: int, later: Iterable[int | None]) -> int | None:
        for place in later:
            return place
        return self.now[resident_id]


def whole_seconds(earlier: datetime, later: datetime) -> int:
    return int(later.timestamp()) - int(earlier.timestamp())

"""A calendar as iCalendar text (RFC 5545), by the icalendar library: it escapes, folds and quotes.

Moments are written in the community's zone with the zone's own definition beside them, so no program guesses. An entry
keeps its UID for ever; SEQUENCE grows when its time, place or status changes, and what was cancelled stays for a while as
STATUS:CANCELLED, because a program that finds an entry gone may keep its own copy.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from icalendar import Calendar, Event, Timezone, vText

from rules.clock import ZONE

PRODUCT = "-//Binfen//缤纷//ZH"
#: How often programs that heed it fetch the calendar again (RFC 7986, section 5.7).
REFRESH = timedelta(hours=1)
#: Counted up when the same entries are written in another way, so that no program keeps the old text.
FORM = 1
_ZONE = Timezone.from_tzid(ZONE.key)


class EntryStatus(StrEnum):
    """How sure an entry is."""

    CONFIRMED = "CONFIRMED"
    TENTATIVE = "TENTATIVE"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that takes place."""

    uid: str
    starts_at: datetime
    ends_at: datetime
    summary: str
    location: str
    status: EntryStatus
    stamped_at: datetime  #: when it was last changed
    sequence: int = 0
    description: str = ""
    category: str = ""


@dataclass(frozen=True, slots=True)
class Feed:
    """A calendar: its name and what is in it."""

    name: str
    entries: tuple[Entry, ...]

    @property
    def version(self) -> str:
        """The same for the same content, and only for that."""
        return hashlib.sha256(f"{FORM} {self!r}".encode()).hexdigest()


@lru_cache(maxsize=16)
def render(feed: Feed) -> bytes:
    """The calendar as a file. The latest ones are kept: writing a thousand entries takes a quarter of a second."""
    calendar = Calendar()
    calendar.add("PRODID", PRODUCT)
    calendar.add("VERSION", "2.0")
    calendar.add("CALSCALE", "GREGORIAN")
    calendar.add("NAME", vText(feed.name))
    calendar.add("X-WR-CALNAME", vText(feed.name))
    calendar.add("X-WR-TIMEZONE", ZONE.key)
    calendar.add("REFRESH-INTERVAL", REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("X-PUBLISHED-TTL", "PT1H")
    calendar.add_component(_ZONE)
    for entry in feed.entries:
        calendar.add_component(_event(entry))
    content: bytes = calendar.to_ical()
    return content


def _event(entry: Entry) -> Event:
    event = Event()
    event.add("UID", entry.uid)
    event.add("DTSTAMP", entry.stamped_at)
    event.add("LAST-MODIFIED", entry.stamped_at)
    event.add("SEQUENCE", entry.sequence)
    event.add("STATUS", entry.status.value)
    event.add("DTSTART", entry.starts_at.astimezone(ZONE))
    event.add("DTEND", entry.ends_at.astimezone(ZONE))
    event.add("SUMMARY", entry.summary)
    event.add("LOCATION", entry.location)
    if entry.description:
        event.add("DESCRIPTION", entry.description)
    if entry.category:
        event.add("CATEGORIES", [entry.category])
    return event

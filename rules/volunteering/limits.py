"""Bounds of what is written down by hand, each with its reason. Hours that were signed for at the door have none."""

from __future__ import annotations

from models.volunteering import DAY_MINUTES

#: A person's day has 24 hours: more is refused, whoever writes it down.
PERSON_DAY_MINUTES_MAX = DAY_MINUTES
#: A full working day. Longer ones happen (a flood, an election), and somebody else should have heard of it.
PERSON_DAY_MINUTES_FLAGGED = 8 * 60
#: One member of staff, one day. Twenty is the list of one activity; who writes down more is making up for weeks, or
#: making it up: a second person has to look, and the names of both stay on the record.
ENTRY_RECORDS_UNFLAGGED = 20
#: The same in hours: twenty people at five hours each.
ENTRY_MINUTES_UNFLAGGED = 100 * 60
#: Records of one request, rows of one file: a body of half the size that the service takes.
RECORDS_MAX = 500
#: Decisions of one request. Each pays points, and all of them are one transaction that the door waits for.
DECISIONS_MAX = 50
#: How long afterwards staff may write down hours: as for every event that they write down.
ENTRY_DAYS_MAX = 31
#: How old the hours of another system may be: ten years.
IMPORT_DAYS_MAX = 3660
DESCRIPTION_LENGTH_MAX = 200
CATEGORY_LENGTH_MAX = 40
REASON_LENGTH_MAX = 200

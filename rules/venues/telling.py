"""What people are told of their bookings, by the outbox."""

from __future__ import annotations

from collections.abc import Iterable

from rules.outbox import Message, put
from rules.rows import AnyRow
from rules.work import Work

REQUESTED = "booking.requested"  #: to staff: something waits for their decision
CONFIRMED = "booking.confirmed"
REJECTED = "booking.rejected"
CANCELLED = "booking.cancelled"
RELEASED = "booking.released"
EXPIRED = "booking.expired"


def tell(work: Work, topic: str, bookings: Iterable[AnyRow], reason: str = "") -> None:
    """Put a message for each booking into the outbox. `reason`: in words, where staff gave one.

    `bookings`: id, resident_id, venue_id, starts_at, ends_at.
    """
    put(
        work,
        [
            Message(
                topic,
                str(each.id),
                {
                    "booking_id": str(each.id),
                    "resident_id": str(each.resident_id),
                    "venue_id": str(each.venue_id),
                    "starts_at": each.starts_at.isoformat(),
                    "ends_at": each.ends_at.isoformat(),
                    "reason": reason,
                },
            )
            for each in bookings
        ],
    )

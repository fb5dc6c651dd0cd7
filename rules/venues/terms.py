"""On which terms a room is booked: what the rulebook in force says of it, and the points that it costs.

The rulebook's deadlines, where it has some, take the place of the room's own; both are fixed at the booking. Points are
held when the room is booked or asked for, captured when somebody arrives, and given back when the booking ends otherwise:
what staying away costs is the rulebook's to say, by its event `no_show`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from rules.clock import local_day
from rules.ledger.holds import Holding, HoldSettled, capture, hold, read_hold, void
from rules.ledger.moving import lock_accounts
from rules.ledger.transactions import Cause
from rules.reservations.desk import Terms, Wanted, local_weekday, tell_rulebook, terms_of
from rules.reservations.refusals import NotOpenYet, PartyTooLarge, SessionClosed
from rules.rows import AnyRow
from rules.venues.refusals import BookingClosed, BookingNotOpenYet, PartyTooLargeForRoom
from rules.work import TryAgain, Work
from rules.working_days import day_kind

SOURCE = "booking"  #: of events, and the reason of transactions
#: Points are held until so long after the end, and then given back by themselves.
HELD_AFTER_THE_END = timedelta(hours=1)


def wanted_of(work: Work, booking: AnyRow) -> Wanted:
    """A booking as the rulebook sees it. `booking`: a row of `rules.venues.bookings`."""
    facts = {
        "place": "venue",
        "venue_kind": booking.venue_kind,
        "use": booking.use_name or "",
        "party_size": booking.party_size,
        "minutes": (booking.ends_at - booking.starts_at) // timedelta(minutes=1),
        "weekday": local_weekday(booking.starts_at),
        "day_kind": day_kind(work, local_day(booking.starts_at)).value,
        "organisation": booking.organisation_id is not None,
        "local": (booking.home_path or "").startswith(booking.path),
        "excused": False,
    }
    return Wanted(booking.resident_id, booking.venue, booking.starts_at, facts, booking.community_id)


def rulebook_terms(work: Work, wanted: Wanted) -> Terms:
    """What the rulebook in force makes of a booking.

    Raises NotEligible, QuotaReached, PointsInsufficient, BookingNotOpenYet, BookingClosed, PartyTooLargeForRoom.
    """
    try:
        return terms_of(work, wanted)
    except NotOpenYet as refusal:
        raise BookingNotOpenYet(**refusal.facts) from None
    except SessionClosed:
        raise BookingClosed from None
    except PartyTooLarge as refusal:
        raise PartyTooLargeForRoom(capacity=refusal.facts["party_size_max"]) from None


def tell(work: Work, kind: str, booking: AnyRow) -> None:
    """Tell the rulebook that a room was booked, cancelled or not used, where it speaks of that."""
    tell_rulebook(work, kind, SOURCE, f"{booking.id}:{kind}", wanted_of(work, booking))


def hold_price(work: Work, booking: AnyRow, price: int) -> int:
    """Hold what a booking costs and return the hold. Raises PointsInsufficient."""
    cause = _cause(booking, f"预约「{booking.venue}」冻结 {price} 分", work.now)
    lapses_at = booking.ends_at + HELD_AFTER_THE_END
    return hold(work, f"{SOURCE}:{booking.id}:hold", Holding(booking.resident_id, price, lapses_at, cause)).txn_id


def capture_price(work: Work, booking: AnyRow) -> None:
    """Spend what was held, if anything was: somebody has come."""
    if booking.hold_txn_id is not None:
        cause = _cause(booking, f"使用「{booking.venue}」支付 {booking.price} 分", work.now)
        capture(work, f"{SOURCE}:{booking.id}:capture", booking.hold_txn_id, booking.price, cause)


def give_prices_back(work: Work, bookings: Sequence[AnyRow]) -> None:
    """Give back what is still held for bookings, if anything is."""
    held = [(booking, read_hold(work, booking.hold_txn_id)) for booking in bookings if booking.hold_txn_id is not None]
    if not held:
        return
    lock_accounts(work, {kept.wallet_id for _, kept in held})
    for booking, kept in held:
        left = kept.amount - kept.captured - kept.released
        if left > 0:
            cause = _cause(booking, f"「{booking.venue}」未使用，退回 {left} 分", work.now)
            try:
                void(work, f"{SOURCE}:{booking.id}:void", booking.hold_txn_id, left, cause)
            except HoldSettled:  # the job of lapsed holds came between the look and the lock
                raise TryAgain from None


def _cause(booking: AnyRow, explanation: str, now: datetime) -> Cause:
    return Cause(SOURCE, explanation, now, community_id=booking.community_id)

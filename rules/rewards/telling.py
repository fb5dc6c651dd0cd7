"""What the people of a redemption are told: messages in the outbox, each written once."""

from __future__ import annotations

from typing import Any

from rules.outbox import Message, put
from rules.work import Work


def tell_ready(work: Work, redemption: Any) -> None:
    """It is redeemed, and can be picked up."""
    _put(work, "redemption.ready", redemption, str(redemption.id))


def tell_lapsing(work: Work, redemption: Any) -> None:
    """It lapses soon."""
    _put(work, "redemption.lapsing", redemption, str(redemption.id))


def tell_lapsed(work: Work, redemption: Any, returned: int) -> None:
    """Nobody came. `returned`: points that were given back."""
    _put(work, "redemption.lapsed", redemption, str(redemption.id), points=returned)


def tell_refunded(work: Work, redemption: Any, returned: int, reason: str) -> None:
    """The merchant can't give it, and the points are back."""
    _put(work, "redemption.refunded", redemption, str(redemption.id), points=returned, reason=reason)


def tell_substitute_offered(work: Work, redemption: Any, substitute: str, substitute_id: int) -> None:
    """The merchant offers something else instead."""
    key = f"{redemption.id}:{substitute_id}"
    _put(work, "redemption.substitute_offered", redemption, key, substitute=substitute)


def tell_substituted(work: Work, redemption: Any, returned: int, substitute: str) -> None:
    """Something else takes its place, as the resident agreed."""
    key = f"{redemption.id}:{redemption.substitute_id}"
    _put(work, "redemption.substituted", redemption, key, substitute=substitute, points=returned)


def tell_donation_returned(work: Work, donation: Any, title: str) -> None:
    """A cause was cancelled, and what was given to it is back."""
    payload = {"resident_id": str(donation.resident_id), "title": title, "points": donation.amount}
    put(work, [Message("donation.returned", str(donation.id), payload)])


def _put(work: Work, topic: str, redemption: Any, key: str, **more: Any) -> None:
    payload = {
        "resident_id": str(redemption.resident_id),
        "redemption_id": str(redemption.id),
        "title": redemption.title,
        "quantity": redemption.quantity,
        "pick_up_at": redemption.pick_up_at,
        "until": redemption.pick_up_until.isoformat(),
    }
    put(work, [Message(topic, key, payload | more)])

"""The tables: columns and constraints, nothing else. Importing this package makes `Base.metadata` whole."""

from models import (
    activities,
    checkins,
    idempotency,
    ids,
    ledger,
    reservations,
    residents,
    rulebook,
    territory,
    venues,
    volunteering,
    wechat,
)
from models.base import Base

__all__ = [
    "Base",
    "activities",
    "checkins",
    "idempotency",
    "ids",
    "ledger",
    "reservations",
    "residents",
    "rulebook",
    "territory",
    "venues",
    "volunteering",
    "wechat",
]

"""The tables: columns and constraints, nothing else. Importing this package makes `Base.metadata` whole."""

from models import (
    activities,
    adjustments,
    calendars,
    cards,
    checkins,
    idempotency,
    ids,
    jobs,
    ledger,
    reservations,
    residents,
    rulebook,
    seals,
    territory,
    venues,
    volunteering,
    wechat,
)
from models.base import Base

__all__ = [
    "Base",
    "activities",
    "adjustments",
    "calendars",
    "cards",
    "checkins",
    "idempotency",
    "ids",
    "jobs",
    "ledger",
    "reservations",
    "residents",
    "rulebook",
    "seals",
    "territory",
    "venues",
    "volunteering",
    "wechat",
]

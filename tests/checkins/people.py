"""People at the door: residents with phones, places in sessions, and tokens of every kind."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

from sqlalchemy import update

from models.reservations import Reservation, ReservationStatus
from models.residents import Proxy, ProxyKind, Resident
from rules.checkins.codes import NO_SKEW
from rules.checkins.identifying import Identified, Presented, identify
from rules.clock import utc_now
from rules.residents.phones import Phone, phone_columns
from rules.work import SYSTEM, Work
from tests.build import Person, TownBuilder, add

_serial = itertools.count()


def with_phone(town: TownBuilder, tail: str, name: str = "王小明", **columns: Any) -> Person:
    """A resident whose number ends in these digits."""
    resident = town.resident(name, **columns)
    phone = Phone(f"139{next(_serial) % 10_000:04}{tail}")
    row = phone_columns(town.house.keys, town.id, resident.id, phone)
    change = update(Resident).where(Resident.town_id == town.id, Resident.id == resident.id).values(**row)
    town.database.write(town.id, SYSTEM, lambda work: work.core.execute(change))
    return resident


def placed(
    town: TownBuilder,
    session: int,
    resident: Person,
    status: ReservationStatus = ReservationStatus.CONFIRMED,
    party_size: int = 1,
    **columns: Any,
) -> int:
    """A reservation of this resident, in any state."""
    row = {"session_id": session, "resident_id": resident.id, "party_size": party_size, "status": status}
    if status is ReservationStatus.OFFERED:
        row["offer_expires_at"] = utc_now() + timedelta(hours=1)
    return town.database.write(
        town.id, SYSTEM, lambda work: add(work, Reservation, reserved_at=work.now, **row | columns)
    )


def proxy_for(town: TownBuilder, principal: Person, agent: Person) -> None:
    """Let one resident act for another."""
    row = {"principal_id": principal.id, "agent_id": agent.id, "kind": ProxyKind.HELPER, "consent_note": "本人到场签字"}
    who = {"recorded_by_kind": "resident", "recorded_by_id": principal.id}
    town.database.write(town.id, SYSTEM, lambda work: add(work, Proxy, recorded_at=work.now, **row, **who))


def at_the_door(
    town: TownBuilder,
    session: int,
    presented: Presented,
    *,
    skew: timedelta = NO_SKEW,
    earlier: timedelta = timedelta(0),
) -> Identified:
    """Who presents this at the door, now or so much earlier by the device's clock."""

    def deed(work: Work) -> Identified:
        return identify(work, town.house.keys, presented, session, work.now - earlier, skew)

    return town.database.read(town.id, SYSTEM, deed)

"""Who an event is about, as the rules see them: what they hold, what is known of the person, what is counted of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import bindparam, exists, select

from models.residents import Resident
from models.volunteering import VolunteerRegistration
from rules.clock import local_day
from rules.ledger.reading import read_open_lots, read_wallet
from rules.ledger.transactions import POINTS, in_book, list_books
from rules.rulebook.decision import Happening
from rules.rulebook.plan import Plan
from rules.rulebook.standing import Standing
from rules.rulebook.standings import read_standing
from rules.work import Work

_person = select(
    Resident.registered_at,
    Resident.household_id,
    exists()
    .where(VolunteerRegistration.town_id == Resident.town_id, VolunteerRegistration.resident_id == Resident.id)
    .label("volunteer"),
).where(Resident.town_id == bindparam("town"), Resident.id == bindparam("resident"))


def standing_of(work: Work, plan: Plan, resident_id: int, happening: Happening) -> Standing:
    """Where a resident stands for an event: what is counted, what is held, what is known of the person."""
    standing = read_standing(work, plan, resident_id, happening) if plan.keeps_standing else Standing()
    return complete_standing(work, plan, resident_id, happening, standing)


def complete_standing(work: Work, plan: Plan, resident_id: int, happening: Happening, standing: Standing) -> Standing:
    """What is counted of a resident, with what is held and known of the person, as far as the plan asks for it."""
    if plan.reads_balances(happening.kind):
        standing.lots = lots_of(work, plan, resident_id, local_day(happening.occurred_at))
    if any(fact.startswith("person.") for fact in plan.facts):
        standing.person = person_of(work, resident_id, happening.occurred_at)
    return standing


def whole_standing_of(work: Work, plan: Plan, resident_id: int) -> Standing:
    """Where a resident stands now, with everything that is counted."""
    standing = read_standing(work, plan, resident_id, None)
    standing.lots = lots_of(work, plan, resident_id, local_day(work.now))
    standing.person = person_of(work, resident_id, work.now)
    return standing


def lots_of(work: Work, plan: Plan, resident_id: int, day: date) -> dict[str, dict[date, int]]:
    """What a resident holds that is good on a day. A currency of a draft may have no book yet: nobody holds any of it."""
    books = {POINTS} if len(plan.currencies) == 1 else set(list_books(work))
    found = {}
    for currency in plan.currencies:
        if (code := book_code(plan, currency)) in books:
            of_book = in_book(work, code)
            lots = read_open_lots(of_book, read_wallet(of_book, resident_id), day)
            found[currency] = {lot.expires_on: lot.amount for lot in lots}
    return found


def person_of(work: Work, resident_id: int, at: datetime) -> dict[str, Any]:
    """What is known of a resident, as conditions ask for it: `person.volunteer`, `person.registered_days` …"""
    row = work.send(_person, {"town": work.town_id, "resident": resident_id}).one()
    return {
        "kind": "resident",
        "volunteer": bool(row.volunteer),
        "household": row.household_id is not None,
        "registered_days": max((local_day(at) - local_day(row.registered_at)).days, 0),
    }


def book_code(plan: Plan, currency: str) -> str:
    """The code of the book that a currency is kept in."""
    return POINTS if currency == plan.rulebook.main_currency.id else currency


def happening_of(source: str, occurred_at: datetime, payload: Mapping[str, Any]) -> Happening:
    """An event as it was recorded. Events from before rulebooks kept facts are of the kind that their source is."""
    facts = {
        name: Decimal(str(value)) if isinstance(value, float) else value
        for name, value in payload.get("facts", {}).items()
    }
    return Happening(payload.get("kind", source), occurred_at, payload.get("subject", ""), facts)

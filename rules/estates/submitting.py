"""Something is broken: a resident says so, or staff for whoever stands before them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert

from models.estates import Repair, RepairDeed, RepairPlace, RepairStatus
from models.moderation import ContentKind
from models.uploads import UploadPurpose
from rules.clock import local_day
from rules.daily_limits import count_today
from rules.estates import telling
from rules.estates.companies import company_on
from rules.estates.phones import RESIDENT, seal_phone
from rules.estates.places import DESK, check_within, find_estate, home_in
from rules.estates.refusals import WantedInThePast
from rules.estates.repairs import find_repair
from rules.estates.states import Said, add_event
from rules.estates.terms import categories_on, category_named, deadline, terms_on
from rules.keys import Keys
from rules.moderation.submitting import submit
from rules.residents.acting import booked_by, resident_for
from rules.uploads.attaching import claim
from rules.venues.places import require_any
from rules.work import ActorKind, Work


@dataclass(frozen=True, slots=True)
class RepairWish:
    """What is broken, and where."""

    estate_id: int
    place: RepairPlace
    location: str
    category: str  #: the code of one of the estate's
    description: str
    territory_id: int | None = None  #: a node of the estate; the estate unless it is given
    wanted_from: datetime | None = None
    wanted_until: datetime | None = None
    phone: str | None = None
    upload_ids: Sequence[int] = ()


REPAIRS_A_DAY = 20  #: that one resident may submit

_submit = insert(Repair)


def submit_repair(work: Work, keys: Keys, wish: RepairWish, resident_id: int | None = None) -> int:
    """Write a repair down, for the actor or for whom the actor acts; returns its id. The company sees it at once.

    Raises EstateUnknown, Forbidden (staff of elsewhere), NotOfThisEstate, PlaceOutside, CategoryUnknown, WantedInThePast,
    PhoneInvalid, UploadUnknown, UploadTaken, ContentRefused (words of what neighbours read), DailyLimitReached,
    and what `resident_for` does.
    """
    estate = find_estate(work, wish.estate_id)
    if work.actor.kind is ActorKind.STAFF:
        require_any(work, DESK, estate.path)
    count_today(work, "repair", REPAIRS_A_DAY)
    whom = resident_for(work, resident_id)
    home = home_in(work, whom, estate)
    if wish.wanted_until is not None and wish.wanted_until <= work.now:
        raise WantedInThePast
    node_id = wish.territory_id or estate.id
    check_within(work, node_id, estate)
    day = local_day(work.now)
    company_id = company_on(work, estate.id, day)
    category = category_named(categories_on(work, estate.id, company_id, day), wish.category)
    terms = terms_on(work, company_id, category.code, day)
    claim(work, wish.upload_ids, UploadPurpose.REPAIR)
    repair_id = work.new_id()
    row = {
        "town_id": work.town_id,
        "id": repair_id,
        "estate_id": estate.id,
        "company_id": company_id,
        "resident_id": whom,
        "household_id": home.household_id if wish.place is RepairPlace.HOME else None,
        "place": wish.place,
        "territory_id": node_id,
        "location": wish.location,
        "category": category.code,
        "category_name": category.name,
        "description": wish.description,
        "content_id": _moderated(work, wish, estate.path),
        "phone_sealed": seal_phone(keys, work.town_id, repair_id, RESIDENT, wish.phone),
        "wanted_from": wish.wanted_from,
        "wanted_until": wish.wanted_until,
        "status": RepairStatus.SUBMITTED,
        "due_at": deadline(work, terms.assign_minutes, terms.in_working_days),
        "submitted_at": work.now,
    }
    by = booked_by(work, whom)
    work.core.execute(_submit, row | {"submitted_by_kind": by["booked_by_kind"], "submitted_by_id": by["booked_by_id"]})
    add_event(work, repair_id, RepairDeed.SUBMITTED, Said(upload_ids=wish.upload_ids))
    telling.tell_staff(work, telling.SUBMITTED, [find_repair(work, repair_id)[0]])
    return repair_id


def _moderated(work: Work, wish: RepairWish, path: str) -> int | None:
    """The check of what neighbours are to read; what is wrong at home is read by the company alone."""
    if wish.place is RepairPlace.HOME:
        return None
    return submit(work, ContentKind.REPAIR, f"{wish.location}\n{wish.description}", place_path=path)

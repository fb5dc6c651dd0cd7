"""So many of what lists show, written straight into the tables."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import insert

from models.centres import CentreService
from models.estates import EstateManagement, PropertyCompany, Repair, RepairPlace
from models.favourites import Favourite, FavouriteKind
from models.notices import Announcement, AnnouncementStatus, AnnouncementTarget, Notice
from models.residents import Resident
from models.rewards import Cause, Redemption
from models.territory import Scene, Territory, TerritoryKind
from models.venues import BookingStatus, VenueBooking
from rules.clock import local_day
from rules.work import Work
from tests.build import Person, TownBuilder, add

DAY = timedelta(days=1)


def fill_lists(
    work: Work, town: TownBuilder, resident: Person, staff: Person, subjects: dict[str, list[int]]
) -> dict[str, int]:
    """One of each for each of the subjects, which are as many: what a resident has, and what the town shows.

    `subjects`: ids of activities, of rewards, of centres and of venues.
    """
    ids: dict[str, int] = {}
    for n, activity_id in enumerate(subjects["activity"]):
        _keep_and_tell(work, resident, activity_id, n)
        _redeem(work, resident, subjects["reward"][n], n)
        _book(work, resident, subjects["venue"][n], n)
        _announce(work, town, staff, n)
        cause = {"title": f"送餐 {n}", "upload_ids": [], "target": 100, "until": work.now + 9 * DAY}
        add(work, Cause, territory_id=town.community_id, created_at=work.now, **cause)
        service = {"name": f"证明 {n}", "description": "当场办结", "scene": Scene.GOVERNANCE}
        add(work, CentreService, service_centre_id=subjects["centre"][n], **service)
        ids["estate"], ids["company"] = _manage(work, town, n)
    for n in range(len(subjects["activity"])):
        _report(work, resident, ids["estate"], n)
    return ids


def _keep_and_tell(work: Work, resident: Person, activity_id: int, n: int) -> None:
    kept = {"kind": FavouriteKind.ACTIVITY, "subject_id": activity_id, "title": "亲子早教", "added_at": work.now}
    add(work, Favourite, resident_id=resident.id, **kept)
    told = {"topic": "reservation.promoted", "key": f"{activity_id}", "created_at": work.now + n * timedelta(seconds=1)}
    add(work, Notice, resident_id=resident.id, payload={"title": "亲子早教"}, **told)


def _redeem(work: Work, resident: Person, reward_id: int, n: int) -> None:
    row = {"quantity": 1, "price": 10, "payments": [], "fee": 0, "code": f"{reward_id}", "section": "redeem"}
    row |= {"is_refundable": True, "returns_when_lapsed": True, "is_substitutable": False, "limit_periods": []}
    row |= {"redeemed_at": work.now, "pick_up_until": work.now + (n + 1) * DAY}
    add(work, Redemption, reward_id=reward_id, resident_id=resident.id, **row)


def _book(work: Work, resident: Person, venue_id: int, n: int) -> None:
    begin = work.now + (n + 1) * DAY
    row = {"parts": [1], "starts_at": begin, "ends_at": begin + DAY / 24, "week": local_day(begin), "party_size": 1}
    row |= {"purpose": "读书会", "status": BookingStatus.CONFIRMED, "booked_at": work.now, "cancellable_until": begin}
    add(work, VenueBooking, venue_id=venue_id, resident_id=resident.id, **row)


def _announce(work: Work, town: TownBuilder, staff: Person, n: int) -> None:
    row: dict[str, Any] = {"title": f"停水 {n}", "text": "周三停水。", "written_by": staff.id, "created_at": work.now}
    row |= {"status": AnnouncementStatus.PUBLISHED, "publishes_at": work.now, "published_at": work.now}
    id_ = add(work, Announcement, **row)
    target = {"town_id": work.town_id, "announcement_id": id_, "territory_id": town.community_id}
    work.core.execute(insert(AnnouncementTarget), target)


def _manage(work: Work, town: TownBuilder, n: int) -> tuple[int, int]:
    """An estate and the company that manages it."""
    estate = work.new_id()
    node = {"parent_id": town.community_id, "kind": TerritoryKind.ESTATE, "name": f"星河湾 {n}"}
    add(work, Territory, id=estate, path=f"{town.street_id}/{town.community_id}/{estate}/", **node)
    office = {"phone": "057180000000", "address": "路", "recorded_at": work.now}
    company = add(work, PropertyCompany, name=f"物业 {n}", **office)
    since = {"from_day": local_day(work.now - 9 * DAY), "recorded_at": work.now}
    add(work, EstateManagement, estate_id=estate, company_id=company, **since)
    return estate, company


def _report(work: Work, resident: Person, estate: int, n: int) -> None:
    row = {"place": RepairPlace.HOME, "territory_id": estate, "location": "厨房", "category": "water"}
    row |= {"category_name": "水电", "description": f"漏水 {n}", "submitted_at": work.now, "due_at": work.now + DAY}
    neighbour = add(work, Resident, name=f"业主{n}", territory_id=estate, registered_at=work.now)
    add(work, Repair, estate_id=estate, resident_id=neighbour, **row)
    add(work, Repair, estate_id=estate, resident_id=resident.id, **row)

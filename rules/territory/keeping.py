"""Centres as managers set them up: what they are, where they are, when they are open, what they do for people.

What is shown of a centre is also what is found of it, so each change puts its search entry anew, and a centre that moves
takes the entries of its services, its rooms and the activities there with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import and_, bindparam, delete, insert, select, update

from models.activities import Activity, ActivityStatus, Session
from models.centres import CentreHours, CentreService
from models.residents import Role
from models.search import FoundKind
from models.territory import ServiceCentre, Territory, TerritoryKind
from models.uploads import UploadPurpose
from models.venues import DayKind, Venue
from rules.errors import Kind, RuleError
from rules.geography import Position
from rules.residents.identity import require_role
from rules.rows import AnyRow
from rules.search.refreshing import refresh
from rules.territory.centres import find_centre
from rules.territory.services import find_service
from rules.territory.tree import Node, lock_place, show_place
from rules.uploads.attaching import claim, release
from rules.venues.hours import Times, check_week, rows_of_week
from rules.venues.places import take_centre
from rules.work import Work

#: Days by which `opens_at` and `closes_at` are set when hours are given: the first of them that is open.
USUAL_DAYS = tuple(DayKind)[:7]


class CentreNameTaken(RuleError):
    code = "service_centre.name_taken"
    kind = Kind.CONFLICT
    zh = "该社区已有名为「{name}」的服务中心。"
    en = "This community has a service centre called “{name}” already."


class ServiceNameTaken(RuleError):
    code = "service.name_taken"
    kind = Kind.CONFLICT
    zh = "该中心已有名为「{name}」的服务。"
    en = "This centre has a service called “{name}” already."


_this = (ServiceCentre.town_id == bindparam("town"), ServiceCentre.id == bindparam("centre"))
_names = select(ServiceCentre.id).where(
    ServiceCentre.town_id == bindparam("town"),
    ServiceCentre.territory_id == bindparam("territory"),
    ServiceCentre.name == bindparam("called"),
    ServiceCentre.id != bindparam("but"),
)
_service_names = select(CentreService.id).where(
    CentreService.town_id == bindparam("town"),
    CentreService.service_centre_id == bindparam("centre"),
    CentreService.name == bindparam("called"),
    CentreService.id != bindparam("but"),
)
_services = select(CentreService.id).where(
    CentreService.town_id == bindparam("town"), CentreService.service_centre_id == bindparam("centre")
)
_rooms = select(Venue.id).where(Venue.town_id == bindparam("town"), Venue.service_centre_id == bindparam("centre"))
_activities = (
    select(Session.activity_id)
    .distinct()
    .join(Venue, and_(Venue.town_id == Session.town_id, Venue.id == Session.venue_id))
    .join(Activity, and_(Activity.town_id == Session.town_id, Activity.id == Session.activity_id))
    .where(
        Session.town_id == bindparam("town"),
        Venue.service_centre_id == bindparam("centre"),
        Activity.status == ActivityStatus.PUBLISHED,
    )
)
_move = update(Territory).where(Territory.town_id == bindparam("town"), Territory.id == bindparam("node"))
_clear_hours = delete(CentreHours).where(
    CentreHours.town_id == bindparam("town"), CentreHours.service_centre_id == bindparam("centre")
)


def move_place(work: Work, place_id: int, position: Position | None) -> Node:
    """Say where a node of the tree lies, or that nobody knows. Raises PlaceUnknown, Forbidden."""
    node = lock_place(work, place_id)
    require_role(work, Role.MANAGER, node.path)
    latitude, longitude = position or (None, None)
    moving = _move.values(latitude=latitude, longitude=longitude)
    work.core.execute(moving, {"town": work.town_id, "node": place_id})
    if node.kind in _FOUND_AS:
        refresh(work, _FOUND_AS[node.kind], [place_id])
    return show_place(work, place_id)


_FOUND_AS = {TerritoryKind.COMMUNITY: FoundKind.COMMUNITY, TerritoryKind.ESTATE: FoundKind.ESTATE}


def create_centre(work: Work, territory_id: int, columns: Mapping[str, Any]) -> int:
    """Open a centre at a node of the tree. Raises PlaceUnknown, Forbidden, CentreNameTaken, UploadUnknown, UploadTaken."""
    require_role(work, Role.MANAGER, lock_place(work, territory_id).path)
    _check_name(work, territory_id, columns["name"], 0)
    claim(work, [int(id_) for id_ in columns.get("picture_ids", ())], UploadPurpose.CENTRE)
    centre_id = work.new_id()
    row = {"town_id": work.town_id, "id": centre_id, "territory_id": territory_id, **columns}
    work.core.execute(insert(ServiceCentre), row)
    _refresh(work, centre_id)
    return centre_id


def change_centre(work: Work, centre_id: int, changes: Mapping[str, Any]) -> None:
    """Change what is given of a centre: its rooms and bookings are not touched.

    Raises CentreUnknown, Forbidden, CentreNameTaken, UploadUnknown, UploadTaken.
    """
    require_role(work, Role.MANAGER, take_centre(work, centre_id).path)
    centre = find_centre(work, centre_id)
    if "name" in changes:
        lock_place(work, centre.territory_id)
        _check_name(work, centre.territory_id, changes["name"], centre_id)
    if "picture_ids" in changes:
        exchange_pictures(work, centre.picture_ids, changes["picture_ids"], UploadPurpose.CENTRE)
    if changes:
        work.core.execute(update(ServiceCentre).where(*_this).values(**changes), _asked(work, centre_id))
        _refresh(work, centre_id)


def set_centre_hours(work: Work, centre_id: int, hours: Sequence[tuple[DayKind, Sequence[Times]]]) -> None:
    """Set when a centre is open by the kind of day, in place of what was said; none at all: every day the same.

    Its `opens_at` and `closes_at` become those of the first day of the week that is open, for whoever reads no more.
    Rooms without hours of their own follow. Raises CentreUnknown, Forbidden, HoursInvalid.
    """
    require_role(work, Role.MANAGER, take_centre(work, centre_id).path)
    check_week(hours)
    rows = rows_of_week(hours, town_id=work.town_id, service_centre_id=centre_id)
    work.core.execute(_clear_hours, _asked(work, centre_id))
    if rows:
        work.core.execute(insert(CentreHours), rows)
    said = dict(hours)
    usual = next((said[day] for day in USUAL_DAYS if said.get(day)), None)
    if usual is not None:
        times = {"opens_at": usual[0].opens_at, "closes_at": usual[-1].closes_at}
        work.core.execute(update(ServiceCentre).where(*_this).values(**times), _asked(work, centre_id))


def add_service(work: Work, centre_id: int, columns: Mapping[str, Any]) -> int:
    """Add to what a centre does for people. Raises CentreUnknown, Forbidden, ServiceNameTaken."""
    require_role(work, Role.MANAGER, take_centre(work, centre_id).path)
    _check_service_name(work, centre_id, columns["name"], 0)
    service_id = work.new_id()
    row = {"town_id": work.town_id, "id": service_id, "service_centre_id": centre_id, **columns}
    work.core.execute(insert(CentreService), row)
    refresh(work, FoundKind.SERVICE, [service_id])
    return service_id


def change_service(work: Work, service_id: int, changes: Mapping[str, Any]) -> AnyRow:
    """Change a service, or retire it. Raises ServiceUnknown, Forbidden, ServiceNameTaken."""
    centre_id = find_service(work, service_id).service_centre_id
    require_role(work, Role.MANAGER, take_centre(work, centre_id).path)
    if "name" in changes:
        _check_service_name(work, centre_id, changes["name"], service_id)
    if changes:
        changing = update(CentreService).where(CentreService.town_id == work.town_id, CentreService.id == service_id)
        work.core.execute(changing.values(**changes))
        refresh(work, FoundKind.SERVICE, [service_id])
    return find_service(work, service_id)


def exchange_pictures(work: Work, before: Sequence[str], after: Sequence[str], purpose: UploadPurpose) -> None:
    """Claim the pictures that are new and let go of those that are shown no more. Raises UploadUnknown, UploadTaken."""
    claim(work, [int(id_) for id_ in after if id_ not in before], purpose)
    release(work, [int(id_) for id_ in before if id_ not in after])


def _asked(work: Work, centre_id: int) -> dict[str, Any]:
    return {"town": work.town_id, "centre": centre_id}


def _check_name(work: Work, territory_id: int, name: str, but: int) -> None:
    """Raises CentreNameTaken. The caller has locked the node, so two can't take one name at once."""
    asked = {"town": work.town_id, "territory": territory_id, "called": name, "but": but}
    if work.core.execute(_names, asked).first() is not None:
        raise CentreNameTaken(name=name)


def _check_service_name(work: Work, centre_id: int, name: str, but: int) -> None:
    if work.core.execute(_service_names, _asked(work, centre_id) | {"called": name, "but": but}).first() is not None:
        raise ServiceNameTaken(name=name)


def _refresh(work: Work, centre_id: int) -> None:
    """Let a centre be found as it stands, and with it what is found by its name and its position."""
    asked = _asked(work, centre_id)
    refresh(work, FoundKind.CENTRE, [centre_id])
    refresh(work, FoundKind.SERVICE, list(work.core.scalars(_services, asked).all()))
    refresh(work, FoundKind.VENUE, list(work.core.scalars(_rooms, asked).all()))
    refresh(work, FoundKind.ACTIVITY, list(work.core.scalars(_activities, asked).all()))

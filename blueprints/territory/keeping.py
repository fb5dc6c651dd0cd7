"""Centres, services and rosters as managers keep them."""

from __future__ import annotations

from typing import Any

from blueprints.edge.house import house
from blueprints.edge.room import Room
from blueprints.edge.schemas import page_of
from blueprints.territory.keeping_schemas import (
    CentreChangeRequest,
    CentreRequest,
    CentreStaffArguments,
    CentreStaffChangeRequest,
    CentreStaffRequest,
    CentreStaffView,
    DutyDayRequest,
    ListedCentreStaffView,
    PlaceChangeRequest,
    ServiceChangeRequest,
    ServiceRequest,
)
from blueprints.territory.schemas import CentreDetailView, NodeDetailView, ServiceView
from blueprints.venues.calendar_schemas import DayArguments
from blueprints.venues.schemas import OpeningHoursRequest
from models.residents import Role
from rules.geography import Position
from rules.residents.identity import Forbidden
from rules.territory import PlaceUnknown, keeping, rostering, services
from rules.territory.centres import CentreDetail, show_centre
from rules.uploads.refusals import UploadTaken, UploadUnknown
from rules.venues.hours import Times
from rules.venues.refusals import CentreUnknown, HoursInvalid
from rules.work import Work

room = Room("centre_keeping", __name__, description="Service centres as managers set them up")

Wish = dict[str, Any]
AT_CENTRE = (Forbidden, CentreUnknown)
OF_STAFF = (*AT_CENTRE, rostering.CentreStaffUnknown)
PICTURED = (UploadTaken, UploadUnknown)
CENTRE = "/service-centres/<id:service_centre_id>"
STAFF = f"{CENTRE}/staff/<id:staff_id>"


@room.does("PATCH", "/territory/<id:territory_id>", needs=Role.MANAGER, refuses=[Forbidden, PlaceUnknown])
@room.arguments(PlaceChangeRequest)
@room.response(200, NodeDetailView)
def move_place(work: Work, wish: Wish, territory_id: int) -> Any:
    """Say where a community, an estate or a building lies; nulls: nobody knows."""
    position = None if wish["latitude"] is None else Position(**wish)
    return keeping.move_place(work, territory_id, position)


@room.does(
    "POST",
    "/service-centres",
    needs=Role.MANAGER,
    refuses=[Forbidden, PlaceUnknown, keeping.CentreNameTaken, *PICTURED],
)
@room.arguments(CentreRequest)
@room.response(201, CentreDetailView)
def create_centre(work: Work, wish: Wish) -> Any:
    """Open a service centre in a community."""
    return _shown(work, keeping.create_centre(work, wish.pop("territory_id"), _columns(wish)))


@room.does("PATCH", CENTRE, needs=Role.MANAGER, refuses=[*AT_CENTRE, keeping.CentreNameTaken, *PICTURED])
@room.arguments(CentreChangeRequest)
@room.response(200, CentreDetailView)
def change_centre(work: Work, wish: Wish, service_centre_id: int) -> Any:
    """Change a service centre: its name, address, position, phones, introduction, pictures."""
    keeping.change_centre(work, service_centre_id, _columns(wish))
    return _shown(work, service_centre_id)


@room.does("PUT", f"{CENTRE}/hours", needs=Role.MANAGER, refuses=[*AT_CENTRE, HoursInvalid])
@room.arguments(OpeningHoursRequest)
@room.response(200, CentreDetailView)
def set_centre_hours(work: Work, wish: Wish, service_centre_id: int) -> Any:
    """Set a centre's hours by the kind of day in place of those it had; rooms without hours of their own follow."""
    keeping.set_centre_hours(work, service_centre_id, _week(wish))
    return _shown(work, service_centre_id)


@room.does("POST", f"{CENTRE}/services", needs=Role.MANAGER, refuses=[*AT_CENTRE, keeping.ServiceNameTaken])
@room.arguments(ServiceRequest)
@room.response(201, ServiceView)
def add_service(work: Work, wish: Wish, service_centre_id: int) -> Any:
    """Add to what a centre does for people."""
    return services.find_service(work, keeping.add_service(work, service_centre_id, wish))


@room.does(
    "PATCH",
    "/services/<id:service_id>",
    needs=Role.MANAGER,
    refuses=[Forbidden, keeping.ServiceNameTaken, services.ServiceUnknown],
)
@room.arguments(ServiceChangeRequest)
@room.response(200, ServiceView)
def change_service(work: Work, wish: Wish, service_id: int) -> Any:
    """Change a service, or retire it."""
    return keeping.change_service(work, service_id, wish)


@room.does("GET", f"{CENTRE}/staff", needs=Role.MANAGER, refuses=AT_CENTRE)
@room.arguments(CentreStaffArguments, location="query")
@room.response(200, page_of(ListedCentreStaffView, "centre-staff"))
def list_centre_staff(work: Work, wish: Wish, service_centre_id: int) -> Any:
    """The people of a centre, those who are shown no more among them."""
    return rostering.list_staff(work, service_centre_id, wish["cursor"], wish["limit"])


@room.does("POST", f"{CENTRE}/staff", needs=Role.MANAGER, refuses=[*AT_CENTRE, rostering.CentreStaffTaken, *PICTURED])
@room.arguments(CentreStaffRequest)
@room.response(201, CentreStaffView)
def add_centre_staff(work: Work, wish: Wish, service_centre_id: int) -> Any:
    """Show somebody at a centre."""
    return rostering.add_staff(work, house().keys, service_centre_id, wish)


@room.does("GET", STAFF, needs=Role.MANAGER, refuses=OF_STAFF)
@room.response(200, CentreStaffView)
def show_centre_staff(work: Work, service_centre_id: int, staff_id: int) -> Any:
    """Somebody of a centre with their whole roster."""
    return rostering.read_staff(work, house().keys, service_centre_id, staff_id)


@room.does("PATCH", STAFF, needs=Role.MANAGER, refuses=[*OF_STAFF, rostering.CentreStaffTaken, *PICTURED])
@room.arguments(CentreStaffChangeRequest)
@room.response(200, CentreStaffView)
def change_centre_staff(work: Work, wish: Wish, service_centre_id: int, staff_id: int) -> Any:
    """Change what is shown of somebody, or show them no more."""
    return rostering.change_staff(work, house().keys, service_centre_id, staff_id, wish)


@room.does("PUT", f"{STAFF}/duty", needs=Role.MANAGER, refuses=[*OF_STAFF, HoursInvalid])
@room.arguments(OpeningHoursRequest)
@room.response(200, CentreStaffView)
def set_duty_pattern(work: Work, wish: Wish, service_centre_id: int, staff_id: int) -> Any:
    """Say when somebody is on duty by the kind of day, in place of what was said."""
    return rostering.set_pattern(work, house().keys, service_centre_id, staff_id, _week(wish))


@room.does("PUT", f"{STAFF}/duty-days", needs=Role.MANAGER, refuses=[*OF_STAFF, HoursInvalid])
@room.arguments(DutyDayRequest)
@room.response(200, CentreStaffView)
def set_duty_day(work: Work, wish: Wish, service_centre_id: int, staff_id: int) -> Any:
    """Say when somebody is on duty on one day, whatever the pattern says."""
    spans = [Times(**span) for span in wish["spans"]]
    return rostering.set_day(work, house().keys, service_centre_id, staff_id, wish["day"], spans)


@room.does("DELETE", f"{STAFF}/duty-days", needs=Role.MANAGER, refuses=OF_STAFF)
@room.arguments(DayArguments, location="query")
@room.response(200, CentreStaffView)
def unset_duty_day(work: Work, wish: Wish, service_centre_id: int, staff_id: int) -> Any:
    """Leave a day to the pattern again."""
    return rostering.unset_day(work, house().keys, service_centre_id, staff_id, wish["day"])


def _week(wish: Wish) -> list[Any]:
    return [(day["day"], [Times(**span) for span in day["spans"]]) for day in wish["hours"]]


def _columns(wish: Wish) -> Wish:
    """As they are stored: ids as text, as JSON has them."""
    if "picture_ids" in wish:
        wish["picture_ids"] = [str(id_) for id_ in wish["picture_ids"]]
    return wish


def _shown(work: Work, centre_id: int) -> CentreDetail:
    return show_centre(work, house().keys, centre_id)

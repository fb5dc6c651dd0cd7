"""What centres do for people: the directory of their services."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, or_, select
from sqlalchemy.orm import aliased

from models.centres import CentreService, ListingStatus
from models.territory import Scene, ServiceCentre, Territory
from rules.errors import Kind, RuleError
from rules.paging import Page, cut
from rules.paging import Position as PagePosition
from rules.rows import AnyRow
from rules.work import Work

#: So many of a centre's services its own page shows; the list of services has them all.
SHOWN_MAX = 100


class ServiceUnknown(RuleError):
    code = "service.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这项服务，或已停办。"
    en = "There is no such service, or it is no longer offered."


@dataclass(frozen=True, slots=True)
class ServiceFilter:
    """Which services to list: those that fit all that is given."""

    q: str | None = None  #: part of the name, the description or the audience
    scene: Scene | None = None
    service_centre_id: int | None = None
    community_id: int | None = None  #: of centres of this node of the tree, or below it


_around = aliased(Territory)
SERVICES = (
    select(
        CentreService.id,
        CentreService.service_centre_id,
        ServiceCentre.name.label("centre"),
        ServiceCentre.address,
        ServiceCentre.phones,
        CentreService.name,
        CentreService.description,
        CentreService.scene,
        CentreService.audience,
        CentreService.materials,
        CentreService.fee_note,
        CentreService.minutes,
        CentreService.status,
        Territory.path,
        ServiceCentre.territory_id,
        ServiceCentre.latitude,
        ServiceCentre.longitude,
    )
    .join(
        ServiceCentre,
        and_(ServiceCentre.town_id == CentreService.town_id, ServiceCentre.id == CentreService.service_centre_id),
    )
    .join(Territory, and_(Territory.town_id == ServiceCentre.town_id, Territory.id == ServiceCentre.territory_id))
    .where(CentreService.town_id == bindparam("town"))
)
_page = (
    SERVICES.where(CentreService.status == ListingStatus.ACTIVE, CentreService.id > bindparam("after"))
    .order_by(CentreService.id)
    .limit(bindparam("limit"))
)
_offered = _page.where(CentreService.service_centre_id == bindparam("centre"))
_one = SERVICES.where(CentreService.id == bindparam("service"))


def list_services(work: Work, wanted: ServiceFilter, after: PagePosition | None, limit: int) -> Page[AnyRow]:
    """The services that are offered and fit, the first added first."""
    statement = _page.where(*_fits(wanted))
    if wanted.community_id is not None:
        to_node = and_(_around.town_id == CentreService.town_id, _around.id == wanted.community_id)
        statement = statement.join(_around, to_node).where(Territory.path.startswith(_around.path))
    last = 0 if after is None else int(after[0])
    asked: dict[str, Any] = {"town": work.town_id, "after": last, "limit": limit + 1}
    return cut(work.core.execute(statement, asked).all(), limit, lambda row: (row.id,))


def show_service(work: Work, service_id: int) -> AnyRow:
    """A service that is offered. Raises ServiceUnknown."""
    service = find_service(work, service_id)
    if service.status is not ListingStatus.ACTIVE:
        raise ServiceUnknown
    return service


def find_service(work: Work, service_id: int) -> AnyRow:
    """A service, offered or not. Raises ServiceUnknown."""
    service = work.core.execute(_one, {"town": work.town_id, "service": service_id}).first()
    if service is None:
        raise ServiceUnknown
    return service


def list_offered(work: Work, centre_id: int) -> Sequence[AnyRow]:
    """The first hundred services that a centre offers."""
    asked = {"town": work.town_id, "centre": centre_id, "after": 0, "limit": SHOWN_MAX}
    return work.core.execute(_offered, asked).all()


def _fits(wanted: ServiceFilter) -> list[ColumnElement[bool]]:
    fits: list[ColumnElement[bool]] = []
    if wanted.scene is not None:
        fits.append(CentreService.scene == wanted.scene)
    if wanted.service_centre_id is not None:
        fits.append(CentreService.service_centre_id == wanted.service_centre_id)
    if wanted.q:
        texts = (CentreService.name, CentreService.description, CentreService.audience)
        fits.append(or_(*(each.icontains(wanted.q, autoescape=True) for each in texts)))
    return fits

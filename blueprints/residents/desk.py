"""The desk: who comes without a phone is registered, found, corrected, and given somebody who acts for them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from blueprints.edge.caller import SIGNED_IN
from blueprints.edge.house import house
from blueprints.edge.room import Room
from blueprints.edge.schemas import all_of
from blueprints.residents.desk_schemas import (
    DeskCorrectionRequest,
    DeskRegistrationRequest,
    DeskResidentView,
    DeskSearchRequest,
)
from blueprints.residents.proxy_schemas import DeskProxyRequest, ProxyView
from rules.points.people import ResidentUnknown
from rules.residents import desk, phones, proxies, records
from rules.territory import PlaceUnknown
from rules.work import Work

room = Room("desk", __name__, description="People at the desk of a service centre")

Wish = dict[str, Any]
PHONE_REFUSALS = (phones.PhoneInvalid, desk.PhoneTaken, desk.PhoneTakenElsewhere)
PROXY_REFUSALS = (
    proxies.AgentTooYoung,
    proxies.AgentUnknown,
    proxies.OwnProxy,
    proxies.ProxyKnown,
    proxies.TooManyAgents,
    proxies.TooManyPrincipals,
)


@room.does(
    "POST",
    "/residents",
    needs=SIGNED_IN,
    once=True,
    refuses=[
        *PHONE_REFUSALS,
        *PROXY_REFUSALS,
        desk.DeskOnly,
        records.BirthdayImplausible,
        records.GuardianNeeded,
        PlaceUnknown,
    ],
)
@room.arguments(DeskRegistrationRequest)
@room.response(201, DeskResidentView)
def register_resident(work: Work, wish: Wish) -> Any:
    """Register somebody without WeChat, who consented on paper. For scanners and organisers of the place."""
    phone, guardian_id = wish.pop("phone"), wish.pop("guardian_id")
    new = records.NewResident(**wish)
    return desk.register_resident(work, house().keys, new, phone=phone, guardian_id=guardian_id)


@room.does(
    "POST",
    "/residents/search",
    needs=SIGNED_IN,
    reads=True,
    refuses=[desk.DeskOnly, desk.SearchTooWide, phones.PhoneInvalid],
)
@room.arguments(DeskSearchRequest)
@room.response(200, all_of(DeskResidentView))
def find_residents(work: Work, wish: Wish) -> Any:
    """Find who stands at the desk. A question with a body, because addresses are written to logs."""
    return SimpleNamespace(items=desk.find_residents(work, house().keys, **wish))


@room.does(
    "PATCH",
    "/residents/<id:resident_id>",
    needs=SIGNED_IN,
    refuses=[
        *PHONE_REFUSALS,
        ResidentUnknown,
        desk.DeskOnly,
        records.BirthdayImplausible,
        PlaceUnknown,
    ],
)
@room.arguments(DeskCorrectionRequest)
@room.response(200, DeskResidentView)
def correct_resident(work: Work, wish: Wish, resident_id: int) -> Any:
    """Correct a resident's name, birthday, phone or place. For scanners and organisers of the place."""
    return desk.correct_resident(work, house().keys, resident_id, wish)


@room.does(
    "POST",
    "/residents/<id:resident_id>/proxies",
    needs=SIGNED_IN,
    refuses=[*PROXY_REFUSALS, ResidentUnknown, desk.DeskOnly],
)
@room.arguments(DeskProxyRequest)
@room.response(201, ProxyView)
def record_proxy(work: Work, wish: Wish, resident_id: int) -> Any:
    """Write down that a resident, who is present, agreed that somebody acts for them."""
    return desk.record_proxy_at_desk(work, resident_id, **wish)


@room.does("GET", "/residents/<id:resident_id>/proxies", needs=SIGNED_IN, refuses=[ResidentUnknown, desk.DeskOnly])
@room.response(200, all_of(ProxyView))
def list_proxies_of(work: Work, resident_id: int) -> Any:
    """Who may act for a resident."""
    return SimpleNamespace(items=desk.list_agents_at_desk(work, resident_id))


@room.does(
    "DELETE",
    "/residents/<id:resident_id>/proxies/<id:proxy_id>",
    needs=SIGNED_IN,
    refuses=[ResidentUnknown, desk.DeskOnly, proxies.ProxyUnknown],
)
@room.response(204)
def end_proxy_of(work: Work, resident_id: int, proxy_id: int) -> None:
    """End a proxy, because the resident says so at the desk."""
    desk.end_proxy_at_desk(work, resident_id, proxy_id)

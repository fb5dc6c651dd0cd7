"""Acting for somebody: my children, who acts for me, for whom I act."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from blueprints.edge.caller import RESIDENT
from blueprints.edge.room import Room
from blueprints.edge.schemas import all_of
from blueprints.residents.proxy_schemas import (
    DependantRequest,
    DependantView,
    MyProxiesView,
    OwnProxyRequest,
    ProxyView,
)
from rules.residents import dependants, proxies, records
from rules.work import Work

room = Room("proxies", __name__, description="Acting for somebody")

Wish = dict[str, Any]


@room.does(
    "POST",
    "/me/dependants",
    needs=RESIDENT,
    once=True,
    refuses=[
        dependants.DependantGrownUp,
        dependants.DependantKnown,
        proxies.AgentTooYoung,
        proxies.TooManyPrincipals,
        records.BirthdayImplausible,
    ],
)
@room.arguments(DependantRequest)
@room.response(201, DependantView)
def register_dependant(work: Work, wish: Wish) -> Any:
    """Register a child of mine, below 18, and agree to the privacy notice as its guardian."""
    return dependants.register_dependant(work, **wish)


@room.does("GET", "/me/dependants", needs=RESIDENT)
@room.response(200, all_of(DependantView))
def list_my_dependants(work: Work) -> Any:
    """The children whose guardian I am."""
    return SimpleNamespace(items=dependants.list_dependants(work))


@room.does("DELETE", "/me/dependants/<id:resident_id>", needs=RESIDENT, refuses=[dependants.DependantUnknown])
@room.response(204)
def leave_dependant(work: Work, resident_id: int) -> None:
    """Act no longer for a child. What is booked for it stays."""
    dependants.leave_dependant(work, resident_id)


@room.does(
    "POST",
    "/me/proxies",
    needs=RESIDENT,
    refuses=[
        proxies.AgentTooYoung,
        proxies.AgentUnknown,
        proxies.OwnProxy,
        proxies.PrincipalTooYoung,
        proxies.ProxyKnown,
        proxies.TooManyAgents,
        proxies.TooManyPrincipals,
    ],
)
@room.arguments(OwnProxyRequest)
@room.response(201, ProxyView)
def name_agent(work: Work, wish: Wish) -> Any:
    """Let somebody act for me."""
    return proxies.name_agent(work, **wish)


@room.does("GET", "/me/proxies", needs=RESIDENT)
@room.response(200, MyProxiesView)
def list_my_proxies(work: Work) -> Any:
    """Who may act for me, and for whom I may act."""
    return proxies.list_proxies(work)


@room.does("DELETE", "/me/proxies/<id:proxy_id>", needs=RESIDENT, refuses=[proxies.ProxyUnknown])
@room.response(204)
def end_my_proxy(work: Work, proxy_id: int) -> None:
    """End a proxy, as who acts or as for whom. A child can't end a guardian's."""
    proxies.end_proxy(work, proxy_id)

"""Who walks an entry: a resident, a neighbour without rights, staff of another community, somebody who isn't signed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from werkzeug.test import TestResponse

from models.residents import Role
from rules.search.refreshing import rebuild
from tests.build import ApiClient, Person, TownBuilder, fresh_key


@dataclass(frozen=True)
class Callers:
    """The four, and the staff of the place."""

    resident: ApiClient
    neighbour: ApiClient  #: of the same community; what is the resident's is none of theirs
    elsewhere: ApiClient  #: has every role, in another community
    visitor: ApiClient
    person: Person  #: the resident

    @property
    def others(self) -> tuple[ApiClient, ...]:
        """All but the resident."""
        return self.neighbour, self.elsewhere, self.visitor

    @property
    def all(self) -> tuple[ApiClient, ...]:
        return self.resident, *self.others


def four(town: TownBuilder, api: ApiClient, **columns: Any) -> Callers:
    """The four callers of a town's first community. `columns`: the resident's own."""
    person = town.resident("李晓兰", **columns)
    staff = town.staff(*Role, at=town.other_community_id)
    return Callers(api.as_(person), api.as_(town.resident("陈东")), api.as_(staff), api, person)


def keeper(town: TownBuilder, api: ApiClient, *roles: Role) -> ApiClient:
    """Staff of the first community."""
    return api.as_(town.staff(*roles, at=town.community_id))


def enter(caller: ApiClient, town: TownBuilder, name: str) -> tuple[int, list[dict[str, Any]]]:
    """Open an entry from the first page: how many it says there are, and the list that it leads to."""
    town.act(None, rebuild)  # rows that builders wrote by themselves
    [entry] = [each for each in caller.get("/home").json["entries"] if each["name"] == name]
    listed = caller.get(entry["path"].removeprefix("/api/v1"))
    assert listed.status_code == 200, listed.text
    return entry["count"], listed.json["items"]


def answers(callers: tuple[ApiClient, ...], method: str, path: str, body: Any = None) -> list[int]:
    """What each of them is answered to the same request."""
    return [_ask(caller, method, path, body).status_code for caller in callers]


def _ask(caller: ApiClient, method: str, path: str, body: Any) -> TestResponse:
    return caller.get(path) if method == "GET" else caller.call(method, path, body, key=fresh_key())

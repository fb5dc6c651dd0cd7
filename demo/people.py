"""The town's registered residents and its staff.

Residents registered one after another from the town's opening until yesterday, `resident-00001` first. Whoever came
early takes part more, which is how the demo gets regulars. `resident-00001` is the one to walk through the product
with: a volunteer of 星民社区 whose history is made to have something of everything (`demo.history`).
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from argon2.exceptions import VerifyMismatchError
from sqlalchemy import select, update

from demo.making import RisingIds, Row, Rows, moment_between
from demo.names import draw_given_name, draw_surnames
from demo.places import Home, Places
from models.residents import (
    Consent,
    OpenidLookup,
    Purpose,
    Resident,
    ResidentStatus,
    Role,
    RoleGrant,
    Staff,
    StaffLookup,
    StaffStatus,
)
from models.volunteering import VolunteerRegistration
from rules.keys import Keys
from rules.residents.passwords import HASHER
from rules.residents.sign_in import CONSENT_VERSION, openid_context
from rules.work import Work

RESIDENTS = 14_657
VOLUNTEER_SHARE = 0.08
#: How many share the surname of their home.
FAMILY_NAME_SHARE = 0.6
#: Nobody registers at night: the day's hours in which people do, from 7 to 22.
WAKING = (timedelta(hours=7), timedelta(hours=22))
STAFF = {
    "scanner": ("沈晓燕", Role.SCANNER),
    "organiser": ("俞志明", Role.ORGANISER),
    "manager": ("来国平", Role.MANAGER),
    "admin": ("章静", Role.ADMIN),
    "auditor": ("楼敏", Role.AUDITOR),
    "property": ("钱建华", Role.PROPERTY),
    "merchant": ("何秀珍", Role.OPERATOR),  # of the canteen
}
#: Whose role holds for the whole town, so at the root of its tree; that of the others holds in the street.
OF_THE_TOWN = {Role.MANAGER, Role.ADMIN, Role.AUDITOR}


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A resident as the history needs one."""

    id: int
    name: str
    community_id: int
    registered_at: datetime
    is_volunteer: bool


@dataclass(slots=True)
class Circle:
    """Residents who may take part in something, the first registered first."""

    members: list[Neighbour] = field(default_factory=list)
    registered_at: list[datetime] = field(default_factory=list)

    def add(self, neighbour: Neighbour) -> None:
        self.members.append(neighbour)
        self.registered_at.append(neighbour.registered_at)

    def count_at(self, moment: datetime) -> int:
        """How many had registered by then."""
        return bisect_left(self.registered_at, moment)

    def draw(self, random: Random, count: int) -> Neighbour:
        """One of the first `count`, an early one more likely than a late one."""
        return self.members[int(count * random.random() ** 2)]


@dataclass(slots=True)
class People:
    """Who lives and works in the town."""

    first: Neighbour  #: resident-00001, who is in no circle
    scanner_id: int
    circles: dict[tuple[int | None, bool], Circle]  #: by community (None: all of the town) and "volunteers only"
    rows: Rows


def openid_of(number: int) -> str:
    """The openid of the resident with this number, from 1 on."""
    return f"resident-{number:05}"


def make_people(
    random: Random, keys: Keys, places: Places, password_hashes: dict[str, str], days: list[datetime]
) -> People:
    """Staff and residents. `days` are the midnights at which the days of registration began."""
    ids = RisingIds()  # one for all, so that no member of staff has a resident's id
    staff = _make_staff(ids, places, password_hashes, days[0])
    neighbours = _draw_neighbours(random, ids, places, days)
    residents = _Residents(random, keys, places).make(neighbours)
    return People(
        first=neighbours[0][0],
        scanner_id=staff[Staff][0]["id"],
        circles=_make_circles([neighbour for neighbour, _ in neighbours[1:]]),
        rows={**staff, **residents},
    )


def _make_staff(ids: RisingIds, places: Places, password_hashes: dict[str, str], at: datetime) -> Rows:
    grant_ids = RisingIds()
    rows: Rows = {Staff: [], StaffLookup: [], RoleGrant: []}
    for username, (name, role) in STAFF.items():
        id_, in_town = ids.at(at), {"town_id": places.town_id}
        rows[Staff].append(
            {
                **in_town,
                "id": id_,
                "username": username,
                "name": name,
                "password_hash": password_hashes[username],
                "status": StaffStatus.ACTIVE,
                "token_version": 1,
                "created_at": at,
            }
        )
        rows[StaffLookup].append({"username": username, **in_town, "staff_id": id_})
        node = places.city_id if role in OF_THE_TOWN else places.street_id
        grant = {"staff_id": id_, "role": role, "territory_id": node, "granted_at": at}
        rows[RoleGrant].append({**in_town, "id": grant_ids.at(at), **grant})
    return rows


def _draw_neighbours(
    random: Random, ids: RisingIds, places: Places, days: list[datetime]
) -> list[tuple[Neighbour, Home]]:
    """The residents in the order in which they registered, each with a home."""
    moments = sorted(
        moment_between(random, day + WAKING[0], day + WAKING[1]) for day in random.choices(days, k=RESIDENTS)
    )
    family_names = dict(zip(places.homes, draw_surnames(random, len(places.homes)), strict=True))
    own_names = draw_surnames(random, RESIDENTS)
    homes = random.choices(places.homes, k=RESIDENTS)
    homes[0] = places.homes[0]  # in 星民社区, the first in the file
    neighbours = []
    for number, (moment, home, own_name) in enumerate(zip(moments, homes, own_names, strict=True), start=1):
        surname = family_names[home] if random.random() < FAMILY_NAME_SHARE else own_name
        is_volunteer = number == 1 or random.random() < VOLUNTEER_SHARE
        name = surname + draw_given_name(random)
        neighbours.append((Neighbour(ids.at(moment), name, home.community_id, moment, is_volunteer), home))
    return neighbours


class _Residents:
    """Makes the rows of residents."""

    def __init__(self, random: Random, keys: Keys, places: Places) -> None:
        self._random = random
        self._keys = keys
        self._town_id = places.town_id
        self._consent_ids = RisingIds()

    def make(self, neighbours: list[tuple[Neighbour, Home]]) -> Rows:
        numbered = list(enumerate(neighbours, start=1))
        return {
            Resident: [self._resident(number, neighbour, home) for number, (neighbour, home) in numbered],
            OpenidLookup: [self._lookup(number, neighbour) for number, (neighbour, _) in numbered],
            Consent: [self._consent(neighbour) for neighbour, _ in neighbours],
            VolunteerRegistration: [
                {"town_id": self._town_id, "resident_id": each.id, "registered_at": each.registered_at}
                for each, _ in neighbours
                if each.is_volunteer
            ],
        }

    def _resident(self, number: int, neighbour: Neighbour, home: Home) -> Row:
        return {
            "town_id": self._town_id,
            "id": neighbour.id,
            "name": neighbour.name,
            "openid_sealed": self._keys.seal(openid_of(number), openid_context(self._town_id, neighbour.id)),
            "territory_id": home.building_id,
            "household_id": home.id,
            "status": ResidentStatus.ACTIVE,
            "token_version": 1,
            "registered_at": neighbour.registered_at,
        }

    def _lookup(self, number: int, neighbour: Neighbour) -> Row:
        index = self._keys.index_of(openid_of(number))
        return {"openid_index": index, "town_id": self._town_id, "resident_id": neighbour.id}

    def _consent(self, neighbour: Neighbour) -> Row:
        return {
            "town_id": self._town_id,
            "id": self._consent_ids.at(neighbour.registered_at),
            "resident_id": neighbour.id,
            "purpose": Purpose.ACCOUNT,
            "version": CONSENT_VERSION,
            "given_at": neighbour.registered_at,
        }


def _make_circles(neighbours: list[Neighbour]) -> dict[tuple[int | None, bool], Circle]:
    circles: dict[tuple[int | None, bool], Circle] = {}
    for neighbour in neighbours:
        for community_id in (None, neighbour.community_id):
            circles.setdefault((community_id, False), Circle()).add(neighbour)
            if neighbour.is_volunteer:
                circles.setdefault((community_id, True), Circle()).add(neighbour)
    return circles


def keep_password(work: Work, password: str) -> None:
    """Give the demo's staff this password, unless it is theirs already: a changed setting reaches them at the start."""
    of_the_demo = (Staff.town_id == work.town_id, Staff.username.in_(STAFF))
    password_hash = work.db.execute(select(Staff.password_hash).where(*of_the_demo).limit(1)).scalar_one()
    try:
        HASHER.verify(password_hash, password)
    except VerifyMismatchError:
        change = update(Staff).where(*of_the_demo).values(password_hash=HASHER.hash(password))
        work.db.execute(change.execution_options(synchronize_session=False))

"""Builders: an estate with a company, people who live in it, staff of the company, repairs in any state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from werkzeug.test import TestResponse

from models.estates import EstateManagement, PropertyCompany, Repair
from models.moderation import ContentKind
from models.residents import Household, Role
from models.territory import Territory, TerritoryKind
from models.uploads import Upload, UploadPurpose, UploadState
from rules.clock import local_day
from rules.moderation.submitting import submit
from rules.work import Work
from tests.build import ApiClient, Person, TownBuilder, add, fresh_key

PHONE = "13812345678"


@dataclass(frozen=True)
class Home:
    """An estate of a town, its company, and who is who there."""

    town: TownBuilder
    api: ApiClient
    estate_id: int
    building_id: int
    company_id: int
    owner: Person
    neighbour: Person
    keeper: Person  #: PROPERTY at the estate
    manager: Person  #: MANAGER of the street
    auditor: Person

    def as_(self, person: Person) -> ApiClient:
        return self.api.as_(person)

    def submit(self, person: Person | None = None, **changes: Any) -> TestResponse:
        """Send a repair at home in, as its owner unless somebody else is given."""
        return self.as_(person or self.owner).post("/repairs", asked(self, **changes))

    def submitted(self, **changes: Any) -> str:
        """The id of a repair that the owner has just sent in."""
        answer = self.submit(**changes)
        assert answer.status_code == 201, answer.text
        return str(answer.json["id"])

    def step(self, repair_id: str, deed: str, **body: Any) -> TestResponse:
        """A step of the company, by who has just looked."""
        keeper = self.as_(self.keeper)
        revision = keeper.get(f"/repairs/{repair_id}").json["revision"]
        return keeper.post(f"/repairs/{repair_id}/{deed}", {"revision": revision, **body})

    def done(self, **changes: Any) -> str:
        """The id of a repair that the company says is done."""
        repair_id = self.submitted(**changes)
        for deed, body in (
            ("assignment", {"worker_name": "周师傅"}),
            ("start", {}),
            ("completion", {"note": "已更换"}),
        ):
            answer = self.step(repair_id, deed, **body)
            assert answer.status_code == 200, answer.text
        return repair_id

    def row(self, repair_id: str) -> Any:
        """The repair as it stands in the database."""
        statement = select(Repair.__table__).where(Repair.town_id == self.town.id, Repair.id == int(repair_id))
        return self.town.act(None, lambda work: work.core.execute(statement).one())


def home_in(town: TownBuilder, api: ApiClient, community_id: int | None = None) -> Home:
    """An estate with one building, a company since a year, an owner and a neighbour in one building."""

    def deed(work: Work) -> tuple[int, int, int, int]:
        path = work.core.scalar(
            select(Territory.path).where(
                Territory.town_id == town.id, Territory.id == (community_id or town.community_id)
            )
        )
        estate = _node(work, community_id or town.community_id, path, TerritoryKind.ESTATE, "星河湾")
        building = _node(work, estate[0], estate[1], TerritoryKind.BUILDING, "1幢")
        household = add(work, Household, building_id=building[0], door="2单元601室")
        company = add(work, PropertyCompany, name="绿野物业", phone="0571-86543210", address="", recorded_at=work.now)
        add(
            work,
            EstateManagement,
            estate_id=estate[0],
            company_id=company,
            from_day=local_day(work.now - timedelta(days=365)),
            recorded_at=work.now,
        )
        return estate[0], building[0], company, household

    estate_id, building_id, company_id, household_id = town.act(None, deed)
    return Home(
        town,
        api,
        estate_id,
        building_id,
        company_id,
        town.resident("李晓兰", territory_id=building_id, household_id=household_id),
        town.resident("陈东", territory_id=building_id),
        town.staff(Role.PROPERTY, at=estate_id),
        town.staff(Role.MANAGER),
        town.staff(Role.AUDITOR),
    )


def asked(home: Home, **changes: Any) -> dict[str, Any]:
    """The body of a repair at home."""
    body = {
        "estate_id": str(home.estate_id),
        "territory_id": str(home.building_id),
        "place": "home",
        "location": "厨房",
        "category": "water_power",
        "description": "水槽下面漏水",
        "phone": PHONE,
    }
    return body | changes


def picture(town: TownBuilder, person: Person, purpose: UploadPurpose = UploadPurpose.REPAIR) -> str:
    """The id of a picture that somebody has sent."""

    def deed(work: Work) -> int:
        upload_id = work.new_id()
        whose = {"resident_id": person.id} if person.kind == "resident" else {"staff_id": person.id}
        content = submit(work, ContentKind.PICTURE, "", place_path="", upload_id=upload_id)
        columns = {
            "purpose": purpose,
            "state": UploadState.READY,
            "source_hash": fresh_key().encode(),
            "storage_key": fresh_key(),
            "width": 800,
            "height": 600,
            "byte_count": 1000,
            "content_id": content,
            "created_at": work.now,
        }
        return add(work, Upload, id=upload_id, **whose, **columns)

    return str(town.act(person, deed))


def _node(work: Work, parent_id: int, path: str, kind: TerritoryKind, name: str) -> tuple[int, str]:
    id_ = work.new_id()
    mine = f"{path}{id_}/"
    add(work, Territory, id=id_, parent_id=parent_id, kind=kind, name=name, path=mine)
    return id_, mine

"""Protects certificates: a snapshot with a code that anybody can check, and no more of a person than is printed."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import update
from werkzeug.test import TestResponse

from models.residents import Resident
from models.volunteering import CERTIFICATE, Certificate
from rules.volunteering.certificates import ALPHABET, CODE_LENGTH
from tests.build import ApiClient, Person, TownBuilder, fresh_key
from tests.edge.helpers import NOBODY, problem_of
from tests.rulebook.live import put_in_force
from tests.volunteering.serving import (
    RULES,
    a_session,
    days_ago,
    entry,
    guardian_of,
    manager,
    organiser,
    serve,
    today,
    void,
    written_down,
)


@pytest.fixture(autouse=True)
def rules(town: TownBuilder) -> None:
    put_in_force(town, RULES)


@pytest.fixture
def volunteer(town: TownBuilder, api: ApiClient) -> Person:
    """Somebody with 150 signed minutes of today and 60 that staff wrote down a week ago."""
    person = town.resident("欧阳小明", volunteer=True)
    serve(town, person, a_session(town), 150)
    written_down(organiser(town, api), entry(person, 60, days_ago(7)))
    return person


def issue(caller: ApiClient, **wish: str) -> dict[str, object]:
    answer = caller.post("/me/certificates", wish)
    assert answer.status_code == 201, answer.text
    return dict(answer.json)


def withdraw(staff: ApiClient, code: object, reason: str = "冒用他人身份") -> TestResponse:
    return staff.post(f"/certificates/{code}/withdrawal", {"reason": reason})


def test_a_certificate_holds_the_hours_as_they_stand(town: TownBuilder, api: ApiClient, volunteer: Person) -> None:
    made = issue(api.as_(volunteer))
    assert made["minutes"] == {"signed": 150, "staff": 60, "imported": 0, "total": 210}
    assert (made["star"], made["from"], made["to"]) == ("一星级志愿者", None, today().isoformat())
    assert (made["name"], made["status"]) == ("欧阳小明", "valid")
    code = str(made["code"]).replace("-", "")
    assert re.fullmatch(f"[{ALPHABET}]{{{CODE_LENGTH}}}", code)
    assert made["verify_path"] == f"/api/v1/certificates/{code}/page?town={town.code}"
    serve(town, volunteer, a_session(town), 30)
    assert api.as_(volunteer).get(f"/me/certificates/{made['id']}").json == made
    assert api.as_(volunteer).get("/me/certificates").json["items"] == [made]


def test_a_certificate_of_some_days_holds_their_hours(api: ApiClient, volunteer: Person) -> None:
    me = api.as_(volunteer)
    day = days_ago(7).isoformat()
    assert issue(me, **{"from": day, "to": day})["minutes"]["total"] == 60  # type: ignore[index]
    assert issue(me, **{"from": days_ago(6).isoformat()})["minutes"]["total"] == 150  # type: ignore[index]
    problem_of(me.post("/me/certificates", {"to": days_ago(8).isoformat()}), 409, "certificate.no_hours")
    tomorrow = (today() + timedelta(days=1)).isoformat()
    for wish in ({"from": tomorrow}, {"to": tomorrow}, {"from": day, "to": days_ago(8).isoformat()}):
        problem_of(me.post("/me/certificates", wish), 422, "certificate.period_invalid")


def test_nobody_is_certified_without_a_name_or_hours(town: TownBuilder, api: ApiClient) -> None:
    nameless = town.resident("", volunteer=True)
    serve(town, nameless, a_session(town), 60)
    problem_of(api.as_(nameless).post("/me/certificates", {}), 409, "certificate.name_needed")
    problem_of(api.as_(town.resident()).post("/me/certificates", {}), 409, "certificate.no_hours")
    assert town.rows(Certificate) == []


def test_the_same_request_again_is_one_certificate(town: TownBuilder, api: ApiClient, volunteer: Person) -> None:
    key = fresh_key()
    answers = [api.as_(volunteer).post("/me/certificates", {}, key=key) for _ in range(2)]
    assert answers[0].json == answers[1].json
    assert len(town.rows(Certificate)) == 1


def test_whoever_has_the_code_sees_the_surname_and_the_hours_and_no_more(
    town: TownBuilder, api: ApiClient, volunteer: Person
) -> None:
    made = issue(api.as_(volunteer))
    shown = api.get(f"/certificates/{made['code']}")
    assert shown.status_code == 200, shown.text
    assert shown.json == {
        "code": made["code"],
        "town_name": "测试街道",
        "name": "欧***",
        "from": None,
        "to": made["to"],
        "minutes": made["minutes"],
        "hours": made["hours"],
        "star": made["star"],
        "issued_at": made["issued_at"],
        "status": "valid",
        "withdrawn_at": None,
        "lowered_since": False,
    }
    assert "欧阳" not in shown.text
    assert str(volunteer.id) not in shown.text


def test_a_code_is_read_as_people_type_it_and_a_wrong_one_is_nothing(api: ApiClient, volunteer: Person) -> None:
    code = str(issue(api.as_(volunteer))["code"])
    for typed in (
        code.lower(),
        code.replace("-", ""),
        code.replace("-", " "),
        code.replace("0", "o").replace("1", "l"),
    ):
        assert api.get(f"/certificates/{typed}").json["code"] == code
    other = ("0" if code[0] != "0" else "2") + code[1:]
    for wrong in (other, code[:-1], "x", "%27%20OR%201=1", "志愿", code + "0"):
        problem_of(api.get(f"/certificates/{wrong}"), 404, "certificate.unknown")


def test_a_code_of_another_town_is_unknown_here(town: TownBuilder, api: ApiClient, volunteer: Person) -> None:
    code = issue(api.as_(volunteer))["code"]
    problem_of(api.get(f"/certificates/{code}", town="no-such-town"), 404, "town.unknown")


def test_hours_that_are_taken_back_later_are_told_to_who_verifies(
    town: TownBuilder, api: ApiClient, volunteer: Person
) -> None:
    staff = organiser(town, api)
    [wrong] = written_down(staff, entry(volunteer, 30, days_ago(3)))
    code = issue(api.as_(volunteer))["code"]
    serve(town, volunteer, a_session(town), 60)
    assert api.get(f"/certificates/{code}").json["lowered_since"] is False
    void(staff, wrong["id"])
    shown = api.get(f"/certificates/{code}").json
    assert (shown["lowered_since"], shown["minutes"]["staff"], shown["status"]) == (True, 90, "valid")


def test_staff_withdraw_a_certificate_for_good(town: TownBuilder, api: ApiClient, volunteer: Person) -> None:
    made = issue(api.as_(volunteer))
    problem_of(withdraw(manager(town, api, at=town.other_community_id), made["code"]), 403, "auth.forbidden")
    problem_of(withdraw(organiser(town, api), made["code"]), 403, "auth.forbidden")
    problem_of(withdraw(api.as_(volunteer), made["code"]), 403, "auth.forbidden")
    assert api.get(f"/certificates/{made['code']}").json["status"] == "valid"
    answer = withdraw(manager(town, api), made["code"])
    assert (answer.status_code, answer.json["status"]) == (200, "withdrawn")
    assert answer.json["withdrawn_at"] is not None
    problem_of(withdraw(manager(town, api), made["code"]), 409, "certificate.withdrawn")
    mine = api.as_(volunteer).get(f"/me/certificates/{made['id']}").json
    assert (mine["status"], mine["withdrawal_reason"]) == ("withdrawn", "冒用他人身份")
    assert "冒用" not in api.get(f"/certificates/{made['code']}").text
    problem_of(withdraw(manager(town, api), "X" * 16), 404, "certificate.unknown")


def test_a_row_that_was_changed_in_the_database_is_not_valid(
    town: TownBuilder, api: ApiClient, volunteer: Person
) -> None:
    made = issue(api.as_(volunteer))
    town.act(None, lambda work: work.core.execute(update(CERTIFICATE).values(signed_minutes=60_000)))
    assert api.get(f"/certificates/{made['code']}").json["status"] == "altered"


def test_the_name_is_the_one_of_the_day_and_encrypted(town: TownBuilder, api: ApiClient, volunteer: Person) -> None:
    made = issue(api.as_(volunteer))

    def rename(work: object) -> None:
        work.db.execute(update(Resident).where(Resident.id == volunteer.id).values(name="别名"))  # type: ignore[attr-defined]

    town.act(None, rename)
    assert api.as_(volunteer).get(f"/me/certificates/{made['id']}").json["name"] == "欧阳小明"
    [(row,)] = town.rows(Certificate)
    assert "欧阳".encode() not in row.name_sealed


def test_a_certificate_is_its_owners(town: TownBuilder, api: ApiClient, volunteer: Person) -> None:
    made = issue(api.as_(volunteer))
    neighbour = api.as_(town.resident())
    for path in (f"/me/certificates/{made['id']}", f"/me/certificates/{made['id']}.pdf", f"/me/certificates/{NOBODY}"):
        problem_of(neighbour.get(path), 404, "certificate.unknown")
    assert neighbour.get("/me/certificates").json["items"] == []
    problem_of(neighbour.post("/me/certificates", {"resident_id": str(volunteer.id)}), 403, "proxy.none")
    problem_of(neighbour.get("/me/certificates", resident_id=str(volunteer.id)), 403, "proxy.none")


def test_a_guardian_has_the_hours_of_the_child_certified(town: TownBuilder, api: ApiClient) -> None:
    child = town.resident("王小小", volunteer=True, born_on=days_ago(3650))
    serve(town, child, a_session(town), 60)
    guardian = api.as_(guardian_of(town, child))
    made = issue(guardian, resident_id=str(child.id))
    assert (made["name"], made["resident_id"]) == ("王小小", str(child.id))
    assert (
        guardian.get(f"/me/certificates/{made['id']}").json == api.as_(child).get(f"/me/certificates/{made['id']}").json
    )
    assert guardian.get("/me/certificates", resident_id=str(child.id)).json["items"] == [made]
    assert guardian.get("/me/certificates").json["items"] == []

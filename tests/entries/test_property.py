"""找物业, walked by four: from the company's number to a repair that is done, and who sees anything of it."""

from __future__ import annotations

from models.estates import Repair
from tests.build import ApiClient, TownBuilder
from tests.entries.callers import Callers, answers, enter, four
from tests.estates.homes import Home, asked, home_in


def walkers(town: TownBuilder, api: ApiClient) -> tuple[Home, Callers]:
    """An estate, and the four; the resident lives there, the neighbour in the same community."""
    home = home_in(town, api)
    return home, four(town, api, territory_id=home.building_id)


def test_a_repair_is_between_who_asks_and_the_company(town: TownBuilder, api: ApiClient) -> None:
    home, who = walkers(town, api)

    # Anybody finds the estate and the company's number.
    for caller in who.all:
        count, listed = enter(caller, town, "找物业")
        assert (count, [each["name"] for each in listed]) == (1, ["星河湾"])
        assert caller.get(f"/estates/{home.estate_id}").json["estate"]["company_phone"] == "0571-86543210"
    assert answers(who.all, "GET", "/me/estate") == [200, 404, 403, 401]

    # Only who lives there reports something.
    assert answers(who.others, "POST", "/repairs", asked(home)) == [403, 403, 401]
    assert town.rows(Repair.id) == []
    sent = who.resident.post("/repairs", asked(home))
    assert (sent.status_code, sent.json["status"]) == (201, "submitted")

    # The resident sees it, the company sees it, for the others there is nothing.
    repair = f"/repairs/{sent.json['id']}"
    assert answers(who.all, "GET", repair) == [200, 404, 404, 401]
    assert home.as_(home.keeper).get(repair).status_code == 200
    assert [each["id"] for each in who.resident.get("/me/repairs").json["items"]] == [sent.json["id"]]
    assert who.neighbour.get("/me/repairs").json["items"] == []
    assert who.elsewhere.get("/repairs").json["items"] == []

    # The company does it; nobody else takes a step, not even the resident.
    step = {"revision": 1, "worker_name": "周师傅"}
    assert answers(who.all, "POST", f"{repair}/assignment", step) == [403, 404, 404, 401]
    for deed, body in (("assignment", {"worker_name": "周师傅"}), ("start", {}), ("completion", {})):
        assert home.step(sent.json["id"], deed, **body).status_code == 200

    # Done is what the resident says is done, and they alone say how good it was.
    assert answers(who.others, "POST", f"{repair}/confirmation") == [404, 404, 401]
    assert who.resident.post(f"{repair}/confirmation").json["status"] == "confirmed"
    assert answers(who.others, "PUT", f"{repair}/rating", {"rating": 1}) == [404, 404, 401]
    assert who.resident.call("PUT", f"{repair}/rating", {"rating": 5}).status_code == 200
    assert town.rows(Repair.rating) == [(5,)]


def test_a_complaint_is_read_by_whom_it_is_addressed_to(town: TownBuilder, api: ApiClient) -> None:
    home, who = walkers(town, api)
    words = {"estate_id": str(home.estate_id), "kind": "complaint", "addressee": "company", "words": "电梯常坏"}
    assert answers(who.others, "POST", "/complaints", words) == [403, 403, 401]
    complaint = f"/complaints/{who.resident.post('/complaints', words).json['id']}"
    assert answers(who.all, "GET", complaint) == [200, 404, 404, 401]
    assert answers(who.others[1:], "POST", f"{complaint}/answer", {"answer": "好"}) == [404, 401]
    assert home.as_(home.keeper).post(f"{complaint}/answer", {"answer": "已约检修"}).status_code == 200
    assert who.resident.get(complaint).json["answer"] == "已约检修"

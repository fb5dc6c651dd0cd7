"""Protects complaints and praise: who reads them, with whose name, and that they are answered in time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from models.estates import Complaint, Repair
from models.jobs import Outbox
from models.residents import Role
from models.uploads import UploadPurpose
from rules.estates import complaints, submitting
from rules.estates.tending import tend_repairs
from tests.estates.homes import Home, picture
from tests.plans import steps_of


def say(home: Home, **changes: Any) -> str:
    body = {"kind": "complaint", "addressee": "company", "estate_id": str(home.estate_id), "words": "电梯总坏"}
    answer = home.as_(home.owner).post("/complaints", body | changes)
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


def test_the_company_reads_what_is_said_to_it_and_not_who_said_it_where_they_wish_so(home: Home) -> None:
    repair_id = home.submitted()
    named = say(home, upload_ids=[picture(home.town, home.owner, UploadPurpose.COMPLAINT)])
    unnamed, to_street = say(home, is_anonymous=True, repair_id=repair_id), say(home, addressee="street")
    keeper, manager = home.as_(home.keeper), home.as_(home.manager)
    listed = {each["id"]: each for each in keeper.get("/complaints").json["items"]}
    assert set(listed) == {named, unnamed}
    assert (listed[named]["resident"], len(listed[named]["pictures"])) == ("李**", 1)
    assert [listed[unnamed][name] for name in ("resident", "resident_id", "repair_id")] == [None, None, None]
    assert str(home.owner.id) not in keeper.get(f"/complaints/{unnamed}").text
    assert keeper.get(f"/complaints/{to_street}").status_code == 404
    assert {each["id"] for each in manager.get("/complaints").json["items"]} == {named, unnamed, to_street}
    assert manager.get(f"/complaints/{unnamed}").json["resident"] == "李**"
    assert home.as_(home.owner).get(f"/complaints/{unnamed}").json["repair_id"] == repair_id
    figures = f"/estates/{home.estate_id}/statistics/staff"
    assert [caller.get(figures).json["complaints"] for caller in (keeper, manager)] == [2, 3]


def test_nobody_else_sees_a_complaint(home: Home) -> None:
    complaint_id = say(home)
    elsewhere = home.town.staff(Role.MANAGER, at=home.town.other_community_id)
    for person in (home.neighbour, elsewhere, home.town.staff(Role.ORGANISER)):
        assert home.as_(person).get(f"/complaints/{complaint_id}").status_code == 404
        assert home.as_(person).get("/complaints").json["items"] == []
        assert home.as_(person).post(f"/complaints/{complaint_id}/answer", {"answer": "好"}).status_code == 404
    assert home.as_(home.auditor).post(f"/complaints/{complaint_id}/answer", {"answer": "好"}).status_code == 403
    assert home.as_(home.neighbour).delete(f"/complaints/{complaint_id}").status_code == 404
    assert home.api.get(f"/complaints/{complaint_id}").status_code == 401
    outsider = home.as_(home.town.resident())
    body = {"kind": "praise", "addressee": "company", "estate_id": str(home.estate_id), "words": "很好"}
    assert outsider.post("/complaints", body).status_code == 403
    assert [row.answer for row in home.town.rows(Complaint.answer)] == [None]


def test_staff_write_down_what_they_may_not_read_afterwards(home: Home) -> None:
    others_repair = home.submitted()
    body = {"kind": "complaint", "estate_id": str(home.estate_id), "words": "电梯总坏"}
    for person, addressee in ((home.town.staff(Role.SCANNER), "company"), (home.keeper, "street")):
        said = body | {"addressee": addressee, "resident_id": str(home.neighbour.id)}
        answer = home.as_(person).post("/complaints", said)
        assert (answer.status_code, answer.json["words"]) == (201, "电梯总坏")
        assert home.as_(person).get(f"/complaints/{answer.json['id']}").status_code == 404
        refused = home.as_(person).post("/complaints", said | {"repair_id": others_repair})
        assert refused.json["code"] == "repair.unknown"
    assert len(home.as_(home.neighbour).get("/me/complaints").json["items"]) == 2


def test_it_is_answered_once_and_the_resident_is_told(home: Home) -> None:
    complaint_id = say(home)
    path = f"/complaints/{complaint_id}"
    answered = home.as_(home.keeper).post(f"{path}/answer", {"answer": "已约检修"})
    assert (answered.status_code, answered.json["status"]) == (200, "answered")
    again = home.as_(home.manager).post(f"{path}/answer", {"answer": "别的"})
    assert (again.status_code, again.json["code"]) == (409, "complaint.over")
    assert home.as_(home.owner).delete(path).json["code"] == "complaint.over"
    assert home.as_(home.owner).get("/me/complaints").json["items"][0]["answer"] == "已约检修"
    (told,) = home.town.rows(Outbox.payload, topic="complaint.answered")
    assert told.payload["resident_id"] == str(home.owner.id)
    withdrawn = say(home)
    assert home.as_(home.owner).delete(f"/complaints/{withdrawn}").json["status"] == "withdrawn"
    assert home.as_(home.keeper).post(f"/complaints/{withdrawn}/answer", {"answer": "好"}).status_code == 409


def test_a_late_answer_is_noted_once_and_counted(home: Home) -> None:
    complaint_id = int(say(home))
    due_at = home.town.rows(Complaint.due_at, id=complaint_id)[0].due_at
    with time_machine.travel(due_at + timedelta(minutes=1), tick=False):
        assert tend_repairs(home.town.database, home.town.id).complaints_late == 1
        assert tend_repairs(home.town.database, home.town.id).complaints_late == 0
        (overdue,) = home.as_(home.keeper).get("/complaints", overdue="true").json["items"]
        assert overdue["is_overdue"]
        home.as_(home.keeper).post(f"/complaints/{complaint_id}/answer", {"answer": "抱歉"})
        figures = home.as_(home.keeper).get(f"/estates/{home.estate_id}/statistics/staff").json
    assert [figures[name] for name in ("complaints", "complaints_answered", "complaints_answered_on_time")] == [1, 1, 0]
    assert len(home.town.rows(Outbox.id, topic="complaint.overdue")) == 1


def test_the_pictures_of_a_page_are_read_at_once(home: Home) -> None:
    for _ in range(3):
        say(home, upload_ids=[picture(home.town, home.owner, UploadPurpose.COMPLAINT)])
    listed = home.as_(home.keeper).get("/complaints").json["items"]
    assert [len(each["pictures"]) for each in listed] == [1, 1, 1]
    steps = steps_of(home.town, "upload", lambda: home.as_(home.keeper).get("/complaints"))
    assert len([step for step in steps if " upload USING" in step]) == 1


def test_one_resident_says_so_much_on_a_day_and_no_more(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(complaints, "COMPLAINTS_A_DAY", 2)
    monkeypatch.setattr(submitting, "REPAIRS_A_DAY", 1)
    wish = {"estate_id": str(home.estate_id), "kind": "complaint", "addressee": "company", "words": "灯不亮"}
    answers = [home.as_(home.owner).post("/complaints", wish) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert answers[2].json["code"] == "daily_limit.reached"
    assert int(answers[2].headers["Retry-After"]) > 0
    assert [home.submit().status_code for _ in range(2)] == [201, 429]
    assert home.submit(home.neighbour).status_code == 201
    assert (len(home.town.rows(Complaint.id)), len(home.town.rows(Repair.id))) == (2, 2)

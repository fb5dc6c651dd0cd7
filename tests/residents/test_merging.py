"""Protects joining a WeChat account with a record of the desk: by number and name, or by staff, and never otherwise."""

from __future__ import annotations

import uuid

from models.residents import Merging, MergingStatus, Resident, Role
from rules.work import ActorKind
from tests.build import ApiClient, Person, TownBuilder
from tests.edge.helpers import problem_of
from tests.groups.neighbours import group_of
from tests.ledger.keeping import audit
from tests.points.hands import give
from tests.residents.people import a_mobile, at_the_desk, registered
from tests.residents.rights import signed_in
from tests.rewards.mall import balances


def desk_record(town: TownBuilder, api: ApiClient, phone: str, name: str = "陈阿婆") -> Person:
    id_ = registered(at_the_desk(town, api), town, phone=phone, name=name)
    return Person(id_, ActorKind.RESIDENT, name)


def offered(town: TownBuilder, api: ApiClient) -> tuple[ApiClient, Person, Person, str]:
    """Somebody who signed in, whose number is in a record of the desk; and the code they sign in with."""
    phone, code = a_mobile(), f"demo:{uuid.uuid4().hex}"
    record = desk_record(town, api, phone)
    me, id_ = signed_in(api, code)
    answer = me.post("/me/phone", {"code": f"demo:{phone}"})
    assert (answer.status_code, answer.json["is_kept"]) == (200, False), answer.text
    assert "陈" not in answer.text  # whose record it is, isn't told
    return me, Person(id_, ActorKind.RESIDENT, ""), record, code


def test_a_fresh_account_becomes_the_record_once_it_says_the_name(town: TownBuilder, api: ApiClient) -> None:
    me, account, record, code = offered(town, api)
    give(town, record, 40)
    kept = {"kind": "activity", "subject_id": str(town.activity())}
    assert me.call("PUT", "/me/favourites", kept).status_code == 200
    done = me.post("/me/merging", {"name": " 陈 阿婆"})
    assert (done.status_code, done.json["status"]) == (200, "done"), done.text
    assert me.get("/me").status_code == 401
    mine = api.with_token(done.json["signed_in"]["access_token"])
    assert mine.get("/me").json["id"] == str(record.id)
    assert mine.get("/me/points").json["balance"] == 40
    assert [each["subject_id"] for each in mine.get("/me/favourites").json["items"]] == [kept["subject_id"]]
    again, id_ = signed_in(api, code)
    assert (id_, again.get("/me").json["name"]) == (record.id, "陈阿婆")
    [(merging,)] = town.rows(Merging, record_id=record.id)
    assert (merging.status, merging.resident_id, merging.decided_by) == (MergingStatus.DONE, account.id, None)
    given = {item["purpose"] for item in mine.get("/me/consents").json["items"] if item["is_given"]}
    assert given == {"account", "phone"}


def test_a_wrong_name_is_tried_three_times_and_no_more(town: TownBuilder, api: ApiClient) -> None:
    me, _, record, _ = offered(town, api)
    for _ in range(3):
        problem_of(me.post("/me/merging", {"name": "陈阿公"}), 422, "merging.name_differs")
    problem_of(me.post("/me/merging", {"name": "陈阿婆"}), 404, "merging.none")
    assert town.rows(Resident.openid_sealed, id=record.id)[0].openid_sealed is None
    assert town.rows(Merging.wrong_names, record_id=record.id)[0].wrong_names == 3


def test_an_account_with_something_waits_for_a_manager_and_its_points_are_transferred(
    town: TownBuilder, api: ApiClient
) -> None:
    me, account, record, code = offered(town, api)
    give(town, account, 25)
    give(town, record, 10)
    group_of(town, api, account)
    assert me.post("/me/merging", {"name": "陈阿婆"}).json == {"status": "asked", "signed_in": None}
    manager, elsewhere = (
        api.as_(town.staff(Role.MANAGER)),
        api.as_(town.staff(Role.MANAGER, at=town.other_community_id)),
    )
    assert elsewhere.get("/mergings").json["items"] == []
    [waiting] = manager.get("/mergings").json["items"]
    assert waiting["record_name"] == "陈**"
    problem_of(elsewhere.post(f"/mergings/{waiting['id']}/approval"), 403, "auth.forbidden")
    assert manager.post(f"/mergings/{waiting['id']}/approval").status_code == 204
    problem_of(manager.post(f"/mergings/{waiting['id']}/approval"), 409, "merging.decided")
    assert balances(town, record) == (35, 0)
    assert balances(town, account) == (0, 0)
    audit(town)
    mine, id_ = signed_in(api, code)
    assert id_ == record.id
    assert len(mine.get("/me/groups").json["items"]) == 1
    [(merging,)] = town.rows(Merging, record_id=record.id)
    assert (merging.points_moved, merging.decided_by is not None) == (25, True)


def test_staff_do_not_join_what_is_still_open_and_may_say_no(town: TownBuilder, api: ApiClient) -> None:
    me, account, record, _ = offered(town, api)
    me.post(f"/sessions/{town.session()}/reservations", {"party_size": 1})
    assert me.post("/me/merging", {"name": "陈阿婆"}).json["status"] == "asked"
    manager = api.as_(town.staff(Role.MANAGER))
    [waiting] = manager.get("/mergings").json["items"]
    problem_of(manager.post(f"/mergings/{waiting['id']}/approval"), 409, "merging.blocked")
    assert manager.post(f"/mergings/{waiting['id']}/rejection", {"reason": "不是本人"}).status_code == 204
    assert me.get("/me").json["id"] == str(account.id)
    assert town.rows(Resident.openid_sealed, id=record.id)[0].openid_sealed is None

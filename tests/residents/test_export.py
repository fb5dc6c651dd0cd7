"""Protects the copy of everything: all of mine, nothing of others, for me alone and for a day."""

from __future__ import annotations

from datetime import date, timedelta

import time_machine

from rules.clock import utc_now
from rules.rights.holdings import HOLDINGS
from rules.work import ActorKind
from tests.build import ApiClient, Person, TownBuilder
from tests.edge.helpers import problem_of
from tests.groups.neighbours import card_of
from tests.points.hands import give
from tests.residents.everything import fill_everything
from tests.residents.people import a_mobile, register_child, with_phone
from tests.residents.rights import copy_of, unzipped
from tests.uploads.helpers import sent


def test_the_copy_holds_my_number_my_texts_my_pictures_and_my_statement_in_clear(
    town: TownBuilder, api: ApiClient
) -> None:
    phone = a_mobile()
    person = with_phone(town, phone, "诸葛小明")
    me = api.as_(person)
    give(town, person, 30)
    card_of(town, api, person, "小明同学")
    picture = sent(me)
    copy = copy_of(me)
    [shown] = copy["resident.json"]
    assert (shown["name"], shown["phone"], shown["id"]) == ("诸葛小明", phone, str(person.id))
    assert shown["openid"] == f"openid-{person.id}"
    assert copy["card.json"][0]["display_name"] == "小明同学"
    assert "小明同学" in copy["texts.json"][0]["text"]
    statement = copy["statement-points.csv"].decode()
    assert statement.startswith("\ufeff编号,时间")
    assert ",30,30" in statement
    assert copy[f"pictures/post-{picture['id']}.jpg"].startswith(b"\xff\xd8")
    assert "个人信息副本" in copy["说明.txt"].decode()


def test_the_copy_has_a_document_for_every_table_that_it_shows_and_names_nobody_else(
    town: TownBuilder, api: ApiClient
) -> None:
    known = fill_everything(town)
    copy = copy_of(api.as_(Person(known.id, ActorKind.RESIDENT, known.name)))
    rooms = {f"{h.room}.json" for h in HOLDINGS if h.room and not h.kept and h.table.__tablename__ != "resident_block"}
    assert rooms <= set(copy)
    assert "blocks.json" not in copy  # who blocked me is not mine to know
    text = "".join(str(content) for content in copy.values())
    assert known.secret in text
    assert known.phone in text
    assert "别人的" not in text
    assert "旁人" not in text
    assert copy["proxies.json"][0]["principal_id"] == "本人"
    assert copy["proxies.json"][0]["agent_id"] == "旁*"


def test_it_is_mine_alone_for_a_day_and_three_times(town: TownBuilder, api: ApiClient) -> None:
    person = town.resident()
    me = api.as_(person)
    asked = me.post("/me/exports", {}).json
    assert unzipped(me.get(f"/me/exports/{asked['id']}"))
    problem_of(api.as_(town.resident()).get(f"/me/exports/{asked['id']}"), 404, "export.unknown")
    problem_of(me.get(f"/me/exports/{asked['id']}", part=2), 404, "export.unknown")
    with time_machine.travel(utc_now() + timedelta(hours=25), tick=False):
        problem_of(api.as_(person).get(f"/me/exports/{asked['id']}"), 404, "export.unknown")
    assert [me.post("/me/exports", {}).status_code for _ in range(3)] == [201, 201, 429]


def test_a_guardian_has_the_childs_copy(town: TownBuilder, api: ApiClient) -> None:
    mother = town.resident(born_on=date(1980, 1, 1))
    me = api.as_(mother)
    child = register_child(me, name="小宝贝").json["id"]
    assert copy_of(me, resident_id=child)["resident.json"][0]["name"] == "小宝贝"
    problem_of(api.as_(town.resident()).post("/me/exports", {"resident_id": child}), 403, "proxy.none")

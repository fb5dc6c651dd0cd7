"""Protects the inbox: what happened stands in it once, in words, for whom it concerns and nobody else."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select

from models.activities import Session
from models.notices import Notice
from models.residents import Role
from rules.clock import utc_now
from rules.notices.catalogue import CATALOGUE
from rules.notices.delivering import deliver as write
from rules.notices.inbox import count_unread
from rules.notices.wording import moment_in_words, words_of
from rules.outbox import Message
from rules.residents import proxies
from rules.work import Work
from tests.build import ApiClient, Person, TownBuilder, fresh_key
from tests.notices.helpers import courier_of, deliver, fake_wechat, session_message, tell


def deliver_all(town: TownBuilder) -> None:
    deliver(town, courier_of(town, fake_wechat(town)))


def inbox_of(api: ApiClient, person: Person, **query: object) -> list[dict]:
    return api.as_(person).get("/me/inbox", **query).json["items"]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_topic_reads_as_a_sentence_whatever_is_missing(language: str) -> None:
    fields = set(re.findall(r"\{(\w+)\}", repr(CATALOGUE)))
    for payload in ({}, dict.fromkeys(fields, "某某"), dict.fromkeys(fields, utc_now().isoformat())):
        for topic in CATALOGUE:
            words = words_of(topic, payload, language)
            assert not set("{}[]") & set(words.title + words.text + (words.page or "")), topic
    assert words_of("of.a.newer.version", {}, language).title in ("通知", "Notice")


def test_a_message_becomes_a_notice_in_the_readers_language_once(town: TownBuilder, api: ApiClient) -> None:
    resident = town.resident()
    session_id = town.session(activity_id=town.activity(title="亲子早教"), begins_in=timedelta(days=3))
    message = session_message(resident, session_id)
    tell(town, message)
    deliver_all(town)
    town.act(None, _write_again, message)
    [notice] = inbox_of(api, resident)
    begins = town.act(None, _starts_at, session_id)
    assert notice["text"] == f"“亲子早教”（{moment_in_words(begins, 'zh')}）已取消。原因：下雨。预约已为您退回。"
    assert notice["page"] == f"pages/session?id={session_id}"
    english = api.as_(resident).call("GET", "/me/inbox", headers={"Accept-Language": "en"}).json["items"][0]
    assert (english["id"], english["title"]) == (notice["id"], "Called off")


def _starts_at(work: Work, session_id: int) -> datetime:
    return work.db.scalar(select(Session.starts_at).where(Session.town_id == work.town_id, Session.id == session_id))


def _write_again(work: Work, message: Message) -> None:
    write(work, {}, message.topic, message.key, message.payload)


def test_a_promotion_from_the_waiting_list_arrives_in_the_inbox(town: TownBuilder, api: ApiClient) -> None:
    activity = town.activity(waiting_max=5)
    session_id = town.session(activity_id=activity, capacity=1, begins_in=timedelta(days=2))
    first, second = town.resident(), town.resident()
    for person in (first, second):
        answer = api.as_(person).post(f"/sessions/{session_id}/reservations", {"party_size": 1})
        assert answer.status_code == 201
    mine = api.as_(first).get("/me/reservations").json["items"][0]["id"]
    api.as_(first).delete(f"/reservations/{mine}", key=fresh_key())
    deliver_all(town)
    assert [notice["topic"] for notice in inbox_of(api, second)] == ["reservation.promoted"]
    assert inbox_of(api, first) == []


def test_a_childs_notice_also_goes_to_the_guardian_and_an_elders_to_the_helper(
    town: TownBuilder, api: ApiClient
) -> None:
    today = utc_now().date()
    child = town.resident("王小小", born_on=date(today.year - 8, 1, 1), openid_sealed=None)
    elder = town.resident("赵奶奶", born_on=date(1940, 1, 1), openid_sealed=None)
    with_phone = town.resident("李四", born_on=date(1960, 1, 1))
    helper = town.resident("王大明", born_on=date(1985, 1, 1))
    for principal in (child, elder, with_phone):
        town.act(town.staff(Role.MANAGER), proxies.record_proxy, principal.id, helper.id, "本人到场签字")
    deliver_all(town)
    before = len(inbox_of(api, helper))
    session_id = town.session(begins_in=timedelta(days=1))
    tell(town, *(session_message(each, session_id) for each in (child, elder, with_phone)))
    deliver_all(town)
    got = inbox_of(api, helper)[: len(inbox_of(api, helper)) - before]
    assert sorted(notice["about_name"] for notice in got) == ["王小小", "赵奶奶"]
    assert [notice["about_name"] for notice in inbox_of(api, with_phone, limit=1)] == [None]


def test_what_is_for_staff_reaches_those_of_the_place_and_no_resident(town: TownBuilder, api: ApiClient) -> None:
    resident = town.resident()
    begins = utc_now() + timedelta(days=1)
    payload = {"booking_id": "7", "resident_id": str(resident.id), "venue_id": str(town.venue_id)}
    tell(
        town,
        Message("booking.requested", "7", {**payload, "starts_at": begins.isoformat(), "ends_at": begins.isoformat()}),
    )
    deliver_all(town)
    here, elsewhere = (town.staff(Role.MANAGER, at=at) for at in (town.community_id, town.other_community_id))
    [notice] = api.as_(here).get("/staff/notices").json["items"]
    assert (notice["title"], notice["subject"]["booking_id"]) == ("有场地申请待处理", "7")
    assert api.as_(elsewhere).get("/staff/notices").json["items"] == []
    for role, is_told in ((Role.SCANNER, True), (Role.PROPERTY, False), (Role.OPERATOR, False), (Role.ADMIN, True)):
        told = api.as_(town.staff(role)).get("/staff/notices").json["items"]
        assert ([each["id"] for each in told] == [notice["id"]]) is is_told, role
    assert api.as_(resident).get("/staff/notices").json["items"] == []
    assert inbox_of(api, resident) == []


def test_reading_and_removing_concerns_ones_own_notices_only(town: TownBuilder, api: ApiClient) -> None:
    mine, neighbour = town.resident(), town.resident()
    for _ in range(3):
        tell(town, session_message(mine, town.session(begins_in=timedelta(days=1))))
    tell(town, session_message(neighbour, town.session(begins_in=timedelta(days=1))))
    deliver_all(town)
    me, them = api.as_(mine), api.as_(neighbour)
    ids = [notice["id"] for notice in inbox_of(api, mine)]
    assert town.act(mine, count_unread) == 3
    for call in (them.post(f"/me/inbox/{ids[0]}/read"), them.delete(f"/me/inbox/{ids[0]}")):
        assert (call.status_code, call.json["code"]) == (404, "notice.unknown")
    assert me.post("/me/inbox/read-all", {"up_to": ids[1]}).json == {"unread": 1}, "what arrived later is unread"
    assert [notice["id"] for notice in inbox_of(api, mine, unread=True)] == [ids[0]]
    assert me.post(f"/me/inbox/{ids[0]}/read").status_code == 204
    assert me.delete(f"/me/inbox/{ids[1]}").status_code == 204
    assert [notice["id"] for notice in inbox_of(api, mine)] == [ids[0], ids[2]]
    assert me.delete(f"/me/inbox/{ids[1]}").status_code == 404
    assert town.act(neighbour, count_unread) == 1
    assert len(town.rows(Notice.id)) == 4, "it is kept for a while, so that it isn't written again"
    first = me.get("/me/inbox", limit=1).json
    assert me.get("/me/inbox", limit=1, cursor=first["next_cursor"]).json["items"][0]["id"] == ids[2]

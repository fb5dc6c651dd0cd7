"""Protects messages by WeChat: what is granted, what is sent, when it isn't, and what fits into a field."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import time_machine

from models.jobs import Outbox
from models.notices import SendState, SubscriptionSend
from models.residents import Role
from rules.clock import ZONE, utc_now
from rules.notices.delivering import SEND
from rules.notices.grants import GrantSource, record_answers
from rules.notices.preferences import Preferences, quiet_until
from rules.notices.templates import TemplatesInvalid, fitted, read_templates
from rules.outbox import Message
from tests.build import ApiClient, Person, TownBuilder
from tests.notices.helpers import (
    RESERVATION,
    courier_of,
    deliver,
    fake_wechat,
    grant,
    left,
    make_due,
    never_quiet,
    openid_of,
    session_message,
    tell,
)

NIGHT = datetime(2026, 12, 1, 23, 30, tzinfo=ZONE)
MORNING = datetime(2026, 12, 2, 8, 0, tzinfo=ZONE)


def states(town: TownBuilder) -> list[SendState]:
    return [row.state for row in town.rows(SubscriptionSend.state)]


def promoted(town: TownBuilder, resident: Person, begins_in: timedelta = timedelta(days=2)) -> Message:
    """Something that can wait for the morning."""
    return session_message(resident, town.session(begins_in=begins_in), "reservation.promoted")


def test_a_granted_message_is_sent_with_fields_that_wechat_takes(town: TownBuilder) -> None:
    fake, resident = fake_wechat(town), town.resident()
    title = "一个名字很长很长很长很长很长很长的亲子早教活动"
    session_id = town.session(activity_id=town.activity(title=title), begins_in=timedelta(days=1))
    grant(town, fake, resident)
    tell(town, session_message(resident, session_id))
    deliver(town, courier_of(town, fake))
    [sent] = fake.sent
    assert (sent.openid, sent.template_id) == (openid_of(resident), RESERVATION)
    assert sent.page == f"pages/session?id={session_id}"
    assert sent.data["thing1"] == title[:19] + "…"
    assert (states(town), left(town, resident)) == ([SendState.SENT], 0)


@pytest.mark.parametrize(
    ("name", "value", "fits"),
    [
        ("thing1", "字" * 21, "字" * 19 + "…"),
        ("thing1", "  两行\n文字 ", "两行 文字"),
        ("thing1", "", "—"),
        ("phrase2", "已取消（雨天延期处理）", "已取消雨天"),
        ("phrase2", "ok", "通知"),
        ("number3", "共 12.5 分", "12.5"),
        ("amount4", "￥ 30 元", "30"),
        ("character_string5", "单号 A-17", "A-17"),
        ("character_string5", "没有", "-"),
    ],
)
def test_a_value_is_cut_to_what_its_field_holds(name: str, value: str, fits: str) -> None:
    assert fitted(name, value) == fits


@pytest.mark.parametrize(
    "setting",
    [
        "[]",
        "{",
        '{"holiday": {}}',
        '{"points": {"id": "abcdefgh"}}',
        '{"points": {"id": "abcdefgh", "fields": {"x": "y"}}}',
    ],
)
def test_a_setting_of_templates_that_cant_be_right_says_so(setting: str) -> None:
    with pytest.raises(TemplatesInvalid):
        read_templates(setting)


def test_without_a_grant_or_with_the_kind_switched_off_nothing_is_sent(town: TownBuilder, api: ApiClient) -> None:
    fake, nothing_granted, switched_off = fake_wechat(town), town.resident(), town.resident()
    grant(town, fake, switched_off)
    wishes = {"quiet_from": None, "quiet_until": None, "kinds_off": ["reservation"]}
    assert api.as_(switched_off).call("PUT", "/me/notice-settings", wishes).json == wishes
    tell(
        town,
        *(session_message(each, town.session(begins_in=timedelta(days=1))) for each in (nothing_granted, switched_off)),
    )
    deliver(town, courier_of(town, fake))
    assert fake.sent == []
    assert left(town, switched_off) == 1
    for person in (nothing_granted, switched_off):
        assert len(api.as_(person).get("/me/inbox").json["items"]) == 1


def test_a_refusal_writes_off_what_was_granted_and_isnt_tried_again(town: TownBuilder) -> None:
    fake, resident = fake_wechat(town), town.resident()
    for _ in range(3):
        grant(town, None, resident)  # WeChat knows of none
    tell(town, session_message(resident, town.session(begins_in=timedelta(days=1))))
    deliver(town, courier_of(town, fake))
    assert (states(town), left(town, resident)) == ([SendState.REFUSED], 0)
    assert town.rows(Outbox.id, delivered_at=None) == []
    grant(town, fake, resident)
    assert left(town, resident) == 1, "what is granted from then on counts"


def test_a_wrong_template_is_a_dead_letter_that_staff_have_tried_again_when_it_is_mended(
    town: TownBuilder, api: ApiClient
) -> None:
    fake, resident = fake_wechat(town), town.resident()
    grant(town, fake, resident)
    fake.unknown_templates.add(RESERVATION)
    tell(town, session_message(resident, town.session(begins_in=timedelta(days=1))))
    deliver(town, courier_of(town, fake))
    manager = api.as_(town.staff(Role.MANAGER))
    [letter] = manager.get("/notices/dead-letters").json["items"]
    assert (letter["topic"], letter["failure"]) == (SEND, "wechat.template_wrong")
    assert (states(town), left(town, resident)) == ([SendState.FAILED], 1)
    fake.unknown_templates.clear()
    manager.post(f"/notices/dead-letters/{letter['id']}/retry")
    deliver(town, courier_of(town, fake))
    assert (len(fake.sent), states(town), left(town, resident)) == (1, [SendState.SENT], 0)


def test_at_night_the_inbox_has_it_at_once_and_wechat_in_the_morning(town: TownBuilder, api: ApiClient) -> None:
    fake, resident = fake_wechat(town), town.resident()
    with time_machine.travel(NIGHT, tick=False):
        courier = courier_of(town, fake)
        for _ in range(2):
            grant(town, fake, resident)
        urgent = session_message(resident, town.session(begins_in=timedelta(hours=9)))
        tell(town, promoted(town, resident), urgent)
        deliver(town, courier)
        assert len(api.as_(resident).get("/me/inbox").json["items"]) == 2
        assert len(fake.sent) == 1, "what is urgent is sent in the night"
        make_due(town, NIGHT)
        deliver(town, courier)
        assert len(fake.sent) == 1, "a message that comes into the night late is held back too"
    with time_machine.travel(MORNING, tick=False):
        deliver(town, courier)
        assert len(fake.sent) == 2


def test_what_was_read_or_comes_too_late_is_not_sent_and_uses_up_nothing(town: TownBuilder, api: ApiClient) -> None:
    fake, reader, late = fake_wechat(town), town.resident(), town.resident()
    with time_machine.travel(NIGHT, tick=False):
        for resident in (reader, late):
            grant(town, fake, resident)
        tell(town, promoted(town, reader), promoted(town, late, begins_in=timedelta(hours=8)))
        deliver(town, courier_of(town, fake))
        api.as_(reader).post("/me/inbox/read-all", {})
    with time_machine.travel(MORNING, tick=False):
        deliver(town, courier_of(town, fake))
    assert fake.sent == []
    assert [left(town, each) for each in (reader, late)] == [1, 1]
    assert town.rows(Outbox.id, delivered_at=None) == []


def test_a_message_that_a_dead_wechat_kept_too_long_gives_its_grant_back(town: TownBuilder) -> None:
    fake, resident = fake_wechat(town), town.resident()
    never_quiet(town, resident)
    grant(town, fake, resident)
    courier = courier_of(town, fake)
    courier.wechat.access_token()
    fake.is_dead = True
    tell(town, promoted(town, resident, begins_in=timedelta(hours=3)))
    deliver(town, courier)
    assert (states(town), left(town, resident)) == ([SendState.WAITING], 0)
    with time_machine.travel(utc_now() + timedelta(hours=4), tick=False):
        deliver(town, courier)
    assert (states(town), left(town, resident), fake.sent) == ([SendState.DROPPED], 1, [])


def test_answers_count_by_template_and_an_answer_that_is_told_twice_counts_once(
    town: TownBuilder, api: ApiClient
) -> None:
    resident = town.resident()
    me = api.as_(resident)
    answers = {"answers": {RESERVATION: "accept", "demo-points": "reject"}}
    key = "the-same-answer-1"
    for _ in range(2):
        items = me.post("/me/subscriptions", answers, key=key).json["items"]
    assert {each["kind"]: each["left"] for each in items if each["left"]} == {"reservation": 1}
    town.act(None, record_answers, resident.id, {RESERVATION: True}, GrantSource.PUSH)
    assert left(town, resident) == 1, "the push tells of the same pop-up"
    town.act(None, record_answers, resident.id, {RESERVATION: True}, GrantSource.PUSH)
    assert left(town, resident) == 2, "the app didn't tell of this one"
    town.act(None, record_answers, resident.id, {RESERVATION: False}, GrantSource.APP)
    assert left(town, resident) == 2, "no in one pop-up takes nothing away"
    town.act(None, record_answers, resident.id, {RESERVATION: False}, GrantSource.SETTINGS)
    assert left(town, resident) == 0
    refused = me.post("/me/subscriptions", {"answers": {"unknown-template": "accept"}})
    assert (refused.status_code, refused.json["code"]) == (422, "subscription.template_unknown")


@pytest.mark.parametrize(
    ("quiet", "at", "ends"),
    [
        (("22:00", "08:00"), "23:30", "08:00"),
        (("22:00", "08:00"), "07:59", "08:00"),
        (("22:00", "08:00"), "08:00", None),
        (("22:00", "08:00"), "12:00", None),
        (("12:00", "14:00"), "13:00", "14:00"),
        (("12:00", "14:00"), "23:00", None),
        ((None, None), "03:00", None),
    ],
)
def test_quiet_hours_end_when_they_say(quiet: tuple[str, str], at: str, ends: str | None) -> None:
    moment = datetime.fromisoformat(f"2026-12-01T{at}").replace(tzinfo=ZONE)
    until = quiet_until(Preferences(*quiet), moment)
    assert (until.astimezone(ZONE).strftime("%H:%M") if until else None) == ends
    assert until is None or until > moment


def test_quiet_hours_need_a_beginning_and_an_end(town: TownBuilder, api: ApiClient) -> None:
    me = api.as_(town.resident())
    assert me.get("/me/notice-settings").json == {"quiet_from": "22:00", "quiet_until": "08:00", "kinds_off": []}
    for wrong in ({"quiet_from": "22:00", "quiet_until": None}, {"quiet_from": "22:00", "quiet_until": "22:00"}):
        assert me.call("PUT", "/me/notice-settings", wrong).json["code"] == "notice.quiet_hours_invalid"
    assert me.call("PUT", "/me/notice-settings", {"quiet_from": "25:00", "quiet_until": "08:00"}).status_code == 422
    assert me.get("/me/notice-settings").json["quiet_until"] == "08:00"

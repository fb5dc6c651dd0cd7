"""Codes of things that are shared: one for each, opaque, and leading only to what anybody may see."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import update

from blueprints.edge.house import EXTENSION, House
from models.activities import Activity, ActivityStatus
from models.moderation import Content, ContentState
from models.sharing import ShareCode
from models.territory import HostKind, ServiceCentre, Town
from rules import sharing
from rules.clock import utc_now
from rules.groups.founding import close_group
from tests.build import ApiClient, TownBuilder, new_town
from tests.edge.helpers import open_at
from tests.groups.neighbours import group_of
from tests.races import from_threads
from tests.rewards.mall import reward
from tests.uploads.helpers import opened
from tests.wechat.conftest import NoCache
from wechat.client import WechatClient
from wechat.fake import FakeWechat
from wechat.fake_limits import Refused


@pytest.fixture
def fake(app: Flask, house: House, monkeypatch: pytest.MonkeyPatch) -> FakeWechat:
    """A WeChat of the test's own behind the application."""
    fake = FakeWechat(appid="wx-sharing", secret="s")
    wechat = WechatClient(appid="wx-sharing", secret="s", token_cache=NoCache(), transport=fake.transport())
    monkeypatch.setitem(app.extensions, EXTENSION, replace(house, wechat=wechat))
    return fake


def shared(api: ApiClient, kind: str, subject_id: int) -> dict[str, Any]:
    answer = api.get(f"/share/{kind}/{subject_id}")
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def set_status(town: TownBuilder, activity_id: int, status: ActivityStatus) -> None:
    statement = update(Activity).where(Activity.town_id == town.id, Activity.id == activity_id)
    town.act(None, lambda work: work.db.execute(statement.values(status=status, versioned_at=work.now)))


def test_a_thing_has_one_code_that_leads_back_to_it(town: TownBuilder, api: ApiClient) -> None:
    centre_id = town.rows(ServiceCentre.id)[0].id
    subjects = {"activity": town.activity(), "venue": town.venue_id, "centre": centre_id}
    scenes = set()
    for kind, id_ in subjects.items():
        share = shared(api, kind, id_)
        assert shared(api.as_(town.resident()), kind, id_) == share
        assert (share["kind"], share["id"], share["page"]) == (kind, str(id_), f"pages/{kind}")
        assert share["path"] == f"pages/{kind}?id={id_}"
        assert re.fullmatch("[0-9A-Za-z]{8,32}", share["scene"])
        assert api.get(f"/share-codes/{share['scene']}").get_json() == share
        scenes.add(share["scene"])
    assert len(scenes) == len(town.rows(ShareCode.id)) == 3


def test_many_who_share_at_once_get_one_code(town: TownBuilder) -> None:
    activity_id = town.activity()
    shares = from_threads(lambda: town.act(None, sharing.give_code, "activity", activity_id), [()] * 20)
    assert len({share.scene for share in shares}) == len(town.rows(ShareCode.id)) == 1


def test_what_nobody_may_see_has_no_code_and_an_old_code_leads_nowhere(town: TownBuilder, api: ApiClient) -> None:
    activity_id = town.activity()
    share = shared(api, "activity", activity_id)
    set_status(town, activity_id, ActivityStatus.DRAFT)
    assert api.get(f"/share/activity/{activity_id}").get_json()["code"] == "share.subject_unknown"
    for path in ("", "/image", "/link"):
        answer = api.get(f"/share-codes/{share['scene']}{path}")
        assert (answer.status_code, answer.get_json()["code"]) == (404, "share.code_unknown")
    set_status(town, activity_id, ActivityStatus.PUBLISHED)
    assert shared(api, "activity", activity_id) == share


def test_a_group_is_shared_while_its_words_have_passed_and_it_goes_on(town: TownBuilder, api: ApiClient) -> None:
    founder = town.resident()
    group_id = int(group_of(town, api, founder)["id"])

    def decide(state: ContentState) -> None:
        statement = update(Content).where(Content.town_id == town.id).values(state=state)
        town.act(None, lambda work: work.db.execute(statement))

    decide(ContentState.PENDING)
    assert api.get(f"/share/group/{group_id}").status_code == 404
    decide(ContentState.PASSED)
    scene = shared(api, "group", group_id)["scene"]
    assert api.get(f"/share-codes/{scene}").get_json()["id"] == str(group_id)
    decide(ContentState.REFUSED)
    assert api.get(f"/share-codes/{scene}").status_code == 404
    decide(ContentState.PASSED)
    town.act(founder, close_group, group_id, "散了")
    assert api.get(f"/share-codes/{scene}").status_code == 404


def test_what_is_not_there_or_another_town_s_has_no_code(
    house: House, app: Flask, town: TownBuilder, api: ApiClient
) -> None:
    other = new_town(house)
    scene = shared(ApiClient(app, other), "venue", other.venue_id)["scene"]
    for kind, id_ in (
        ("activity", 7),
        ("venue", other.venue_id),
        ("treasure", town.venue_id),
        ("group", 7),
        ("activity", town.venue_id),
    ):
        assert api.get(f"/share/{kind}/{id_}").status_code == 404
    assert api.get(f"/share-codes/{scene}").status_code == 404
    assert town.rows(ShareCode.id) == []


@pytest.mark.parametrize("scene", ["nobody", "%00", "a%00b", "..%2Fx", "码", "%F0%9F%98%80", "a" * 500])
def test_what_cannot_be_a_code_is_unknown(api: ApiClient, scene: str) -> None:
    for path in (
        f"/share-codes/{scene}",
        f"/share-codes/{scene}/image",
        f"/share-codes/{scene}/link",
        f"/share/{scene}/7",
    ):
        assert api.get(path).status_code == 404


def test_merchants_offers_are_not_shared_where_a_public_body_hosts(town: TownBuilder, api: ApiClient) -> None:
    def host(kind: HostKind) -> None:
        statement = update(Town).where(Town.id == town.id).values(host_kind=kind)
        town.act(None, lambda work: work.db.execute(statement))

    merchants, own = reward(town, operator_id=town.operator_id), reward(town)
    host(HostKind.GOVERNMENT)
    assert api.get(f"/share/reward/{merchants}").get_json()["code"] == "host.government"
    assert api.get("/share/reward/7").get_json()["code"] == "share.subject_unknown"
    assert shared(api, "reward", own)["id"] == str(own)
    host(HostKind.OPERATOR)
    scene = shared(api, "reward", merchants)["scene"]
    assert api.get(f"/share-codes/{scene}").status_code == 200
    host(HostKind.GOVERNMENT)
    assert api.get(f"/share-codes/{scene}").get_json()["code"] == "share.code_unknown"


def test_the_image_is_made_by_wechat_once_and_kept(
    app: Flask, town: TownBuilder, api: ApiClient, fake: FakeWechat
) -> None:
    share = shared(api, "venue", town.venue_id)
    first = open_at(app, share["image"])
    assert (first.status_code, first.mimetype, opened(first.data).format) == (200, "image/png", "PNG")
    fake.is_dead = True
    again = open_at(app, share["image"])
    assert again.data == first.data
    assert fake.calls["/wxa/getwxacodeunlimit"] == 1
    unchanged = open_at(app, share["image"], headers={"If-None-Match": first.headers["ETag"]})
    assert (unchanged.status_code, unchanged.data) == (304, b"")


@pytest.mark.parametrize(
    ("errcode", "status", "code"),
    [
        (-1, 503, "wechat.busy"),
        (45009, 503, "wechat.busy"),
        (40125, 503, "wechat.misconfigured"),
        (40129, 422, "wechat.code_image_refused"),
    ],
)
def test_while_wechat_gives_none_there_is_no_image(app: Flask, town, api, fake, errcode, status, code) -> None:
    share = shared(api, "venue", town.venue_id)
    draw = fake._code_image

    def refuse(request: Any) -> bytes:
        if fake.calls["/wxa/getwxacodeunlimit"] == 1:
            raise Refused(errcode)
        return draw(request)

    fake._code_image = refuse
    answer = open_at(app, share["image"])
    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    assert open_at(app, share["image"]).status_code == 200


def test_a_link_for_outside_is_kept_until_a_day_before_it_ends(
    town: TownBuilder, api: ApiClient, fake: FakeWechat
) -> None:
    scene = shared(api, "venue", town.venue_id)["scene"]
    first = api.get(f"/share-codes/{scene}/link").get_json()
    assert first["link"].startswith("https://")
    with time_machine.travel(utc_now() + timedelta(days=28)):
        assert api.get(f"/share-codes/{scene}/link").get_json() == first
    with time_machine.travel(utc_now() + timedelta(days=29, minutes=1)):
        assert api.get(f"/share-codes/{scene}/link").get_json()["link"] != first["link"]
    assert fake.calls["/wxa/generate_urllink"] == 2
    fake.is_dead = True
    assert api.get(f"/share-codes/{shared(api, 'activity', town.activity())['scene']}/link").status_code == 503

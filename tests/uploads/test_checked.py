"""A picture's whole way: sent, checked by WeChat at a link that works, the verdict pushed, seen by a neighbour or not."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from flask import Flask

from models.uploads import Upload
from rules.uploads.links import pictures
from tests.build import ApiClient, TownBuilder
from tests.edge.helpers import open_at
from tests.moderation.hands import Checks
from tests.uploads.helpers import opened, photo, sent
from wechat.fake_push import push_to_app
from wechat.messages import Suggest


@pytest.mark.parametrize(
    ("suggest", "is_seen"), [(Suggest.PASS, True), (Suggest.RISKY, False), (Suggest.REVIEW, False)]
)
def test_a_neighbour_sees_a_picture_once_wechat_has_passed_it(
    app: Flask, town: TownBuilder, api: ApiClient, suggest: Suggest, is_seen: bool
) -> None:
    me, neighbour = town.resident(), town.resident()
    upload_id = int(sent(api.as_(me), photo(500, 250))["id"])
    checks = Checks.of(town)
    fake = checks.fake
    fake.push, fake.push_token = push_to_app(app), town.house.settings.wechat_push_token
    fetched = []

    def judge(url: str) -> Suggest:
        parts = urlsplit(url)
        fetched.append(opened(open_at(app, f"{parts.path}?{parts.query}").data).size)
        return suggest

    fake.judge_picture = judge
    [(content_id,)] = town.rows(Upload.content_id, id=upload_id)
    checks.deliver(content_id)

    def url_for_neighbour() -> str | None:
        return town.act(neighbour, pictures, town.house.keys, [upload_id])[0].url

    assert (fetched, url_for_neighbour()) == ([(500, 250)], None)
    assert fake.push_events() == 1
    assert (url_for_neighbour() is not None) is is_seen
    if is_seen:
        assert opened(open_at(app, url_for_neighbour()).data).size == (500, 250)

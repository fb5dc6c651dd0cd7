"""What every visitor sees alike is made once in a few seconds, has a tag, and is never anybody's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from blueprints.edge.answers import AROUND_BYTES, Made, SharedAnswers
from blueprints.edge.house import EXTENSION, House
from models.activities import Activity, ActivityStatus
from rules.clock import utc_now
from tests.apps import make_app
from tests.build import ApiClient, TownBuilder, new_town, settings_for

PUBLIC = "public, max-age=60"


@pytest.fixture(scope="module")
def lasting_app(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """An application whose answers to visitors may be a minute old."""
    folder: Path = tmp_path_factory.mktemp("lasting")
    app = make_app(settings_for(database_url, folder, public_seconds=60))
    yield app
    app.extensions[EXTENSION].transactions.engine.dispose()


@pytest.fixture
def lasting_town(lasting_app: Flask) -> TownBuilder:
    house: House = lasting_app.extensions[EXTENSION]
    return new_town(house)


@pytest.fixture
def visitor(lasting_app: Flask, lasting_town: TownBuilder) -> ApiClient:
    return ApiClient(lasting_app, lasting_town)


def count_of(answer: Any) -> int:
    assert answer.status_code == 200, answer.text
    return len(answer.json["items"])


def test_a_visitor_is_told_what_was_made_lately_and_whoever_is_signed_in_what_is(
    lasting_town: TownBuilder, visitor: ApiClient
) -> None:
    resident = lasting_town.resident()
    lasting_town.session()
    assert count_of(visitor.get("/activities")) == 1
    lasting_town.session()
    stale, fresh = visitor.get("/activities"), visitor.as_(resident).get("/activities")
    assert (count_of(stale), count_of(fresh)) == (1, 2)
    assert (stale.headers["Cache-Control"], fresh.headers["Cache-Control"]) == (PUBLIC, "private, no-cache")
    assert stale.headers["Vary"] == fresh.headers["Vary"] == "Authorization, Accept-Language"
    assert count_of(visitor.get("/activities", limit=50)) == 2, "another question is another answer"


def test_what_a_resident_was_told_is_never_told_a_visitor(lasting_town: TownBuilder, visitor: ApiClient) -> None:
    mine = visitor.as_(lasting_town.resident("王小明")).get("/home")
    theirs = visitor.get("/home")
    assert mine.data != theirs.data
    assert visitor.as_(lasting_town.resident("李四")).get("/home").data != theirs.data


def test_one_town_is_never_told_what_another_was(lasting_app: Flask, visitor: ApiClient) -> None:
    other = new_town(lasting_app.extensions[EXTENSION])
    other.session()
    assert count_of(ApiClient(lasting_app, other).get("/activities")) == 1
    assert count_of(visitor.get("/activities")) == 0


def test_who_has_the_answer_is_spared_its_bytes(lasting_town: TownBuilder, visitor: ApiClient) -> None:
    lasting_town.session()
    for caller in (visitor, visitor.as_(lasting_town.resident())):
        first = caller.get("/activities")
        tag = first.headers["ETag"]
        same = caller.call("GET", "/activities", headers={"If-None-Match": tag})
        assert (same.status_code, same.data, same.headers["ETag"]) == (304, b"", tag)
        assert same.headers["Cache-Control"] == first.headers["Cache-Control"]
        other = caller.call("GET", "/activities", headers={"If-None-Match": '"another"'})
        assert other.data == first.data
        assert not tag.startswith("W/")
        if caller is not visitor:
            lasting_town.session()
            changed = caller.call("GET", "/activities", headers={"If-None-Match": tag})
            assert (changed.status_code, changed.headers["ETag"] == tag) == (200, False)


def test_a_refusal_is_not_kept(lasting_town: TownBuilder, visitor: ApiClient) -> None:
    refused = visitor.get("/activities/5")
    assert (refused.status_code, refused.headers["Cache-Control"]) == (404, "no-store")
    assert "ETag" not in refused.headers


@pytest.mark.parametrize("path", ["/home", "/venues/{venue}"])
def test_each_visitor_is_answered_in_their_own_language(
    lasting_town: TownBuilder, visitor: ApiClient, path: str
) -> None:
    def ask(languages: str) -> Any:
        address = path.format(venue=lasting_town.venue_id)
        return visitor.call("GET", address, headers={"Accept-Language": languages})

    english, chinese = ask("en"), ask("zh-CN")
    assert english.data != chinese.data
    assert english.headers["ETag"] != chinese.headers["ETag"]
    assert (ask("en-GB,zh;q=0.5").data, ask("").data) == (english.data, chinese.data)


def test_without_seconds_a_visitor_is_told_what_is(town: TownBuilder, api: ApiClient) -> None:
    town.session()
    assert count_of(api.get("/activities")) == 1
    town.session()
    again = api.get("/activities")
    assert (count_of(again), again.headers["Cache-Control"]) == (2, "public, max-age=0")


def test_a_stale_list_sells_no_place_that_is_gone(lasting_town: TownBuilder, visitor: ApiClient) -> None:
    session = lasting_town.session(capacity=1)
    path = f"/sessions/{session}"
    assert visitor.get(path).json["status"] == "open"
    first, second = (visitor.as_(lasting_town.resident(name)) for name in ("甲", "乙"))
    assert first.post(f"{path}/reservations", {}).status_code == 201
    assert visitor.get(path).json["status"] == "open", "what was made a moment ago"
    assert second.post(f"{path}/reservations", {}).status_code == 409
    assert second.get(path).json["taken"] == 1


def test_answers_take_up_so_many_bytes_at_most_and_end() -> None:
    around = AROUND_BYTES
    answers = SharedAnswers(room_bytes=2 * around + 100)
    for n in range(50):
        answers.put(n, Made(b"x" * 40, "tag", until=float("inf")))
        assert answers.size_bytes <= 2 * around + 100
    assert [n for n in range(50) if answers.find(n)] == [48, 49]
    answers.put(49, Made(b"y", "tag", until=float("inf")))
    assert answers.size_bytes == 2 * around + 41
    answers.put(50, Made(b"z", "tag", until=0.0))
    assert answers.find(50) is None


def test_a_script_that_asks_for_nothing_under_many_names_takes_up_no_more() -> None:
    answers = SharedAnswers(room_bytes=100 * 1024)
    for n in range(500):
        answers.put(("/api/v1/search", f"{n}".rjust(512).encode()), Made(b"", "tag", until=float("inf")))
    assert len(answers) <= 50


def test_one_makes_an_answer_anew_and_the_others_are_told_the_old_one_for_that_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr("blueprints.edge.answers.time.monotonic", lambda: now[0])
    answers = SharedAnswers()
    old, new = Made(b"old", "a", 105.0), Made(b"new", "b", 110.5)
    answers.put("list", old)
    now[0] = 105.5
    first, second = answers.find("list"), answers.find("list")
    assert first is None
    assert second is not None
    assert second.body == b"old"
    now[0] = 106.0
    answers.put("list", new)
    assert answers.find("list") == new
    assert answers.size_bytes == len(b"new") + AROUND_BYTES
    now[0] = 111.0
    assert [answers.find("list") is None for _ in range(3)] == [True, False, False]
    now[0] = 112.0
    assert [answers.find("list") for _ in range(2)] == [None, None], (
        "whoever makes it anew takes too long, or was refused"
    )
    answers.put("list", replace(new, until=120.0))
    now[0] = 121.0
    assert [answers.find("list") for _ in range(2)] == [None, None], "too old for anybody"


def test_what_is_gone_is_told_nobody_any_more_once_one_was_told_so(
    lasting_town: TownBuilder, visitor: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("blueprints.edge.answers.time.monotonic", lambda: now[0])
    path = f"/activities/{lasting_town.activity()}"
    assert visitor.get(path).status_code == 200
    hidden = update(Activity).where(Activity.town_id == lasting_town.id)
    hidden = hidden.values(status=ActivityStatus.DRAFT, versioned_at=utc_now())
    lasting_town.act(None, lambda work: work.core.execute(hidden))
    assert visitor.get(path).status_code == 200, "lately it was there"
    now[0] += 60.5
    assert [visitor.get(path).status_code for _ in range(2)] == [404, 404]

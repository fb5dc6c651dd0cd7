"""Sending a picture, seeing it by its link, using it and taking it back, as HTTP tells it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import time_machine
from flask import Flask
from minio import Minio
from moto.server import ThreadedMotoServer
from sqlalchemy import insert, select, update
from werkzeug.test import TestResponse

from blueprints.edge.house import EXTENSION, House
from jobs.schedule import JOBS_BY_NAME, Errand, Means
from models.jobs import JobOutcome
from models.moderation import Content, ContentKind, ContentState
from models.residents import Role
from models.uploads import Upload, UploadDay, UploadPurpose, UploadState
from models.wechat import WechatEvent
from rules.clock import utc_now
from rules.files import StorageBusy
from rules.uploads import attaching, receiving
from rules.uploads.cleaning import clean_uploads
from rules.uploads.links import files_of_resident, link_expiry, pictures
from rules.uploads.refusals import UploadTaken, UploadUnknown
from rules.work import ActorKind
from settings import StorageMode
from storage.folder import FolderFiles
from tests.apps import make_app
from tests.build import ApiClient, Person, TownBuilder, fresh_key, new_town, settings_for
from tests.edge.helpers import open_at
from tests.uploads.helpers import opened, photo, send, sent


class Broken(FolderFiles):
    """A store that has gone away."""

    def put(self, key: str, *_args: Any) -> None:
        raise StorageBusy

    get = delete = exists = put


@pytest.fixture
def me(town: TownBuilder) -> Person:
    return town.resident()


@pytest.fixture
def mine(api: ApiClient, me: Person) -> ApiClient:
    return api.as_(me)


def uploads(town: TownBuilder) -> list[Any]:
    return town.rows(Upload)


def files_of(town: TownBuilder) -> list[str]:
    """The files of a town, in the folder that the application stores in."""
    folder = town.house.settings.instance_dir / "uploads" / str(town.id)
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def decide(town: TownBuilder, state: ContentState) -> None:
    """What a check would find in every picture of the town."""
    statement = update(Content).where(Content.town_id == town.id).values(state=state)
    town.act(None, lambda work: work.db.execute(statement))


def seen_by(town: TownBuilder, person: Person | None, upload_id: str) -> Any:
    return town.act(person, pictures, town.house.keys, [int(upload_id)])[0]


# Sending


def test_a_picture_is_stored_in_two_sizes_and_handed_to_moderation(
    town: TownBuilder, mine: ApiClient, me: Person
) -> None:
    picture = sent(mine, photo(2000, 1000))
    assert (picture["state"], picture["width"], picture["height"]) == ("pending", 1600, 800)
    ((upload,),) = uploads(town)
    assert (upload.resident_id, upload.staff_id, upload.state) == (me.id, None, UploadState.READY)
    ((content,),) = town.rows(Content)
    assert (content.kind, content.upload_id, content.id) == (ContentKind.PICTURE, upload.id, upload.content_id)
    assert [name.split("/")[1] for name in files_of(town)] == ["display", "thumbnail"]


def test_the_same_picture_again_is_the_same_upload_until_it_is_used(
    town: TownBuilder, mine: ApiClient, me: Person
) -> None:
    first, again = sent(mine), sent(mine)
    assert again["id"] == first["id"]
    assert sent(mine, purpose="repair")["id"] != first["id"]
    town.act(me, attaching.claim, [int(first["id"])], UploadPurpose.POST)
    assert sent(mine)["id"] != first["id"]
    assert len(files_of(town)) == 6


def test_what_it_is_says_the_content_and_not_its_name(town: TownBuilder, mine: ApiClient) -> None:
    assert sent(mine, photo(kind="PNG"), name="photo.gif", media_type="application/pdf")["state"] == "pending"
    refused = send(mine, b"GIF89a" + b"\0" * 99, name="photo.jpg", media_type="image/jpeg")
    assert (refused.status_code, refused.get_json()["code"]) == (422, "upload.type_refused")
    assert len(uploads(town)) == 1


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"purpose": "post"}, "file"),
        ({"purpose": "post", "file": "words"}, "file"),
        ({"file": None}, "purpose"),
        ({"purpose": "treasure", "file": None}, "purpose"),
    ],
)
def test_what_is_missing_or_wrong_in_the_form_is_named(
    town: TownBuilder, mine: ApiClient, data: Any, field: str
) -> None:
    form = {name: value or (io.BytesIO(b"x"), "x.jpg") for name, value in data.items()}
    answer = mine.call("POST", "/uploads", data=form, content_type="multipart/form-data")
    assert (answer.status_code, list(answer.get_json()["errors"])) == (422, [field])
    assert uploads(town) == []


def test_a_body_that_is_no_form_is_refused(mine: ApiClient) -> None:
    assert mine.post("/uploads", {"purpose": "post"}).status_code == 422


def test_a_picture_may_be_larger_than_any_other_body_up_to_its_own_limit(
    app: Flask, mine: ApiClient, town: TownBuilder
) -> None:
    settings = town.house.settings
    big = photo() + b"\0" * (settings.body_bytes_max + 1000)
    assert send(mine, big).status_code == 201
    too_big = send(mine, photo() + b"\0" * (settings.upload_bytes_max - 100))
    assert (too_big.status_code, too_big.get_json()["code"]) == (422, "upload.too_large")
    far_too_big = send(mine, b"\0" * (settings.upload_bytes_max + 100_000))
    assert (far_too_big.status_code, far_too_big.get_json()["code"]) == (413, "request.too_large")
    elsewhere = mine.call("PATCH", "/me", data=big, content_type="application/json")
    assert elsewhere.status_code == 413
    assert len(uploads(town)) == 1


def test_residents_send_pictures_of_their_own_things_and_staff_of_all_but_auditors_of_none(
    town: TownBuilder, api: ApiClient, mine: ApiClient
) -> None:
    assert send(mine, photo(), purpose="announcement").status_code == 403
    assert send(api.as_(town.staff(Role.AUDITOR)), photo(), purpose="announcement").status_code == 403
    assert send(api.as_(town.staff()), photo(), purpose="announcement").status_code == 403
    assert send(api, photo()).status_code == 401
    assert uploads(town) == []
    assert sent(api.as_(town.staff(Role.ORGANISER)), purpose="announcement")["state"] == "passed"


def test_nobody_sends_more_than_so_many_in_a_day(town: TownBuilder, mine: ApiClient, monkeypatch) -> None:
    monkeypatch.setitem(receiving.UPLOADS_A_DAY, ActorKind.RESIDENT, 2)
    for n in (1, 2):
        sent(mine, photo(40 + n))
    for n in (3, 4):
        refused = send(mine, photo(40 + n))
        assert (refused.status_code, refused.get_json()["code"]) == (429, "upload.quota_reached")
    assert mine.delete(f"/uploads/{uploads(town)[0][0].id}").status_code == 204
    assert send(mine, photo(43)).status_code == 429
    assert [row.uploads for row in town.rows(UploadDay.uploads)] == [2]
    with time_machine.travel(utc_now() + timedelta(days=1)):
        assert send(api_of(mine, town), photo(44)).status_code == 201


def test_files_that_are_no_pictures_count_too(town: TownBuilder, mine: ApiClient, monkeypatch) -> None:
    monkeypatch.setitem(receiving.UPLOADS_A_DAY, ActorKind.RESIDENT, 2)
    for content in (b"GIF89a", photo()[:300]):
        assert send(mine, content).status_code == 422
    for content in (photo(), b"GIF89a"):
        assert send(mine, content).get_json()["code"] == "upload.quota_reached"
    assert (uploads(town), [row.uploads for row in town.rows(UploadDay.uploads)]) == ([], [2])


def test_a_picture_that_is_sent_again_is_not_read_again_and_the_day_s_last_one_can_be_repeated(
    mine: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(receiving.UPLOADS_A_DAY, ActorKind.RESIDENT, 1)
    first = sent(mine)
    with monkeypatch.context() as patch:
        patch.setattr("blueprints.uploads.receiving.make_picture", lambda *_: pytest.fail("read again"))
        assert sent(mine)["id"] == first["id"]
    assert send(mine, photo(), purpose="repair").get_json()["code"] == "upload.quota_reached"


def api_of(caller: ApiClient, town: TownBuilder) -> ApiClient:
    """The same caller with a token of now."""
    return caller.as_(Person(uploads(town)[0][0].resident_id, ActorKind.RESIDENT, ""))


def test_while_the_storage_is_away_nothing_can_be_used_and_a_retry_succeeds(
    app: Flask, house: House, town: TownBuilder, mine: ApiClient, monkeypatch, tmp_path
) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(app.extensions, EXTENSION, replace(house, files=Broken(tmp_path)))
        answer = send(mine, photo())
        assert (answer.status_code, answer.get_json()["code"]) == (503, "storage.busy")
    ((upload,),) = uploads(town)
    assert (upload.state, upload.content_id, town.rows(Content)) == (UploadState.STORING, None, [])
    assert sent(mine)["id"] != str(upload.id)


# Links


def follow(app: Flask, url: str, **options: Any) -> TestResponse:
    return open_at(app, url, **options)


def changed(url: str, **changes: str) -> str:
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | changes
    return f"{parts.path}?{urlencode(query)}"


def test_a_link_shows_the_picture_without_a_token_and_is_kept_by_caches(app: Flask, mine: ApiClient) -> None:
    picture = sent(mine, photo(2000, 1000))
    shown = follow(app, picture["url"])
    assert (shown.status_code, shown.mimetype, opened(shown.data).size) == (200, "image/jpeg", (1600, 800))
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    cached = dict(part.strip().partition("=")[::2] for part in shown.headers["Cache-Control"].split(","))
    assert cached.keys() == {"private", "max-age", "immutable"}
    assert 3590 <= int(cached["max-age"]) <= 7200
    again = follow(app, picture["url"], headers={"If-None-Match": shown.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert opened(follow(app, picture["thumbnail_url"]).data).size == (320, 160)


def test_within_an_hour_a_picture_has_one_link(town: TownBuilder, mine: ApiClient, me: Person) -> None:
    picture = sent(mine)
    hour = utc_now().replace(minute=0, second=1) + timedelta(hours=1)
    with time_machine.travel(hour, tick=False):
        first = seen_by(town, me, picture["id"]).url
    with time_machine.travel(hour + timedelta(minutes=59), tick=False):
        assert seen_by(town, me, picture["id"]).url == first
    with time_machine.travel(hour + timedelta(hours=1), tick=False):
        assert seen_by(town, me, picture["id"]).url != first


def test_a_link_that_was_changed_or_has_expired_opens_nothing(
    app: Flask, town: TownBuilder, mine: ApiClient, house: House
) -> None:
    picture, other = sent(mine, photo(41)), sent(mine, photo(42))
    expires = parse_qs(urlsplit(picture["url"]).query)["expires"][0]
    forged = [
        changed(picture["url"], expires=str(int(expires) + 3600)),
        changed(picture["url"], seen_by="everyone"),
        changed(picture["url"], signature="A" * 43),
        changed(picture["url"], signature="签名"),
        changed(picture["url"], town=new_town(house).code),
        picture["url"].replace("/display?", "/thumbnail?"),
        picture["url"].replace(picture["id"], other["id"]),
    ]
    for url in forged:
        answer = follow(app, url)
        assert (answer.status_code, answer.get_json()["code"]) == (403, "upload.link_invalid"), url
    assert follow(app, picture["url"].partition("?")[0] + f"?town={town.code}").status_code == 422
    assert follow(app, picture["url"]).status_code == 200
    with time_machine.travel(int(expires), tick=False):
        assert follow(app, picture["url"]).status_code == 403
    with time_machine.travel(int(expires) - 1, tick=False):
        assert follow(app, picture["url"]).headers["Cache-Control"] == "private, max-age=1, immutable"


def test_others_see_a_picture_while_it_is_passed_and_its_keeper_always(
    app: Flask, town: TownBuilder, mine: ApiClient, me: Person
) -> None:
    upload_id = sent(mine)["id"]
    neighbour, staff = town.resident(), town.staff(Role.MANAGER)
    for state, is_shown in ((ContentState.PENDING, False), (ContentState.PASSED, True), (ContentState.REFUSED, False)):
        decide(town, state)
        for person in (neighbour, None):
            picture = seen_by(town, person, upload_id)
            assert (picture.state, picture.url is not None, picture.thumbnail_url is not None) == (
                state,
                is_shown,
                is_shown,
            )
        for keeper in (me, staff):
            assert follow(app, seen_by(town, keeper, upload_id).url).status_code == 200
    decide(town, ContentState.PASSED)
    url = seen_by(town, neighbour, upload_id).url
    assert follow(app, url).status_code == 200
    decide(town, ContentState.REFUSED)
    assert follow(app, url).status_code == 403


def test_links_end_one_to_two_hours_from_now() -> None:
    now = utc_now().replace(minute=0, second=0, microsecond=0)
    for minutes in (0, 1, 59):
        left = link_expiry(now + timedelta(minutes=minutes)) - (now + timedelta(minutes=minutes)).timestamp()
        assert 3600 < left <= 7200


def test_a_file_that_is_gone_is_unknown(app: Flask, town: TownBuilder, mine: ApiClient) -> None:
    picture = sent(mine)
    ((upload,),) = uploads(town)
    town.house.files.delete(f"{upload.storage_key}/display")
    assert follow(app, picture["url"]).status_code == 404
    assert follow(app, picture["thumbnail_url"]).status_code == 200


# Using


def test_a_picture_is_claimed_once_by_its_sender_for_its_purpose(
    town: TownBuilder, mine: ApiClient, me: Person
) -> None:
    first, second = (int(sent(mine, photo(40 + n))["id"]) for n in (1, 2))
    neighbour = town.resident()
    for person, wanted, purpose in (
        (neighbour, [first], UploadPurpose.POST),
        (me, [first], UploadPurpose.REPAIR),
        (me, [first, 7], UploadPurpose.POST),
        (None, [first], UploadPurpose.POST),
    ):
        with pytest.raises(UploadUnknown):
            town.act(person, attaching.claim, wanted, purpose)
    assert {row.attached_at for row in town.rows(Upload.attached_at)} == {None}
    town.act(me, attaching.claim, [second, first, first], UploadPurpose.POST)
    with pytest.raises(UploadTaken):
        town.act(me, attaching.claim, [first], UploadPurpose.POST)
    assert None not in {row.attached_at for row in town.rows(Upload.attached_at)}
    refused = mine.delete(f"/uploads/{first}")
    assert (refused.status_code, refused.get_json()["code"]) == (409, "upload.taken")


def test_only_its_sender_sees_and_takes_back_an_upload(town: TownBuilder, api: ApiClient, mine: ApiClient) -> None:
    upload_id = sent(mine)["id"]
    for other in (api.as_(town.resident()), api.as_(town.staff(Role.ADMIN))):
        assert other.get(f"/uploads/{upload_id}").status_code == 404
        assert other.delete(f"/uploads/{upload_id}").status_code == 404
    assert mine.get(f"/uploads/{upload_id}").get_json()["id"] == upload_id
    assert mine.delete(f"/uploads/{upload_id}").status_code == 204
    assert mine.get(f"/uploads/{upload_id}").status_code == 404
    assert mine.delete(f"/uploads/{upload_id}").status_code == 404
    assert mine.get("/uploads").status_code == 405


# Cleaning


def clean(town: TownBuilder, *, after: timedelta = timedelta(0), files: Any = None) -> int:
    with time_machine.travel(utc_now() + after):
        return clean_uploads(town.database, files or town.house.files, town.id).uploads


def test_what_nobody_used_within_a_day_is_gone_and_what_is_used_stays(
    town: TownBuilder, mine: ApiClient, me: Person
) -> None:
    used, unused, released = (int(sent(mine, photo(40 + n))["id"]) for n in range(3))
    town.act(me, attaching.claim, [used, released], UploadPurpose.POST)
    assert clean(town, after=timedelta(hours=23)) == 0
    town.act(None, attaching.release, [released])
    assert clean(town) == 1
    assert clean(town, after=timedelta(hours=25)) == 1
    assert clean(town, after=timedelta(days=400)) == 0
    assert [upload.id for (upload,) in uploads(town)] == [used]
    assert len(files_of(town)) == 2
    with pytest.raises(UploadUnknown):
        town.act(me, attaching.claim, [unused], UploadPurpose.POST)


def test_nobody_has_to_decide_on_a_picture_that_is_gone_unless_it_was_reported(
    house: House, town: TownBuilder, mine: ApiClient
) -> None:
    pending, waiting, reported, used = (int(sent(mine, photo(60 + n))["id"]) for n in range(4))
    content = dict(town.rows(Upload.id, Upload.content_id))

    def change(upload_id: int, **values: Any) -> None:
        changed = update(Content).where(Content.town_id == town.id, Content.id == content[upload_id]).values(**values)
        town.act(None, lambda work: work.db.execute(changed))

    in_review = {"state": ContentState.REVIEW, "review_since": utc_now(), "due_at": utc_now()}
    for upload_id, reports in ((waiting, 0), (reported, 1), (used, 0)):
        change(upload_id, open_reports=reports, **in_review)
    for upload_id in (pending, waiting, reported):
        assert mine.delete(f"/uploads/{upload_id}").status_code == 204
    assert clean_uploads(house.transactions, house.files, town.id).uploads == 3
    states = {row.id: (row.state, row.due_at is None) for row in town.rows(Content.id, Content.state, Content.due_at)}
    gone, open_ = (ContentState.REFUSED, True), (ContentState.REVIEW, False)
    assert [states[content[id_]] for id_ in (pending, waiting, reported, used)] == [gone, gone, open_, open_]


def test_no_file_is_left_without_a_row_whatever_breaks(
    app: Flask, house: House, town: TownBuilder, mine: ApiClient, monkeypatch, tmp_path
) -> None:
    class Half(FolderFiles):
        """Stores the first size and breaks."""

        def put(self, key: str, content: bytes, media_type: str) -> None:
            if key.endswith("thumbnail"):
                raise StorageBusy
            super().put(key, content, media_type)

    with monkeypatch.context() as patch:
        half = Half(house.settings.instance_dir / "uploads")
        patch.setitem(app.extensions, EXTENSION, replace(house, files=half))
        assert send(mine, photo()).status_code == 503
    assert len(files_of(town)) == 1
    with pytest.raises(StorageBusy):
        clean(town, after=timedelta(hours=25), files=Broken(tmp_path))
    ((upload,),) = uploads(town)
    assert (upload.state, len(files_of(town))) == (UploadState.DISCARDED, 1)
    assert clean(town) == 1
    assert (uploads(town), files_of(town)) == ([], [])


def test_all_that_a_resident_has_sent_is_let_go_at_once(
    town: TownBuilder, api: ApiClient, mine: ApiClient, me: Person
) -> None:
    used = int(sent(mine, photo(41))["id"])
    sent(mine, photo(42))
    neighbours = sent(api.as_(town.resident()), photo(43))["id"]
    town.act(me, attaching.claim, [used], UploadPurpose.POST)
    kept = town.act(None, files_of_resident, me.id)
    assert [opened(town.house.files.get(picture.key)).width for picture in kept] == [41, 42]
    town.act(None, attaching.release_all_of, me.id)
    assert town.act(None, files_of_resident, me.id) == []
    assert clean(town) == 2
    assert [str(upload.id) for (upload,) in uploads(town)] == [neighbours]


def test_the_job_cleans_and_forgets_old_pushes(town: TownBuilder, mine: ApiClient) -> None:
    sent(mine)
    means = Means(town.database, town.house.keys, town.house.files)
    hashes = [fresh_key().encode() for _ in range(2)]
    moments = (utc_now() - timedelta(days=4), utc_now())
    rows = [{"event_hash": hash_, "received_at": moment} for hash_, moment in zip(hashes, moments, strict=True)]
    town.act(None, lambda work: work.db.execute(insert(WechatEvent), rows))
    with time_machine.travel(utc_now() + timedelta(hours=25)):
        done = JOBS_BY_NAME["uploads"].deed(Errand(means, town.id, utc_now()))
    assert (done.outcome, done.result["uploads"], files_of(town)) == (JobOutcome.OK, 1, [])
    left = town.act(None, lambda work: set(work.db.scalars(select(WechatEvent.event_hash))))
    assert set(hashes) & left == {hashes[1]}


# The whole way with S3


@pytest.fixture
def s3_app(database_url: str, tmp_path) -> Iterator[Flask]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    access = {"access_key": "key-of-the-tests", "secret_key": "secret-of-the-tests"}
    Minio(f"{host}:{port}", secure=False, region="us-east-1", **access).make_bucket("pictures")
    app = make_app(
        settings_for(
            database_url,
            tmp_path,
            storage=StorageMode.S3,
            s3_endpoint=f"http://{host}:{port}",
            s3_bucket="pictures",
            s3_access_key=access["access_key"],
            s3_secret_key=access["secret_key"],
        )
    )
    yield app
    app.extensions[EXTENSION].transactions.engine.dispose()
    server.stop()


def test_with_s3_the_same_request_does_the_same(s3_app: Flask, tmp_path) -> None:
    house = s3_app.extensions[EXTENSION]
    town = new_town(house)
    mine = ApiClient(s3_app, town).as_(town.resident())
    picture = sent(mine, photo(2000, 1000))
    assert opened(follow(s3_app, picture["url"]).data).size == (1600, 800)
    assert not (tmp_path / "uploads").exists()
    assert mine.delete(f"/uploads/{picture['id']}").status_code == 204
    ((upload,),) = uploads(town)
    assert house.files.exists(f"{upload.storage_key}/display")
    assert clean(town) == 1
    assert not house.files.exists(f"{upload.storage_key}/display")
    assert uploads(town) == []

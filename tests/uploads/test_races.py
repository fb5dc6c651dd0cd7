"""What many do at once: one picture is used once, and nobody sends more than the day's number."""

from __future__ import annotations

import pytest
from sqlalchemy import bindparam, update

from models.uploads import Upload, UploadDay, UploadPurpose
from rules.errors import RuleError
from rules.uploads import attaching, receiving
from rules.uploads.pictures import MadePicture
from rules.work import ActorKind
from tests.build import ApiClient, Person, TownBuilder
from tests.races import from_threads
from tests.uploads.helpers import sent

MADE = MadePicture(b"display", b"thumbnail", 1, 1)
CALLERS = 20


def claims(town: TownBuilder, person: Person, upload_id: int) -> list[str]:
    def claim() -> str:
        try:
            town.act(person, attaching.claim, [upload_id], UploadPurpose.POST)
        except RuleError as refusal:
            return refusal.code
        return "claimed"

    return from_threads(claim, [()] * CALLERS, CALLERS)


def test_of_many_who_use_one_picture_at_once_one_has_it(town: TownBuilder, api: ApiClient) -> None:
    me = town.resident()
    answers = claims(town, me, int(sent(api.as_(me))["id"]))
    assert sorted(answers) == ["claimed"] + ["upload.taken"] * (CALLERS - 1)


def test_without_the_guard_all_would_have_it(
    town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = (
        update(Upload)
        .where(Upload.town_id == bindparam("town"), Upload.id.in_(bindparam("ids", expanding=True)))
        .values(attached_at=bindparam("now"))
        .returning(Upload.id)
        .execution_options(synchronize_session=False)
    )
    monkeypatch.setattr(attaching, "_claim", bare)
    me = town.resident()
    assert set(claims(town, me, int(sent(api.as_(me))["id"]))) == {"claimed"}


def begins(town: TownBuilder, person: Person) -> list[str]:
    def begin(n: int) -> str:
        try:
            town.act(person, receiving.begin_upload, UploadPurpose.POST, bytes([n]), MADE)
        except RuleError as refusal:
            return refusal.code
        return "begun"

    return from_threads(begin, [(n,) for n in range(CALLERS)], CALLERS)


def test_the_day_s_number_holds_when_many_come_at_once(town: TownBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(receiving.UPLOADS_A_DAY, ActorKind.RESIDENT, 5)
    answers = begins(town, town.resident())
    assert (answers.count("begun"), answers.count("upload.quota_reached")) == (5, CALLERS - 5)
    assert len(town.rows(Upload.id)) == 5
    assert [row.uploads for row in town.rows(UploadDay.uploads)] == [5]


def test_without_the_count_all_would_pass(town: TownBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(receiving.UPLOADS_A_DAY, ActorKind.RESIDENT, 5)
    monkeypatch.setattr(receiving, "count_upload", lambda _work: None)
    assert begins(town, town.resident()) == ["begun"] * CALLERS

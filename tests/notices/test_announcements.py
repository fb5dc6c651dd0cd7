"""Protects announcements: who writes them for where, who sees them, and what staff learn of who has read them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from models.jobs import Outbox
from models.notices import AnnouncementTarget
from models.residents import Role
from rules.clock import utc_now
from rules.notices import announcing
from rules.notices.catalogue import Template
from tests.build import ApiClient, Person, TownBuilder
from tests.notices.helpers import TEMPLATES, courier_of, deliver, fake_wechat, grant, never_quiet
from tests.uploads.helpers import photo, sent


def draft(*place_ids: int, **changes: Any) -> dict[str, Any]:
    return {
        "title": "停水通知",
        "text": "周三 9 时起停水四小时。",
        "place_ids": [str(id_) for id_ in place_ids],
        **changes,
    }


def published(api: ApiClient, author: Person, *place_ids: int, **changes: Any) -> str:
    desk = api.as_(author)
    written = desk.post("/staff/announcements", draft(*place_ids, **changes))
    assert written.status_code == 201, written.json
    assert desk.post(f"/staff/announcements/{written.json['id']}/publication").status_code == 200
    return written.json["id"]


def ids(api: ApiClient, **query: Any) -> list[str]:
    return [each["id"] for each in api.get("/announcements", **query).json["items"]]


def test_each_reader_sees_what_is_aimed_at_home_and_visitors_what_is_public(town: TownBuilder, api: ApiClient) -> None:
    author = town.staff(Role.MANAGER)
    of_street = published(api, author, town.street_id, public=False)
    of_here = published(api, author, town.community_id, public=False)
    of_there = published(api, author, town.other_community_id)
    here, there = town.resident(), town.resident(community_id=town.other_community_id)
    homeless = town.resident(territory_id=None)
    assert ids(api.as_(here)) == [of_here, of_street]
    assert ids(api.as_(there)) == [of_there, of_street]
    assert ids(api.as_(homeless)) == [of_street]
    assert ids(api) == [of_there]
    assert ids(api.as_(here), place_id=town.other_community_id) == [of_there, of_street]
    assert ids(api, place_id=town.community_id) == []
    assert api.as_(here).get(f"/announcements/{of_here}").json["places"][0]["name"] == "星民社区"
    for outsider in (api, api.as_(there)):
        assert outsider.get(f"/announcements/{of_here}").json["code"] == "announcement.unknown"
        assert outsider.get(f"/announcements/{of_there}").status_code == 200


def test_an_announcement_is_seen_from_its_time_until_its_end_or_its_withdrawal(
    town: TownBuilder, api: ApiClient
) -> None:
    author, now = town.staff(Role.ORGANISER), utc_now()
    published(api, author, town.community_id, publishes_at=(now + timedelta(hours=1)).isoformat())
    out = published(api, author, town.community_id, ends_at=(now + timedelta(hours=1)).isoformat())
    pinned = published(api, author, town.community_id, pinned=True)
    latest = published(api, author, town.community_id)
    reader = api.as_(town.resident())
    assert ids(reader) == [pinned, latest, out]
    pages, cursor = [], {}
    for _ in range(3):
        page = reader.get("/announcements", limit=1, **cursor).json
        pages, cursor = [*pages, page["items"][0]["id"]], {"cursor": page["next_cursor"]}
    assert (pages, page["next_cursor"]) == ([pinned, latest, out], None)
    desk = api.as_(author)
    assert desk.post(f"/staff/announcements/{out}/withdrawal").json["status"] == "withdrawn"
    assert ids(reader) == [pinned, latest]
    assert desk.post(f"/staff/announcements/{out}/withdrawal").json["code"] == "announcement.withdrawn"
    assert desk.call("PUT", f"/staff/announcements/{latest}", draft(town.community_id)).json["code"] == (
        "announcement.not_draft"
    )
    late = desk.post("/staff/announcements", draft(town.community_id, ends_at=now.isoformat()))
    assert late.json["code"] == "announcement.ends_too_early"


def test_staff_write_for_places_where_they_have_a_role_and_for_no_others(town: TownBuilder, api: ApiClient) -> None:
    here = town.staff(Role.PROPERTY, at=town.community_id)
    for person in (town.staff(Role.AUDITOR), town.staff(Role.SCANNER), town.resident()):
        assert api.as_(person).post("/staff/announcements", draft(town.community_id)).status_code == 403
    for places in ([town.other_community_id], [town.community_id, town.other_community_id], [town.street_id]):
        assert api.as_(here).post("/staff/announcements", draft(*places)).status_code == 403
    assert api.as_(here).post("/staff/announcements", draft(town.operator_id)).json["code"] == "territory.unknown"
    assert town.rows(AnnouncementTarget.announcement_id) == []
    id_ = published(api, here, town.community_id)
    elsewhere = api.as_(town.staff(Role.MANAGER, at=town.other_community_id))
    for call in (
        elsewhere.get(f"/staff/announcements/{id_}"),
        elsewhere.post(f"/staff/announcements/{id_}/withdrawal"),
        elsewhere.get(f"/staff/announcements/{id_}/readings"),
    ):
        assert (call.status_code, call.json["code"]) == (404, "announcement.unknown")
    both = published(api, town.staff(Role.MANAGER), town.community_id, town.other_community_id)
    assert api.as_(here).get(f"/staff/announcements/{both}").status_code == 404
    assert elsewhere.get("/staff/announcements").json["items"] == []
    assert [each["id"] for each in api.as_(here).get("/staff/announcements").json["items"]] == [id_]


def test_staff_learn_how_many_have_read_it_and_managers_who_hasnt_confirmed_it(
    town: TownBuilder, api: ApiClient
) -> None:
    manager, property_staff = town.staff(Role.MANAGER), town.staff(Role.PROPERTY)
    id_ = published(api, manager, town.community_id, town.street_id, confirmation_needed=True)
    confirms, reads, _ignores = town.resident(), town.resident("李雷"), town.resident("韩梅梅")
    for _ in range(2):
        answer = api.as_(confirms).call("PUT", f"/announcements/{id_}/reading", {"confirms": True})
    assert answer.json["confirmed_at"] is not None
    api.as_(reads).call("PUT", f"/announcements/{id_}/reading", {})
    counts = api.as_(property_staff).get(f"/staff/announcements/{id_}/readings").json
    assert counts == {"residents": 3, "read": 2, "confirmed": 1}, "two places that overlap count everybody once"
    names = api.as_(manager).get(f"/staff/announcements/{id_}/unconfirmed").json["items"]
    assert [each["name"] for each in names] == ["李*", "韩**"]
    assert api.as_(property_staff).get(f"/staff/announcements/{id_}/unconfirmed").status_code == 403
    plain = published(api, manager, town.community_id)
    refused = api.as_(manager).get(f"/staff/announcements/{plain}/unconfirmed")
    assert refused.json["code"] == "announcement.no_confirmation"


def test_a_pushed_announcement_reaches_every_inbox_below_its_places_once_and_wechat_where_granted(
    town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcing, "AT_A_TIME", 2)
    fake = fake_wechat(town)
    here = [town.resident() for _ in range(5)]
    there = town.resident(community_id=town.other_community_id)
    for resident in (here[0], there):
        never_quiet(town, resident)
        grant(town, fake, resident, TEMPLATES[Template.ANNOUNCEMENT].id)
    id_ = published(api, town.staff(Role.MANAGER), town.community_id, pushed=True)
    deliver(town, courier_of(town, fake))
    pushes = [row.key for row in town.rows(Outbox.key, topic=announcing.PUSH)]
    assert len(pushes) == 3, "two, two and one: so many that a worker is through before its claim ends"
    town.act(None, announcing.push_to_residents, TEMPLATES, int(id_), 0)
    deliver(town, courier_of(town, fake))
    for resident in here:
        assert [each["title"] for each in api.as_(resident).get("/me/inbox").json["items"]] == ["停水通知"]
    assert api.as_(there).get("/me/inbox").json["items"] == []
    assert [(each.page, each.data["thing1"]) for each in fake.sent] == [(f"pages/announcement?id={id_}", "停水通知")]


def test_a_draft_is_written_anew_with_other_pictures_and_its_readers_see_them(
    town: TownBuilder, api: ApiClient
) -> None:
    desk = api.as_(town.staff(Role.MANAGER))
    first, second = (sent(desk, photo(width), purpose="announcement")["id"] for width in (300, 310))
    wrong = desk.post("/staff/announcements", draft(town.community_id, picture_ids=[sent(desk, photo(320))["id"]]))
    assert wrong.json["code"] == "upload.unknown", "it was sent for a post"
    written = desk.post("/staff/announcements", draft(town.community_id, picture_ids=[first])).json
    again = desk.post("/staff/announcements", draft(town.community_id, picture_ids=[first]))
    assert again.json["code"] == "upload.taken"
    path = f"/staff/announcements/{written['id']}"
    changed = desk.call("PUT", path, draft(town.other_community_id, title="改期", picture_ids=[second])).json
    assert [each["id"] for each in changed["pictures"]] == [second]
    assert [each["name"] for each in changed["places"]] == ["水电社区"]
    assert api.get(f"/announcements/{written['id']}").status_code == 404, "nobody reads a draft"
    desk.post(f"{path}/publication")
    shown = api.get(f"/announcements/{written['id']}").json
    assert (shown["title"], [each["id"] for each in shown["pictures"]]) == ("改期", [second])
    assert shown["pictures"][0]["url"] is not None

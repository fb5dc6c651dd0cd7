"""Protects what neighbours see of each other: cards that are off until turned on, and blocks that say nothing."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from models.groups import Disclosure
from models.residents import Resident, Role
from rules.clock import utc_now
from rules.work import SYSTEM
from tests.build import ApiClient, Person, TownBuilder
from tests.groups.neighbours import card_of, group_of, join, pass_all, post_of, respond, told


def test_a_card_is_seen_by_members_of_a_common_group_while_it_is_on(town: TownBuilder, api: ApiClient) -> None:
    owner, member, stranger = town.resident("李组长"), town.resident(), town.resident()
    group = group_of(town, api, owner)
    join(api, member, group)
    assert api.as_(owner).get("/me/card").json["is_on"] is False
    assert api.as_(owner).call("PATCH", "/me/card", {"is_on": True}).json["code"] == "card.incomplete"
    card = f"/group-members/{group['my_member_id']}/card"
    members = f"/groups/{group['id']}/members"
    assert api.as_(member).get(card).json["code"] == "card.unknown"
    wish = {"display_name": "球场老李", "about": "爱打球", "interests": ["羽毛球"], "is_on": True}
    api.as_(owner).call("PATCH", "/me/card", wish)
    assert api.as_(member).get(card).json["code"] == "card.unknown", "it isn't checked yet"
    pass_all(town)
    assert api.as_(member).get(card).json["display_name"] == "球场老李"
    assert api.as_(member).get(members).json["items"][0]["name"] == "球场老李"
    assert api.as_(stranger).get(card).json["code"] == "group.member_unknown"
    assert api.as_(owner).call("PATCH", "/me/card", {"is_on": False}).status_code == 200
    assert api.as_(member).get(card).json["code"] == "card.unknown"
    assert api.as_(member).get(members).json["items"][0]["name"] == "李**"


def test_a_card_of_a_child_is_seen_by_nobody(town: TownBuilder, api: ApiClient) -> None:
    owner, member = town.resident("李小小"), town.resident()
    group = group_of(town, api, owner)
    join(api, member, group)
    card_of(town, api, owner, "小小李")
    card = f"/group-members/{group['my_member_id']}/card"
    assert api.as_(member).get(card).status_code == 200
    born = utc_now().date().replace(year=utc_now().year - 13, day=1)
    town.database.write(
        town.id,
        SYSTEM,
        lambda work: work.db.execute(
            update(Resident).where(Resident.town_id == town.id, Resident.id == owner.id).values(born_on=born)
        ),
    )
    assert api.as_(member).get(card).json["code"] == "card.unknown"
    assert api.as_(owner).call("PATCH", "/me/card", {"is_on": False}).status_code == 200, "turning it off is for all"


@pytest.fixture
def two(town: TownBuilder, api: ApiClient) -> tuple[Person, Person, dict]:
    """Two members of a group, and the group."""
    owner, one, other = town.resident(), town.resident("孙一一"), town.resident("周二二")
    group = group_of(town, api, owner)
    join(api, one, group)
    join(api, other, group)
    return one, other, group


def test_who_is_blocked_finds_nothing_of_the_other_and_isnt_told(
    town: TownBuilder, api: ApiClient, two: tuple[Person, Person, dict]
) -> None:
    one, other, group = two
    card_of(town, api, one, "一一")
    post, theirs = post_of(town, api, one), post_of(town, api, other)
    for person in two[:2]:
        api.as_(person).post(f"/groups/{group['id']}/posts", {"words": "大家好"})
    pass_all(town)
    members = {item["name"]: item["id"] for item in api.as_(one).get(f"/groups/{group['id']}/members").json["items"]}
    before = len(api.as_(other).get("/partner-posts").json["items"])
    block = api.as_(one).call("POST", "/me/blocks", {"member_id": members["周**"]}).json
    assert block["shown_as"] == "周**"
    assert api.as_(one).call("POST", "/me/blocks", {"member_id": members["周**"]}).json["id"] == block["id"]

    assert before == 2
    assert [item["id"] for item in api.as_(other).get("/partner-posts").json["items"]] == [theirs["id"]]
    assert [item["id"] for item in api.as_(one).get("/partner-posts").json["items"]] == [post["id"]]
    assert api.as_(other).get(f"/partner-posts/{post['id']}").json["code"] == "post.unknown"
    responding = api.as_(other).post(f"/partner-posts/{post['id']}/responses", {"words": "我"})
    assert responding.json["code"] == "post.unknown"
    assert api.as_(other).get(f"/group-members/{members['一一']}/card").json["code"] == "card.unknown"
    for caller in (one, other):
        assert len(api.as_(caller).get(f"/groups/{group['id']}/posts").json["items"]) == 1
        assert len(api.as_(caller).get(f"/groups/{group['id']}/members").json["items"]) == 2
    assert told(town, "post.response") == []
    assert api.as_(other).get("/me/blocks").json["items"] == []
    assert api.as_(other).delete(f"/me/blocks/{block['id']}").json["code"] == "block.unknown"

    assert api.as_(one).delete(f"/me/blocks/{block['id']}").status_code == 204
    assert api.as_(other).get(f"/partner-posts/{post['id']}").status_code == 200


def test_two_who_found_each_other_can_no_longer_write_once_one_blocks(town: TownBuilder, api: ApiClient) -> None:
    author, partner = town.resident(), town.resident()
    post = post_of(town, api, author)
    response = respond(town, api, partner, post)
    api.as_(author).post(f"/post-responses/{response['id']}/decision", {"accept": True})
    messages = f"/post-responses/{response['id']}/messages"
    assert api.as_(partner).post(messages, {"words": "你好"}).status_code == 201
    assert api.as_(author).call("POST", "/me/blocks", {"response_id": response["id"]}).status_code == 201
    assert api.as_(partner).post(messages, {"words": "在吗"}).json["code"] == "post.response_unknown"
    assert api.as_(partner).get(messages).status_code == api.as_(author).get(messages).status_code == 404
    own = api.as_(author).call("POST", "/me/blocks", {"post_id": post["id"]})
    assert own.json["code"] == "block.self"
    both = {"post_id": post["id"], "response_id": response["id"]}
    assert api.as_(author).call("POST", "/me/blocks", both).status_code == 422


def test_a_manager_of_the_place_learns_who_wrote_something_and_that_is_kept(town: TownBuilder, api: ApiClient) -> None:
    author, manager = town.resident("欧阳真名"), town.staff(Role.MANAGER, at=town.community_id)
    elsewhere, organiser = town.staff(Role.MANAGER, at=town.other_community_id), town.staff(Role.ORGANISER)
    content = post_of(town, api, author)["content_id"]
    asking = (f"/moderation/contents/{content}/author", {"reason": "被多人举报"})
    assert api.as_(elsewhere).call("POST", *asking).status_code == 404
    assert api.as_(organiser).call("POST", *asking).status_code == 403
    assert town.rows(Disclosure) == []
    assert api.as_(manager).call("POST", *asking).json == {"content_id": content, "name": "欧阳真名"}
    assert town.rows(Disclosure.staff_id, Disclosure.resident_id, Disclosure.reason) == [
        (manager.id, author.id, "被多人举报")
    ]

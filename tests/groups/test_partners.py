"""Protects 找搭子: posts that lapse, responses that are accepted or not, and messages between the two."""

from __future__ import annotations

from datetime import timedelta

import time_machine

from models.groups import PartnerPost, PartnerPostStatus, PostResponse, ResponseStatus
from rules.clock import utc_now
from rules.groups.lapsing import lapse_among_neighbours
from tests.build import ApiClient, TownBuilder
from tests.groups.neighbours import card_of, pass_all, post_of, respond, told


def test_two_who_found_each_other_see_a_name_and_write(town: TownBuilder, api: ApiClient) -> None:
    author, partner, third = town.resident("张大山"), town.resident("赵小芳"), town.resident()
    card_of(town, api, author, "山哥")
    post = post_of(town, api, author)
    assert api.as_(partner).get(f"/partner-posts/{post['id']}").json["author"] == "张**"
    assert api.as_(author).post(f"/partner-posts/{post['id']}/responses", {"words": "我"}).json["code"] == "post.own"
    response = respond(town, api, partner, post)
    assert response["name"] == "张**", "nothing of the author's card before they accepted"
    again = api.as_(partner).post(f"/partner-posts/{post['id']}/responses", {"words": "我"})
    assert again.json["code"] == "post.already_responded"
    assert told(town, "post.response") == [author.id]
    (heard,) = api.as_(author).get(f"/partner-posts/{post['id']}/responses").json["items"]
    assert (heard["name"], heard["words"], heard["has_card"]) == ("赵**", "算我一个", False)
    assert api.as_(third).get(f"/partner-posts/{post['id']}/responses").status_code == 404

    messages = f"/post-responses/{response['id']}/messages"
    assert api.as_(partner).post(messages, {"words": "几点"}).json["code"] == "post.response_unknown"
    waiting = respond(town, api, third, post)
    decision = f"/post-responses/{response['id']}/decision"
    assert api.as_(partner).post(decision, {"accept": True}).status_code == 404
    assert api.as_(author).post(decision, {"accept": True}).json["status"] == "accepted"
    assert told(town, "post.accepted") == [partner.id]
    assert told(town, "post.ended") == [third.id], "one was wanted, so the post is over"
    late = api.as_(author).post(f"/post-responses/{waiting['id']}/decision", {"accept": True})
    assert late.json["code"] == "post.response_unknown"
    assert town.rows(PartnerPost.accepted, PartnerPost.status) == [(1, PartnerPostStatus.CLOSED)]

    (mine,) = api.as_(partner).get("/me/post-responses").json["items"]
    assert (mine["name"], mine["has_card"]) == ("山哥", True)
    assert api.as_(partner).get(f"/post-responses/{response['id']}/card").json["display_name"] == "山哥"
    assert api.as_(author).get(f"/post-responses/{response['id']}/card").json["code"] == "card.unknown"
    assert api.as_(partner).post(messages, {"words": "几点集合"}).status_code == 201
    assert api.as_(author).get(messages).json["items"] == [], "it isn't checked yet"
    pass_all(town)
    assert [item["is_mine"] for item in api.as_(author).get(messages).json["items"]] == [False]
    assert api.as_(third).get(messages).status_code == 404
    assert told(town, "post.message") == [author.id]


def test_a_post_is_over_by_its_date_and_its_author_is_told_before(town: TownBuilder, api: ApiClient) -> None:
    author, partner, late = (town.resident() for _ in range(3))
    far = (utc_now() + timedelta(days=31)).isoformat()
    wish = {"kind": "carpool", "words": "拼车", "when_words": "早 8 点", "community_id": str(town.community_id)}
    assert api.as_(author).post("/partner-posts", wish | {"lapses_at": far}).json["code"] == "post.lapse_invalid"
    post = post_of(town, api, author)
    respond(town, api, partner, post)
    with time_machine.travel(utc_now() + timedelta(days=6, hours=1), tick=False):
        assert lapse_among_neighbours(town.database, town.id).told == 1
        assert lapse_among_neighbours(town.database, town.id).told == 0
        assert told(town, "post.lapsing") == [author.id]
    with time_machine.travel(utc_now() + timedelta(days=7, minutes=1), tick=False):
        assert api.as_(late, at=utc_now()).get("/partner-posts").json["items"] == []
        answer = api.as_(late, at=utc_now()).post(f"/partner-posts/{post['id']}/responses", {"words": "我"})
        assert answer.json["code"] == "post.unknown"
        assert lapse_among_neighbours(town.database, town.id).posts == 1
        assert told(town, "post.ended") == [partner.id]
    assert town.rows(PartnerPost.status) == [(PartnerPostStatus.LAPSED,)]
    assert town.rows(PostResponse.status) == [(ResponseStatus.DECLINED,)]


def test_where_is_a_community_and_never_an_address(town: TownBuilder, api: ApiClient) -> None:
    author = town.resident()
    lapses = {"lapses_at": (utc_now() + timedelta(days=1)).isoformat()}
    wish = {"kind": "sport", "words": "打球", "when_words": "周末"} | lapses
    assert api.as_(author).post("/partner-posts", wish | {"community_id": str(town.street_id)}).status_code == 404
    for words, code in (
        ("打球联系 13800138000", "content.refused"),
        ("我住３幢 2单元", "social.address_in_text"),
        ("来五号楼601室找我", "social.address_in_text"),
    ):
        answer = api.as_(author).post("/partner-posts", wish | {"community_id": str(town.community_id), "words": words})
        assert (answer.status_code, answer.json["code"]) == (422, code)
    card = api.as_(author).call("PATCH", "/me/card", {"display_name": "老李", "about": "12栋的老李", "is_on": True})
    assert card.json["code"] == "social.address_in_text"
    assert api.as_(author).get("/me/card").json["is_on"] is False
    assert api.as_(town.resident()).get("/partner-posts").json["items"] == []


def test_how_much_one_posts_on_a_day_is_limited_and_a_child_posts_nothing(town: TownBuilder, api: ApiClient) -> None:
    author, child = town.resident(), town.resident(born_on=utc_now().date() - timedelta(days=365 * 10))
    posts = [post_of(town, api, author) for _ in range(5)]
    wish = {"kind": "sport", "words": "打球", "when_words": "周末", "community_id": str(town.community_id)}
    wish["lapses_at"] = (utc_now() + timedelta(days=1)).isoformat()
    assert api.as_(author).post("/partner-posts", wish).json["code"] == "daily_limit.reached"
    assert api.as_(child).post("/partner-posts", wish).json["code"] == "social.too_young"
    answer = api.as_(child).post(f"/partner-posts/{posts[0]['id']}/responses", {"words": "我"})
    assert answer.json["code"] == "social.too_young"
    card = api.as_(child).call("PATCH", "/me/card", {"display_name": "小朋友", "is_on": True})
    assert card.json["code"] == "social.too_young"
    closed = api.as_(author).post(f"/partner-posts/{posts[0]['id']}/closing")
    assert (closed.status_code, closed.json["is_open"]) == (200, False)
    assert api.as_(author).post(f"/partner-posts/{posts[0]['id']}/closing").status_code == 404

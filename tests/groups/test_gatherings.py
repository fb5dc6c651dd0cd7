"""Protects what groups do: meet-ups with guarded places, posts for members only, proposals that become activities."""

from __future__ import annotations

from datetime import timedelta

from models.activities import Activity, ActivityStatus
from models.groups import GroupMeetup
from models.residents import Role
from rules.clock import utc_now
from tests.build import ApiClient, TownBuilder
from tests.groups.neighbours import group_of, join, meetup_of, pass_all, span, told


def test_a_meetup_has_so_many_places_for_members_and_calling_it_off_is_told(town: TownBuilder, api: ApiClient) -> None:
    owner, first, second, stranger = (town.resident() for _ in range(4))
    group = group_of(town, api, owner)
    join(api, first, group)
    join(api, second, group)
    meetup = meetup_of(town, api, owner, group, capacity=1)
    going = f"/group-meetups/{meetup['id']}/attendance"
    assert api.as_(first).post(going).json["is_going"] is True
    codes = [api.as_(person).post(going).json["code"] for person in (first, second, stranger)]
    assert codes == ["meetup.full", "meetup.full", "meetup.unknown"]
    assert api.as_(second).delete(going).json["code"] == "meetup.not_going"
    assert api.as_(first).delete(going).json["taken"] == 0
    assert api.as_(second).post(going).json["taken"] == 1
    (attendee,) = api.as_(first).get(f"/group-meetups/{meetup['id']}/attendees").json["items"]
    assert (attendee["name"], attendee["is_me"]) == ("王**", False)
    (mine,) = api.as_(second).get("/me/meetups").json["items"]
    assert (mine["id"], mine["is_going"]) == (meetup["id"], True)
    later = meetup_of(town, api, owner, group)
    page = api.as_(first).get(f"/groups/{group['id']}/meetups", limit=1).json
    assert [item["id"] for item in page["items"]] == [meetup["id"]]
    rest = api.as_(first).get(f"/groups/{group['id']}/meetups", cursor=page["next_cursor"]).json
    assert ([item["id"] for item in rest["items"]], rest["next_cursor"]) == ([later["id"]], None)
    assert api.as_(first).get("/me/meetups").json["items"] == []
    cancelling = f"/group-meetups/{meetup['id']}/cancellation"
    assert api.as_(second).post(cancelling).json["code"] == "group.not_a_manager"
    assert api.as_(owner).post(cancelling).json["status"] == "cancelled"
    assert told(town, "group.meetup_cancelled") == [second.id]
    assert api.as_(first).post(going).json["code"] == "meetup.over"
    assert town.rows(GroupMeetup.taken, id=int(meetup["id"])) == [(1,)]


def test_a_meetup_is_soon_and_not_endless(town: TownBuilder, api: ApiClient) -> None:
    owner = town.resident()
    group = group_of(town, api, owner)
    wish = {"title": "x", "place": "y", "capacity": 2}
    for begin, hours in ((utc_now() - timedelta(hours=1), 3), (utc_now() + timedelta(days=91), 1), (utc_now(), 25)):
        times = span(begin + timedelta(minutes=1), hours)
        answer = api.as_(owner).post(f"/groups/{group['id']}/meetups", wish | times)
        assert (answer.status_code, answer.json["code"]) == (422, "meetup.times_invalid")


def test_posts_are_for_members_and_announcements_are_told(town: TownBuilder, api: ApiClient) -> None:
    owner, member, stranger = town.resident("李组长"), town.resident(), town.resident()
    group = group_of(town, api, owner)
    join(api, member, group)
    posts = f"/groups/{group['id']}/posts"
    refused = api.as_(member).post(posts, {"words": "开会", "is_announcement": True})
    assert refused.json["code"] == "group.not_a_manager"
    assert api.as_(stranger).post(posts, {"words": "你好"}).json["code"] == "group.not_a_member"
    post = api.as_(owner).post(posts, {"words": "周六场地已订好", "is_announcement": True}).json
    assert told(town, "group.announcement") == [member.id]
    assert api.as_(member).get(posts).json["items"] == [], "it isn't checked yet"
    assert len(api.as_(owner).get(posts).json["items"]) == 1, "its author sees it"
    pass_all(town)
    (shown,) = api.as_(member).get(posts).json["items"]
    assert (shown["author"], shown["role"], shown["is_mine"]) == ("李**", "owner", False)
    assert api.as_(stranger).get(posts).status_code == 403
    assert api.as_(stranger).delete(f"/group-posts/{post['id']}").status_code == 404
    assert api.as_(member).delete(f"/group-posts/{post['id']}").status_code == 404
    assert api.as_(owner).delete(f"/group-posts/{post['id']}").status_code == 204
    assert api.as_(owner).get(posts).json["items"] == []


def test_a_proposal_becomes_a_draft_of_an_activity_that_is_the_groups(town: TownBuilder, api: ApiClient) -> None:
    owner, organiser = town.resident(), town.staff(Role.ORGANISER)
    elsewhere = town.staff(Role.ORGANISER, at=town.other_community_id)
    group = group_of(town, api, owner)
    wish = {"title": "羽毛球友谊赛", "about": "社区杯", "people": 16, "place_wish": "体育馆"}
    times = {"starts_at": (utc_now() + timedelta(days=9)).isoformat()}
    proposal = api.as_(owner).post(f"/groups/{group['id']}/proposals", wish | times).json
    assert api.as_(organiser).get("/group-proposals").json["items"] == [], "it isn't checked yet"
    pass_all(town)
    assert api.as_(elsewhere).get("/group-proposals").json["items"] == []
    assert [item["id"] for item in api.as_(organiser).get("/group-proposals").json["items"]] == [proposal["id"]]
    decision = f"/group-proposals/{proposal['id']}/decision"
    yes = {"accept": True, "operator_id": str(town.operator_id), "members_only": True}
    assert api.as_(elsewhere).post(decision, yes).status_code == 404
    assert api.as_(organiser).post(decision, {"accept": True}).json["code"] == "group.proposal_needs_an_operator"
    decided = api.as_(organiser).post(decision, yes).json
    assert api.as_(organiser).post(decision, yes).status_code == 404, "it is decided"
    assert told(town, "group.proposal_decided") == [owner.id]
    activity_id = int(decided["activity_id"])
    assert town.rows(Activity.title, Activity.status, id=activity_id) == [("羽毛球友谊赛", ActivityStatus.DRAFT)]
    assert api.get(f"/groups/{group['id']}/activities").json["items"] == [], "drafts are seen by staff only"


def test_an_activity_is_one_groups_and_may_be_for_its_members_alone(town: TownBuilder, api: ApiClient) -> None:
    owner, stranger, organiser = town.resident(), town.resident(), town.staff(Role.ORGANISER)
    group, other = group_of(town, api, owner), group_of(town, api, owner, name="另一个小组")
    activity = town.activity()
    session = town.session(activity_id=activity)
    link = f"/groups/{group['id']}/activities/{activity}"
    assert api.as_(organiser).call("PUT", link, {"members_only": True}).status_code == 204
    again = api.as_(organiser).call("PUT", f"/groups/{other['id']}/activities/{activity}", {})
    assert again.json["code"] == "group.activity_of_another"
    (shown,) = api.get(f"/groups/{group['id']}/activities").json["items"]
    assert (shown["id"], shown["members_only"]) == (str(activity), True)
    assert api.as_(owner).post(f"/sessions/{session}/reservations", {}).status_code == 201
    answer = api.as_(stranger).post(f"/sessions/{session}/reservations", {})
    assert answer.json["code"] == "reservation.group_members_only"
    assert api.as_(organiser).call("DELETE", link).status_code == 204
    assert api.as_(stranger).post(f"/sessions/{session}/reservations", {}).status_code == 201


def test_a_group_that_closes_leaves_no_proposal_and_no_activity_that_nobody_can_have(
    town: TownBuilder, api: ApiClient
) -> None:
    owner, stranger, organiser = town.resident(), town.resident(), town.staff(Role.ORGANISER)
    elsewhere = town.staff(Role.ORGANISER, at=town.other_community_id)
    group = group_of(town, api, owner)
    times = {"starts_at": (utc_now() + timedelta(days=9)).isoformat()}
    wish = {"title": "羽毛球友谊赛", "about": "社区杯", "people": 16, **times}
    proposal = api.as_(owner).post(f"/groups/{group['id']}/proposals", wish).json
    pass_all(town)
    activity = town.activity()
    session = town.session(activity_id=activity)
    link = f"/groups/{group['id']}/activities/{activity}"
    assert api.as_(organiser).call("PUT", link, {"members_only": True}).status_code == 204
    assert api.as_(owner).post(f"/groups/{group['id']}/closing", {"reason": "搬家了"}).status_code == 204
    assert api.as_(organiser).get("/group-proposals").json["items"] == []
    decision = {"accept": True, "operator_id": str(town.operator_id)}
    assert api.as_(organiser).post(f"/group-proposals/{proposal['id']}/decision", decision).status_code == 404
    assert api.as_(stranger).post(f"/sessions/{session}/reservations", {}).status_code == 403
    assert api.as_(elsewhere).call("DELETE", link).status_code == 403
    assert api.as_(organiser).call("DELETE", link).status_code == 204
    assert api.as_(stranger).post(f"/sessions/{session}/reservations", {}).status_code == 201

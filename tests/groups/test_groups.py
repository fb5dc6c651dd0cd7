"""Protects groups: who sees them, how one becomes and stops being a member, who runs them, and that each has an owner."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from models.groups import Group, GroupMember, MemberStatus
from models.residents import Role
from rules.clock import utc_now
from rules.groups.lapsing import lapse_among_neighbours
from tests.build import ApiClient, TownBuilder
from tests.groups.neighbours import group_of, join, meetup_of, pass_all, told
from tests.plans import steps_of
from tests.uploads.helpers import sent

GROUP = {"name": "书法社", "about": "每周练字", "category": "书法", "scene": "education"}


def counts(town: TownBuilder, group: dict) -> tuple[int, int, int]:
    """What the group's row says of members and owners, and how many memberships are active."""
    ((members, owners),) = town.rows(Group.members, Group.owners, id=int(group["id"]))
    return members, owners, len(town.rows(GroupMember, group_id=int(group["id"]), status=MemberStatus.ACTIVE))


def test_a_group_is_seen_by_others_once_its_words_are_passed(town: TownBuilder, api: ApiClient) -> None:
    founder, neighbour = town.resident(), town.resident()
    wish = GROUP | {"community_id": str(town.community_id)}
    group = api.as_(founder).post("/groups", wish).json
    assert (group["my_role"], group["members"], group["is_public"]) == ("owner", 1, False)
    for caller in (api, api.as_(neighbour)):
        assert caller.get(f"/groups/{group['id']}").status_code == 404
        assert caller.get("/groups").json["items"] == []
    assert api.as_(neighbour).post(f"/groups/{group['id']}/members", {}).status_code == 404
    pass_all(town)
    assert api.get("/groups", category="书法").json["items"][0]["id"] == group["id"]
    assert api.get("/groups", category="舞蹈").json["items"] == []
    assert api.get("/groups", community_id=str(town.other_community_id)).json["items"] == []

    changed = api.as_(founder).call("PATCH", f"/groups/{group['id']}", {"name": "楷书社"})
    assert changed.json["name"] == "楷书社"
    assert api.get(f"/groups/{group['id']}").json["name"] == "书法社", "the new words aren't checked yet"
    pass_all(town)
    assert api.get(f"/groups/{group['id']}").json["name"] == "楷书社"
    assert lapse_among_neighbours(town.database, town.id).groups_changed == 1
    assert town.rows(Group.name, Group.new_name, id=int(group["id"])) == [("楷书社", None)]


def test_one_founds_three_groups_and_closing_one_lets_another_begin(town: TownBuilder, api: ApiClient) -> None:
    founder = town.resident()
    wish = GROUP | {"community_id": str(town.community_id)}
    groups = [api.as_(founder).post("/groups", wish | {"name": f"小组{n}"}) for n in range(4)]
    assert [answer.status_code for answer in groups] == [201, 201, 201, 409]
    assert groups[3].json["code"] == "group.limit_reached"
    closing = api.as_(founder).post(f"/groups/{groups[0].json['id']}/closing", {"reason": "没人来"})
    assert closing.status_code == 204
    assert api.as_(founder).post("/groups", wish).status_code == 201
    assert api.as_(founder).get(f"/groups/{groups[0].json['id']}").status_code == 404


def test_an_open_group_is_joined_at_once_until_it_is_full(town: TownBuilder, api: ApiClient) -> None:
    founder, second, third = (town.resident() for _ in range(3))
    group = group_of(town, api, founder, member_max=2)
    assert join(api, second, group)["outcome"] == "joined"
    again = api.as_(second).post(f"/groups/{group['id']}/members", {})
    full = api.as_(third).post(f"/groups/{group['id']}/members", {})
    assert (again.json["code"], full.json["code"]) == ("group.already_member", "group.full")
    assert counts(town, group) == (2, 1, 2)
    smaller = api.as_(founder).call("PATCH", f"/groups/{group['id']}", {"member_max": 2})
    assert smaller.status_code == 200
    assert api.as_(second).delete(f"/groups/{group['id']}/membership").status_code == 204
    assert counts(town, group) == (1, 1, 1)


def test_a_request_waits_for_a_manager_and_lapses(town: TownBuilder, api: ApiClient) -> None:
    founder, asker, late = town.resident(), town.resident("赵小芳"), town.resident()
    group = group_of(town, api, founder, joining="approval")
    asked = join(api, asker, group, words="我打了三年")
    assert asked["outcome"] == "requested"
    assert told(town, "group.request") == [founder.id]
    again = api.as_(asker).post(f"/groups/{group['id']}/members", {})
    assert again.json["code"] == "group.already_requested"
    requests = f"/groups/{group['id']}/requests"
    assert api.as_(asker).get(requests).json["code"] == "group.not_a_manager"
    (shown,) = api.as_(founder).get(requests).json["items"]
    assert (shown["name"], shown["words"]) == ("赵**", None), "masked, and not checked yet"
    pass_all(town)
    (shown,) = api.as_(founder).get(requests).json["items"]
    assert shown["words"] == "我打了三年"
    decision = f"/group-requests/{asked['request_id']}/decision"
    assert api.as_(late).post(decision, {"accept": True}).status_code == 403
    assert api.as_(founder).post(decision, {"accept": True}).json["status"] == "accepted"
    assert api.as_(founder).post(decision, {"accept": False}).status_code == 404
    assert told(town, "group.accepted") == [asker.id]
    assert counts(town, group) == (2, 1, 2)

    waiting = join(api, late, group)
    with time_machine.travel(utc_now() + timedelta(days=15), tick=False):
        late_decision = api.as_(founder, at=utc_now()).post(
            f"/group-requests/{waiting['request_id']}/decision", {"accept": True}
        )
        assert late_decision.json["code"] == "group.request_unknown", "it is over by its date"
        assert lapse_among_neighbours(town.database, town.id).requests == 1
        assert lapse_among_neighbours(town.database, town.id).requests == 0
        assert told(town, "group.request_lapsed") == [late.id]
        assert join(ApiAt(api), late, group)["outcome"] == "requested"


class ApiAt:
    """The API with tokens of the moment that is travelled to."""

    def __init__(self, api: ApiClient) -> None:
        self.api = api

    def as_(self, person: object) -> ApiClient:
        return self.api.as_(person, at=utc_now())


def test_a_code_lets_in_so_many_and_only_its_hash_is_kept(town: TownBuilder, api: ApiClient) -> None:
    founder, first, second = (town.resident() for _ in range(3))
    group = group_of(town, api, founder, joining="invitation")
    joining = f"/groups/{group['id']}/members"
    assert api.as_(first).post(joining, {}).json["code"] == "group.invitation_needed"
    made = api.as_(founder).post(f"/groups/{group['id']}/invitations", {"uses_max": 1}).json
    assert made["code"] not in str(town.contents())
    join(api, first, group, code=made["code"])
    assert api.as_(second).post(joining, {"code": made["code"]}).json["code"] == "group.invitation_invalid"
    fresh = api.as_(founder).post(f"/groups/{group['id']}/invitations", {"uses_max": 5}).json
    assert api.as_(first).get(f"/groups/{group['id']}/invitations").status_code == 403
    assert api.as_(founder).delete(f"/groups/{group['id']}/invitations/{fresh['id']}").status_code == 204
    assert api.as_(second).post(joining, {"code": fresh["code"]}).json["code"] == "group.invitation_invalid"
    assert counts(town, group) == (2, 1, 2)


def test_who_is_removed_is_told_and_comes_back_by_invitation_only(town: TownBuilder, api: ApiClient) -> None:
    founder, manager, member = (town.resident() for _ in range(3))
    group = group_of(town, api, founder)
    of_manager, of_member = join(api, manager, group)["member_id"], join(api, member, group)["member_id"]
    role = {"role": "manager"}
    assert api.as_(member).call("PUT", f"/group-members/{of_manager}/role", role).json["code"] == "group.not_the_owner"
    assert api.as_(founder).call("PUT", f"/group-members/{of_manager}/role", role).status_code == 204
    assert api.as_(member).delete(f"/group-members/{of_manager}").json["code"] == "group.not_a_manager"
    assert api.as_(manager).delete(f"/group-members/{group['my_member_id']}").json["code"] == "group.not_a_manager"
    meetup = meetup_of(town, api, manager, group)
    assert api.as_(member).post(f"/group-meetups/{meetup['id']}/attendance").json["taken"] == 1
    assert api.as_(manager).delete(f"/group-members/{of_member}").status_code == 204
    assert told(town, "group.removed") == [member.id]
    assert api.as_(manager).get(f"/group-meetups/{meetup['id']}").json["taken"] == 0, "the place went back"
    joining = f"/groups/{group['id']}/members"
    assert api.as_(member).post(joining, {}).json["code"] == "group.removed_before"
    code = api.as_(manager).post(f"/groups/{group['id']}/invitations", {}).json["code"]
    join(api, member, group, code=code)
    assert counts(town, group) == (3, 1, 3)


def test_the_last_owner_stays_until_the_group_is_handed_over(town: TownBuilder, api: ApiClient) -> None:
    founder, heir = town.resident(), town.resident()
    group = group_of(town, api, founder)
    of_heir = join(api, heir, group)["member_id"]
    leaving = f"/groups/{group['id']}/membership"
    demotion = api.as_(founder).call("PUT", f"/group-members/{group['my_member_id']}/role", {"role": "member"})
    assert api.as_(founder).delete(leaving).json["code"] == demotion.json["code"] == "group.last_owner"
    assert counts(town, group) == (2, 1, 2)
    handed = api.as_(founder).post(f"/groups/{group['id']}/handover", {"member_id": of_heir})
    assert handed.json["my_role"] == "manager"
    assert told(town, "group.role_changed") == [heir.id]
    assert api.as_(founder).delete(leaving).status_code == 204
    assert counts(town, group) == (1, 1, 1)


def test_staff_run_a_group_until_a_member_owns_it_and_may_close_any_at_their_place(
    town: TownBuilder, api: ApiClient
) -> None:
    staff, elsewhere = town.staff(Role.ORGANISER), town.staff(Role.ORGANISER, at=town.other_community_id)
    member = town.resident()
    wish = GROUP | {"community_id": str(town.community_id)}
    assert api.as_(elsewhere).post("/groups", wish).status_code == 403
    group = api.as_(staff).post("/groups", wish).json
    assert (group["members"], group["is_staffed"], group["is_public"]) == (0, True, True)
    of_member = join(api, member, group)["member_id"]
    assert len(api.as_(staff).get(f"/groups/{group['id']}/members").json["items"]) == 1
    assert api.as_(elsewhere).get(f"/groups/{group['id']}/members").status_code == 403
    assert api.as_(staff).call("PUT", f"/group-members/{of_member}/role", {"role": "owner"}).status_code == 204
    assert api.as_(member).get(f"/groups/{group['id']}").json["is_staffed"] is False
    assert api.as_(staff).get(f"/groups/{group['id']}/members").status_code == 403, "it has an owner now"
    closing = f"/groups/{group['id']}/closing"
    assert api.as_(elsewhere).post(closing, {"reason": "x"}).status_code == 403
    assert api.as_(staff).post(closing, {"reason": "违规"}).status_code == 204
    assert told(town, "group.closed") == [member.id]
    assert api.as_(member).get("/me/groups").json["items"] == []


def test_how_much_one_joins_on_a_day_is_limited(town: TownBuilder, api: ApiClient) -> None:
    staff, curious = town.staff(Role.ORGANISER), town.resident()
    wish = GROUP | {"community_id": str(town.community_id)}
    groups = [api.as_(staff).post("/groups", wish | {"name": f"小组{n}"}).json for n in range(11)]
    answers = [
        api.as_(curious).post(f"/groups/{group['id']}/members", {}, key=f"join-{group['id']}") for group in groups
    ]
    assert [answer.status_code for answer in answers] == [201] * 10 + [429]
    assert answers[10].json["code"] == "daily_limit.reached"
    assert 0 < int(answers[10].headers["Retry-After"]) <= 24 * 3600
    with time_machine.travel(utc_now() + timedelta(days=1), tick=False):
        tomorrow = api.as_(curious, at=utc_now())
        joined = tomorrow.post(f"/groups/{groups[10]['id']}/members", {}, key=f"join-{groups[10]['id']}")
        assert joined.status_code == 201, "a limit of a day is not kept under the key"


def test_what_moderation_takes_away_is_withheld_from_members_too_and_not_found(
    town: TownBuilder, api: ApiClient
) -> None:
    founder, member, stranger = (town.resident() for _ in range(3))
    forbidden = GROUP | {"community_id": str(town.community_id), "about": "代开发票"}
    refused = api.as_(founder).post("/groups", forbidden)
    assert (refused.status_code, refused.json["code"]) == (422, "content.refused")
    assert town.rows(Group) == []

    group = group_of(town, api, founder, name="柳浪闻莺诗社")
    join(api, member, group)
    found = api.get("/search", q="柳浪闻莺").json["groups"]
    assert [item["id"] for kind in found for item in kind["items"]] == [group["id"]]
    for person in (town.resident(), town.resident(), town.resident()):
        report = api.as_(person).post(f"/contents/{group['content_id']}/reports", {"reason": "spam"})
        assert report.status_code in (200, 201, 204), report.text
    assert api.as_(stranger).get(f"/groups/{group['id']}").status_code == 404
    assert api.get("/search", q="柳浪闻莺").json["groups"] == []
    shown = api.as_(member).get(f"/groups/{group['id']}").json
    assert (shown["name"], shown["about"], shown["my_role"]) == ("（审核中）", "", "member")
    assert api.as_(founder).get(f"/groups/{group['id']}").json["name"] == "柳浪闻莺诗社"
    raised = api.as_(founder).call("PUT", f"/group-members/{shown['my_member_id']}/role", {"role": "manager"})
    assert raised.status_code == 204
    change = api.as_(member).call("PATCH", f"/groups/{group['id']}", {"about": "每周读一首诗"})
    assert (change.status_code, change.json["code"]) == (422, "group.words_needed"), "（审核中） is nobody's name"
    both = {"name": "西湖诗社", "about": "每周读一首诗"}
    assert api.as_(member).call("PATCH", f"/groups/{group['id']}", both).json["name"] == "西湖诗社"


def test_a_groups_picture_is_its_founders_own_and_shown_to_others_once_passed(
    town: TownBuilder, api: ApiClient
) -> None:
    founder, other = town.resident(), town.resident()
    upload = sent(api.as_(founder), purpose="group")
    wish = GROUP | {"community_id": str(town.community_id), "upload_id": upload["id"]}
    assert api.as_(other).post("/groups", wish).json["code"] == "upload.unknown"
    group = api.as_(founder).post("/groups", wish).json
    assert group["picture"]["url"]
    again = api.as_(founder).post("/groups", wish)
    assert again.json["code"] == "upload.taken"
    pass_all(town)
    assert api.as_(other).get(f"/groups/{group['id']}").json["picture"]["url"]
    bare = api.as_(founder).call("PATCH", f"/groups/{group['id']}", {"upload_id": None})
    assert bare.json["picture"] is None


@pytest.mark.parametrize(("table", "path"), [("interest_group", "/me/groups"), ("group_meetup", "/me/meetups")])
def test_what_is_mine_is_sought_and_not_looked_for_among_everybodys(
    town: TownBuilder, api: ApiClient, table: str, path: str
) -> None:
    owner = town.resident()
    group = group_of(town, api, owner)
    meetup = meetup_of(town, api, owner, group)
    assert api.as_(owner).post(f"/group-meetups/{meetup['id']}/attendance").status_code == 200
    steps = steps_of(town, table, lambda: api.as_(owner).get(path))
    (step,) = [step for step in steps if f" {table} USING" in step]
    assert "(town_id=? AND id=?)" in step

"""找朋友, walked by four: a group and its members, and somebody who looks for company; nobody lists residents."""

from __future__ import annotations

from models.groups import GroupMember
from models.residents import Role
from tests.build import ApiClient, TownBuilder
from tests.entries.callers import answers, enter, four, keeper
from tests.groups.neighbours import group_of, join, pass_all, post_of, respond


def test_a_group_is_found_by_all_and_seen_from_within_by_members(town: TownBuilder, api: ApiClient) -> None:
    who, member = four(town, api), town.resident("孙八")
    group = group_of(town, api, who.person, name="星民羽毛球队")
    path = f"/groups/{group['id']}"

    # Anybody finds it, reads how many there are, and not who.
    for caller in who.all:
        count, listed = enter(caller, town, "找朋友")
        assert (count, [each["name"] for each in listed]) == (1, ["星民羽毛球队"])
        shown = caller.get(path)
        assert (shown.json["members"], "李" in shown.text) == (1, False)

    # Residents join; then members see each other by masked names, and nobody else sees any.
    assert answers(who.others[1:], "POST", f"{path}/members", {}) == [403, 401]
    join(api, member, group)
    assert answers(who.all, "GET", f"{path}/members") == [200, 403, 403, 401]
    assert [each["name"] for each in who.resident.get(f"{path}/members").json["items"]] == ["李**", "孙*"]
    assert answers(who.others, "POST", f"{path}/posts", {"words": "你好"}) == [403, 403, 401]

    # Only who leads it changes it; what needs an end, staff of the place end, and staff of elsewhere don't.
    assert answers(who.others, "PATCH", path, {"about": "别人的话"}) == [403, 403, 401]
    assert answers(who.others, "POST", f"{path}/closing", {"reason": "不合适"}) == [403, 403, 401]
    assert keeper(town, api, Role.MANAGER).post(f"{path}/closing", {"reason": "违反公约"}).status_code == 204
    assert answers(who.all[1:], "GET", path) == [404, 404, 404]
    assert len(town.rows(GroupMember.id)) == 2


def test_who_looks_for_company_is_known_to_whom_they_accept(town: TownBuilder, api: ApiClient) -> None:
    who, partner = four(town, api), town.resident("吴十")
    post = post_of(town, api, who.person)
    path = f"/partner-posts/{post['id']}"

    # Residents read it, with no more of the name than its first character; staff and visitors have no business there.
    assert answers(who.all, "GET", path) == [200, 200, 403, 401]
    assert who.neighbour.get(path).json["author"] == "李**"

    # Who answers is seen by who asked, and by nobody else.
    response = respond(town, api, partner, post)
    assert answers(who.all, "GET", f"{path}/responses") == [200, 404, 403, 401]
    deciding = f"/post-responses/{response['id']}/decision"
    assert answers(who.others, "POST", deciding, {"accept": True}) == [404, 403, 401]
    assert who.resident.post(deciding, {"accept": True}).json["status"] == "accepted"

    # Then these two write to each other.
    messages = f"/post-responses/{response['id']}/messages"
    assert api.as_(partner).post(messages, {"words": "周三见"}).status_code == 201
    pass_all(town)
    assert answers(who.all, "GET", messages) == [200, 404, 403, 401]
    assert [each["words"] for each in who.resident.get(messages).json["items"]] == ["周三见"]

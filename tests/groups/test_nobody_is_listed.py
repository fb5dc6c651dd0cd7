"""Protects that nobody can list residents: every route of this room, walked by everybody, names no resident.

No answer holds an id, a telephone number, an openid or a full name of a resident. A route that the walk can't fill in fails.
"""

from __future__ import annotations

import base64
import re
from typing import Any

from flask import Flask
from sqlalchemy import update

from app import ROOMS
from models.groups import GroupMember, MeetupAttendee
from models.residents import Resident, Role
from rules.residents.phones import phone_columns, read_phone
from rules.work import SYSTEM, Work
from tests.build import ApiClient, Person, TownBuilder
from tests.edge.test_permissions import BODIES
from tests.groups.neighbours import card_of, group_of, join, meetup_of, pass_all, post_of, respond

NAMES = ("欧阳一鸣", "司马二喜", "诸葛三多", "上官四海", "东方五岳")
PHONES = tuple(f"1381234567{n}" for n in range(5))
#: The one route that names a resident: to a manager of the place, with a reason on record.
NAMING = "POST /api/v1/moderation/contents/<id:content_id>/author"


class Scene:
    """A group with members, a meet-up, a post, a request; a partner post with a response; some cards on."""

    def __init__(self, town: TownBuilder, api: ApiClient) -> None:
        self.town, self.api = town, api
        self.people = [town.resident(name) for name in NAMES]
        owner, member, asker, author, partner = self.people
        group = group_of(town, api, owner, joining="approval")
        request = join(api, member, group)["request_id"]
        api.as_(owner).post(f"/group-requests/{request}/decision", {"accept": True})
        asked = join(api, asker, group, words="想加入")
        meetup = meetup_of(town, api, owner, group)
        api.as_(member).post(f"/group-meetups/{meetup['id']}/attendance")
        written = api.as_(member).post(f"/groups/{group['id']}/posts", {"words": "大家好"}).json
        invitation = api.as_(owner).post(f"/groups/{group['id']}/invitations", {}).json
        post = post_of(town, api, author)
        response = respond(town, api, partner, post)
        api.as_(author).post(f"/post-responses/{response['id']}/decision", {"accept": True})
        api.as_(partner).post(f"/post-responses/{response['id']}/messages", {"words": "几点见"})
        card_of(town, api, owner, "球场老大")
        card_of(town, api, author, "找球友的人")
        self._keep_phones()
        pass_all(town)
        self.ids = {
            "group_id": group["id"],
            "member_id": group["my_member_id"],
            "request_id": asked["request_id"],
            "invitation_id": invitation["id"],
            "meetup_id": meetup["id"],
            "post_id": post["id"],
            "response_id": response["id"],
            "content_id": written["content_id"],
            "proposal_id": "1",
            "activity_id": "1",
            "block_id": "1",
        }
        assert len(town.rows(GroupMember)) == 2
        assert len(town.rows(MeetupAttendee)) == 1

    def _keep_phones(self) -> None:
        """Everybody's number is on record."""

        def deed(work: Work) -> None:
            for person, number in zip(self.people, PHONES, strict=True):
                columns = phone_columns(self.town.house.keys, self.town.id, person.id, read_phone(number))
                this = (Resident.town_id == self.town.id, Resident.id == person.id)
                work.db.execute(update(Resident).where(*this).values(**columns))

        self.town.database.write(self.town.id, SYSTEM, deed)

    def paths(self, app: Flask, *methods: str) -> list[tuple[str, str, str]]:
        """Every route of this room with these methods: method, rule, path."""
        names = {room.name for room in ROOMS if room.name in ("groups", "gatherings", "partners")}
        return [
            (method, rule.rule, re.sub(r"<\w+:(\w+)>", lambda found: self.ids[found[1]], rule.rule))
            for rule in app.url_map.iter_rules()
            if rule.endpoint.split(".")[0] in names
            for method in sorted(set(rule.methods or ()) & set(methods))
        ]

    def secrets(self, caller: Person | None) -> list[str]:
        people = [person for person in self.people if person != caller]
        ids = [str(person.id) for person in people]
        return [*NAMES, *PHONES, *ids, *(f"openid-{id_}" for id_ in ids)]


def opened(text: str) -> str:
    """An answer with its cursors decoded."""
    cursors = re.findall(r'"next_cursor":\s*"([\w-]+)"', text)
    return text + "".join(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode() for cursor in cursors)


def test_no_answer_of_any_route_names_a_resident(app: Flask, town: TownBuilder, api: ApiClient) -> None:
    scene = Scene(town, api)
    elsewhere = town.staff(Role.ORGANISER, Role.MANAGER, at=town.other_community_id)
    people = [*scene.people, town.resident("陌生人甲"), elsewhere, town.staff(Role.ORGANISER, Role.MANAGER)]
    callers = [api, *(api.as_(person) for person in people)]
    reads = scene.paths(app, "GET")
    assert len(reads) > 20
    seen: dict[str, int] = {}
    for caller in callers:
        for _, rule, path in reads:
            answer = (
                caller.get(path.removeprefix("/api/v1"), limit=1)
                if takes_limit(rule)
                else caller.get(path.removeprefix("/api/v1"))
            )
            assert answer.status_code in (200, 401, 403, 404), (rule, answer.text)
            text = opened(answer.text)
            assert [secret for secret in scene.secrets(None) if secret in text] == [], (rule, text)
            seen[rule] = seen.get(rule, 0) + (answer.status_code == 200)
    assert [rule for rule, times in seen.items() if times == 0] == [], "the walk must reach what it looks at"

    stranger = town.resident("陌生人乙")
    for person in (stranger, elsewhere):
        for method, rule, path in scene.paths(app, "POST", "PUT", "PATCH", "DELETE"):
            body = filled(BODIES.get(f"{method} {rule}"), town)
            answer = api.as_(person).call(
                method, path.removeprefix("/api/v1"), body, key=f"walk-{person.id}-{rule}"[:60]
            )
            assert f"{method} {rule}" != NAMING or answer.status_code in (403, 404)
            assert answer.status_code < 500, (rule, answer.text)
            assert [secret for secret in scene.secrets(person) if secret in answer.text] == [], (rule, answer.text)


def takes_limit(rule: str) -> bool:
    return not rule.endswith(("_id>", "/card"))


def filled(body: dict[str, Any] | None, town: TownBuilder) -> dict[str, Any] | None:
    """A body that means a place of the town."""
    if body and "community_id" in body:
        return body | {"community_id": str(town.community_id)}
    return body

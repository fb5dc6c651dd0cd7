"""Protects the last place in a group and its last owner from those who are quick, with control arms.

In a control arm the same people do the same at the same moment without the guard, and the fault must show.
"""

from __future__ import annotations

from threading import Barrier, Event

import pytest
from sqlalchemy import func, insert, select, update

from models.groups import (
    Group,
    GroupMember,
    GroupRole,
    MeetupAttendee,
    MemberStatus,
    PartnerPost,
    PostResponse,
    ResidentCard,
    ResponseStatus,
)
from rules.errors import RuleError
from rules.groups import cards, membership
from rules.groups.joining import join_group
from rules.groups.meetups import go
from rules.groups.membership import leave_group, remove_member, set_role
from rules.groups.responses import decide_response
from rules.work import SYSTEM, Work
from tests.build import ApiClient, Person, TownBuilder
from tests.groups.neighbours import card_of, group_of, join, meetup_of, post_of, respond
from tests.races import from_threads

CROWD = 24
PAIRS = 6


def outcome(town: TownBuilder, person: Person, deed: object, *args: object) -> str:
    """What came of it: done, or the code of the refusal."""
    try:
        town.act(person, deed, *args)
    except RuleError as refusal:
        return refusal.code
    return "done"


def active(town: TownBuilder, group_id: int) -> int:
    return len(town.rows(GroupMember, group_id=group_id, status=MemberStatus.ACTIVE))


def test_the_last_places_of_a_group_are_never_given_twice(town: TownBuilder, api: ApiClient) -> None:
    group = group_of(town, api, town.resident(), member_max=4)
    group_id, crowd = int(group["id"]), [town.resident() for _ in range(CROWD)]
    outcomes = from_threads(lambda who: outcome(town, who, join_group, group_id, "", None), [(who,) for who in crowd])
    assert sorted(outcomes) == ["done"] * 3 + ["group.full"] * (CROWD - 3)
    assert active(town, group_id) == 4
    assert town.rows(Group.members, id=group_id) == [(4,)]


def test_control_who_looks_for_a_place_first_and_takes_it_then_overfills_a_group(
    town: TownBuilder, api: ApiClient
) -> None:
    group = group_of(town, api, town.resident(), member_max=4)
    group_id, crowd = int(group["id"]), [town.resident() for _ in range(8)]
    all_have_looked = Barrier(len(crowd))

    def look_then_join(who: Person) -> None:
        counted = select(func.count()).where(GroupMember.town_id == town.id, GroupMember.group_id == group_id)
        members = town.database.read(town.id, SYSTEM, lambda work: work.db.scalar(counted))
        all_have_looked.wait()
        if members < 4:
            town.act(who, enter, group_id)

    from_threads(look_then_join, [(who,) for who in crowd])
    assert active(town, group_id) > 4


def enter(work: Work, group_id: int) -> None:
    row = {"town_id": work.town_id, "id": work.new_id(), "group_id": group_id, "resident_id": work.actor.id}
    work.db.execute(insert(GroupMember), row | {"joined_at": work.now})


def owners_of(town: TownBuilder, api: ApiClient) -> tuple[int, list[tuple[Person, int]]]:
    """A group with two owners."""
    first, second = town.resident(), town.resident()
    group = group_of(town, api, first)
    of_second = int(join(api, second, group)["member_id"])
    town.act(first, set_role, of_second, GroupRole.OWNER)
    return int(group["id"]), [(first, int(group["my_member_id"])), (second, of_second)]


def test_of_two_last_owners_who_leave_at_once_one_stays(town: TownBuilder, api: ApiClient) -> None:
    pairs = [owners_of(town, api) for _ in range(PAIRS)]
    jobs = [(who, group_id) for group_id, owners in pairs for who, _ in owners]
    outcomes = from_threads(lambda who, group_id: outcome(town, who, leave_group, group_id), jobs)
    assert sorted(outcomes) == ["done"] * PAIRS + ["group.last_owner"] * PAIRS
    for group_id, _ in pairs:
        assert town.rows(Group.members, Group.owners, id=group_id) == [(1, 1)]
        assert active(town, group_id) == 1


def test_control_owners_who_look_for_another_one_first_and_leave_then_both_go(
    town: TownBuilder, api: ApiClient
) -> None:
    group_id, owners = owners_of(town, api)
    this = (Group.town_id == town.id, Group.id == group_id)

    def lift_the_check(work: Work) -> None:
        work.db.execute(update(Group).where(*this).values(is_staffed=True))

    def leave(work: Work, member_id: int) -> None:
        ended = {"status": MemberStatus.LEFT, "ended_at": work.now}
        mine = (GroupMember.town_id == town.id, GroupMember.id == member_id)
        work.db.execute(update(GroupMember).where(*mine).values(**ended))
        work.db.execute(update(Group).where(*this).values(owners=Group.owners - 1, members=Group.members - 1))

    def look_then_leave(who: Person, member_id: int) -> None:
        ((others,),) = town.rows(Group.owners, id=group_id)
        both_have_looked.wait()
        if others > 1:
            town.act(who, leave, member_id)

    both_have_looked = Barrier(2)
    town.database.write(town.id, SYSTEM, lift_the_check)
    from_threads(look_then_leave, owners)
    assert town.rows(Group.owners, id=group_id) == [(0,)]


def test_who_is_made_an_owner_while_they_are_put_out_is_counted_as_neither(
    town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    group_id, ((first, _), (second, _)) = owners_of(town, api)
    member_id = int(join(api, town.resident(), {"id": str(group_id)})["member_id"])
    has_looked, is_owner = Event(), Event()
    look = membership._read

    def look_and_tell(work: Work, member: int) -> object:
        found = look(work, member)
        if work.actor.id == second.id:
            has_looked.set()
        return found

    def promote(work: Work) -> None:
        set_role(work, member_id, GroupRole.OWNER)
        is_owner.set()
        has_looked.wait(0.5)  # on SQLite nobody looks before this is committed

    def remove() -> str:
        is_owner.wait()
        return outcome(town, second, remove_member, member_id)

    monkeypatch.setattr(membership, "_read", look_and_tell)
    jobs = [lambda: outcome(town, first, promote), remove]
    assert from_threads(lambda job: job(), [(job,) for job in jobs]) == ["done", "done"]
    assert town.rows(Group.members, Group.owners, id=group_id) == [(2, 2)]


def test_a_card_that_is_turned_off_stays_off_whatever_is_written_meanwhile(
    town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, keys = town.resident(), town.house.keys
    card_of(town, api, who, "球友小李")
    has_read, is_off = Event(), Event()
    check = cards.refuse_address

    def check_and_tell(*texts: str) -> None:
        has_read.set()
        check(*texts)

    def turn_off(work: Work) -> None:
        cards.change_my_card(work, keys, {"is_on": False})
        is_off.set()
        has_read.wait(0.5)  # whoever waits for the row hasn't read it

    def reword() -> str:
        is_off.wait()
        return outcome(town, who, cards.change_my_card, keys, {"about": "周末打球"})

    monkeypatch.setattr(cards, "refuse_address", check_and_tell)
    jobs = [lambda: outcome(town, who, turn_off), reword]
    assert from_threads(lambda job: job(), [(job,) for job in jobs]) == ["done", "done"]
    assert town.rows(ResidentCard.is_on, ResidentCard.about) == [(False, "周末打球")]


def test_the_last_place_of_a_meetup_is_given_once(town: TownBuilder, api: ApiClient) -> None:
    owner = town.resident()
    group = group_of(town, api, owner)
    crowd = [town.resident() for _ in range(8)]
    for who in crowd:
        join(api, who, group)
    meetup = int(meetup_of(town, api, owner, group, capacity=2)["id"])
    outcomes = from_threads(lambda who: outcome(town, who, go, meetup), [(who,) for who in crowd])
    assert sorted(outcomes) == ["done"] * 2 + ["meetup.full"] * 6
    assert len(town.rows(MeetupAttendee, meetup_id=meetup)) == 2


def test_an_author_who_accepts_everybody_at_once_takes_as_many_as_were_wanted(
    town: TownBuilder, api: ApiClient
) -> None:
    author = town.resident()
    post = post_of(town, api, author, wanted=2)
    responses = [int(respond(town, api, town.resident(), post)["id"]) for _ in range(6)]
    outcomes = from_threads(
        lambda id_: outcome(town, author, decide_response, id_, True), [(id_,) for id_ in responses]
    )
    assert outcomes.count("done") == 2
    assert set(outcomes) <= {"done", "post.partners_found", "post.response_unknown"}
    accepted = town.rows(PostResponse, post_id=int(post["id"]), status=ResponseStatus.ACCEPTED)
    assert len(accepted) == 2
    assert town.rows(PartnerPost.accepted, id=int(post["id"])) == [(2,)]

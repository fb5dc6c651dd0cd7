"""Proposals of groups to staff, and real activities that are a group's.

A manager of the group asks for an activity; an organiser of its place makes a draft of it, which then is an activity like
any other: with a room, a sign-up and check-in. An organiser may also say of any activity of theirs that it is a group's,
and that its members alone may reserve.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, delete, or_, select, true, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from models.activities import Activity, ActivityStatus, Allocation
from models.groups import Group, GroupActivity, GroupProposal, GroupStatus, ProposalStatus
from models.moderation import Content, ContentKind
from models.residents import Role
from models.territory import Territory
from rules.activities.authoring import create_activity
from rules.activities.organised import lock_activity
from rules.groups.finding import LOCK_GROUP, read_group, require_manager
from rules.groups.limits import Deed, count_deed
from rules.groups.naming import asked, is_seen, of_content, shown
from rules.groups.refusals import ActivityOfAnotherGroup, NotMember, ProposalIncomplete, ProposalUnknown
from rules.groups.telling import managers_of, tell
from rules.ids import ID_MAX
from rules.moderation.submitting import submit
from rules.moderation.visibility import passed
from rules.paging import Page, Position, cut
from rules.residents.identity import require_role
from rules.rows import AnyRow
from rules.work import Work

DECIDED = "group.proposal_decided"
SUMMARY_LENGTH_MAX = 2000

_words = aliased(Content)
_proposals = (
    select(
        GroupProposal.id,
        GroupProposal.group_id,
        Group.name.label("group"),
        Group.category,
        Group.scene,
        Group.community_id,
        Territory.path,
        GroupProposal.title,
        GroupProposal.about,
        GroupProposal.place_wish,
        GroupProposal.starts_at,
        GroupProposal.people,
        GroupProposal.content_id,
        GroupProposal.status,
        GroupProposal.activity_id,
        GroupProposal.made_at,
        GroupProposal.decided_at,
        GroupProposal.note,
    )
    .join(Group, and_(Group.town_id == GroupProposal.town_id, Group.id == GroupProposal.group_id))
    .join(Territory, and_(Territory.town_id == Group.town_id, Territory.id == Group.community_id))
    .join(_words, of_content(_words, GroupProposal.content_id))
    .where(GroupProposal.town_id == bindparam("town"))
)
_one = _proposals.where(GroupProposal.id == bindparam("proposal"))
_of_group = (
    _proposals.where(
        GroupProposal.group_id == bindparam("group"), GroupProposal.id < bindparam("before"), is_seen(_words)
    )
    .order_by(GroupProposal.id.desc())
    .limit(bindparam("limit"))
)
_waiting = (
    _proposals.where(
        GroupProposal.status == ProposalStatus.PENDING, GroupProposal.id > bindparam("after"), passed(_words)
    )
    .order_by(GroupProposal.id)
    .limit(bindparam("limit"))
)
_make = insert(GroupProposal)
_decide = (
    update(GroupProposal)
    .where(
        GroupProposal.town_id == bindparam("town"),
        GroupProposal.id == bindparam("proposal"),
        GroupProposal.status == ProposalStatus.PENDING,
    )
    .values(
        status=bindparam("decision"),
        activity_id=bindparam("activity"),
        decided_at=bindparam("now"),
        decided_by=bindparam("actor"),
        note=bindparam("said"),
    )
    .returning(GroupProposal.id)
    .execution_options(synchronize_session=False)
)
_lock = (
    select(GroupProposal.id)
    .where(
        GroupProposal.town_id == bindparam("town"),
        GroupProposal.id == bindparam("proposal"),
        GroupProposal.status == ProposalStatus.PENDING,
    )
    .with_for_update()
)
_new_link = insert(GroupActivity)
_link = _new_link.on_conflict_do_update(
    index_elements=["town_id", "activity_id"],
    set_={"members_only": _new_link.excluded.members_only},
    where=GroupActivity.group_id == _new_link.excluded.group_id,
).returning(GroupActivity.activity_id)
_unlink = delete(GroupActivity).where(
    GroupActivity.town_id == bindparam("town"),
    GroupActivity.group_id == bindparam("group"),
    GroupActivity.activity_id == bindparam("activity"),
)
_place_of_closed = (
    select(Territory.path)
    .join(Group, and_(Group.town_id == Territory.town_id, Group.community_id == Territory.id))
    .where(Group.town_id == bindparam("town"), Group.id == bindparam("group"), Group.status == GroupStatus.CLOSED)
)
_activities = (
    select(
        Activity.id,
        Activity.title,
        Activity.category,
        Activity.scene,
        Activity.status,
        GroupActivity.members_only,
    )
    .join(Activity, and_(Activity.town_id == GroupActivity.town_id, Activity.id == GroupActivity.activity_id))
    .where(
        GroupActivity.town_id == bindparam("town"),
        GroupActivity.group_id == bindparam("group"),
        or_(Activity.status == ActivityStatus.PUBLISHED, Activity.status == ActivityStatus.FINISHED),
        Activity.id < bindparam("before"),
    )
    .order_by(Activity.id.desc())
    .limit(bindparam("limit"))
)


def propose(work: Work, group_id: int, said: Mapping[str, Any]) -> SimpleNamespace:
    """Ask staff for an activity. `said`: title, about, place_wish, starts_at, people. For managers who are members.

    Raises GroupUnknown, NotGroupManager, NotMember, DailyLimitReached, ContentRefused.
    """
    count_deed(work, Deed.PROPOSE)
    group = require_manager(work, group_id)
    if group.my_member_id is None:
        raise NotMember
    words = "\n".join([said["title"], said["about"], said["place_wish"]])
    proposal_id = work.new_id()
    row = {
        **said,
        "town_id": work.town_id,
        "id": proposal_id,
        "group_id": group_id,
        "made_by": group.my_member_id,
        "content_id": submit(work, ContentKind.POST, words, place_path=group.path),
        "status": ProposalStatus.PENDING,
        "made_at": work.now,
    }
    work.core.execute(_make, row)
    return shown(_read(work, proposal_id))


def list_proposals(work: Work, group_id: int, after: Position | None, limit: int) -> Page[AnyRow]:
    """What a group has proposed, the latest first. For who runs it. Raises GroupUnknown, NotGroupManager."""
    require_manager(work, group_id)
    before = ID_MAX if after is None else int(after[0])
    rows = work.core.execute(_of_group, asked(work, group=group_id, before=before, limit=limit + 1)).all()
    return cut(rows, limit, lambda row: (row.id,))


def list_waiting_proposals(work: Work, after: Position | None, limit: int) -> Page[AnyRow]:
    """What waits for the organisers of the actor's places, the longest first."""
    statement = _waiting.where(_within_reach(work))
    begin = 0 if after is None else int(after[0])
    rows = work.core.execute(statement, {"town": work.town_id, "after": begin, "limit": limit + 1}).all()
    return cut(rows, limit, lambda row: (row.id,))


def decide_proposal(
    work: Work, proposal_id: int, accept: bool, note: str, operator_id: int | None, members_only: bool
) -> AnyRow:
    """Make a draft of an activity of a proposal, or refuse it; who runs the group is told. For organisers of its place.

    Raises ProposalUnknown (also where it isn't theirs), ProposalIncomplete (accepted without an operator), OperatorUnknown.
    """
    proposal = _read(work, proposal_id)
    if not work.actor.may(Role.ORGANISER, proposal.path):
        raise ProposalUnknown
    work.core.execute(LOCK_GROUP, {"town": work.town_id, "group": proposal.group_id})
    if work.core.execute(_lock, {"town": work.town_id, "proposal": proposal_id}).first() is None:
        raise ProposalUnknown
    if accept and operator_id is None:
        raise ProposalIncomplete
    activity_id = create_activity(work, _draft_of(proposal, operator_id)) if accept else None
    decision = ProposalStatus.ACCEPTED if accept else ProposalStatus.REFUSED
    said = {"decision": decision, "activity": activity_id, "now": work.now, "actor": work.actor.id, "said": note}
    work.core.execute(_decide, {"town": work.town_id, "proposal": proposal_id, **said})
    if activity_id is not None:
        _write_link(work, proposal.group_id, activity_id, members_only)
    facts = {"group_id": proposal.group_id, "title": proposal.title, "decision": decision.value, "note": note}
    tell(work, DECIDED, str(proposal_id), managers_of(work, proposal.group_id), **facts)
    return _read(work, proposal_id)


def link_activity(work: Work, group_id: int, activity_id: int, members_only: bool) -> None:
    """Say that an activity is a group's, and whether its members alone may reserve. For organisers of both places.

    Raises GroupUnknown, ActivityUnknown, Forbidden, ActivityOfAnotherGroup.
    """
    group = read_group(work, group_id)
    require_role(work, Role.ORGANISER, group.path)
    lock_activity(work, activity_id)
    _write_link(work, group_id, activity_id, members_only)


def unlink_activity(work: Work, group_id: int, activity_id: int) -> None:
    """It isn't the group's any more, nor for the members alone of one that was closed.

    Raises GroupUnknown, ActivityUnknown, Forbidden.
    """
    path = work.core.scalar(_place_of_closed, {"town": work.town_id, "group": group_id})
    if path is None:
        path = read_group(work, group_id).path
    require_role(work, Role.ORGANISER, path)
    lock_activity(work, activity_id)
    work.core.execute(_unlink, {"town": work.town_id, "group": group_id, "activity": activity_id})


def list_activities(work: Work, group_id: int, after: Position | None, limit: int) -> Page[AnyRow]:
    """The activities of a group that are or were public, the latest first. Raises GroupUnknown."""
    read_group(work, group_id)
    before = ID_MAX if after is None else int(after[0])
    asking = {"town": work.town_id, "group": group_id, "before": before, "limit": limit + 1}
    return cut(work.core.execute(_activities, asking).all(), limit, lambda row: (row.id,))


def _draft_of(proposal: AnyRow, operator_id: int | None) -> dict[str, Any]:
    """What a proposal says, as an activity; the organiser changes the rest of the draft."""
    wish = f"期望地点：{proposal.place_wish}；预计 {proposal.people} 人。"
    return {
        "title": proposal.title,
        "summary": f"{proposal.about}\n{wish}"[:SUMMARY_LENGTH_MAX],
        "category": proposal.category,
        "scene": proposal.scene,
        "community_id": proposal.community_id,
        "operator_id": operator_id,
        "eligible_territory_id": None,
        "volunteers_only": False,
        "party_size_max": 1,
        "age_min": None,
        "age_max": None,
        "price": 0,
        "allocation": Allocation.FIRST_COME,
        "waiting_max": 0,
        "offer_minutes": 0,
        "allows_reentry": True,
        "questions": [],
    }


def _write_link(work: Work, group_id: int, activity_id: int, members_only: bool) -> None:
    row = {
        "town_id": work.town_id,
        "activity_id": activity_id,
        "group_id": group_id,
        "members_only": members_only,
        "linked_by": work.actor.id,
        "linked_at": work.now,
    }
    if work.core.execute(_link, row).first() is None:
        raise ActivityOfAnotherGroup


def _read(work: Work, proposal_id: int) -> AnyRow:
    proposal = work.core.execute(_one, {"town": work.town_id, "proposal": proposal_id}).first()
    if proposal is None:
        raise ProposalUnknown
    return proposal


def _within_reach(work: Work) -> ColumnElement[bool]:
    """Places below the nodes where the actor is an organiser; none: nothing."""
    nodes = [grant.path for grant in work.actor.grants if grant.role in (Role.ORGANISER, Role.ADMIN)]
    return or_(*(Territory.path.startswith(path) for path in nodes)) if nodes else ~true()

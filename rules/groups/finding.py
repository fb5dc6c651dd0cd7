"""A group as the actor sees it, and what the actor is in it.

A group is there for who may see its words (moderation), for its members, and for staff of its place. What its managers
changed is shown once it is passed; until then, only whoever wrote the change sees it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Select, and_, bindparam, case, or_, select
from sqlalchemy.orm import aliased

from models.groups import Group, GroupMember, GroupRequest, GroupRole, GroupStatus, MemberStatus, RequestStatus
from models.moderation import Content
from models.residents import Role
from models.territory import Scene, Territory
from rules.groups.naming import asked, is_seen, of_content, shown
from rules.groups.refusals import GroupUnknown, NotGroupManager, NotGroupOwner, NotMember
from rules.ids import ID_MAX
from rules.keys import Keys
from rules.moderation.visibility import passed
from rules.paging import Page, Position, cut
from rules.rows import AnyRow
from rules.territory import PlaceUnknown
from rules.uploads.links import Picture, pictures
from rules.work import ActorKind, Work

#: Who of the staff looks after groups at a place.
KEEPERS = (Role.ORGANISER, Role.MANAGER)
#: What members read where moderation has taken the words of their group away.
WITHHELD = "（审核中）"
RUNNING = (GroupRole.OWNER, GroupRole.MANAGER)

_words, _new_words = aliased(Content), aliased(Content)
_is_new = and_(Group.new_content_id.is_not(None), is_seen(_new_words))
_mine = aliased(GroupMember)
_asking = aliased(GroupRequest)
GROUPS = (
    select(
        Group.id,
        case((_is_new, Group.new_name), (is_seen(_words), Group.name), else_=WITHHELD).label("name"),
        case(
            (and_(Group.new_content_id.is_not(None), passed(_new_words)), Group.new_name),
            (passed(_words), Group.name),
            else_=WITHHELD,
        ).label("public_name"),
        case((_is_new, Group.new_about), (is_seen(_words), Group.about), else_="").label("about"),
        case((_is_new, Group.new_content_id), else_=Group.content_id).label("content_id"),
        or_(passed(_words), and_(Group.new_content_id.is_not(None), passed(_new_words))).label("is_public"),
        or_(is_seen(_words), _is_new).label("is_seen"),
        Group.category,
        Group.scene,
        Group.community_id,
        Territory.name.label("community"),
        Territory.path,
        Group.upload_id,
        Group.joining,
        Group.member_max,
        Group.members,
        Group.owners,
        Group.is_staffed,
        Group.status,
        Group.founded_by_kind,
        Group.founded_by_id,
        Group.founded_at,
        _mine.id.label("my_member_id"),
        _mine.role.label("my_role"),
        _asking.id.label("my_request_id"),
    )
    .join(Territory, and_(Territory.town_id == Group.town_id, Territory.id == Group.community_id))
    .join(_words, of_content(_words, Group.content_id))
    .outerjoin(_new_words, of_content(_new_words, Group.new_content_id))
    .outerjoin(
        _mine,
        and_(
            _mine.town_id == Group.town_id,
            _mine.group_id == Group.id,
            _mine.resident_id == bindparam("me"),
            _mine.status == MemberStatus.ACTIVE,
        ),
    )
    .outerjoin(
        _asking,
        and_(
            _asking.town_id == Group.town_id,
            _asking.group_id == Group.id,
            _asking.resident_id == bindparam("me"),
            _asking.status == RequestStatus.PENDING,
            _asking.lapses_at > bindparam("now"),
        ),
    )
    .where(Group.town_id == bindparam("town"))
)
_one = GROUPS.where(Group.id == bindparam("group"))
LOCK_GROUP = (
    select(Group.id)
    .where(Group.town_id == bindparam("town"), Group.id == bindparam("group"), Group.status == GroupStatus.ACTIVE)
    .with_for_update()
)
_page = (
    GROUPS.where(Group.status == GroupStatus.ACTIVE, Group.id < bindparam("before"))
    .order_by(Group.id.desc())
    .limit(bindparam("limit"))
)
_public = _page.where(or_(is_seen(_words), _is_new))
#: By the memberships: among all groups one would walk through those of the whole town.
_of_mine = (
    GROUPS.where(
        Group.status == GroupStatus.ACTIVE,
        Group.id.in_(
            select(GroupMember.group_id).where(
                GroupMember.town_id == bindparam("town"),
                GroupMember.resident_id == bindparam("me"),
                GroupMember.status == MemberStatus.ACTIVE,
                GroupMember.group_id < bindparam("before"),
            )
        ),
    )
    .order_by(Group.id.desc())
    .limit(bindparam("limit"))
)
_place = select(Territory.id, Territory.name, Territory.path).where(
    Territory.town_id == bindparam("town"), Territory.id == bindparam("place")
)


@dataclass(frozen=True, slots=True)
class GroupFilter:
    """Which groups to list."""

    community_id: int | None = None  #: of this node and below
    scene: Scene | None = None
    category: str | None = None


def read_group(work: Work, group_id: int) -> AnyRow:
    """A group that is there, as the actor may see it. Raises GroupUnknown."""
    row = work.core.execute(_one, asked(work, group=group_id)).first()
    if row is None or row.status is not GroupStatus.ACTIVE:
        raise GroupUnknown
    if not (row.is_seen or row.my_role is not None or is_keeper(work, row)):
        raise GroupUnknown
    return row


def lock_group(work: Work, group_id: int) -> AnyRow:
    """The same, and whoever changes its members waits for us. Raises GroupUnknown."""
    work.core.execute(LOCK_GROUP, {"town": work.town_id, "group": group_id})
    return read_group(work, group_id)


def is_keeper(work: Work, group: AnyRow) -> bool:
    """Whether the actor is staff who look after groups at its place."""
    return work.actor.kind is ActorKind.STAFF and any(work.actor.may(role, group.path) for role in KEEPERS)


def require_member(work: Work, group_id: int) -> AnyRow:
    """A group that the actor belongs to, or that staff run at the actor's place. Raises GroupUnknown, NotMember."""
    group = read_group(work, group_id)
    if group.my_role is None and not (group.is_staffed and is_keeper(work, group)):
        raise NotMember
    return group


def require_manager(work: Work, group_id: int, *, locked: bool = False) -> AnyRow:
    """A group that the actor runs: as owner, as manager, or as staff where nobody else does.

    Raises GroupUnknown, NotGroupManager.
    """
    group = lock_group(work, group_id) if locked else read_group(work, group_id)
    if group.my_role not in RUNNING and not (group.is_staffed and is_keeper(work, group)):
        raise NotGroupManager
    return group


def require_owner(work: Work, group_id: int) -> AnyRow:
    """The same for owners, locked. Raises GroupUnknown, NotGroupOwner."""
    group = lock_group(work, group_id)
    if group.my_role is not GroupRole.OWNER and not (group.is_staffed and is_keeper(work, group)):
        raise NotGroupOwner
    return group


def read_place(work: Work, place_id: int) -> AnyRow:
    """A node of the tree. Raises PlaceUnknown."""
    place = work.core.execute(_place, {"town": work.town_id, "place": place_id}).first()
    if place is None:
        raise PlaceUnknown
    return place


def list_groups(
    work: Work, keys: Keys, wanted: GroupFilter, after: Position | None, limit: int
) -> Page[SimpleNamespace]:
    """The groups that fit, the youngest first. Raises PlaceUnknown."""
    statement, more = _public, {}
    if wanted.community_id is not None:
        more["under"] = read_place(work, wanted.community_id).path
        statement = statement.where(Territory.path.startswith(bindparam("under")))
    for column, value in ((Group.scene, wanted.scene), (Group.category, wanted.category)):
        if value is not None:
            statement = statement.where(column == value)
    return _read_page(work, keys, statement, after, limit, **more)


def list_my_groups(work: Work, keys: Keys, after: Position | None, limit: int) -> Page[SimpleNamespace]:
    """The groups that the actor belongs to, the youngest first."""
    return _read_page(work, keys, _of_mine, after, limit)


def show_group(work: Work, keys: Keys, group_id: int) -> SimpleNamespace:
    """A group, and what the actor is in it. Raises GroupUnknown."""
    row = read_group(work, group_id)
    return as_shown(row, pictures_of(work, keys, [row.upload_id]))


def pictures_of(work: Work, keys: Keys, upload_ids: Sequence[int | None]) -> dict[int, Picture]:
    """Pictures by id, those that are there."""
    wanted = [id_ for id_ in upload_ids if id_ is not None]
    return {picture.id: picture for picture in pictures(work, keys, wanted)}


def as_shown(row: AnyRow, known: dict[int, Picture]) -> SimpleNamespace:
    """A group as it is answered."""
    return shown(row, picture=known.get(row.upload_id), is_full=row.members >= row.member_max)


def _read_page(
    work: Work, keys: Keys, statement: Select[Any], after: Position | None, limit: int, **more: Any
) -> Page[SimpleNamespace]:
    before = ID_MAX if after is None else int(after[0])
    rows = work.core.execute(statement, asked(work, before=before, limit=limit + 1, **more)).all()
    known = pictures_of(work, keys, [row.upload_id for row in rows])
    return cut([as_shown(row, known) for row in rows], limit, lambda row: (row.id,))

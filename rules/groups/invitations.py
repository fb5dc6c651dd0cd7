"""Codes that let people into a group.

Nobody is invited by name: there is no list to choose from. A manager hands out a code, which is shown once, lets in so many
people and ends by its date. Only its hash is kept; a use is a guarded UPDATE.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, insert, select, update

from models.groups import GroupInvitation
from rules.groups.finding import require_manager
from rules.groups.limits import Deed, count_deed
from rules.groups.refusals import InvitationInvalid, InvitationUnknown, NotMember
from rules.ids import ID_MAX
from rules.paging import Page, Position, cut
from rules.rows import AnyRow
from rules.work import Work

CODE_BYTES = 12


@dataclass(frozen=True, slots=True)
class MadeInvitation:
    """A new invitation, with its code."""

    id: int
    code: str
    uses_max: int
    expires_at: datetime


_make = insert(GroupInvitation)
_lives = (GroupInvitation.revoked_at.is_(None), GroupInvitation.expires_at > bindparam("now"))
_use = (
    update(GroupInvitation)
    .where(
        GroupInvitation.town_id == bindparam("town"),
        GroupInvitation.group_id == bindparam("group"),
        GroupInvitation.secret_hash == bindparam("hashed"),
        *_lives,
        GroupInvitation.used < GroupInvitation.uses_max,
    )
    .values(used=GroupInvitation.used + 1)
    .returning(GroupInvitation.id)
    .execution_options(synchronize_session=False)
)
_revoke = (
    update(GroupInvitation)
    .where(
        GroupInvitation.town_id == bindparam("town"),
        GroupInvitation.group_id == bindparam("group"),
        GroupInvitation.id == bindparam("invitation"),
        GroupInvitation.revoked_at.is_(None),
    )
    .values(revoked_at=bindparam("now"))
    .returning(GroupInvitation.id)
    .execution_options(synchronize_session=False)
)
_list = (
    select(
        GroupInvitation.id,
        GroupInvitation.uses_max,
        GroupInvitation.used,
        GroupInvitation.made_at,
        GroupInvitation.expires_at,
    )
    .where(
        GroupInvitation.town_id == bindparam("town"),
        GroupInvitation.group_id == bindparam("group"),
        *_lives,
        GroupInvitation.id < bindparam("before"),
    )
    .order_by(GroupInvitation.id.desc())
    .limit(bindparam("limit"))
)


def make_invitation(work: Work, group_id: int, uses_max: int, days: int) -> MadeInvitation:
    """A code for so many people, good for so many days. For managers who are members.

    Raises GroupUnknown, NotGroupManager, NotMember (staff, who aren't), DailyLimitReached.
    """
    count_deed(work, Deed.INVITE)
    group = require_manager(work, group_id)
    if group.my_member_id is None:
        raise NotMember
    code = secrets.token_urlsafe(CODE_BYTES)
    invitation = MadeInvitation(work.new_id(), code, uses_max, work.now + timedelta(days=days))
    row = {
        "town_id": work.town_id,
        "id": invitation.id,
        "group_id": group_id,
        "made_by": group.my_member_id,
        "secret_hash": _hash(code),
        "uses_max": uses_max,
        "used": 0,
        "made_at": work.now,
        "expires_at": invitation.expires_at,
    }
    work.core.execute(_make, row)
    return invitation


def use_invitation(work: Work, group_id: int, code: str) -> None:
    """One more person comes in by a code. Raises InvitationInvalid."""
    asked = {"town": work.town_id, "group": group_id, "hashed": _hash(code), "now": work.now}
    if work.core.execute(_use, asked).first() is None:
        raise InvitationInvalid


def list_invitations(work: Work, group_id: int, after: Position | None, limit: int) -> Page[AnyRow]:
    """The invitations that still let people in, the latest first. Raises GroupUnknown, NotGroupManager."""
    require_manager(work, group_id)
    before = ID_MAX if after is None else int(after[0])
    asked = {"town": work.town_id, "group": group_id, "now": work.now, "before": before, "limit": limit + 1}
    return cut(work.core.execute(_list, asked).all(), limit, lambda row: (row.id,))


def revoke_invitation(work: Work, group_id: int, invitation_id: int) -> None:
    """Take an invitation back. Raises GroupUnknown, NotGroupManager, InvitationUnknown."""
    require_manager(work, group_id)
    asked = {"town": work.town_id, "group": group_id, "invitation": invitation_id, "now": work.now}
    if work.core.execute(_revoke, asked).first() is None:
        raise InvitationUnknown


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()

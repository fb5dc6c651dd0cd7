"""The door's code: what a session's door shows, for residents to scan with their own phones.

It names the session and lives for a minute like a resident's code, so a photograph of it is of no use to who comes later
or stays at home. It opens nothing by itself: who scans it is signed in, and the rules of the scan hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import and_, bindparam, select

from models.activities import Activity, Session
from models.residents import Role
from models.territory import Territory
from rules.checkins.codes import CODE_SECONDS, NO_SKEW, Code, lasts_at
from rules.checkins.signing import CodeUnknown, TokenKind, read_signed, sign
from rules.errors import Kind, RuleError
from rules.keys import Keys
from rules.reservations.refusals import SessionUnknown
from rules.residents.identity import require_role
from rules.work import Work


class DoorCodeUnknown(RuleError):
    code = "checkin.door_code_unknown"
    kind = Kind.INVALID
    zh = "这不是本平台的入场码，请扫描活动门口屏幕上的二维码。"
    en = "This is not one of our door codes. Please scan the code on the screen at the door."


@dataclass(frozen=True, slots=True)
class Door:
    """Which session's door a code names. Whether it is still good is asked of it, as of a moment."""

    session_id: int
    expires: int  #: in seconds since 1970

    def is_good_at(self, at: datetime) -> bool:
        """Whether the code is good at this moment, with a few seconds of grace."""
        return lasts_at(self.expires, at, NO_SKEW)


_place = (
    select(Territory.path)
    .join(Activity, and_(Territory.town_id == Activity.town_id, Territory.id == Activity.community_id))
    .join(Session, and_(Activity.town_id == Session.town_id, Activity.id == Session.activity_id))
    .where(Session.town_id == bindparam("town"), Session.id == bindparam("session"))
)


def require_scanner(work: Work, session_id: int) -> None:
    """Raises SessionUnknown, and Forbidden unless the actor scans at the place of this session's activity."""
    path = work.core.scalar(_place, {"town": work.town_id, "session": session_id})
    if path is None:
        raise SessionUnknown
    require_role(work, Role.SCANNER, path)


def issue_door_code(work: Work, keys: Keys, session_id: int) -> Code:
    """A code for the screen at this session's door, for the next minute. Raises SessionUnknown, Forbidden."""
    require_scanner(work, session_id)
    expires = int((work.now + timedelta(seconds=CODE_SECONDS)).timestamp())
    claims = {"session": str(session_id), "town": str(work.town_id), "exp": expires}
    code = sign(keys, TokenKind.DOOR, claims)
    return Code(code, datetime.fromtimestamp(expires, UTC), refresh_seconds=CODE_SECONDS // 2)


def read_door_code(work: Work, keys: Keys, code: str) -> Door:
    """Whose door a code names. Raises DoorCodeUnknown for what is none of this town's door codes, however old it is."""
    try:
        signed = read_signed(keys, code, TokenKind.DOOR)
        if signed.number("town") != work.town_id:
            raise CodeUnknown
        return Door(signed.number("session"), signed.seconds("exp"))
    except CodeUnknown:
        raise DoorCodeUnknown from None

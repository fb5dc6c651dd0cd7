"""What an organiser may change, found and locked: an activity, a place of the tree, a room.

An activity's row comes before its sessions' in the order of locks. Who adds sessions, publishes, cancels or finishes
holds it, so nothing is added to an activity that has just been cancelled.
"""

from __future__ import annotations

from sqlalchemy import and_, bindparam, select

from models.activities import Activity, ActivityStatus
from models.residents import Role
from models.territory import Territory
from rules.activities.looking import may_see
from rules.activities.refusals import ActivityOver, ActivityUnknown, VenueTooSmall
from rules.residents.identity import require_role
from rules.rows import AnyRow
from rules.territory import PlaceUnknown
from rules.venues.places import find_venue
from rules.work import Work

CHANGEABLE = (ActivityStatus.DRAFT, ActivityStatus.PUBLISHED)

_activity = (
    select(
        Activity.id,
        Activity.status,
        Activity.allocation,
        Activity.age_min,
        Activity.age_max,
        Activity.community_id,
        Territory.path,
    )
    .join(Territory, and_(Territory.town_id == Activity.town_id, Territory.id == Activity.community_id))
    .where(Activity.town_id == bindparam("town"), Activity.id == bindparam("activity"))
)
#: Rows that point here may be added meanwhile.
_locked = _activity.with_for_update(key_share=True, of=Activity)
_path = select(Territory.path).where(Territory.town_id == bindparam("town"), Territory.id == bindparam("place"))


def read_activity(work: Work, activity_id: int) -> AnyRow:
    """An activity of the actor's place, for looking at. Raises ActivityUnknown, Forbidden."""
    return _of_my_place(work, work.core.execute(_activity, {"town": work.town_id, "activity": activity_id}).first())


def lock_activity(work: Work, activity_id: int) -> AnyRow:
    """The same, locked, for changing it. Raises ActivityUnknown, Forbidden, ActivityOver."""
    found = work.core.execute(_locked, {"town": work.town_id, "activity": activity_id}).first()
    activity = _of_my_place(work, found)
    if activity.status not in CHANGEABLE:
        raise ActivityOver
    return activity


def require_organiser_at(work: Work, place_id: int) -> None:
    """Raises PlaceUnknown, and Forbidden unless the actor organises there."""
    require_role(work, Role.ORGANISER, path_of(work, place_id))


def path_of(work: Work, place_id: int) -> str:
    """The path of a node of the tree. Raises PlaceUnknown."""
    path = work.core.scalar(_path, {"town": work.town_id, "place": place_id})
    if path is None:
        raise PlaceUnknown
    return path


def require_room(work: Work, venue_id: int, people: int) -> None:
    """Raises VenueUnknown, Forbidden unless the actor organises where the room is, VenueTooSmall."""
    venue = find_venue(work, venue_id)
    require_role(work, Role.ORGANISER, venue.path)
    if people > venue.capacity:
        raise VenueTooSmall(venue=venue.name, capacity=venue.capacity)


def _of_my_place(work: Work, activity: AnyRow | None) -> AnyRow:
    if activity is None or not may_see(work, activity.status, activity.path):
        raise ActivityUnknown
    require_role(work, Role.ORGANISER, activity.path)
    return activity

"""名片: what a resident shows of themselves, if they want to.

There is none before its resident writes one, and it is seen by nobody before they turn it on, moderation has passed it,
and they are met: in a common group, or as an answer to one's post (both ways once that is accepted). It has no field for
a phone, an address or a building. Turning it off hides it with the next read. Whoever is known to be below CONSENT_YEARS
has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from models.groups import ResidentCard
from models.moderation import Content, ContentKind
from models.residents import Purpose, Resident
from models.territory import Territory
from models.uploads import UploadPurpose
from rules.groups.addresses import refuse_address
from rules.groups.finding import pictures_of
from rules.groups.limits import Deed, count_deed, require_active, require_grown
from rules.groups.membership import find_member
from rules.groups.naming import CARD_NAME, asked, is_met, of_content, shown, with_card
from rules.groups.refusals import CardIncomplete, CardUnknown
from rules.groups.responses import read_response, sees_card
from rules.keys import Keys
from rules.moderation.submitting import submit
from rules.residents.consents import PROFILE_VERSION, end_consent, give_consent
from rules.rows import AnyRow
from rules.uploads.attaching import claim, release
from rules.work import Work

EMPTY: Mapping[str, Any] = {"display_name": "", "about": "", "interests": [], "upload_id": None, "is_on": False}
WORDS = ("display_name", "about", "interests")

_words = aliased(Content)
_mine = (
    select(
        ResidentCard.display_name,
        ResidentCard.about,
        ResidentCard.interests,
        ResidentCard.upload_id,
        ResidentCard.is_on,
        ResidentCard.content_id,
        ResidentCard.changed_at,
        _words.state.label("content_state"),
    )
    .join(_words, of_content(_words, ResidentCard.content_id))
    .where(ResidentCard.town_id == bindparam("town"), ResidentCard.resident_id == bindparam("me"))
)
_mine_locked = _mine.with_for_update(of=ResidentCard)
_theirs = with_card(
    select(
        CARD_NAME, ResidentCard.about, ResidentCard.interests, ResidentCard.upload_id, ResidentCard.content_id
    ).select_from(Resident)
).where(Resident.town_id == bindparam("town"), Resident.id == bindparam("whose"))
_theirs_met = _theirs.where(is_met(Resident.id))
_home = (
    select(Territory.path)
    .join(Resident, (Resident.town_id == Territory.town_id) & (Resident.territory_id == Territory.id))
    .where(Resident.town_id == bindparam("town"), Resident.id == bindparam("me"))
)
_roots = select(Territory.path).where(Territory.town_id == bindparam("town"), Territory.parent_id.is_(None)).limit(1)
_new = insert(ResidentCard)
_write = _new.on_conflict_do_update(
    index_elements=["town_id", "resident_id"],
    set_={name: getattr(_new.excluded, name) for name in (*EMPTY, "content_id", "changed_at")},
)
_delete = delete(ResidentCard).where(
    ResidentCard.town_id == bindparam("town"), ResidentCard.resident_id == bindparam("me")
)
_hide = (
    update(ResidentCard)
    .where(ResidentCard.town_id == bindparam("town"), ResidentCard.resident_id == bindparam("me"))
    .values(is_on=False)
    .execution_options(synchronize_session=False)
)


def show_my_card(work: Work, keys: Keys) -> SimpleNamespace:
    """The actor's own card; an empty one that is off where there is none."""
    row = _read_mine(work)
    if row is None:
        return SimpleNamespace(**EMPTY, content_state=None, changed_at=None, picture=None)
    return shown(row, picture=pictures_of(work, keys, [row.upload_id]).get(row.upload_id))


def change_my_card(work: Work, keys: Keys, changes: Mapping[str, Any]) -> SimpleNamespace:
    """Write one's card, or turn it on or off: display_name, about, interests, upload_id, is_on, those that are given.

    Raises TooYoung, ResidentSuspended, CardIncomplete, AddressInText, DailyLimitReached, ContentRefused, UploadUnknown,
    UploadTaken.
    """
    if changes.get("is_on") is not False:
        require_grown(work)
        require_active(work)
    before = _lock_mine(work)
    old = dict(EMPTY) if before is None else dict(before._mapping)
    card = {name: changes.get(name, old[name]) for name in EMPTY}
    if card["is_on"] and not card["display_name"]:
        raise CardIncomplete
    is_reworded = before is None or any(card[name] != old[name] for name in WORDS)
    if is_reworded:
        refuse_address(card["display_name"], card["about"], *card["interests"])
        count_deed(work, Deed.CHANGE)
    if card["upload_id"] != old["upload_id"]:
        claim(work, [id_ for id_ in [card["upload_id"]] if id_ is not None], UploadPurpose.PROFILE)
        release(work, [id_ for id_ in [old["upload_id"]] if id_ is not None])
    row = {
        **card,
        "town_id": work.town_id,
        "resident_id": work.actor.id,
        "content_id": _submit(work, card) if is_reworded else old["content_id"],
        "changed_at": work.now,
    }
    work.core.execute(_write, row)
    if card["is_on"]:
        give_consent(work, work.actor.id, Purpose.PROFILE, PROFILE_VERSION)
    else:
        end_consent(work, work.actor.id, Purpose.PROFILE)
    return show_my_card(work, keys)


def hide_card(work: Work, resident_id: int) -> None:
    """Turn a resident's card off, and end the consent to showing it; nothing happens where there is none."""
    work.core.execute(_hide, {"town": work.town_id, "me": resident_id})
    end_consent(work, resident_id, Purpose.PROFILE)


def remove_my_card(work: Work) -> None:
    """Have no card any more; nothing happens where there is none."""
    before = _lock_mine(work)
    if before is not None and before.upload_id is not None:
        release(work, [before.upload_id])
    work.core.execute(_delete, {"town": work.town_id, "me": work.actor.id})
    end_consent(work, work.actor.id, Purpose.PROFILE)


def show_card_of_member(work: Work, keys: Keys, member_id: int) -> SimpleNamespace:
    """The card of somebody in a group that the actor belongs to. Raises MemberUnknown, GroupUnknown, CardUnknown."""
    return _show(work, keys, find_member(work, member_id).resident_id)


def show_card_of_response(work: Work, keys: Keys, response_id: int) -> SimpleNamespace:
    """The card of the other one: of who responded to one's post, of its author once they accepted.

    Raises ResponseUnknown, CardUnknown.
    """
    response = read_response(work, response_id)
    if not sees_card(response):
        raise CardUnknown
    return _show(work, keys, response.responder_id if response.is_to_me else response.author_id)


def _show(work: Work, keys: Keys, resident_id: int) -> SimpleNamespace:
    statement = _theirs_met if resident_id != work.actor.id else _theirs
    row = work.core.execute(statement, asked(work, whose=resident_id)).first()
    if row is None or row.card_name is None:
        raise CardUnknown
    picture = pictures_of(work, keys, [row.upload_id]).get(row.upload_id)
    return shown(row, display_name=row.card_name, picture=picture)


def _read_mine(work: Work) -> AnyRow | None:
    return work.core.execute(_mine, {"town": work.town_id, "me": work.actor.id}).first()


def _lock_mine(work: Work) -> AnyRow | None:
    """The same, and a change from another screen waits: what it doesn't name must not come back as it was."""
    return work.core.execute(_mine_locked, {"town": work.town_id, "me": work.actor.id}).first()


def _submit(work: Work, card: Mapping[str, Any]) -> int:
    """For moderation by the managers of where they live, or of the whole town."""
    whose = {"town": work.town_id, "me": work.actor.id}
    path = work.core.scalar(_home, whose) or work.core.scalar(_roots, {"town": work.town_id}) or ""
    words = "\n".join([card["display_name"], card["about"], *card["interests"]])
    return submit(work, ContentKind.PROFILE, words, place_path=path)

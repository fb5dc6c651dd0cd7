"""Handing in what was written, in the transaction of whatever shows it."""

from __future__ import annotations

from sqlalchemy import insert

from models.moderation import Content, ContentKind, ContentState, DecisionSource
from rules.moderation.filtering import look_at
from rules.moderation.log import note_decision
from rules.moderation.refusals import ContentRefused
from rules.moderation.terms import read_terms
from rules.outbox import Message, put
from rules.work import ActorKind, Work

CHECK = "content.check"

_hand_in = insert(Content)


def submit(work: Work, kind: ContentKind, text: str, *, place_path: str, upload_id: int | None = None) -> int:
    """Hand in a text, or a picture by its upload, of the actor; returns the content's id.

    A resident's is pending until it is checked, or in review where the local filter doubts it; that of staff and of the
    system passes, and so does an empty text. `place_path`: of the node of the tree whose managers decide on it. An edit is
    handed in anew. Raises ContentRefused, with what to change.
    """
    content_id, is_residents = work.new_id(), work.actor.kind is ActorKind.RESIDENT
    is_to_check = is_residents and (bool(text.strip()) or upload_id is not None)
    finds = look_at(kind, text) if is_to_check else None
    if finds and finds.forbidden:
        raise ContentRefused(findings=finds.in_words())
    is_doubtful = bool(finds and finds.doubtful)
    state = ContentState.REVIEW if is_doubtful else ContentState.PENDING if is_to_check else ContentState.PASSED
    label = finds.doubtful[0].finding.value if finds and finds.doubtful else None
    row = {
        "town_id": work.town_id,
        "id": content_id,
        "kind": kind,
        "resident_id": work.actor.id if is_residents else None,
        "staff_id": work.actor.id if work.actor.kind is ActorKind.STAFF else None,
        "text": text,
        "upload_id": upload_id,
        "place_path": place_path,
        "state": state,
        "label": label,
        "written_at": work.now,
        "review_since": work.now if is_doubtful else None,
        "due_at": read_terms(work).due_from(work.now) if is_doubtful else None,
        "open_reports": 0,
    }
    work.core.execute(_hand_in, row)
    if is_doubtful:
        note_decision(work, content_id, DecisionSource.LOCAL, state, label=label)
    elif is_to_check:
        put(work, [Message(CHECK, str(content_id), {"content_id": str(content_id)})])
    return content_id

"""The first check of what residents wrote: what to ask WeChat, and what its answer leads to.

A delivery reads the question in one unit of work, asks outside of any, and stores the answer in another, by a guarded
UPDATE: an answer counts while nobody has decided, or while the content only waits because no answer came in time. So a
message that is delivered twice, or an answer that comes late, changes nothing that somebody decided.

Who has no openid, or hasn't opened the mini-program for two hours (61010), can't be checked by WeChat. Their texts meet
the second filter, which passes what is beyond doubt; their pictures always wait for staff.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import Boolean, and_, bindparam, case, func, or_, select, update

from models.moderation import Content, ContentKind, ContentState, DecisionSource
from models.residents import Resident
from rules.keys import Keys
from rules.moderation.filtering import look_harder
from rules.moderation.log import note_decision
from rules.moderation.telling import tell_refusal
from rules.moderation.terms import read_terms
from rules.moderation.traces import content_of_trace, keep_trace
from rules.residents.sign_in import openid_context
from rules.work import Work

MOMENT = Content.due_at.type
NO_ANSWER = "no_answer"
#: WeChat answers about a picture within half an hour; a text that was not checked by then waits for staff as well.
ANSWER_MINUTES_MAX = 30
#: WeChat's scenes: 1 profiles, 2 comments, 3 forum, 4 social log.
SCENES = {
    ContentKind.PROFILE: 1,
    ContentKind.GROUP: 3,
    ContentKind.POST: 3,
    ContentKind.COMMENT: 2,
    ContentKind.APPLICATION: 2,
    ContentKind.RATING: 2,
    ContentKind.REPAIR: 4,
    ContentKind.COMPLAINT: 4,
    ContentKind.PICTURE: 3,
}


class Suggestion(StrEnum):
    """What a check suggests, in WeChat's words."""

    PASS = "pass"  # noqa: S105  no password
    REVIEW = "review"
    RISKY = "risky"


STATES = {
    Suggestion.PASS: ContentState.PASSED,
    Suggestion.REVIEW: ContentState.REVIEW,
    Suggestion.RISKY: ContentState.REFUSED,
}


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be checked. The text leaves the house for WeChat's check and nothing else."""

    content_id: int
    kind: ContentKind
    text: str
    upload_id: int | None
    resident_id: int
    openid: str | None  #: None: the author has no WeChat

    @property
    def scene(self) -> int:
        return SCENES[self.kind]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a check."""

    suggestion: Suggestion
    label: str  #: "wechat:20006"; "phone"
    source: DecisionSource


_question = (
    select(Content.kind, Content.text, Content.upload_id, Content.resident_id, Resident.openid_sealed)
    .join(Resident, and_(Resident.town_id == Content.town_id, Resident.id == Content.resident_id))
    .where(
        Content.town_id == bindparam("town"),
        Content.id == bindparam("content"),
        Content.state == ContentState.PENDING,
    )
)
_awaits_an_answer = or_(
    Content.state == ContentState.PENDING,
    and_(Content.state == ContentState.REVIEW, Content.label == NO_ANSWER, Content.appealed_at.is_(None)),
)
_answer = (
    update(Content)
    .where(Content.town_id == bindparam("town"), Content.id == bindparam("content"), _awaits_an_answer)
    .values(
        state=bindparam("to", type_=Content.state.type),
        label=bindparam("said"),
        # Who waits for staff already has waited since then.
        review_since=func.coalesce(Content.review_since, bindparam("since", type_=MOMENT)),
        due_at=case(
            (bindparam("is_for_staff", type_=Boolean()), func.coalesce(Content.due_at, bindparam("due", type_=MOMENT)))
        ),
        decided_at=bindparam("now", type_=MOMENT),
    )
    .returning(Content.id, Content.kind, Content.resident_id)
    .execution_options(synchronize_session=False)
)
_unanswered = (
    select(Content.id)
    .where(
        Content.town_id == bindparam("town"),
        Content.state == ContentState.PENDING,
        Content.written_at <= bindparam("before"),
    )
    .order_by(Content.written_at, Content.id)
    .limit(bindparam("limit"))
)


def read_question(work: Work, keys: Keys, content_id: int) -> Question | None:
    """What to ask about a piece of content; None where it isn't pending any more."""
    row = work.core.execute(_question, {"town": work.town_id, "content": content_id}).first()
    if row is None:
        return None
    sealed = row.openid_sealed
    openid = None if sealed is None else keys.open(sealed, openid_context(work.town_id, row.resident_id))
    return Question(content_id, row.kind, row.text, row.upload_id, row.resident_id, openid)


def check_without_wechat(question: Question, why: str) -> Answer:
    """The second filter's answer. `why`: "no_openid", "openid_inactive"."""
    if question.kind is ContentKind.PICTURE:
        return Answer(Suggestion.REVIEW, why, DecisionSource.LOCAL)
    finds = look_harder(question.kind, question.text)
    doubts = (*finds.forbidden, *finds.doubtful)
    if doubts:
        return Answer(Suggestion.REVIEW, doubts[0].finding.value, DecisionSource.LOCAL)
    return Answer(Suggestion.PASS, why, DecisionSource.LOCAL)


def store_answer(work: Work, content_id: int, answer: Answer) -> bool:
    """Let an answer decide, unless somebody has decided already; says whether it did. A refusal is told to the author."""
    state = STATES[answer.suggestion]
    is_for_staff = state is ContentState.REVIEW
    said = {
        "to": state,
        "said": answer.label,
        "is_for_staff": is_for_staff,
        "since": work.now if is_for_staff else None,
        "due": read_terms(work).due_from(work.now) if is_for_staff else None,
        "now": work.now,
    }
    decided = work.core.execute(_answer, {"town": work.town_id, "content": content_id, **said}).first()
    if decided is None:
        return False
    note_decision(work, content_id, answer.source, state, label=answer.label)
    if state is ContentState.REFUSED:
        tell_refusal(work, content_id, decided.kind, decided.resident_id, None)
    return True


def remember_question(work: Work, content_id: int, trace_id: str) -> None:
    """A picture's check was asked for; the answer is pushed later under this id, or was pushed a moment ago."""
    early = keep_trace(work, trace_id, content_id)
    if early is not None:
        store_answer(work, content_id, pushed_answer(early.suggestion, early.label))


def take_pushed_answer(work: Work, trace_id: str, suggest: str, label: int) -> bool:
    """An answer that WeChat pushed; says whether it decided something. What was asked for elsewhere changes nothing."""
    content_id = content_of_trace(work, trace_id)
    return content_id is not None and store_answer(work, content_id, pushed_answer(suggest, label))


def pushed_answer(suggest: str, label: int) -> Answer:
    """What WeChat's words come to; a word that we don't know leaves the picture to staff."""
    known = [suggestion for suggestion in Suggestion if suggestion == suggest]
    return Answer(known[0] if known else Suggestion.REVIEW, f"wechat:{label}", DecisionSource.WECHAT)


def hand_over_unanswered(work: Work, limit: int) -> int:
    """Let staff look at up to so many pieces that no check has answered in time; says how many."""
    before = work.now - timedelta(minutes=ANSWER_MINUTES_MAX)
    found = work.core.scalars(_unanswered, {"town": work.town_id, "before": before, "limit": limit}).all()
    answer = Answer(Suggestion.REVIEW, NO_ANSWER, DecisionSource.CLOCK)
    return sum(store_answer(work, content_id, answer) for content_id in found)

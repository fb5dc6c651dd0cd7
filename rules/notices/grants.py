"""The ledger of what residents granted: one answer "accept" is one message of one template.

A grant is claimed before its message is sent, in a transaction of its own, together with the message's row, which there is
once for a notice. So of two workers one sends; a worker that ends in between leaves a claim, which nobody takes for a
grant again; and a message is sent at most once for a grant. What can't be known (did WeChat hear it?) is taken for sent:
the notice stands in the inbox in any case.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import bindparam, case, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from models.notices import SendState, SubscriptionGrant, SubscriptionSend
from rules.errors import Kind, RuleError
from rules.notices.catalogue import Template
from rules.notices.templates import Templates
from rules.rows import AnyRow
from rules.sets import is_id_in
from rules.work import Work


class TemplateUnknown(RuleError):
    code = "subscription.template_unknown"
    kind = Kind.INVALID
    zh = "没有这个订阅消息模板。"
    en = "There is no such template of subscription messages."


class GrantSource(StrEnum):
    """Who tells of an answer."""

    APP = "app"  #: the mini-program, after wx.requestSubscribeMessage
    PUSH = "push"  #: WeChat's event subscribe_msg_popup_event
    SETTINGS = "settings"  #: WeChat's event subscribe_msg_change_event: switched off in the settings


@dataclass(frozen=True, slots=True)
class SubscriptionView:
    """A template, and how many messages of it the resident has granted and not got."""

    kind: Template
    template_id: str
    left: int


G = SubscriptionGrant
_granted = case((G.accepted_in_app >= G.accepted_by_push, G.accepted_in_app), else_=G.accepted_by_push)
_left = _granted + G.given_back - G.used

_this = (
    update(SubscriptionGrant)
    .where(
        G.town_id == bindparam("town"), G.resident_id == bindparam("resident"), G.template_id == bindparam("template")
    )
    .execution_options(synchronize_session=False)
)
_new = insert(SubscriptionGrant).on_conflict_do_nothing()
_accept_in_app = _this.values(accepted_in_app=G.accepted_in_app + 1, changed_at=bindparam("now"))
_accept_by_push = _this.values(accepted_by_push=G.accepted_by_push + 1, changed_at=bindparam("now"))
#: Nothing is left: what is granted from now on counts again.
_write_off = _this.values(used=_granted + G.given_back, changed_at=bindparam("now"))
_take = (
    _this.where(or_(G.used - G.given_back < G.accepted_in_app, G.used - G.given_back < G.accepted_by_push))
    .values(used=G.used + 1, changed_at=bindparam("now"))
    .returning(G.used)
)
_give_back = _this.values(given_back=G.given_back + 1, changed_at=bindparam("now"))
_mine = select(G.template_id, _left.label("left")).where(
    G.town_id == bindparam("town"), G.resident_id == bindparam("resident")
)

_with_grant = select(G.resident_id).where(
    G.town_id == bindparam("town"),
    G.template_id == bindparam("template"),
    is_id_in(G.resident_id, "residents"),
    _left > 0,
)

S = SubscriptionSend
_begin = insert(SubscriptionSend).on_conflict_do_nothing().returning(S.notice_id)
_send = select(S.state, S.template_id, S.resident_id).where(
    S.town_id == bindparam("town"), S.notice_id == bindparam("notice")
)
_change = (
    update(SubscriptionSend)
    .where(S.town_id == bindparam("town"), S.notice_id == bindparam("notice"), S.state == bindparam("before"))
    .values(state=bindparam("after"), ended_at=bindparam("ended"), claimed_at=bindparam("claimed"))
    .returning(S.notice_id, S.resident_id, S.template_id)
    .execution_options(synchronize_session=False)
)
_end = (
    update(SubscriptionSend)
    .where(S.town_id == bindparam("town"), S.notice_id == bindparam("notice"), S.state == bindparam("before"))
    .values(state=bindparam("after"), ended_at=bindparam("ended"))
    .returning(S.notice_id, S.resident_id, S.template_id)
    .execution_options(synchronize_session=False)
)


def record_answers(work: Work, resident_id: int, answers: Mapping[str, bool], source: str = GrantSource.APP) -> None:
    """Keep what a resident answered, by template: an accept is one message more.

    A refusal in a pop-up takes nothing away; one in WeChat's settings takes all that is left. `source`: of GrantSource.
    """
    source = GrantSource(source)
    for template_id, accepted in sorted(answers.items()):
        whose = {"town": work.town_id, "resident": resident_id, "template": template_id, "now": work.now}
        if accepted:
            _open(work, resident_id, template_id)
            work.core.execute(_accept_in_app if source is GrantSource.APP else _accept_by_push, whose)
        elif source is GrantSource.SETTINGS:
            work.core.execute(_write_off, whose)


def record_my_answers(work: Work, templates: Templates, answers: Mapping[str, bool]) -> Sequence[SubscriptionView]:
    """Keep what the actor answered, and say what is left. Raises TemplateUnknown."""
    if not answers.keys() <= {spec.id for spec in templates.values()}:
        raise TemplateUnknown
    record_answers(work, work.actor.id, answers, GrantSource.APP)
    return list_my_subscriptions(work, templates)


def list_my_subscriptions(work: Work, templates: Templates) -> Sequence[SubscriptionView]:
    """Every template of the deployment, and how many messages of it the actor has left."""
    asked = {"town": work.town_id, "resident": work.actor.id}
    left = {row.template_id: row.left for row in work.core.execute(_mine, asked)}
    return [SubscriptionView(kind, spec.id, left.get(spec.id, 0)) for kind, spec in templates.items()]


def residents_with_grant(work: Work, resident_ids: Sequence[int], template_id: str) -> set[int]:
    """Which of these residents have a message of the template left. It may be gone when it is claimed."""
    asked = {"town": work.town_id, "template": template_id, "residents": list(resident_ids)}
    return set(work.core.scalars(_with_grant, asked))


def claim_send(work: Work, notice_id: int, resident_id: int, template_id: str) -> SendState | None:
    """Claim a grant for the one message of a notice. CLAIMED: send it now, and nobody else will.

    UNKNOWN: somebody claimed it and never said what came of it. None: the resident has no grant left. Other states: it
    has ended. A message that was certainly not sent (WAITING), or that staff have tried again (FAILED), is claimed anew.
    """
    row = {
        "town_id": work.town_id,
        "notice_id": notice_id,
        "resident_id": resident_id,
        "template_id": template_id,
        "state": SendState.CLAIMED,
        "claimed_at": work.now,
    }
    whose = {"town": work.town_id, "resident": resident_id, "template": template_id, "now": work.now}
    known = _state_of(work, notice_id)
    if known is None:
        if work.core.execute(_take, whose).first() is None:
            return None
        if work.core.execute(_begin, row).first() is not None:
            return SendState.CLAIMED
        work.core.execute(_give_back, whose)  # another worker's row came first: this grant stays the resident's
        return SendState.CLAIMED if _reclaim(work, notice_id, SendState.WAITING) else SendState.UNKNOWN
    if known is SendState.CLAIMED:
        _settle(work, notice_id, SendState.CLAIMED, SendState.UNKNOWN)
        return SendState.UNKNOWN
    if known is SendState.WAITING:
        return SendState.CLAIMED if _reclaim(work, notice_id, known) else SendState.UNKNOWN
    if known is SendState.FAILED:  # its grant was given back
        if not _reclaim(work, notice_id, known):
            return SendState.UNKNOWN
        if work.core.execute(_take, whose).first() is None:
            _settle(work, notice_id, SendState.CLAIMED, SendState.REFUSED)
            return None
        return SendState.CLAIMED
    return known


def record_sent(work: Work, notice_id: int) -> None:
    """WeChat took it. That also settles a claim that somebody else has taken for lost meanwhile."""
    if not _settle(work, notice_id, SendState.CLAIMED, SendState.SENT):
        _settle(work, notice_id, SendState.UNKNOWN, SendState.SENT)


def record_unknown(work: Work, notice_id: int) -> None:
    """WeChat may have heard it, and didn't answer."""
    _settle(work, notice_id, SendState.CLAIMED, SendState.UNKNOWN)


def record_not_sent(work: Work, notice_id: int) -> bool:
    """It was certainly not sent; its grant is kept for the next attempt. False: somebody else took it for lost."""
    return _end_as(work, notice_id, SendState.CLAIMED, SendState.WAITING) is not None


def record_refused(work: Work, notice_id: int) -> None:
    """WeChat (43101): the resident has no more grants of this template, whatever we thought."""
    ended = _end_as(work, notice_id, SendState.CLAIMED, SendState.REFUSED)
    if ended is not None:
        work.core.execute(_write_off, _whose(work, ended))


def record_failed(work: Work, notice_id: int) -> None:
    """WeChat can't take it as it is; the grant is the resident's again."""
    _release(work, notice_id, SendState.CLAIMED, SendState.FAILED)


def drop_send(work: Work, notice_id: int) -> None:
    """It is of no use any more. If a grant was kept for it, that is the resident's again."""
    _release(work, notice_id, SendState.WAITING, SendState.DROPPED)


def _open(work: Work, resident_id: int, template_id: str) -> None:
    whose = {"town_id": work.town_id, "resident_id": resident_id, "template_id": template_id}
    counts = {"accepted_in_app": 0, "accepted_by_push": 0, "used": 0, "given_back": 0}
    work.core.execute(_new, whose | counts | {"changed_at": work.now})


def _state_of(work: Work, notice_id: int) -> SendState | None:
    row = work.core.execute(_send, {"town": work.town_id, "notice": notice_id}).first()
    return row.state if row is not None else None


def _reclaim(work: Work, notice_id: int, before: SendState) -> bool:
    asked = {"town": work.town_id, "notice": notice_id, "before": before}
    claimed = {"after": SendState.CLAIMED, "ended": None, "claimed": work.now}
    return work.core.execute(_change, asked | claimed).first() is not None


def _settle(work: Work, notice_id: int, before: SendState, after: SendState) -> bool:
    return _end_as(work, notice_id, before, after) is not None


def _end_as(work: Work, notice_id: int, before: SendState, after: SendState) -> AnyRow | None:
    asked = {"town": work.town_id, "notice": notice_id, "before": before, "after": after}
    ended = None if after is SendState.WAITING else work.now
    return work.core.execute(_end, asked | {"ended": ended}).first()


def _release(work: Work, notice_id: int, before: SendState, after: SendState) -> None:
    ended = _end_as(work, notice_id, before, after)
    if ended is not None:
        work.core.execute(_give_back, _whose(work, ended))


def _whose(work: Work, send: AnyRow) -> dict[str, object]:
    return {"town": work.town_id, "resident": send.resident_id, "template": send.template_id, "now": work.now}

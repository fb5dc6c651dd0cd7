"""How a rulebook comes into force: one person drafts it, another one publishes it, and it holds from a date on.

A published version is never changed; another one follows it. Its date lies in the future when it is drafted and when it
is published, so no event that has happened is judged by rules that nobody knew. Whoever has a place in a session after
that date is told, since the check-in will be judged by the new rules.

Two second persons meet at the draft's row: one locks it, the other waits and finds it decided.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from models.activities import Session, SessionStatus
from models.ledger import BOOK
from models.reservations import Reservation, ReservationStatus
from models.residents import Role
from models.rulebook import DraftStatus, RulebookDraft, RulebookVersion
from rules.errors import Kind, RuleError
from rules.ids import ID_MAX
from rules.ledger.pools import open_book
from rules.ledger.transactions import POINTS, SERVICE_HOURS
from rules.outbox import Message, put
from rules.paging import Page, Position, cut
from rules.residents.identity import require_role_at_root
from rules.rows import AnyRow
from rules.rulebook.document import Rulebook, RulebookInvalid, parse
from rules.rulebook.sections.accounts import FloorNone, Holder, Scope
from rules.rulebook.sections.earning import Approver
from rules.rulebook.sections.redemption import For
from rules.rulebook.standing import FOR_GOOD
from rules.rulebook.versions import plans_between, publish
from rules.rulebook.words import in_words
from rules.work import TryAgain, Work

TOPIC = "rulebook.changed"


class RulebookRejected(RuleError):
    code = "rulebook.invalid"
    kind = Kind.INVALID
    zh = "规则文件有 {count} 处不正确，详见 errors。"
    en = "The rulebook has {count} faults; see errors."

    def details(self, language: str) -> dict[str, list[str]]:
        """Each fault with its key, its line and what is allowed."""
        error = self.facts["error"]
        assert isinstance(error, RulebookInvalid), "raised with the faults that were found"
        return {"document": [fault.sentence(language) for fault in error.faults]}


class EffectiveInPast(RuleError):
    code = "rulebook.effective_in_past"
    kind = Kind.INVALID
    zh = "生效时间须在将来：已经发生的事按当时的规则计。"
    en = "A rulebook comes into force in the future: what has happened is judged by the rules of then."


class NotOperable(RuleError):
    code = "rulebook.not_operable"
    kind = Kind.CONFLICT
    zh = "这份规则暂不能在本系统生效：{reason}。"
    en = "This rulebook can't be put into force here: {reason}."

    def sentence(self, language: str) -> str:
        """With the reason in the same language."""
        template, reason = (self.en, "reason_en") if language == "en" else (self.zh, "reason_zh")
        return template.format(reason=self.facts[reason])


class DraftUnknown(RuleError):
    code = "rulebook.draft_unknown"
    kind = Kind.UNKNOWN
    zh = "没有这份规则草案。"
    en = "There is no such draft."


class DraftDecided(RuleError):
    code = "rulebook.draft_decided"
    kind = Kind.CONFLICT
    zh = "这份规则草案已经处理过了。"
    en = "This draft was decided already."


class SecondPersonNeeded(RuleError):
    code = "rulebook.second_person_required"
    kind = Kind.FORBIDDEN
    zh = "规则须由另一位工作人员发布：本人不能复核自己起草的规则。"
    en = "Another member of staff must decide this: nobody publishes a rulebook of their own."


@dataclass(frozen=True, slots=True)
class DraftWish:
    """A document that somebody wants to put into force."""

    document: str
    effective_from: datetime
    note: str = ""


_columns = (
    RulebookDraft.id,
    RulebookDraft.document,
    RulebookDraft.effective_from,
    RulebookDraft.note,
    RulebookDraft.status,
    RulebookDraft.requested_by,
    RulebookDraft.requested_at,
    RulebookDraft.decided_by,
    RulebookDraft.decided_at,
    RulebookVersion.number,
)
_drafts = (
    select(*_columns)
    .outerjoin(
        RulebookVersion,
        (RulebookVersion.town_id == RulebookDraft.town_id) & (RulebookVersion.id == RulebookDraft.version_id),
    )
    .where(RulebookDraft.town_id == bindparam("town"))
)
_one = _drafts.where(RulebookDraft.id == bindparam("draft"))
_lock_one = _one.with_for_update(of=RulebookDraft)
_list = (
    _drafts.where(RulebookDraft.id < bindparam("before")).order_by(RulebookDraft.id.desc()).limit(bindparam("limit"))
)
_decide = (
    update(RulebookDraft)
    .where(
        RulebookDraft.town_id == bindparam("town"),
        RulebookDraft.id == bindparam("draft"),
        RulebookDraft.status == DraftStatus.PENDING,
    )
    .values(
        status=bindparam("decision"),
        decided_by=bindparam("actor"),
        decided_at=bindparam("now"),
        version_id=bindparam("version"),
    )
    .returning(RulebookDraft.id)
    .execution_options(synchronize_session=False)
)
_version_id = select(RulebookVersion.id).where(
    RulebookVersion.town_id == bindparam("town"), RulebookVersion.number == bindparam("number")
)
_scales = select(BOOK.c.code, BOOK.c.scale).where(BOOK.c.town_id == bindparam("town"))
_lock_books = (
    select(BOOK.c.id).where(BOOK.c.town_id == bindparam("town"), BOOK.c.code == POINTS).with_for_update(key_share=True)
)
_booked = (
    select(Reservation.resident_id)
    .join(Session, (Session.town_id == Reservation.town_id) & (Session.id == Reservation.session_id))
    .where(
        Reservation.town_id == bindparam("town"),
        Reservation.status == ReservationStatus.CONFIRMED,
        Session.status == SessionStatus.SCHEDULED,
        Session.ends_at > bindparam("from_"),
    )
    .distinct()
)


def draft_rulebook(work: Work, wish: DraftWish) -> AnyRow:
    """Keep a document for a second person to publish.

    Raises Forbidden (no manager of the whole town), RulebookRejected, EffectiveInPast, NotOperable.
    """
    require_role_at_root(work, Role.MANAGER)
    _check(work, wish.document, wish.effective_from)
    row: dict[str, Any] = {
        "town_id": work.town_id,
        "id": work.new_id(),
        "document": wish.document,
        "effective_from": wish.effective_from,
        "note": wish.note,
        "status": DraftStatus.PENDING,
        "requested_by": work.actor.id,
        "requested_at": work.now,
    }
    work.db.execute(insert(RulebookDraft), row)
    return _read(work, row["id"])


def list_drafts(work: Work, after: Position | None, limit: int) -> Page[AnyRow]:
    """The town's drafts, the latest first. Raises Forbidden."""
    require_role_at_root(work, Role.MANAGER)
    before = ID_MAX if after is None else int(after[0])
    rows = work.db.execute(_list, {"town": work.town_id, "before": before, "limit": limit + 1}).all()
    return cut(rows, limit, lambda row: (row.id,))


def publish_draft(work: Work, draft_id: int) -> AnyRow:
    """Put a draft of somebody else into force from its date on, and tell whoever has a place after it.

    Raises DraftUnknown, Forbidden, DraftDecided, SecondPersonNeeded, EffectiveInPast (when its date came meanwhile),
    RulebookRejected, NotOperable.
    """
    draft = _lock_pending(work, draft_id)
    work.core.execute(_lock_books, {"town": work.town_id}).all()  # one publication after the other
    rulebook = _check(work, draft.document, draft.effective_from)
    _open_books(work, rulebook)
    number = publish(work, draft.document, draft.effective_from)
    version_id = work.db.scalar(_version_id, {"town": work.town_id, "number": number})
    _tell_booked(work, number, rulebook, draft.effective_from)
    return _settle(work, draft_id, DraftStatus.PUBLISHED, version_id)


def decline_draft(work: Work, draft_id: int) -> AnyRow:
    """Turn down a draft of somebody else. Raises DraftUnknown, Forbidden, DraftDecided, SecondPersonNeeded."""
    _lock_pending(work, draft_id)
    return _settle(work, draft_id, DraftStatus.DECLINED, None)


def not_applied(rulebook: Rulebook) -> list[str]:
    """What a rulebook says and the house doesn't do yet, by the section's name: a clerk should know before publishing.

    Of rankings `rules.points.ranking_periods.not_worked_out` says it.
    """
    said = {
        "account": rulebook.account.holder is not Holder.RESIDENT,
        "booking.changes_max": any(each.changes_max is not None for each in rulebook.booking),
        "booking.leaves": any(each.leaves for each in rulebook.booking),
        "redemption.lottery": any(For.LOTTERY in each.kinds for each in rulebook.redemption),
        "ranking.decided_by": any(each.decided_by is not None for each in rulebook.ranking),
        "publication": rulebook.publication is not None,
        "currency.opening": any(each.opening > 0 for each in rulebook.currency),
        "currency.scope": any(each.scope is not Scope.ANYWHERE for each in rulebook.currency),
        "convert (not automatic)": any(not each.automatic for each in rulebook.convert),
    }
    return [section for section, is_said in said.items() if is_said]


def parse_or_reject(document: str) -> Rulebook:
    """A rulebook from its document. Raises RulebookRejected."""
    try:
        return parse(document)
    except RulebookInvalid as error:
        raise RulebookRejected(count=len(error.faults), error=error) from None


def _check(work: Work, document: str, effective_from: datetime) -> Rulebook:
    """Whether a document can be put into force from a moment on."""
    rulebook = parse_or_reject(document)
    in_words(rulebook)  # what can't be said isn't published
    if effective_from <= work.now:
        raise EffectiveInPast
    for rule in rulebook.earn:
        if rule.objection_days or rule.approval is Approver.SECOND_PERSON:
            raise NotOperable(
                reason_zh=f"规则 {rule.id} 的公示期或第二人复核，系统还不能办理",
                reason_en=f"the objection period or second person of rule {rule.id} can't be handled yet",
            )
    for booking in rulebook.booking:
        if booking.currency != rulebook.main_currency.id and (booking.price or any(p.points for p in booking.priority)):
            raise NotOperable(
                reason_zh=f"预约 {booking.id} 只能以第一种积分计价",
                reason_en=f"bookings of {booking.id} can only be paid in the first currency",
            )
    scales = {row.code: row.scale for row in work.core.execute(_scales, {"town": work.town_id})}
    main = rulebook.main_currency.id
    for currency in rulebook.currency:
        code = POINTS if currency.id == main else currency.id
        if code == SERVICE_HOURS:
            raise NotOperable(
                reason_zh=f"{SERVICE_HOURS} 是志愿时长账本的名称，不能用作积分的 id",
                reason_en=f"{SERVICE_HOURS} is the book of service hours and no currency",
            )
        if currency.id != main and code == POINTS:
            raise NotOperable(
                reason_zh=f"只有第一种积分的 id 可以是 {POINTS}",
                reason_en=f"only the first currency may be called {POINTS}",
            )
        if scales.get(code, currency.decimals) != currency.decimals:
            raise NotOperable(
                reason_zh=f"{currency.name}的账本已按 {scales[code]} 位小数建立",
                reason_en=f"the book of {currency.id} was opened with {scales[code]} decimals",
            )
        if isinstance(currency.floor, FloorNone) or currency.floor < Decimal(0):
            raise NotOperable(
                reason_zh=f"{currency.name}允许为负，账本不能记负数",
                reason_en=f"{currency.id} may be owed, and the ledger knows no debts",
            )
    _check_first_stays_first(work, rulebook, scales)
    return rulebook


def _check_first_stays_first(work: Work, rulebook: Rulebook, codes: Container[str]) -> None:
    """The first currency is in the town's book of points, the others are in books of their own; none moves over."""
    first, *others = rulebook.currency
    if first.id != POINTS and first.id in codes:
        raise NotOperable(
            reason_zh=f"{first.name}已有自己的账本，不能改为第一种积分",
            reason_en=f"{first.id} has a book of its own and can't become the first currency",
        )
    firsts = {plan.rulebook.main_currency.id for _, plan in plans_between(work, work.now, FOR_GOOD)}
    for currency in others:
        if currency.id in firsts:
            raise NotOperable(
                reason_zh=f"{currency.name}已是第一种积分，不能另立账本",
                reason_en=f"{currency.id} is the first currency and can't get a book of its own",
            )


def _open_books(work: Work, rulebook: Rulebook) -> None:
    """Open the books of currencies that have none yet; what is never spent needs no budget."""
    there = {row.code for row in work.core.execute(_scales, {"town": work.town_id})}
    try:
        for currency in rulebook.currency[1:]:
            if currency.id not in there:
                open_book(work, currency.id, currency.name, currency.decimals, needs_budget=False)
    except IntegrityError:  # another draft that is published now has opened it
        raise TryAgain from None


def _tell_booked(work: Work, number: int, rulebook: Rulebook, effective_from: datetime) -> None:
    """A message in the outbox for each resident with a place in a session that ends after the new rules begin."""
    residents: Sequence[int] = work.db.scalars(_booked, {"town": work.town_id, "from_": effective_from}).all()
    told = {"rulebook": rulebook.name, "number": number, "effective_from": effective_from.isoformat()}
    put(
        work,
        [
            Message(TOPIC, f"{number}:{resident_id}", {"resident_id": str(resident_id), **told})
            for resident_id in residents
        ],
    )


def _lock_pending(work: Work, draft_id: int) -> AnyRow:
    """A draft that waits for the actor's decision, locked until the work ends."""
    require_role_at_root(work, Role.MANAGER)
    draft = work.db.execute(_lock_one, {"town": work.town_id, "draft": draft_id}).first()
    if draft is None:
        raise DraftUnknown
    if draft.status is not DraftStatus.PENDING:
        raise DraftDecided
    if draft.requested_by == work.actor.id:
        raise SecondPersonNeeded
    return draft


def _settle(work: Work, draft_id: int, decision: DraftStatus, version_id: int | None) -> AnyRow:
    decided = {"actor": work.actor.id, "now": work.now, "decision": decision, "version": version_id}
    settled = work.db.scalar(_decide, {"town": work.town_id, "draft": draft_id} | decided)
    assert settled is not None, "the draft is locked and pending"
    return _read(work, draft_id)


def _read(work: Work, draft_id: int) -> AnyRow:
    return work.db.execute(_one, {"town": work.town_id, "draft": draft_id}).one()

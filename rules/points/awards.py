"""Awards of a file: judged by what the database knows, and booked.

An award is an event of the source "import" whose name is the row's ref, so it pays once in whatever file it stands. Its
points count from its day: they lapse by the rulebook that was in force at the end of that day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, TypeAlias

from sqlalchemy import bindparam, select

from models.ledger import EVENT
from models.residents import Resident
from rules import bulk
from rules.clock import local_day, local_moment
from rules.ledger.earning import Earning
from rules.ledger.earning_many import earn_many
from rules.ledger.transactions import Cause
from rules.points.award_file import Award, RowResult
from rules.points.people import IS_SOMEBODY
from rules.rows import AnyRow
from rules.rulebook.expiring import expiry_of
from rules.rulebook.versions import rulebook_in_force
from rules.sets import is_id_in, is_text_in
from rules.work import Work

SOURCE = "import"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a day's awards are booked by."""

    occurred_at: datetime
    expires_on: date
    rulebook_version_id: int


@dataclass(frozen=True, slots=True)
class Judged:
    """A row with its problem, or with its transaction once it is booked."""

    award: Award
    txn_id: int | None = None


#: By day; a day that isn't there is no good.
TermsOfDays: TypeAlias = Mapping[date | None, Terms]

_residents = select(Resident.id).where(
    Resident.town_id == bindparam("town"), is_id_in(Resident.id, "residents"), IS_SOMEBODY
)
_paid = select(EVENT.c.id, EVENT.c.source_ref, EVENT.c.subject_id, EVENT.c.payload).where(
    EVENT.c.town_id == bindparam("town"),
    EVENT.c.source == SOURCE,
    is_text_in(EVENT.c.source_ref, "refs"),
)


def terms_of(work: Work, awards: Sequence[Award]) -> TermsOfDays:
    """The terms of each day on which something is to be booked.

    A day is no good before the town's first rulebook, in the future, and when its points would have lapsed already.
    """
    today = local_day(work.now)
    found: dict[date | None, Terms] = {}
    for day in {award.occurred_on for award in awards if award.problem is None and award.occurred_on is not None}:
        if day > today:
            continue
        occurred_at = min(local_moment(day, "23:59:59"), work.now)
        in_force = rulebook_in_force(work, occurred_at)
        if in_force is not None and expiry_of(in_force.rulebook, day) >= today:
            found[day] = Terms(occurred_at, expiry_of(in_force.rulebook, day), in_force.version_id)
    return found


def judge(work: Work, awards: Sequence[Award], terms: TermsOfDays) -> list[Award]:
    """The same rows, with the problems that only the database knows of; residents that nobody knows become None."""
    named = {award.resident_id for award in awards if award.resident_id is not None}
    known = set(work.db.scalars(_residents, {"town": work.town_id, "residents": list(named)})) if named else set()
    paid = _read_paid(work, [award for award in awards if award.problem is None])
    today = local_day(work.now)

    def problem_of(award: Award) -> RowResult | None:
        if award.ref in paid:
            return _paid_before(award, paid[award.ref])
        if award.resident_id not in known:
            return RowResult.RESIDENT_UNKNOWN
        if award.occurred_on is not None and award.occurred_on > today:
            return RowResult.DAY_IN_FUTURE
        return None if award.occurred_on in terms else RowResult.DAY_INVALID

    return [
        replace(
            award,
            resident_id=award.resident_id if award.resident_id in known else None,
            problem=award.problem or problem_of(award),
        )
        for award in awards
    ]


def book(work: Work, awards: Sequence[Award], terms: TermsOfDays) -> list[Judged]:
    """Book the rows without a problem, which `judge` has seen: their events in the order of the refs, then the ledger.

    Somebody else may book a ref at the same moment: the event's key decides who does, and the other finds it booked
    already. Raises BudgetExhausted.
    """
    hopeful = sorted((award for award in awards if award.problem is None), key=lambda award: award.ref)
    if not hopeful:
        return [Judged(award) for award in awards]
    events = {award.ref: _event_row(work, award, terms[award.occurred_on]) for award in hopeful}
    bulk.insert_rows(work.core, EVENT, list(events.values()), skip_conflicts=True)
    paid = _read_paid(work, hopeful)
    earnings = {
        _key(award): _earning(award, terms[award.occurred_on], paid[award.ref].id)
        for award in hopeful
        if paid[award.ref].id == events[award.ref]["id"]
    }
    receipts = earn_many(work, earnings) if earnings else {}

    def outcome(award: Award) -> Judged:
        if award.problem is not None:
            return Judged(award)
        if _key(award) in receipts:
            return Judged(award, receipts[_key(award)].txn_id)
        return Judged(replace(award, problem=_paid_before(award, paid[award.ref])))

    return [outcome(award) for award in awards]


def _key(award: Award) -> str:
    return f"{SOURCE}:{award.ref}"


def _event_row(work: Work, award: Award, terms: Terms) -> dict[str, Any]:
    return {
        "town_id": work.town_id,
        "id": work.new_id(),
        "source": SOURCE,
        "source_ref": award.ref,
        "subject_id": award.resident_id,
        "occurred_at": terms.occurred_at,
        "payload": _payload(award),
    }


def _payload(award: Award) -> dict[str, Any]:
    assert award.occurred_on is not None, "a row without a day has a problem"
    return {"amount": award.amount, "occurred_on": award.occurred_on.isoformat(), "reason": award.reason}


def _earning(award: Award, terms: Terms, event_id: int) -> Earning:
    assert award.resident_id is not None, "a row without a resident has a problem"
    assert award.amount is not None, "a row without an amount has a problem"
    explanation = (
        f"{award.reason}：{award.amount} 分，有效期至 {terms.expires_on.isoformat()}（批量导入，编号 {award.ref}）"
    )
    cause = Cause(
        SOURCE, explanation, terms.occurred_at, event_id=event_id, rulebook_version_id=terms.rulebook_version_id
    )
    return Earning(award.resident_id, award.amount, terms.expires_on, cause)


def _read_paid(work: Work, awards: Sequence[Award]) -> dict[str, AnyRow]:
    """The events of these refs, by ref."""
    if not awards:
        return {}
    asked = {"town": work.town_id, "refs": [award.ref for award in awards]}
    return {row.source_ref: row for row in work.core.execute(_paid, asked)}


def _paid_before(award: Award, event: AnyRow) -> RowResult:
    is_the_same = event.subject_id == award.resident_id and event.payload == _payload(award)
    return RowResult.ALREADY_BOOKED if is_the_same else RowResult.REF_TAKEN

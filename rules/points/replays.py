"""A draft over the town's own past: the events of a period, read in order and judged by `rules.rulebook.replaying`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select

from models.ledger import EVENT
from models.residents import Resident, Role
from models.volunteering import VolunteerRegistration
from rules.clock import local_day
from rules.errors import Kind, RuleError
from rules.ledger.pools import read_pool_balance
from rules.points.holders import happening_of
from rules.points.voiding import VOID, corrected_events
from rules.residents.identity import require_role_at_root
from rules.rulebook.drafts import parse_or_reject
from rules.rulebook.plan import Plan
from rules.rulebook.replaying import Past, Replay, replay
from rules.rulebook.versions import plans_between
from rules.work import Work

#: Events that are replayed while somebody waits; the command line has no bound.
EVENTS_MAX = 100_000
ROWS_AT_A_TIME = 5_000


class ReplayTooLong(RuleError):
    code = "rulebook.replay_too_long"
    kind = Kind.INVALID
    zh = "这段时间有 {count} 个事件，在线最多回放 {most} 个：请缩短时间，或用命令行。"
    en = "There are {count} events in this period; at most {most} are replayed online. Take less time, or the command line."


class PeriodInvalid(RuleError):
    code = "rulebook.period_invalid"
    kind = Kind.INVALID
    zh = "起始时间须早于结束时间。"
    en = "The period must begin before it ends."


@dataclass(frozen=True, slots=True)
class TownReplay:
    """A replay, and what is left of the budget that would have to pay."""

    replay: Replay
    budget_left: int  #: in the main currency's smallest unit


_of_period = (
    EVENT.c.town_id == bindparam("town"),
    EVENT.c.occurred_at >= bindparam("begin"),
    EVENT.c.occurred_at < bindparam("end"),
    EVENT.c.source != VOID,  # it only says that another event was taken back
)
_count = select(func.count()).select_from(EVENT).where(*_of_period)
_events = (
    select(EVENT.c.id, EVENT.c.subject_id, EVENT.c.source, EVENT.c.occurred_at, EVENT.c.payload)
    .where(*_of_period)
    .order_by(EVENT.c.subject_id, EVENT.c.occurred_at, EVENT.c.id)
)
_people = (
    select(
        Resident.id,
        Resident.registered_at,
        Resident.household_id,
        VolunteerRegistration.resident_id.is_not(None).label("volunteer"),
    )
    .outerjoin(
        VolunteerRegistration,
        (VolunteerRegistration.town_id == Resident.town_id) & (VolunteerRegistration.resident_id == Resident.id),
    )
    .where(Resident.town_id == bindparam("town"))
)


def replay_period(work: Work, document: str, begin: datetime, end: datetime) -> TownReplay:
    """What a document would have made of a period, while somebody waits.

    Raises Forbidden (no manager of the whole town), RulebookRejected, PeriodInvalid, ReplayTooLong.
    """
    require_role_at_root(work, Role.MANAGER)
    count = work.core.scalar(_count, {"town": work.town_id, "begin": begin, "end": end}) or 0
    if count > EVENTS_MAX:
        raise ReplayTooLong(count=count, most=EVENTS_MAX)
    return replay_document(work, document, begin, end)


def replay_document(work: Work, document: str, begin: datetime, end: datetime) -> TownReplay:
    """The same, however long it takes. Raises RulebookRejected, PeriodInvalid."""
    if begin >= end:
        raise PeriodInvalid
    draft = Plan(parse_or_reject(document))
    in_force = plans_between(work, begin, end)
    asks = any(fact.startswith("person.") for plan in (draft, *(plan for _, plan in in_force)) for fact in plan.facts)
    persons = _read_people(work, end) if asks else {}
    replayed = replay(in_force, draft, _read_events(work, begin, end), persons)
    return TownReplay(replayed, read_pool_balance(work))


def _read_events(work: Work, begin: datetime, end: datetime) -> Iterator[Past]:
    asked = {"town": work.town_id, "begin": begin, "end": end}
    corrected = corrected_events(work)
    streamed = work.core.execution_options(yield_per=ROWS_AT_A_TIME).execute(_events, asked)
    for row in streamed:
        if row.id in corrected:
            continue
        yield Past(row.subject_id, happening_of(row.source, row.occurred_at, row.payload))


def _read_people(work: Work, at: datetime) -> Mapping[int, Mapping[str, Any]]:
    """What is known of everybody, as of the period's end."""
    day = local_day(at)
    return {
        row.id: {
            "kind": "resident",
            "volunteer": bool(row.volunteer),
            "household": row.household_id is not None,
            "registered_days": max((day - local_day(row.registered_at)).days, 0),
        }
        for row in work.core.execute(_people, {"town": work.town_id})
    }

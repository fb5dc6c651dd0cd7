"""The measures of volunteers once more, term by term and record by record."""

from __future__ import annotations

from datetime import datetime, timedelta

from models.history import ResidentVersion
from models.residents import Resident
from models.rulebook import StandingLevel, StandingLevelVersion
from models.volunteering import ServiceRecord, VolunteerRegistration, VolunteerWithdrawal
from rules.clock import local_day
from tests.monitor.plain.counted import Contents, Counted
from tests.monitor.plain.times import Homes, Span

TABLES = (
    Resident,
    ResidentVersion,
    VolunteerRegistration,
    VolunteerWithdrawal,
    ServiceRecord,
    StandingLevel,
    StandingLevelVersion,
)


def recompute(rows: Contents, measure: str, begin: datetime, end: datetime, as_of: datetime) -> list[Counted]:
    """Volunteers or records of service, one by one."""
    span, homes = Span(begin, end, as_of), Homes.of(rows)
    if measure == "volunteers.registered":
        terms = [(each.resident_id, each.registered_at, None) for each in rows[VolunteerRegistration]]
        terms += [(each.resident_id, each.registered_at, each.withdrawn_at) for each in rows[VolunteerWithdrawal]]
        return [
            Counted(span.last_day, homes.of_state(who, span), None, None, None, 1)
            for who, since, until in terms
            if span.was(since) and not span.was(until)
        ]
    if measure == "levels.held":
        held = [(each, None) for each in rows[StandingLevel]] + [
            (each, each.until) for each in rows[StandingLevelVersion]
        ]
        return [
            Counted(span.last_day, homes.of_state(each.resident_id, span), None, None, f"{each.ladder}/{each.level}", 1)
            for each, until in held
            if each.level and span.was(each.reached_at) and not span.was(until)
        ]
    days = {local_day(begin) + timedelta(days=n) for n in range((span.last_day - local_day(begin)).days + 1)}
    served = [each for each in rows[ServiceRecord] if each.served_on in days and _counts(each, span)]
    if measure == "volunteers.active_month":
        return [
            Counted(span.last_day, homes.of_state(who, span), None, None, None, 1)
            for who in {each.resident_id for each in served}
        ]
    return [
        Counted(
            each.served_on,
            each.community_id,
            each.scene,
            each.operator_id,
            each.provenance,
            each.minutes if measure == "service.hours" else 1,
        )
        for each in served
    ]


def _counts(record: ServiceRecord, span: Span) -> bool:
    """Booked in the book of hours by then, and not taken out of it again."""
    since = record.decided_at or record.recorded_at
    return record.txn_id is not None and span.knows(since) and not span.knows(record.voided_at)

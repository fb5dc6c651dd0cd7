"""Notices, queues and books: what was told and read, what waits for whom since when, whether the books were looked at."""

from __future__ import annotations

from datetime import datetime, timedelta

import time_machine
from sqlalchemy import insert, update

from models.adjustments import Adjustment, DecisionStatus
from models.jobs import JobOutcome, JobRun, Outbox
from models.notices import Notice, SubscriptionGrant
from models.residents import Role
from rules.delivery import dismiss
from rules.ledger.sealing import seal_day
from rules.moderation.deciding import decide
from rules.moderation.reporting import ReportReason, report
from rules.monitor.measures import notices, operations
from rules.notices.grants import claim_send, record_refused, record_sent
from rules.notices.inbox import read_notice
from rules.outbox import Message, put
from rules.residents.profile import change_profile
from rules.work import Work
from tests.build import Person, TownBuilder, add
from tests.moderation.hands import shown
from tests.monitor.agreeing import check_agreement, check_touched, days_from, midnight, sums, total
from tests.monitor.plain import notices as plain_notices
from tests.monitor.plain import operations as plain_operations
from tests.venues.halls import tomorrow

BY_NAME = {measure.name: measure for measure in (*notices.MEASURES, *operations.MEASURES)}
HOUR = 3600


def at(days: int, hour: int) -> time_machine.travel:
    return time_machine.travel(tomorrow(hour, days=days), tick=False)


def tell(town: TownBuilder, person: Person, key: str) -> int:
    def deed(work: Work) -> int:
        row = {"topic": "points.expiring", "key": key, "payload": {}, "created_at": work.now}
        return add(work, Notice, resident_id=person.id, **row)

    return town.act(None, deed)


def test_notices_are_read_within_a_week_of_their_day(town: TownBuilder) -> None:
    days, end = days_from(tomorrow(0), 12), tomorrow(24, days=12)
    moments = [tomorrow(hour, days=day) for day, hour in ((1, 12), (2, 12), (5, 12), (9, 12), (11, 12))]
    with at(1, 9):
        anna, bo = town.resident("安安"), town.resident("波波", territory_id=town.other_community_id)
        early, late, never = (tell(town, person, str(n)) for n, person in enumerate((anna, bo, bo)))
        grant = {"town_id": town.id, "template_id": "t", "accepted_in_app": 5, "changed_at": tomorrow(0)}
        rows = [grant | {"resident_id": person.id} for person in (anna, bo)]
        town.act(None, lambda work: work.db.execute(insert(SubscriptionGrant), rows))
        town.act(None, claim_send, early, anna.id, "t")
        town.act(None, record_sent, early)
    with at(2, 9):
        town.act(anna, change_profile, town.house.keys, {"territory_id": town.other_community_id})
        town.act(None, claim_send, late, bo.id, "t")
        town.act(None, record_refused, late)
    with at(3, 9):
        tell(town, anna, "between two moves")
    with at(4, 9):
        town.act(anna, read_notice, early)
        town.act(anna, change_profile, town.house.keys, {"territory_id": town.community_id})
    with at(8, 10):
        town.act(bo, read_notice, late)  # a week and an hour later
    check_agreement(town, notices, plain_notices, days, [*moments, end])
    check_touched(town, [notices.NOTICES], days, moments)
    read = [total(town, BY_NAME["notices.read"], days[0], moment) for moment in (*moments, end)]
    assert (total(town, BY_NAME["notices.delivered"], days[0], end), read) == (3, [0, 0, 1, 1, 1, 1])
    places = {key[1] for key in sums(town, BY_NAME["notices.read"], midnight(days[0]), midnight(days[1]), end)}
    assert places == {town.community_id}
    [between] = sums(town, BY_NAME["notices.delivered"], midnight(days[2]), midnight(days[3]), end)
    assert between[1] == town.other_community_id
    sent = [
        [total(town, BY_NAME[f"wechat_messages.{name}"], day, end) for day in days[:2]] for name in ("sent", "refused")
    ]
    assert sent == [[1, 0], [0, 1]]
    assert never


def test_what_waits_is_told_with_how_long_it_has(town: TownBuilder) -> None:
    days, end = days_from(tomorrow(0), 4), tomorrow(24, days=4)
    moments = [tomorrow(hour, days=day) for day, hour in ((1, 10), (1, 18), (2, 10), (3, 12))]
    in_the_afternoon = tomorrow(17)
    with at(1, 9):
        author, boss, other = town.resident("安安"), town.staff(Role.MANAGER), town.staff(Role.MANAGER)
        text = shown(town, author)
        _clear_outbox(town)
        town.act(None, put, [Message("notice.test", "1", {}), Message("notice.test", "2", {}, in_the_afternoon)])
    with at(1, 15):
        town.act(town.resident("波波"), report, text, ReportReason.SPAM)
        _end_message(town, "1", "delivered_at")
        request = _ask_for_points(town, author, boss)
    with at(2, 9):
        _end_message(town, "2", "failed_at")
        town.act(boss, decide, text, False, "广告")
    with at(3, 9):
        [(dead,)] = town.rows(Outbox.id, key="2")
        town.act(boss, dismiss, dead)
        _decide_on_points(town, request, other)

    check_agreement(town, operations, plain_operations, days, [*moments, end])
    waiting = BY_NAME["queues.waiting"]

    def queues(as_of: datetime) -> dict[str, int]:
        begin, after = midnight(days[0]), midnight(days[-1] + timedelta(days=1))
        found = sums(town, waiting, begin, after, as_of)
        return {key[4]: amount for key, amount in found.items()}

    assert [queues(moment) for moment in (*moments, end)] == [
        {"outbox": 1},
        {"outbox": 1, "moderation": 1, "approval_points": 1},
        {"dead_letters": 1, "approval_points": 1, "outbox": 2},  # the author and the reporter are told
        {"outbox": 2},
        {"outbox": 2},
    ]
    oldest = [total(town, BY_NAME["queues.oldest_moderation"], days[-1], moment) for moment in moments]
    assert oldest == [0, 3 * HOUR, 0, 0]
    assert total(town, BY_NAME["queues.oldest_approvals"], days[-1], moments[2]) == 19 * HOUR


def test_books_that_nobody_looked_at_or_sealed_are_counted_in_days(town: TownBuilder) -> None:
    days = days_from(tomorrow(0), 3)
    begun = midnight(days[0]) - timedelta(days=3)
    run = {"town_id": town.id, "job": operations.AUDIT, "attempts": 1, "started_at": begun}

    def audited(slot: str, finished_at: datetime, outcome: JobOutcome) -> None:
        row = run | {"slot": slot, "finished_at": finished_at, "outcome": outcome}
        town.act(None, lambda work: work.db.execute(insert(JobRun), row))

    audited("a", tomorrow(3, days=1), JobOutcome.OK)
    audited("b", tomorrow(3, days=2), JobOutcome.FAILED)
    with at(2, 1):
        town.act(None, seal_day, town.house.keys, days[0])
    check_agreement(
        town, operations, plain_operations, days, [tomorrow(2, days=1), tomorrow(4, days=2), tomorrow(24, days=3)]
    )
    end = tomorrow(24, days=3)
    assert [total(town, BY_NAME["books.audit_failed"], day, end) for day in days] == [0, 1, 1]
    assert [total(town, BY_NAME["books.days_unaudited"], day, end) for day in days] == [0, 1, 2]
    assert [total(town, BY_NAME["books.days_unsealed"], day, end) for day in days[1:]] == [0, 1]


def _clear_outbox(town: TownBuilder) -> None:
    done = update(Outbox).where(Outbox.town_id == town.id)
    town.act(None, lambda work: work.core.execute(done.values(delivered_at=work.now, available_at=work.now)))


def _end_message(town: TownBuilder, key: str, column: str) -> None:
    """It ended just now."""
    of = update(Outbox).where(Outbox.town_id == town.id, Outbox.topic == "notice.test", Outbox.key == key)
    town.act(None, lambda work: work.core.execute(of.values({column: work.now})))


def _ask_for_points(town: TownBuilder, person: Person, staff: Person) -> int:
    def deed(work: Work) -> int:
        row = {"amount": 500, "reason": "补发", "needs_second_person": True, "status": DecisionStatus.PENDING}
        return add(work, Adjustment, resident_id=person.id, requested_by=staff.id, requested_at=work.now, **row)

    return town.act(None, deed)


def _decide_on_points(town: TownBuilder, request: int, staff: Person) -> None:
    of = update(Adjustment).where(Adjustment.town_id == town.id, Adjustment.id == request)
    declined = {"status": DecisionStatus.DECLINED, "decided_by": staff.id}
    town.act(None, lambda work: work.core.execute(of.values(**declined, decided_at=work.now)))

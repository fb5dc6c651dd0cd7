"""An event that turns out to be void counts for nothing: everything that it led to is undone, once, and nothing else.

Whatever an event did to its resident, the state after its void is the one before it: that is held over random histories
under a rulebook that has a bit of everything. What hangs on the events that are left is held by hand.
"""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

from models.ledger import Txn, TxnKind
from models.residents import Role
from models.rulebook import StandingFreeze, StandingLevel, StandingSuspension, StandingTrace
from rules.clock import local_day, local_moment, utc_now
from rules.ledger.events import note_event
from rules.ledger.reading import read_spendable
from rules.ledger.spending import PointsInsufficient
from rules.points.events import EventRecorded, Occurrence, record_event
from rules.points.voiding import next_ref, void_event
from rules.rulebook.decision import Happening
from rules.work import Work
from tests.build import ApiClient, Person, TownBuilder
from tests.edge.helpers import problem_of, reserve
from tests.ledger.keeping import audit
from tests.points.hands import balance_of, effects, statement_of
from tests.points.spending import spend_points
from tests.points.staff_events import HEAD, NO_SHOWS, SERVICE, THEN, at
from tests.rulebook.live import counts, lines, organiser, put_in_force, record, recorded, usage

LIMITED = SERVICE + 'limits = [{ points = 200, per = "day" }]\n'
STARS = """
[[ladder]]
id = "star"
title = "星级志愿者"
falls = false
[[ladder.level]]
id = "one"
title = "一星级"
at = { "tally.hours" = 3 }
rights = [{ title = "贺礼", points = 7 }]
[[ladder.level]]
id = "two"
title = "二星级"
at = { "tally.hours" = 6 }
rights = [{ title = "贺礼", points = 11 }]
"""
FAULTS = """
[[deduct]]
id = "fault"
event = "fault"
title = "违规"
amount = 15
limits = [{ times = 3, per = "year" }]
"""
FREEZE = """
[[freeze]]
id = "booking"
title = "积分扣完，暂停预约"
where = { balance.points = { max = 0 } }
blocks = ["booking"]
[[freeze.exit]]
title = "服务满 2 小时"
collects = { events = ["care"], quantity = "hours", amount = 2 }
"""


def under(town: TownBuilder, *sections: str, head: str = HEAD) -> None:
    put_in_force(town, head + "".join(sections))


def void(town: TownBuilder, ref: str, source: str = "staff") -> bool:
    return bool(town.act(None, void_event, source, ref, "登记有误"))


def levels(town: TownBuilder) -> dict[str, str]:
    """Ladders in which somebody is above the ground."""
    return {row.ladder: row.level for row in town.rows(StandingLevel.ladder, StandingLevel.level) if row.level}


def suspended_until(town: TownBuilder, resident: Person) -> dict[str, datetime]:
    rows = town.rows(StandingSuspension.what, StandingSuspension.until, resident_id=resident.id)
    return {row.what: row.until for row in rows}


def standing_of(api: ApiClient, resident: Person) -> dict[str, Any]:
    return dict(api.as_(resident).get("/me/standing").json)


def midnight(days: int) -> datetime:
    return local_moment(local_day(THEN) + timedelta(days=days), "00:00")


# What comes, what goes, what is counted


def test_what_came_goes_back_and_what_was_counted_is_not(town: TownBuilder, api: ApiClient) -> None:
    under(town, LIMITED)
    resident, staff = town.resident(), organiser(town, api)
    recorded(staff, resident, "care", ref="good", hours=1)
    recorded(staff, resident, "care", ref="bad", hours=2)
    assert void(town, "bad") is True
    assert balance_of(api, resident) == 10
    assert counts(town, resident) == {("earned:points", "ever"): 10, ("tally:hours", "ever"): 60 * 10_000}
    assert usage(town) == {("care", local_day(utc_now()).isoformat()): (10, 200)}
    first = statement_of(api, resident)[0]
    assert (first["kind"], first["amount"], first["explanation"]) == ("reverse", -20, "登记有误")
    audit(town)


def test_a_second_void_does_nothing_and_one_of_nothing_neither(town: TownBuilder, api: ApiClient) -> None:
    under(town, LIMITED)
    resident, staff = town.resident(), organiser(town, api)
    recorded(staff, resident, "care", ref="bad", hours=2)
    assert void(town, "bad") is True
    before = effects(town)
    before["standing"] = []
    for ref, source in (("bad", "staff"), ("no-such-event", "staff"), ("bad", "checkin")):
        assert void(town, ref, source) is False
        after = effects(town)
        after["standing"] = []  # whose turn it was is counted
        assert after == before


def test_what_a_rule_of_the_book_declared_void_is_void(town: TownBuilder, api: ApiClient) -> None:
    under(town, LIMITED, '[[void]]\nid = "complaint"\nevent = "complaint"\ntitle = "被投诉"\nof = "about"\n')
    resident, staff = town.resident(), organiser(town, api)
    for ref in ("one", "two"):
        recorded(staff, resident, "care", ref=ref, hours=1)
    recorded(staff, resident, "complaint", about="one")
    assert void(town, "one") is False
    assert void(town, "two") is True
    assert recorded(staff, resident, "complaint", about="two")["balance"] == 0
    assert counts(town, resident)["tally:hours", "ever"] == 0
    audit(town)


def test_a_deduction_is_given_back_and_its_limit_is_free_again(town: TownBuilder, api: ApiClient) -> None:
    under(town, LIMITED, FAULTS)
    resident, staff = town.resident(), organiser(town, api)
    recorded(staff, resident, "care", hours=6)
    for n in range(3):
        assert recorded(staff, resident, "fault", ref=f"fault-{n}")["taken"] == 15
    assert recorded(staff, resident, "fault")["taken"] == 0
    assert void(town, "fault-1") is True
    assert balance_of(api, resident) == 30
    first = statement_of(api, resident)[0]
    assert (first["kind"], first["amount"], first["explanation"]) == ("reverse", 15, "登记有误")
    assert recorded(staff, resident, "fault")["taken"] == 15
    audit(town)


def test_an_event_that_gave_and_took_is_undone_both_ways(town: TownBuilder, api: ApiClient) -> None:
    """What it took is given back first: its own points are among it."""
    under(town, LIMITED, FAULTS.replace('event = "fault"', 'event = "care"\nwhere = { late = true }'))
    resident, staff = town.resident(), organiser(town, api)
    assert recorded(staff, resident, "care", ref="late", hours=2, late=True)["balance"] == 5
    assert void(town, "late") is True
    assert balance_of(api, resident) == 0
    assert {name: n for name, n in counts(town, resident).items() if n} == {}
    audit(town)


def test_points_that_are_spent_can_not_be_taken_back_and_nothing_is_undone(town: TownBuilder, api: ApiClient) -> None:
    under(town, LIMITED, STARS)
    resident, staff = town.resident(), organiser(town, api)
    recorded(staff, resident, "care", ref="bad", hours=3)
    spend_points(town, resident, 30)
    before = effects(town)
    with pytest.raises(PointsInsufficient):
        void(town, "bad")
    assert effects(town) == before
    recorded(staff, resident, "care", hours=4)
    assert void(town, "bad") is True, "other points of the same issuer take their place"
    assert balance_of(api, resident) == 40 + 7 - 30


def test_what_lapsed_has_lapsed_and_the_rest_is_undone(town: TownBuilder, api: ApiClient) -> None:
    under(town, LIMITED, FAULTS, head=HEAD.replace("years = 1", 'months = 1\nround_up_to = "day"'))
    resident, someone = town.resident(), town.staff(Role.ORGANISER)
    with at(0):
        recorded(api.as_(someone), resident, "care", ref="old", hours=2)
    recorded(api.as_(someone), resident, "care", ref="new", hours=3)
    assert void(town, "old") is True
    assert balance_of(api, resident) == 30
    assert counts(town, resident)["tally:hours", "ever"] == 3 * 60 * 10_000
    assert counts(town, resident)["earned:points", "ever"] == 30
    audit(town)


def test_what_staff_took_back_before_is_not_taken_back_again_and_not_counted_either(
    town: TownBuilder, api: ApiClient
) -> None:
    under(town, LIMITED, '[[tally]]\nid = "sum"\ntitle = "积分合计"\nof = "points"\nper = "ever"\n')
    resident, staff = town.resident(), organiser(town, api)
    recorded(staff, resident, "care", ref="bad", hours=2)
    body = {"reason": "登记有误", "amount": 15}
    txn = statement_of(api, resident)[0]["id"]
    assert api.as_(town.staff(Role.MANAGER)).post(f"/ledger/transactions/{txn}/reversal", body).status_code == 201
    assert void(town, "bad") is True
    assert balance_of(api, resident) == 0
    assert {name: n for name, n in counts(town, resident).items() if n} == {}
    audit(town)


def test_what_turned_into_another_currency_turns_back(town: TownBuilder, api: ApiClient) -> None:
    under(
        town,
        """
[[currency]]
id = "points"
name = "积分"
[[currency]]
id = "culture"
name = "文化积分"
[[earn]]
id = "reading"
event = "reading"
title = "阅读"
amount = 4
currency = "culture"
[[convert]]
id = "to-points"
title = "折算"
source = ["culture"]
target = "points"
rate = 0.5
automatic = true
limits = [{ points = 10, per = "ever" }]
""",
    )
    resident, staff = town.resident(), organiser(town, api)
    for ref in ("one", "two", "three"):
        recorded(staff, resident, "reading", ref=ref)
    assert void(town, "two") is True
    assert usage(town) == {("to-points", "ever"): (6, 10)}
    answer = api.as_(resident).get("/me/standing").json["balances"]
    assert {each["id"]: each["amount"] for each in answer} == {"points": 3, "culture": 2}
    audit(town)


def test_quotas_of_bookings_are_given_back(town: TownBuilder, api: ApiClient) -> None:
    under(
        town,
        '[[booking]]\nid = "rooms"\ntitle = "预约"\nquotas = [{ times = 1, per = "month", events = ["booked"] }]\n',
        LIMITED,
    )
    resident = town.resident()

    def book(work: Work, ref: str) -> None:
        record_event(work, Occurrence("test", ref, resident.id, Happening("booked", work.now)))

    town.act(None, book, "b1")
    assert [n for name, n in counts(town, resident).items() if name[0].startswith("quota:")] == [1]
    assert void(town, "b1", "test") is True
    assert [n for name, n in counts(town, resident).items() if name[0].startswith("quota:")] == [0]


def test_without_a_rulebook_in_force_then_the_event_is_void_and_nothing_else_happens(
    town: TownBuilder, api: ApiClient
) -> None:
    resident = town.resident()

    def note(work: Work) -> None:
        note_event(work, "test", "ancient", resident.id, work.now - timedelta(days=3000), {})

    town.act(None, note)
    assert [void(town, "ancient", "test") for _ in range(2)] == [True, False]
    assert town.rows(Txn.id, kind=TxnKind.REVERSE) == []


def test_only_what_facts_do_not_say_leaves_a_trace(town: TownBuilder, api: ApiClient) -> None:
    """At the door most events add to tallies and give points, and cost no row more than that."""
    under(town, LIMITED, STARS, FAULTS)
    resident, staff = town.resident(), organiser(town, api)
    traced = [
        len(recorded(staff, resident, kind, **facts)["lines"]) and len(town.rows(StandingTrace.event_id))
        for kind, facts in (
            ("care", {"hours": 1}),
            ("care", {"hours": 1}),
            ("care", {"hours": 1}),
            ("fault", {}),
        )
    ]
    assert traced == [0, 0, 1, 2], "the third hour reaches a level; the deduction is counted under its limit"


# The same deed anew


def test_a_deed_is_recorded_anew_under_its_next_name(town: TownBuilder, api: ApiClient) -> None:
    under(town, LIMITED)
    resident, staff = town.resident(), organiser(town, api)
    names = []
    for hours in (5, 3, 2):
        names.append(town.act(None, next_ref, "staff", "roll-1"))
        recorded(staff, resident, "care", ref=names[-1], hours=hours)
        assert town.act(None, next_ref, "staff", "roll-1") == names[-1], "it is on record and not void"
        problem_of(record(staff, resident, "care", ref=names[-1], hours=9), 409, EventRecorded.code)
        assert balance_of(api, resident) == hours * 10
        assert void(town, town.act(None, next_ref, "staff", "roll-1")) is True
    assert names == ["roll-1", "roll-1#2", "roll-1#3"]
    assert town.act(None, next_ref, "staff", "roll-1") == "roll-1#4"
    assert town.act(None, next_ref, "other", "roll-1") == "roll-1", "other sources have names of their own"
    assert balance_of(api, resident) == 0
    audit(town)


def test_a_complaint_about_a_deed_that_was_recorded_anew_is_about_what_it_is_now(
    town: TownBuilder, api: ApiClient
) -> None:
    under(town, LIMITED, '[[void]]\nid = "complaint"\nevent = "complaint"\ntitle = "被投诉"\nof = "about"\n')
    resident, staff = town.resident(), organiser(town, api)
    recorded(staff, resident, "care", ref="roll-1", hours=5)
    void(town, "roll-1")
    recorded(staff, resident, "care", ref="roll-1#2", hours=2)
    assert recorded(staff, resident, "complaint", about="roll-1")["balance"] == 0
    recorded(staff, resident, "care", ref="roll-1#3", hours=1)
    assert recorded(staff, resident, "complaint", about="roll-1")["balance"] == 10, "what the rule took back stays so"
    audit(town)


def test_a_replay_counts_a_deed_that_was_recorded_anew_once(town: TownBuilder, api: ApiClient) -> None:
    under(town, LIMITED)
    resident, staff = town.resident(), organiser(town, api)
    recorded(staff, resident, "care", ref="roll-1", hours=5)
    void(town, "roll-1")
    recorded(staff, resident, "care", ref="roll-1#2", hours=2)
    begin, end = utc_now() - timedelta(days=1), utc_now() + timedelta(days=1)
    body = {"document": HEAD + LIMITED, "begin": begin.isoformat(), "end": end.isoformat()}
    answer = api.as_(town.staff(Role.MANAGER)).post("/rulebooks/replay", body)
    assert answer.status_code == 200, answer.text
    assert answer.json["events"] == 1
    assert answer.json["before"]["given"] == {"points": 20}


# Suspensions


def test_a_suspension_ends_when_the_infractions_that_are_left_are_too_few(town: TownBuilder, api: ApiClient) -> None:
    """Whichever of the three is void: not the one alone that set it off."""
    under(town, NO_SHOWS)
    for n in range(3):
        resident, someone = town.resident(), town.staff(Role.ORGANISER)
        for day in range(3):
            with at(day):
                recorded(api.as_(someone), resident, "absent", ref=f"{resident.id}-{day}")
        with at(3):
            problem_of(reserve(api.as_(resident), town.session()), 403, "reservation.suspended_until")
            assert void(town, f"{resident.id}-{n}") is True
            assert reserve(api.as_(resident), town.session()).status_code == 201
        assert suspended_until(town, resident) == {}
        penalty = [n for name, n in counts(town, resident).items() if name[0] == "penalty:no-show"]
        assert sum(penalty) == 2


def test_a_suspension_that_others_would_have_set_off_goes_on_and_never_gets_longer(
    town: TownBuilder, api: ApiClient
) -> None:
    under(town, NO_SHOWS)
    resident, someone = town.resident(), town.staff(Role.ORGANISER)
    for day in range(5):
        with at(day):
            recorded(api.as_(someone), resident, "absent", ref=f"day-{day}")
    assert suspended_until(town, resident) == {"booking": midnight(32)}
    with at(5):
        void(town, "day-1")
        assert suspended_until(town, resident) == {"booking": midnight(32)}, "day 3 would say 33"
        void(town, "day-4")
        assert suspended_until(town, resident) == {"booking": midnight(32)}
        void(town, "day-0")
        assert suspended_until(town, resident) == {}


def test_a_suspension_falls_back_to_an_earlier_end(town: TownBuilder, api: ApiClient) -> None:
    under(town, NO_SHOWS, "[[penalty.step]]\nat = 4\nsuspends = { days = 60 }\n")
    resident, someone = town.resident(), town.staff(Role.ORGANISER)
    for day in range(4):
        with at(day):
            recorded(api.as_(someone), resident, "absent", ref=f"day-{day}")
    assert suspended_until(town, resident) == {"booking": midnight(63)}
    with at(4):
        void(town, "day-3")
    assert suspended_until(town, resident) == {"booking": midnight(32)}


def test_an_infraction_that_did_not_count_changes_nothing_when_it_is_void(town: TownBuilder, api: ApiClient) -> None:
    under(town, NO_SHOWS)
    resident, staff = town.resident(), organiser(town, api)
    for n in range(3):
        recorded(staff, resident, "absent", ref=f"no-{n}")
    recorded(staff, resident, "absent", ref="excused", excused=True)
    before = suspended_until(town, resident)
    assert void(town, "excused") is True
    assert suspended_until(town, resident) == before != {}


def test_a_counter_that_starts_anew_counts_what_is_left(town: TownBuilder, api: ApiClient) -> None:
    under(town, NO_SHOWS.replace("suspends = { days = 30 }", "suspends = { days = 30 }\nclears = true"))
    resident, someone = town.resident(), town.staff(Role.ORGANISER)
    for day in range(4):
        with at(day):
            recorded(api.as_(someone), resident, "absent", ref=f"day-{day}")
    with at(4):
        void(town, "day-3")
        assert suspended_until(town, resident) == {"booking": midnight(32)}
        void(town, "day-2")
        assert suspended_until(town, resident) == {}
        assert [line["kind"] for line in recorded(api.as_(someone), resident, "absent")["lines"]] == ["suspension"]


def test_infractions_that_are_counted_apart_are_judged_apart(town: TownBuilder, api: ApiClient) -> None:
    under(town, NO_SHOWS.replace('per = "120 days"', 'per = "120 days"\nby = ["room"]\nblocks = ["booking", "borrow"]'))
    resident, staff = town.resident(), organiser(town, api)
    for room in ("a", "b"):
        for n in range(3):
            recorded(staff, resident, "absent", ref=f"{room}{n}", room=room)
    assert len(town.rows(StandingSuspension.penalty)) == 4
    assert void(town, "a1") is True
    assert sorted(town.rows(StandingSuspension.penalty, StandingSuspension.what)) == [
        ("no-show|b", "booking"),
        ("no-show|b", "borrow"),
    ]


# Levels


def test_a_level_is_lost_with_the_hours_that_held_it_up_and_what_it_brought_goes_back(
    town: TownBuilder, api: ApiClient
) -> None:
    under(town, LIMITED, STARS)
    resident, staff = town.resident(), organiser(town, api)
    recorded(staff, resident, "care", ref="first", hours=2)
    recorded(staff, resident, "care", ref="second", hours=5)
    assert (levels(town), balance_of(api, resident)) == ({"star": "two"}, 70 + 7 + 11)
    void(town, "second")
    assert (levels(town), balance_of(api, resident)) == ({}, 20)
    recorded(staff, resident, "care", hours=1)
    assert (levels(town), balance_of(api, resident)) == ({"star": "one"}, 30 + 7), (
        "it is reached, and brings its points"
    )
    audit(town)


def test_a_level_that_the_rest_holds_up_stays_with_its_points(town: TownBuilder, api: ApiClient) -> None:
    under(town, LIMITED, STARS)
    resident, staff = town.resident(), organiser(town, api)
    recorded(staff, resident, "care", ref="both", hours=6)
    recorded(staff, resident, "care", hours=4)
    assert balance_of(api, resident) == 100 + 7 + 11
    void(town, "both")
    assert (levels(town), balance_of(api, resident)) == ({"star": "one"}, 40 + 7)
    assert counts(town, resident)["earned:points", "ever"] == 47
    recorded(staff, resident, "care", hours=2)
    assert (levels(town), balance_of(api, resident)) == ({"star": "two"}, 60 + 7 + 11)
    audit(town)


def test_a_level_is_lost_though_another_event_reached_it(town: TownBuilder, api: ApiClient) -> None:
    under(town, LIMITED, STARS.replace(", points = 7", "").replace(", points = 11", ""))
    resident, staff = town.resident(), organiser(town, api)
    recorded(staff, resident, "care", ref="wrong", hours=5)
    recorded(staff, resident, "care", hours=1)
    assert levels(town) == {"star": "two"}
    void(town, "wrong")
    assert levels(town) == {}


def test_a_level_that_was_kept_for_other_reasons_stays(town: TownBuilder, api: ApiClient) -> None:
    """It was reached by a balance that is spent; the event that is void had nothing to do with it."""
    under(
        town,
        LIMITED,
        '[[ladder]]\nid = "rich"\ntitle = "富"\nfalls = false\n'
        '[[ladder.level]]\nid = "a"\ntitle = "甲"\nat = { "balance.points" = 30 }\n',
    )
    resident, staff = town.resident(), organiser(town, api)
    recorded(staff, resident, "care", ref="reached", hours=3)
    spend_points(town, resident, 30)
    recorded(staff, resident, "care", ref="later", hours=3)
    void(town, "later")
    assert levels(town) == {"rich": "a"}
    recorded(staff, resident, "care", ref="rest", hours=3)
    void(town, "reached")
    assert levels(town) == {}, "and the one that reached it takes it along"


# Freezes


def test_a_freeze_ends_with_the_deduction_that_began_it(town: TownBuilder, api: ApiClient) -> None:
    under(town, LIMITED, FAULTS, FREEZE)
    resident, staff = town.resident(), organiser(town, api)
    recorded(staff, resident, "care", hours=1)
    assert ("frozen", "booking", 0) in lines(recorded(staff, resident, "fault", ref="wrong"))
    problem_of(reserve(api.as_(resident), town.session()), 403, "reservation.frozen")
    void(town, "wrong")
    assert reserve(api.as_(resident), town.session()).status_code == 201
    assert (town.rows(StandingFreeze), town.rows(StandingSuspension)) == ([], [])


def test_a_freeze_that_a_void_service_ended_is_in_force_again(town: TownBuilder, api: ApiClient) -> None:
    under(town, LIMITED, FAULTS, FREEZE)
    resident, staff = town.resident(), organiser(town, api)
    recorded(staff, resident, "care", hours=1)
    recorded(staff, resident, "fault")
    recorded(staff, resident, "care", ref="half", hours=1)
    [(before,)] = town.rows(StandingFreeze.collected)
    recorded(staff, resident, "care", ref="rest", hours=1)
    assert town.rows(StandingFreeze) == []
    void(town, "rest")
    assert town.rows(StandingFreeze.collected) == [(before,)]
    problem_of(reserve(api.as_(resident), town.session()), 403, "reservation.frozen")
    void(town, "half")
    assert town.rows(StandingFreeze.collected) == [({},)]


# Everything at once


A_BIT_OF_EVERYTHING = (
    LIMITED
    + FAULTS
    + NO_SHOWS
    + STARS
    + FREEZE
    + """
[[tally]]
id = "sum"
title = "净积分"
of = "net_points"
per = "month"
[[tally]]
id = "days"
title = "连续签到"
events = ["care", "visit"]
streak = "day"
[[tally]]
id = "levelled"
title = "一星后的到访"
events = ["visit"]
where = { level.star = { min = 1 } }
[[earn]]
id = "visit"
event = "visit"
title = "到访"
amount = 2
limits = [{ times = 2, per = "day" }]
[[deduct]]
id = "noise"
event = "visit"
title = "喧哗"
where = { noisy = true }
amount = 3
limits = [{ points = 6, per = "week" }]
[[ladder]]
id = "credit"
title = "信用"
falls = true
[[ladder.level]]
id = "a"
title = "甲"
at = { "balance.points" = 40 }
[[ladder.level]]
id = "b"
title = "乙"
at = { "tally.sum" = 90 }
rights = [{ title = "奖", points = 3 }]
"""
)
KINDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("care", {"hours": 1}),
    ("care", {"hours": 2.5}),
    ("care", {"hours": 4}),
    ("fault", {}),
    ("absent", {}),
    ("absent", {"excused": True}),
    ("visit", {}),
    ("visit", {"noisy": True}),
)


def state_of(town: TownBuilder, api: ApiClient, resident: Person) -> dict[str, Any]:
    """All that is counted, held and decided of a resident; what is nothing is left out."""
    return {
        "balance": town.act(None, read_spendable, resident.id),
        "counts": {name: n for name, n in counts(town, resident).items() if n},
        "usage": {name: used for name, (used, _) in usage(town).items() if used},
        "levels": {ladder: level for ladder, level in levels(town).items() if ladder == "star"},
        "shown": {each["id"]: each["level"] for each in standing_of(api, resident)["ladders"]},
        "freezes": sorted(map(repr, town.rows(StandingFreeze.freeze, StandingFreeze.since, StandingFreeze.collected))),
        "suspensions": sorted(town.rows(StandingSuspension.penalty, StandingSuspension.what, StandingSuspension.until)),
    }


@pytest.mark.parametrize("seed", range(12))
def test_after_its_void_everything_is_as_it_was_before_an_event(town: TownBuilder, api: ApiClient, seed: int) -> None:
    under(town, A_BIT_OF_EVERYTHING)
    chance, resident, someone = random.Random(seed), town.resident(), town.staff(Role.ORGANISER)
    undone: Counter[str] = Counter()
    for n in range(14):
        with at(n / 3):
            kind, facts = chance.choice(KINDS)
            before = state_of(town, api, resident)
            recorded(api.as_(someone), resident, kind, ref=f"e{n}", **facts)
            if chance.random() < 0.5:
                assert void(town, f"e{n}") is True
                assert state_of(town, api, resident) == before, (seed, n, kind, facts)
                undone[kind] += 1
    assert sum(undone.values()) > 2
    audit(town)


@pytest.mark.parametrize("seed", range(8))
def test_when_all_of_it_is_void_in_whatever_order_nothing_is_left(town: TownBuilder, api: ApiClient, seed: int) -> None:
    under(town, A_BIT_OF_EVERYTHING.replace('rights = [{ title = "奖", points = 3 }]', ""))
    chance, resident, someone = random.Random(1000 + seed), town.resident(), town.staff(Role.ORGANISER)
    for n in range(12):
        with at(n / 3):
            kind, facts = chance.choice([each for each in KINDS if each[0] != "fault"])
            recorded(api.as_(someone), resident, kind, ref=f"e{n}", **facts)
    refs = [f"e{n}" for n in range(12)]
    chance.shuffle(refs)
    with at(5):
        while refs:  # what gave points may have to wait for what took them
            stuck = []
            for ref in refs:
                try:
                    assert void(town, ref) is True
                except PointsInsufficient:
                    stuck.append(ref)
            assert len(stuck) < len(refs)
            refs = stuck
    state = state_of(town, api, resident)
    assert (state["balance"], state["usage"], state["levels"]) == (0, {}, {})
    assert state["counts"] == {}
    assert state["suspensions"] == [] or state["freezes"] != []
    audit(town)

"""A rulebook comes into force by two persons, from a day that is yet to come, and whoever it concerns is told.

What happens around its date happens in a past of the test's own, since the maker of ids, which all tests of a process
share, never goes back.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from werkzeug.test import TestResponse

from blueprints.edge.house import House
from models.activities import Session, SessionStatus
from models.jobs import Outbox
from models.ledger import Account, AccountKind, Book
from models.residents import Role
from models.rulebook import DraftStatus, RulebookDraft, RulebookVersion
from rules.clock import ZONE, utc_now
from rules.rulebook.versions import publish
from rules.work import SYSTEM
from tests.build import RULEBOOK, ApiClient, TownBuilder, fresh_key, new_town
from tests.edge.helpers import NOBODY, problem_of, reserve, scan
from tests.ledger.keeping import audit
from tests.points.hands import effects, manager
from tests.races import from_threads, until_answered
from tests.rulebook.live import put_in_force, record, recorded

NEW_RULES = RULEBOOK.replace("amount = 5", "amount = 8")
TWO_CURRENCIES = """
name = "两种积分"
[expiry]
years = 1
[[currency]]
id = "points"
name = "积分"
[[currency]]
id = "score"
name = "信用分"
decimals = 1
[[earn]]
id = "checkin"
event = "checkin"
title = "签到"
amount = 5
[[earn]]
id = "score"
event = "checkin"
title = "守约"
amount = 0.5
currency = "score"
[calculation]
round = "down"
"""
#: Noon of a day in a past that begins after the town's first rules.
THEN = datetime.now(ZONE).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=100)
DAY = timedelta(days=1)


def at(days: float) -> time_machine.travel:
    """Noon, so many days after THEN."""
    return time_machine.travel(THEN + days * DAY, tick=False)


def draft(
    staff: ApiClient, document: str = NEW_RULES, *, effective_from: datetime | None = None, **more: Any
) -> TestResponse:
    """Draft rules from tomorrow on, unless a moment is given."""
    body = {"document": document, "effective_from": (effective_from or utc_now() + DAY).isoformat()}
    options = {name: more.pop(name) for name in ("key", "headers") if name in more}
    return staff.post("/rulebooks/drafts", body | more, **options)


def drafted(staff: ApiClient, document: str = NEW_RULES, **more: Any) -> str:
    answer = draft(staff, document, **more)
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


def decide(staff: ApiClient, draft_id: str | int, decision: str = "publication", **more: Any) -> TestResponse:
    return staff.post(f"/rulebooks/drafts/{draft_id}/{decision}", **more)


def published(town: TownBuilder, api: ApiClient, document: str = NEW_RULES, **more: Any) -> dict[str, Any]:
    """What two managers put into force."""
    answer = decide(manager(town, api), drafted(manager(town, api), document, **more))
    assert answer.status_code == 200, answer.text
    return dict(answer.json)


# Two persons


def test_one_drafts_and_another_publishes(town: TownBuilder, api: ApiClient) -> None:
    first, second = town.staff(Role.MANAGER), town.staff(Role.MANAGER)
    begin = (utc_now() + DAY).replace(microsecond=0)
    answer = draft(api.as_(first), effective_from=begin, note="理事会 3 月决议")
    assert answer.status_code == 201, answer.text
    waiting = answer.json
    assert {**waiting, "id": None, "requested_at": None} == {
        "id": None,
        "document": NEW_RULES,
        "effective_from": begin.astimezone(ZONE).isoformat(),
        "note": "理事会 3 月决议",
        "status": "pending",
        "requested_by": str(first.id),
        "requested_at": None,
        "decided_by": None,
        "decided_at": None,
        "number": None,
    }
    assert len(town.rows(RulebookVersion.id)) == 1, "a draft is no version"
    done = decide(api.as_(second), waiting["id"])
    assert done.status_code == 200, done.text
    assert (done.json["status"], done.json["decided_by"], done.json["number"]) == ("published", str(second.id), 2)
    assert done.json["decided_at"] is not None
    [(version,)] = town.rows(RulebookVersion, number=2)
    assert (version.document, version.effective_from) == (NEW_RULES, begin)


def test_another_can_turn_it_down_and_the_rules_stay(town: TownBuilder, api: ApiClient) -> None:
    second = town.staff(Role.MANAGER)
    waiting = drafted(manager(town, api))
    answer = decide(api.as_(second), waiting, "refusal")
    assert (answer.status_code, answer.json["status"], answer.json["number"]) == (200, "declined", None)
    assert answer.json["decided_by"] == str(second.id)
    assert len(town.rows(RulebookVersion.id)) == 1


@pytest.mark.parametrize("decision", ["publication", "refusal"])
def test_nobody_is_the_second_person_to_themselves(town: TownBuilder, api: ApiClient, decision: str) -> None:
    for staff in (manager(town, api), api.as_(town.staff(Role.ADMIN))):
        waiting = drafted(staff)
        before = effects(town)
        problem_of(decide(staff, waiting, decision), 403, "rulebook.second_person_required")
        assert effects(town) == before


def test_not_even_the_database_lets_one_person_do_both(town: TownBuilder, api: ApiClient) -> None:
    waiting = int(drafted(manager(town, api)))
    itself = (
        update(RulebookDraft)
        .where(RulebookDraft.town_id == town.id, RulebookDraft.id == waiting)
        .values(status=DraftStatus.DECLINED, decided_by=RulebookDraft.requested_by)
    )
    with pytest.raises(IntegrityError, match="second_person_is_not_the_first"):
        town.database.write(town.id, SYSTEM, lambda work: work.db.execute(itself))


@pytest.mark.parametrize("then", ["publication", "refusal"])
@pytest.mark.parametrize("first", ["publication", "refusal"])
def test_what_was_decided_is_decided(town: TownBuilder, api: ApiClient, first: str, then: str) -> None:
    author = manager(town, api)
    waiting = drafted(author)
    assert decide(manager(town, api), waiting, first).status_code == 200
    third = manager(town, api)
    before = effects(town)
    for staff in (third, author):
        problem_of(decide(staff, waiting, then), 409, "rulebook.draft_decided")
    assert effects(town) == before


@pytest.mark.parametrize("decisions", [("publication", "publication"), ("publication", "refusal")])
def test_of_many_who_decide_at_once_one_does(town: TownBuilder, api: ApiClient, decisions: tuple[str, ...]) -> None:
    waiting = drafted(manager(town, api))

    def deed(staff: ApiClient, decision: str) -> TestResponse:
        key = fresh_key()
        return until_answered(lambda: decide(staff, waiting, decision, key=key))

    answers = from_threads(deed, [(manager(town, api), decision) for decision in decisions * 4], threads=8)
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    [done] = [answer.json["status"] for answer in answers if answer.status_code == 200]
    assert len(town.rows(RulebookVersion.id)) == (2 if done == "published" else 1)


def test_drafts_that_are_published_at_once_get_numbers_of_their_own(town: TownBuilder, api: ApiClient) -> None:
    """Both want a book for the same new currency, too."""
    author = manager(town, api)
    waiting = [drafted(author, TWO_CURRENCIES) for _ in range(6)]

    def deed(staff: ApiClient, draft_id: str) -> TestResponse:
        key = fresh_key()
        return until_answered(lambda: decide(staff, draft_id, key=key))

    answers = from_threads(deed, [(manager(town, api), each) for each in waiting], threads=6)
    assert [answer.status_code for answer in answers] == [200] * 6, [answer.text for answer in answers]
    assert sorted(answer.json["number"] for answer in answers) == [2, 3, 4, 5, 6, 7]
    assert sorted(row.code for row in town.rows(Book.code)) == ["points", "score"]


def test_the_same_key_drafts_and_publishes_once(town: TownBuilder, api: ApiClient) -> None:
    author, second, key = manager(town, api), manager(town, api), fresh_key()
    begin = utc_now() + DAY
    first, again = (draft(author, effective_from=begin, key=key) for _ in range(2))
    assert (again.status_code, again.json) == (201, first.json)
    done, once_more = (decide(second, first.json["id"], key=key) for _ in range(2))
    assert (once_more.status_code, once_more.json) == (200, done.json)
    assert (len(town.rows(RulebookDraft.id)), len(town.rows(RulebookVersion.id))) == (1, 2)


# Who may


def test_only_who_manages_the_whole_town_sees_to_its_rules(town: TownBuilder, api: ApiClient) -> None:
    waiting = drafted(manager(town, api))
    local = manager(town, api, at=town.community_id)
    before = effects(town)
    problem_of(draft(local), 403, "auth.forbidden")
    problem_of(local.get("/rulebooks/drafts"), 403, "auth.forbidden")
    for decision in ("publication", "refusal"):
        problem_of(decide(local, waiting, decision), 403, "auth.forbidden")
        problem_of(decide(local, NOBODY, decision), 403, "auth.forbidden")
    assert effects(town) == before
    assert decide(api.as_(town.staff(Role.ADMIN)), waiting).status_code == 200


def test_another_towns_draft_is_unknown(house: House, app: Flask, town: TownBuilder, api: ApiClient) -> None:
    waiting = drafted(manager(town, api))
    elsewhere = new_town(house)
    stranger = manager(elsewhere, ApiClient(app, elsewhere))
    before = effects(town), effects(elsewhere)
    for decision in ("publication", "refusal"):
        problem_of(decide(stranger, waiting, decision), 404, "rulebook.draft_unknown")
        problem_of(decide(stranger, NOBODY, decision), 404, "rulebook.draft_unknown")
    assert stranger.get("/rulebooks/drafts").json["items"] == []
    assert (effects(town), effects(elsewhere)) == before


def test_the_list_has_each_draft_once_the_latest_first(town: TownBuilder, api: ApiClient) -> None:
    author = manager(town, api)
    ids = [drafted(author, note=str(n)) for n in range(5)]
    decide(manager(town, api), ids[0], "refusal")
    decide(manager(town, api), ids[1])
    items: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = author.get("/rulebooks/drafts", limit=2, **({"cursor": cursor} if cursor else {})).json
        items += page["items"]
        if (cursor := page["next_cursor"]) is None:
            break
    assert [item["id"] for item in items] == ids[::-1]
    assert [item["status"] for item in items] == ["pending"] * 3 + ["published", "declined"]
    assert [item["number"] for item in items] == [None] * 3 + [2, None]
    problem_of(author.get("/rulebooks/drafts", cursor="x"), 422, "request.invalid")


# From a day on that is yet to come


def test_a_rulebook_does_not_come_into_force_in_the_past(town: TownBuilder, api: ApiClient) -> None:
    someone = town.staff(Role.MANAGER)
    with at(0):
        staff = api.as_(someone)
        before = effects(town)
        for moment in (THEN, THEN - timedelta(seconds=1), THEN - 300 * DAY):
            problem_of(draft(staff, effective_from=moment), 422, "rulebook.effective_in_past")
        assert effects(town) == before
        assert draft(staff, effective_from=THEN + timedelta(seconds=1)).status_code == 201


def test_a_draft_whose_day_has_come_meanwhile_is_not_published(town: TownBuilder, api: ApiClient) -> None:
    author, second = town.staff(Role.MANAGER), town.staff(Role.MANAGER)
    with at(0):
        waiting = drafted(api.as_(author), effective_from=THEN + DAY)
    with at(1):
        before = effects(town)
        problem_of(decide(api.as_(second), waiting), 422, "rulebook.effective_in_past")
        assert effects(town) == before
        assert decide(api.as_(second), waiting, "refusal").status_code == 200


def test_an_event_is_judged_by_the_rules_of_when_it_happened(town: TownBuilder, api: ApiClient) -> None:
    old = RULEBOOK.replace('event = "checkin"', 'event = "care"')
    put_in_force(town, old)
    resident, someone = town.resident(), town.staff(Role.ORGANISER)
    with at(0):
        published(town, api, old.replace("amount = 5", "amount = 8"), effective_from=THEN + 10 * DAY)
        assert recorded(api.as_(someone), resident, "care")["awarded"] == 5
    with at(11):
        for moment, amount in ((-1, 5), (0, 8), (1, 8)):
            occurred_at = THEN + 10 * DAY + moment * timedelta(seconds=1)
            assert recorded(api.as_(someone), resident, "care", at=occurred_at)["awarded"] == amount


def test_what_may_be_recorded_is_what_the_rules_of_today_speak_of(town: TownBuilder, api: ApiClient) -> None:
    resident, someone = town.resident(), town.staff(Role.ORGANISER)
    with at(0):
        new = RULEBOOK.replace('event = "checkin"', 'event = "care"')
        published(town, api, new, effective_from=THEN + DAY)
        problem_of(record(api.as_(someone), resident, "care"), 422, "event.kind_unknown")
    with at(2):
        assert recorded(api.as_(someone), resident, "care")["awarded"] == 5
        assert recorded(api.as_(someone), resident, "care", at=THEN)["awarded"] == 0, "nothing was said of it then"


def test_a_place_that_was_booked_before_the_change_earns_by_the_rules_of_the_check_in(
    town: TownBuilder, api: ApiClient
) -> None:
    resident, scanner = town.resident(), town.staff(Role.SCANNER)

    def earned(days: float, session_id: int) -> int:
        with at(days):
            answer = scan(api.as_(scanner), session_id, town.code_of(resident))
            assert answer.json["result"] == "admitted", answer.text
            return int(answer.json["points"]["awarded"])

    with at(0):
        before, after = (town.session(begins_in=days * DAY, reservable_for=-DAY) for days in (2, 4))
        for session_id in (before, after):
            assert reserve(api.as_(resident), session_id).status_code == 201
        published(town, api, effective_from=THEN + 3 * DAY)
    assert (earned(2, before), earned(4, after)) == (5, 8)


# Who is told


def outbox(town: TownBuilder) -> list[Any]:
    return [row for (row,) in town.rows(Outbox, topic="rulebook.changed")]


def test_who_has_a_place_after_the_change_is_told_once_and_nobody_else(town: TownBuilder, api: ApiClient) -> None:
    begin = utc_now() + 10 * DAY
    sessions = {days: town.session(begins_in=days * DAY, reservable_for=-DAY) for days in (5, 12, 13, 14)}
    spans_it = town.session(begins_in=10 * DAY - timedelta(hours=1), reservable_for=-DAY)
    twice, once, spanned, earlier, gave_back, called_off, _nothing = residents = [town.resident() for _ in range(7)]
    for resident, session_ids in (
        (twice, [sessions[12], sessions[13], sessions[5]]),
        (once, [sessions[12]]),
        (spanned, [spans_it]),
        (earlier, [sessions[5]]),
        (gave_back, [sessions[12]]),
        (called_off, [sessions[14]]),
    ):
        for session_id in session_ids:
            held = reserve(api.as_(resident), session_id)
            assert held.status_code == 201
            if resident is gave_back:
                assert api.as_(resident).delete(f"/reservations/{held.json['id']}").status_code == 200
    call_off = update(Session).where(Session.town_id == town.id, Session.id == sessions[14])
    town.act(None, lambda work: work.db.execute(call_off.values(status=SessionStatus.CANCELLED, versioned_at=work.now)))
    waiting = drafted(manager(town, api), effective_from=begin)
    assert outbox(town) == [], "a draft is no change"
    decide(manager(town, api), waiting)
    told = outbox(town)
    assert sorted(int(message.payload["resident_id"]) for message in told) == sorted(
        each.id for each in (twice, once, spanned)
    )
    assert {message.key for message in told} == {f"2:{each.id}" for each in (twice, once, spanned)}
    assert {(message.payload["rulebook"], message.payload["number"], message.delivered_at) for message in told} == {
        ("测试积分规则", 2, None)
    }
    assert {datetime.fromisoformat(message.payload["effective_from"]) for message in told} == {begin}
    published(town, api, effective_from=begin + DAY)
    assert len(outbox(town)) == 3 + 2, "the next version is told again"
    assert len(residents) == 7


def test_residents_of_another_town_are_not_told(house: House, app: Flask, town: TownBuilder, api: ApiClient) -> None:
    elsewhere = new_town(house)
    session_id = elsewhere.session(begins_in=3 * DAY, reservable_for=-DAY)
    assert reserve(ApiClient(app, elsewhere).as_(elsewhere.resident()), session_id).status_code == 201
    before = effects(elsewhere)
    published(town, api)
    assert outbox(town) == []
    assert effects(elsewhere) == before


# What can't be in force


def test_a_document_with_faults_is_refused_with_key_and_line_of_each(town: TownBuilder, api: ApiClient) -> None:
    staff = manager(town, api)
    wrong = RULEBOOK.replace("amount = 5", "amount = 0").replace("years = 1", "years = 99")
    lines = wrong.splitlines()
    years, amount = lines.index("years = 99") + 1, lines.index("amount = 0") + 1
    before = effects(town)
    chinese = problem_of(draft(staff, wrong), 422, "rulebook.invalid")
    assert chinese["detail"] == "规则文件有 2 处不正确，详见 errors。"
    assert [sentence.split("：")[0] for sentence in chinese["errors"]["document"]] == [
        f"第 {years} 行 `expiry.years`",
        f"第 {amount} 行 `earn[1].amount`",
    ]
    english = problem_of(draft(staff, wrong, headers={"Accept-Language": "en"}), 422, "rulebook.invalid")
    assert english["detail"] == "The rulebook has 2 faults; see errors."
    assert [sentence.split(": ")[0] for sentence in english["errors"]["document"]] == [
        f"line {years}, `expiry.years`",
        f"line {amount}, `earn[1].amount`",
    ]
    assert effects(town) == before


def test_what_is_no_rulebook_at_all_is_refused(town: TownBuilder, api: ApiClient) -> None:
    staff = manager(town, api)
    before = effects(town)
    for document in ("x", "name = ", "\0", "[" * 3000, "名称 = 1"):
        assert list(problem_of(draft(staff, document), 422, "rulebook.invalid")["errors"]) == ["document"]
    assert effects(town) == before


def test_a_draft_that_says_it_wrong_is_refused(town: TownBuilder, api: ApiClient) -> None:
    staff = manager(town, api)
    right = {"document": NEW_RULES, "effective_from": (utc_now() + DAY).isoformat()}
    before = effects(town)
    for wrong in (
        {"effective_from": "soon"},
        {"effective_from": None},
        {"effective_from": "2100-01-02"},
        {"note": "x" * 501},
        {"note": "a\0"},
        {"document": ""},
        {"document": f"# {'x' * 256 * 1024}"},
        {"more": 1},
    ):
        answer = staff.post("/rulebooks/drafts", right | wrong)
        assert list(problem_of(answer, 422, "request.invalid")["errors"]) == list(wrong)
    assert effects(town) == before


def test_currencies_get_books_of_their_own_when_a_rulebook_is_published(town: TownBuilder, api: ApiClient) -> None:
    waiting = drafted(manager(town, api), TWO_CURRENCIES)
    assert [row.code for row in town.rows(Book.code)] == ["points"], "a draft opens nothing"
    assert decide(manager(town, api), waiting).status_code == 200
    published(town, api, TWO_CURRENCIES)
    assert sorted(town.rows(Book.code, Book.name, Book.scale)) == [("points", "积分", 0), ("score", "信用分", 1)]
    [book] = town.rows(Book.id, code="score")
    [(pool,)] = town.rows(Account, kind=AccountKind.POOL, book_id=book.id)
    assert pool.floor is None or pool.unbounded, "what is only counted needs no budget"
    audit(town)


def test_the_decimals_of_a_currency_stay_as_its_book_was_opened(town: TownBuilder, api: ApiClient) -> None:
    published(town, api, TWO_CURRENCIES)
    staff = manager(town, api)
    before = effects(town)
    coarse = TWO_CURRENCIES.replace("decimals = 1", "decimals = 2")
    document = problem_of(draft(staff, coarse), 409, "rulebook.not_operable")
    assert document["detail"] == "这份规则暂不能在本系统生效：信用分的账本已按 1 位小数建立。"
    english = problem_of(draft(staff, coarse, headers={"Accept-Language": "en"}), 409, "rulebook.not_operable")
    assert english["detail"].endswith("the book of score was opened with 1 decimals.")
    of_points = TWO_CURRENCIES.replace('name = "积分"\n', 'name = "积分"\ndecimals = 2\n', 1)
    assert "积分的账本已按 0 位小数建立" in problem_of(draft(staff, of_points), 409, "rulebook.not_operable")["detail"]
    assert effects(town) == before


def test_what_was_right_when_it_was_drafted_is_looked_at_again_when_it_is_published(
    town: TownBuilder, api: ApiClient
) -> None:
    waiting = drafted(manager(town, api), TWO_CURRENCIES)
    put_in_force(town, TWO_CURRENCIES.replace("decimals = 1", "decimals = 2"))
    second = manager(town, api)
    before = effects(town)
    problem_of(decide(second, waiting), 409, "rulebook.not_operable")
    assert effects(town) == before


def test_a_currency_that_may_be_owed_is_refused(town: TownBuilder, api: ApiClient) -> None:
    staff = manager(town, api)
    before = effects(town)
    for name in ("积分", "信用分"):
        for floor in ("-10", '"none"'):
            owed = TWO_CURRENCIES.replace(f'name = "{name}"\n', f'name = "{name}"\nfloor = {floor}\n', 1)
            detail = problem_of(draft(staff, owed), 409, "rulebook.not_operable")["detail"]
            assert f"{name}允许为负，账本不能记负数" in detail
    assert effects(town) == before


def test_only_the_first_currency_is_the_towns_points(town: TownBuilder, api: ApiClient) -> None:
    staff = manager(town, api)
    before = effects(town)
    other_first = TWO_CURRENCIES.replace('id = "points"', 'id = "main"').replace(
        'id = "score"\nname', 'id = "points"\nname'
    )
    other_first = other_first.replace('currency = "score"', 'currency = "points"').replace(
        "amount = 5\n", 'amount = 5\ncurrency = "main"\n'
    )
    detail = problem_of(draft(staff, other_first), 409, "rulebook.not_operable")["detail"]
    assert "只有第一种积分的 id 可以是 points" in detail
    assert effects(town) == before


def test_a_currency_with_a_book_of_its_own_does_not_become_the_first(town: TownBuilder, api: ApiClient) -> None:
    """Else what residents hold of it would be in a book that nobody looks at any more."""
    published(town, api, TWO_CURRENCIES)
    staff = manager(town, api)
    before = effects(town)
    score_only = RULEBOOK + '[[currency]]\nid = "score"\nname = "信用分"\n'
    score_only = score_only.replace("amount = 5", 'amount = 5\ncurrency = "score"')
    detail = problem_of(draft(staff, score_only), 409, "rulebook.not_operable")["detail"]
    assert "信用分已有自己的账本，不能改为第一种积分" in detail
    assert effects(town) == before


def test_the_first_currency_does_not_get_a_book_of_its_own(town: TownBuilder, api: ApiClient) -> None:
    """Else what residents hold of it would count as points of another currency."""
    green_first = TWO_CURRENCIES.replace("points", "green").replace("amount = 5\n", 'amount = 5\ncurrency = "green"\n')
    published(town, api, green_first)
    staff = manager(town, api)
    before = effects(town)
    turned = green_first.replace('"green"', '"x"').replace('"score"', '"green"').replace("decimals = 1\n", "")
    detail = problem_of(draft(staff, turned.replace("0.5", "5")), 409, "rulebook.not_operable")["detail"]
    assert "信用分已是第一种积分，不能另立账本" in detail
    assert effects(town) == before


def test_a_version_that_was_published_otherwise_needs_no_draft(town: TownBuilder, api: ApiClient) -> None:
    town.act(None, publish, NEW_RULES, utc_now() - DAY)
    assert manager(town, api).get("/rulebooks/drafts").json["items"] == []
    assert published(town, api)["number"] == 3


def test_no_currency_takes_the_book_of_service_hours(town: TownBuilder, api: ApiClient) -> None:
    hours = TWO_CURRENCIES.replace('"score"', '"service_hours"')
    detail = problem_of(draft(manager(town, api), hours), 409, "rulebook.not_operable")["detail"]
    assert "service_hours 是志愿时长账本的名称" in detail


def test_bookings_are_paid_in_the_first_currency(town: TownBuilder, api: ApiClient) -> None:
    priced = TWO_CURRENCIES + '[[booking]]\nid = "rooms"\ntitle = "场馆"\nprice = 5\ncurrency = "score"\n'
    detail = problem_of(draft(manager(town, api), priced), 409, "rulebook.not_operable")["detail"]
    assert "预约 rooms 只能以第一种积分计价" in detail

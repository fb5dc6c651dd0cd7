"""Protects the operators' ranking: by the weights that were published when the period began, every part of it shown."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from blueprints.edge.house import House
from models.residents import Role
from rules.monitor.numbers import Value
from rules.monitor.operators import rank, shares
from rules.monitor.tables import Row
from rules.monitor.weights import FIRST_ONES, Weight, WeightSet
from tests.edge.helpers import problem_of
from tests.monitor.boards import Numbers, numbers, today

HELD, ATTENDED, NO_SHOWS = "sessions.held", "reservations.attended", "reservations.no_show_rate"
WEIGHTS = WeightSet(None, None, (Weight(HELD, 50), Weight(NO_SHOWS, 50)), 2, None)


def ranked(held: dict[str, int], rates: dict[str, float | None]) -> list[Row]:
    rows = [Row(key, key, {}, {}) for key in held]
    values = {key: {HELD: Value(held[key]), NO_SHOWS: Value(rates.get(key))} for key in held}
    return rank(rows, values, WEIGHTS)


def test_a_score_is_each_ones_share_of_the_best_times_the_weight() -> None:
    first, second = ranked({"a": 10, "b": 4}, {"a": 0.2, "b": 0.1})
    assert (first.key, first.rank, first.score) == ("a", 1, round(50 + 50 * 0.8 / 0.9, 2))
    assert (second.key, second.rank, second.score) == ("b", 2, 70.0)
    assert [part.points for part in second.parts] == [20.0, 50.0]
    assert sum(part.points for part in first.parts) == pytest.approx(first.score, abs=0.01)


def test_equal_scores_share_a_rank_and_the_next_one_is_counted_on() -> None:
    rows = ranked({"d": 4, "c": 8, "b": 8, "a": 2}, dict.fromkeys("abcd", 0.5))
    assert [(row.key, row.rank) for row in rows] == [("b", 1), ("c", 1), ("d", 3), ("a", 4)]


def test_who_held_too_little_and_what_no_operator_did_is_not_ranked_and_raises_nobodys_bar() -> None:
    rows = ranked({"a": 4, "b": 1, "0": 100}, {"a": 0.5, "b": 0.0, "0": 0.0})
    assert [(row.key, row.rank, row.score) for row in rows] == [("a", 1, 100.0), ("0", None, None), ("b", None, None)]


def test_a_measure_without_a_number_gives_nothing_and_the_rest_still_counts() -> None:
    first, second = ranked({"a": 4, "b": 4}, {"a": 0.5})
    assert (first.score, second.score) == (100.0, 50.0)
    assert second.parts[1].share is None


def test_what_is_better_low_is_turned_round() -> None:
    assert shares("repairs.overdue", {"a": 0, "b": 4}) == {"a": 1.0, "b": 0.0}
    assert shares("repairs.overdue", {"a": 2, "b": 4}) == {"a": 1.0, "b": 0.5}
    assert shares(NO_SHOWS, {"a": 1.0, "b": 1.0}) == {"a": 0.0, "b": 0.0}
    assert shares(HELD, {"a": 0, "b": 0}) == {"a": 0.0, "b": 0.0}


@pytest.fixture
def shown(app: Flask, house: House) -> Numbers:
    return numbers(app, house)


def test_the_board_ranks_by_what_was_counted_and_shows_an_operators_own_people_only_their_row(shown: Numbers) -> None:
    board = shown.ask("/operators").json
    assert [(each["measure"], each["weight"]) for each in board["weights"]] == [
        (each.measure, each.weight) for each in FIRST_ONES.weights
    ]
    first, second = board["rows"]
    assert (first["title"], first["rank"], first["cells"][ATTENDED], first["cells"][NO_SHOWS]) == (
        "测试运营",
        1,
        11,
        pytest.approx(1 / 12),
    )
    assert (second["key"], second["rank"], second["cells"][ATTENDED]) == (str(shown.rival_id), None, 2)
    assert [part["share"] for part in first["parts"]] == [1.0] * 4
    staff = shown.town.staff(Role.OPERATOR)
    path = f"/operators/{shown.rival_id}/staff"
    assert shown.auditor.post(path, {"staff_id": str(staff.id)}).status_code == 204
    own = shown.ask("/operators", shown.api.as_(staff)).json
    assert [row["key"] for row in own["rows"]] == [str(shown.rival_id)]
    acts_for = shown.api.as_(staff).get("/monitor/own-operators").json["items"]
    assert [each["id"] for each in acts_for] == [str(shown.rival_id)]
    assert shown.auditor.get("/monitor/own-operators").json["items"] == []
    for path in ("/monitor/snapshots", "/monitor/targets"):
        problem_of(shown.api.as_(staff).get(path), 403, "monitor.forbidden")


def test_weights_are_published_to_all_and_count_from_the_first_period_that_begins_with_them(shown: Numbers) -> None:
    wish = {"from_day": str(today()), "weights": [{"measure": ATTENDED, "weight": 100}], "sessions_min": 1}
    problem_of(shown.manager.call("PUT", "/monitor/weights", wish), 403, "auth.forbidden")
    set_ = shown.auditor.call("PUT", "/monitor/weights", wish)
    assert set_.status_code == 200, set_.text
    resident = shown.api.as_(shown.town.resident())
    for answer in (set_, resident.get("/monitor/weights")):
        assert [(each["measure"], each["weight"]) for each in answer.json["weights"]] == [(ATTENDED, 100)]
    assert len(resident.get("/monitor/weights/history").json["items"]) == 1
    assert shown.ask("/operators").json["sessions_min"] == FIRST_ONES.sessions_min  # its period had begun before
    of_today = shown.ask("/operators", first_day=str(today())).json
    assert (of_today["sessions_min"], [each["measure"] for each in of_today["weights"]]) == (1, [ATTENDED])


def test_weights_that_rank_nothing_or_change_what_has_begun_are_refused(shown: Numbers) -> None:
    def set_(weights: dict[str, int], from_day: object = None) -> tuple[int, str]:
        body = {
            "from_day": str(from_day or today()),
            "weights": [{"measure": name, "weight": weight} for name, weight in weights.items()],
            "sessions_min": 1,
        }
        answer = shown.auditor.call("PUT", "/monitor/weights", body)
        return answer.status_code, answer.json["code"]

    assert set_({ATTENDED: 99}) == (422, "weights.unfit")
    assert set_({"repairs.done": 100}) == (422, "weights.unfit")  # no operator's
    assert set_({"points.issued": 100}) == (422, "weights.unfit")  # neither more nor less is better
    assert set_({"no.such": 100}) == (404, "monitor.measure_unknown")
    assert set_({ATTENDED: 100}, today() - timedelta(days=1)) == (422, "monitor.set_in_the_past")
    assert shown.auditor.get("/monitor/weights/history").json["items"] == []

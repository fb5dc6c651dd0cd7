"""S85 南园社区 党群服务中心 志愿者优先: who comes first, who may sign up."""

from __future__ import annotations

import pytest

from rules.rulebook.sections.accounts import Holder
from tests.rulebook.story import Story, codes, plan_of

COURSE = "2019-07-06 10:00"


def resident(**person: object) -> Story:
    return Story.at("nanyuan-community", **person)


def rank(**person: object) -> int:
    """In which order somebody comes where places are limited; 0 is first."""
    return resident(**person).book(COURSE, "2019-07-01", places_limited=True).priority


@pytest.mark.parametrize("person", [{"volunteer": True}, {"volunteer_in_family": True}])
def test_volunteers_and_their_families_come_before_all_others(person: dict[str, bool]) -> None:
    assert rank(**person) < rank()


def test_others_may_sign_up_and_come_after() -> None:
    assert resident().book(COURSE, "2019-07-01", places_limited=True).is_allowed


def test_the_places_of_a_course_of_ten_all_go_to_volunteers_and_their_families() -> None:
    others = [(f"居民{n}", {}) for n in range(8)]
    first = [(f"志愿者{n}", {"volunteer": True}) for n in range(6)]
    families = [(f"志愿者家属{n}", {"volunteer_in_family": True}) for n in range(4)]
    # Whoever signed up first stands first; the sort keeps that order among equals.
    in_order = sorted([*others, *first, *families], key=lambda each: rank(**each[1]))
    assert {name for name, _ in in_order[:10]} == {name for name, _ in [*first, *families]}


def test_a_course_that_is_kept_for_volunteers_takes_nobody_else() -> None:
    refused = resident().book(COURSE, "2019-07-01", kept_for="志愿者")
    assert codes(refused) == ["not_eligible"]
    assert refused.refusals[0].sentence == "仅限志愿者及志愿者家庭"


@pytest.mark.parametrize("person", [{"volunteer": True}, {"volunteer_in_family": True}])
def test_a_course_that_is_kept_for_volunteers_takes_them_and_their_families(person: dict[str, bool]) -> None:
    assert resident(**person).book(COURSE, "2019-07-01", kept_for="志愿者").is_allowed


def test_where_places_are_not_limited_nobody_comes_first() -> None:
    verdicts = [resident(**person).book(COURSE, "2019-07-01") for person in ({"volunteer": True}, {})]
    assert [(each.is_allowed, each.priority) for each in verdicts] == [(True, 0), (True, 0)]


def test_the_account_is_the_households() -> None:
    assert plan_of("nanyuan-community").rulebook.account.holder is Holder.HOUSEHOLD

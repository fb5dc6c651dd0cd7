"""An event is judged by the rules that were in force when it occurred, and published rules stay as they were."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.exc import IntegrityError

from blueprints.edge.house import House
from models.rulebook import RulebookVersion
from rules.clock import ZONE
from rules.rulebook.document import RulebookInvalid
from rules.rulebook.versions import InForce, publish, rulebook_in_force
from rules.work import Work
from tests.build import RULEBOOK, TownBuilder, new_town

SWITCH = datetime(2027, 1, 1, tzinfo=ZONE)
MOMENT = timedelta(microseconds=1)
NEW_RULES = RULEBOOK.replace("amount = 5", "amount = 8")


def amount_at(town: TownBuilder, moment: datetime) -> int:
    in_force: InForce = town.act(None, rulebook_in_force, moment)
    return in_force.rulebook.earn[0].amount


def test_the_version_in_force_is_the_one_of_the_moment(town: TownBuilder) -> None:
    assert town.act(None, publish, NEW_RULES, SWITCH) == 2
    for moment, amount in ((SWITCH - MOMENT, 5), (SWITCH, 8), (SWITCH + timedelta(days=400), 8)):
        assert amount_at(town, moment) == amount


def test_a_version_is_not_in_force_before_it_says_so_however_it_was_numbered(town: TownBuilder) -> None:
    town.act(None, publish, NEW_RULES, SWITCH)
    town.act(None, publish, RULEBOOK.replace("amount = 5", "amount = 6"), SWITCH - timedelta(days=30))
    for moment, amount in (
        (SWITCH - timedelta(days=31), 5),
        (SWITCH - timedelta(days=30), 6),
        (SWITCH - MOMENT, 6),
        (SWITCH, 8),
    ):
        assert amount_at(town, moment) == amount


def test_of_two_versions_from_the_same_moment_the_later_number_is_in_force(town: TownBuilder) -> None:
    town.act(None, publish, NEW_RULES, SWITCH)
    town.act(None, publish, RULEBOOK.replace("amount = 5", "amount = 9"), SWITCH)
    assert amount_at(town, SWITCH) == 9


def test_before_the_first_version_nothing_is_in_force(town: TownBuilder) -> None:
    [(first,)] = town.rows(RulebookVersion.effective_from)
    assert town.act(None, rulebook_in_force, first - MOMENT) is None
    assert town.act(None, rulebook_in_force, first).number == 1


def test_towns_have_rules_of_their_own(house: House, town: TownBuilder) -> None:
    other = new_town(house)
    town.act(None, publish, NEW_RULES, SWITCH)
    assert (amount_at(town, SWITCH), amount_at(other, SWITCH)) == (8, 5)


def test_a_version_is_kept_word_by_word_with_its_hash(town: TownBuilder) -> None:
    town.act(None, publish, NEW_RULES, SWITCH)
    [(document, document_hash)] = town.rows(RulebookVersion.document, RulebookVersion.document_hash, number=2)
    assert document == NEW_RULES
    assert document_hash == hashlib.sha256(NEW_RULES.encode()).digest()


def test_a_document_that_can_not_be_right_is_not_published(town: TownBuilder) -> None:
    before = town.contents()
    with pytest.raises(RulebookInvalid):
        town.act(None, publish, RULEBOOK.replace("amount = 5", "amount = 0"), SWITCH)
    assert town.contents() == before


@pytest.mark.parametrize(
    "change",
    [
        update(RulebookVersion).values(document=NEW_RULES),
        update(RulebookVersion).values(effective_from=SWITCH),
        update(RulebookVersion).values(number=RulebookVersion.number + 1),
        delete(RulebookVersion),
    ],
    ids=str,
)
def test_a_published_version_can_not_be_changed(town: TownBuilder, change: object) -> None:
    before = town.contents()

    def deed(work: Work) -> None:
        work.db.execute(change.where(RulebookVersion.town_id == town.id))

    with pytest.raises(IntegrityError, match="rulebook_version is append-only"):
        town.act(None, deed)
    assert town.contents() == before


def test_versions_that_are_published_at_once_get_numbers_of_their_own(town: TownBuilder) -> None:
    with ThreadPoolExecutor(8) as threads:
        numbers = list(threads.map(lambda _: town.act(None, publish, NEW_RULES, SWITCH), range(8)))
    assert sorted(numbers) == list(range(2, 10))


def test_two_versions_of_a_town_never_have_one_number(town: TownBuilder) -> None:
    again = text(
        "INSERT INTO rulebook_version (town_id, id, number, document, document_hash, effective_from, published_at) "
        "SELECT town_id, id + 1, number, document, document_hash, effective_from, published_at "
        "FROM rulebook_version WHERE town_id = :town"
    )
    with pytest.raises(IntegrityError):
        town.act(None, lambda work: work.db.execute(again, {"town": town.id}))

"""Publications of one town come one after the other, each looking at what the one before it left.

Control arm: without the lock on the town's book of points, two drafts that can't both hold are both put into force. (It
needs statements of two transactions side by side, so it is PostgreSQL's: on SQLite one writer at a time is the rule of the
database.)
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import bindparam, select
from werkzeug.test import TestResponse

from blueprints.edge.house import EXTENSION
from models.ledger import BOOK, Book
from models.rulebook import RulebookVersion
from rules.ledger.transactions import POINTS
from rules.rulebook import drafts
from tests.apps import make_app
from tests.build import RULEBOOK, ApiClient, TownBuilder, fresh_key, new_town, settings_for
from tests.conftest import Databases
from tests.points.hands import manager
from tests.races import from_threads, until_answered
from tests.rulebook.test_drafts import TWO_CURRENCIES, decide, drafted

#: Here the score is the town's points; in TWO_CURRENCIES it has a book of its own.
SCORE_FIRST = (RULEBOOK + '[[currency]]\nid = "score"\nname = "信用分"\n').replace(
    "amount = 5", 'amount = 5\ncurrency = "score"'
)
ROUNDS = 6


def publish_both(town: TownBuilder, api: ApiClient) -> list[TestResponse]:
    """Draft both, and let two managers publish them at the same moment."""
    author = manager(town, api)
    waiting = [drafted(author, document) for document in (TWO_CURRENCIES, SCORE_FIRST)]

    def deed(staff: ApiClient, draft_id: str) -> TestResponse:
        key = fresh_key()
        return until_answered(lambda: decide(staff, draft_id, key=key))

    return from_threads(deed, [(manager(town, api), each) for each in waiting], 2)


def test_of_two_drafts_that_can_not_both_hold_one_is_published(app: Any, house: Any) -> None:
    for _ in range(ROUNDS):
        town = new_town(house)
        answers = publish_both(town, ApiClient(app, town))
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        [refused] = [answer.json for answer in answers if answer.status_code == 409]
        assert refused["code"] == "rulebook.not_operable"
        assert len(town.rows(RulebookVersion.id)) == 2


@pytest.fixture
def postgresql_town(postgresql_databases: Databases, tmp_path: Path) -> Iterator[tuple[TownBuilder, ApiClient]]:
    app = make_app(settings_for(postgresql_databases.make(), tmp_path, log_level="ERROR"))
    town = new_town(app.extensions[EXTENSION])
    yield town, ApiClient(app, town)
    app.extensions[EXTENSION].transactions.engine.dispose()


def test_without_the_lock_both_are_published(
    postgresql_town: tuple[TownBuilder, ApiClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    town, api = postgresql_town
    both_have_looked, open_books = threading.Barrier(2), drafts._open_books

    def wait_and_open(*asked: Any) -> None:
        both_have_looked.wait(timeout=30)
        open_books(*asked)

    look = select(BOOK.c.id).where(BOOK.c.town_id == bindparam("town"), BOOK.c.code == POINTS)
    monkeypatch.setattr(drafts, "_lock_books", look)
    monkeypatch.setattr(drafts, "_open_books", wait_and_open)
    answers = publish_both(town, api)
    assert [answer.status_code for answer in answers] == [200, 200]
    assert sorted(row.code for row in town.rows(Book.code)) == ["points", "score"], "and score is the points, too"

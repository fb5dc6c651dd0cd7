"""The schema that the migrations make is the one that the models describe, and the application knows which it needs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, Engine, inspect, text
from sqlalchemy.schema import CreateTable

from blueprints.edge.house import EXTENSION
from migrations.upgrade import alembic_config, upgrade
from models import Base
from models.history import VERSIONS
from rules.database import connect
from rules.readiness import SCHEMA_VERSION
from tests.apps import make_app
from tests.build import settings_for
from tests.conftest import Databases

TABLES = Base.metadata.sorted_tables
APPEND_ONLY = {
    "admin_deed",
    "txn",
    "posting",
    "event",
    "scan",
    "scan_undo",
    "rulebook_version",
    "seal",
    "sealed_txn",
    "venue_day",
    "repair_event",
    "identity_disclosure",
    "stock_change",
    "content_decision",
    "moderation_terms",
    "consent_withdrawal",
    "activity_version",
    "session_version",
    "reservation_version",
    "standing_level_version",
    "monitor_snapshot",
    "monitor_snapshot_value",
    "monitor_target",
    "ranking_weights",
}
#: What processes keep is watched (rules.revisions): rows come and go, columns change.
WATCHED_ROWS = {"staff", "role_grant", "territory", "rulebook_version", "book"}
WATCHED_COLUMNS = {"staff", "role_grant", "territory", "book", "town"}


@pytest.fixture(scope="module")
def migrated(databases: Databases) -> Iterator[Engine]:
    engine = connect(databases.make())
    yield engine
    engine.dispose()


@pytest.fixture
def empty_url(request: pytest.FixtureRequest, databases: Databases, tmp_path: Path) -> str:
    """The address of a database of the same engine without a schema."""
    url = databases.make()
    if url.startswith("sqlite"):
        return f"sqlite:///{tmp_path / 'empty.sqlite'}"
    engine = connect(url)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return url


def test_the_application_wants_the_newest_revision() -> None:
    history = ScriptDirectory.from_config(alembic_config(None))
    assert history.get_heads() == [SCHEMA_VERSION]


def test_the_history_is_one_line() -> None:
    history = ScriptDirectory.from_config(alembic_config(None))
    assert all(len(revision.nextrev) <= 1 for revision in history.walk_revisions())
    assert len(history.get_bases()) == 1


def test_a_migrated_database_has_the_checks_of_the_models(migrated: Engine) -> None:
    found = inspect(migrated)
    for table in TABLES:
        expected = {str(c.name) for c in table.constraints if isinstance(c, CheckConstraint)}
        assert {check["name"] for check in found.get_check_constraints(table.name)} == expected, table.name


def test_a_migrated_database_has_the_words_of_each_check(migrated: Engine) -> None:
    """By name alone a check could allow something else than the models say."""
    if migrated.dialect.name != "sqlite":  # PostgreSQL rewrites a check's text; the migration is the same one
        return
    with migrated.connect() as connection:
        made = dict(connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'table'")).all())
    for table in TABLES:
        expected = str(CreateTable(table).compile(dialect=migrated.dialect))
        assert checks_in(made[table.name]) == checks_in(expected), table.name


def test_a_migrated_database_has_the_conditions_of_the_models_indexes(migrated: Engine) -> None:
    option = f"{migrated.dialect.name}_where"
    for table in TABLES:
        found = {
            index["name"]: index["dialect_options"].get(option) for index in inspect(migrated).get_indexes(table.name)
        }
        for index in table.indexes:
            where = index.dialect_options[migrated.dialect.name]["where"]
            assert words_of(found[index.name]) == words_of(where), index.name


def test_a_migrated_database_refuses_changes_of_what_is_append_only_and_keeps_what_rows_were(migrated: Engine) -> None:
    with migrated.connect() as connection:
        if migrated.dialect.name == "sqlite":
            found = connection.execute(text("SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger'")).all()
            expected = {
                (table, f"{table}_refuses_{change}") for table in APPEND_ONLY for change in ("update", "delete")
            }
            expected |= {(t, f"{t}_{change}_raises_revision") for t in WATCHED_ROWS for change in ("insert", "delete")}
        else:
            found = connection.execute(
                text(
                    "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'O'"
                )
            ).all()
            expected = {
                (table, f"{table}_is_{what}") for table in APPEND_ONLY for what in ("append_only", "not_emptied")
            }
            expected |= {(table, f"{table}_raises_revision") for table in WATCHED_ROWS}
    expected |= {(table.__tablename__, f"{table.__tablename__}_keeps_versions") for table in VERSIONS}
    expected |= {(table, f"{table}_changes_revision") for table in WATCHED_COLUMNS}
    expected |= {("standing_level", "standing_level_keeps_versions"), ("town", "town_keeps_its_code")}
    assert {tuple(row) for row in found} == expected


def test_a_database_without_a_schema_is_not_ready_until_it_is_migrated(empty_url: str, tmp_path: Path) -> None:
    app = make_app(settings_for(empty_url, tmp_path / "instance"))
    engine = app.extensions[EXTENSION].transactions.engine
    try:
        before = app.test_client().get("/readyz")
        assert before.status_code == 503
        assert before.json == {"status": "not_ready", "database": "ok", "migrations": "pending"}
        assert app.test_client().get("/healthz").status_code == 200
        upgrade(engine)
        after = app.test_client().get("/readyz")
        assert after.status_code == 200
        assert after.json == {"status": "ready", "database": "ok", "migrations": "current"}
    finally:
        engine.dispose()


def test_another_versions_schema_is_not_ready(databases: Databases, tmp_path: Path) -> None:
    app = make_app(settings_for(databases.make(), tmp_path / "instance"))
    engine = app.extensions[EXTENSION].transactions.engine
    try:
        with engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = 'of-the-future'"))
        assert app.test_client().get("/readyz").status_code == 503
    finally:
        engine.dispose()


def test_upgrading_twice_changes_nothing(databases: Databases) -> None:
    engine = connect(databases.make())
    upgrade(engine)
    with engine.connect() as connection:
        assert connection.scalars(text("SELECT version_num FROM alembic_version")).all() == [SCHEMA_VERSION]
        assert connection.scalar(text("SELECT count(*) FROM node_counter")) == 1
    engine.dispose()


def checks_in(ddl: str) -> set[str]:
    """The CHECK clauses of a CREATE TABLE, with their names, white space aside."""
    return {re.sub(r"\s+", " ", line.strip(" ,\t")) for line in ddl.splitlines() if " CHECK (" in line}


def words_of(condition: object) -> list[str]:
    """What a condition speaks of, without the casts and the brackets that PostgreSQL adds."""
    plain = re.sub(r"::[a-z ]+(\[\])?", "", str(condition))
    return [word for word in re.findall(r"\w+|[<>=]+", plain) if word.lower() not in {"in", "any", "array", "="}]

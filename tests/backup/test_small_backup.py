"""The embedded database is copied while people write, and a deployment is restored from the copy."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import threading
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from blueprints.edge.house import EXTENSION, House
from models.checkins import Scan
from rules import backup
from rules.backup import BackupFailed, copy_database
from rules.work import SYSTEM, Transactions, Work
from tests.apps import make_app
from tests.backup.people import reserved
from tests.build import ApiClient, TownBuilder, new_town, settings_for
from tests.checkins.doors import Door
from tests.cluster import wait_until
from tests.conftest import Databases

PAUSE_SECONDS = 0.02  #: between two who are let in: the copy needs the processor too
ROOT = Path(__file__).resolve().parents[2]


class Rush:
    """People who are let in one after the other, on a thread of its own."""

    def __init__(self, app: Flask, town: TownBuilder) -> None:
        self.admitted = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._write, args=(app, town))

    def __enter__(self) -> Rush:
        self._thread.start()
        wait_until(lambda: self.admitted >= 3, "nobody is let in")
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _write(self, app: Flask, town: TownBuilder) -> None:
        door, session = Door(town, ApiClient(app, town)), town.session(capacity=10_000)
        while not self._over.is_set():
            assert door.come(reserved(app, town, session), session)["points"]["awarded"] == 5
            self.admitted += 1
            self._over.wait(PAUSE_SECONDS)


def scans_in(house: House, town_id: int) -> int:
    def read(work: Work) -> int:
        return work.db.scalar(select(func.count()).select_from(Scan).where(Scan.town_id == town_id)) or 0

    return house.transactions.read(town_id, SYSTEM, read)


def test_a_deployment_is_restored_from_a_copy_that_was_made_while_people_wrote(
    sqlite_databases: Databases, tmp_path: Path
) -> None:
    url, first = sqlite_databases.make(), tmp_path / "first"
    app = make_app(settings_for(url, first, log_level="ERROR"))
    house: House = app.extensions[EXTENSION]
    town = new_town(house)
    (first / "uploads").mkdir()
    (first / "uploads" / "picture").write_bytes(b"a picture")
    with Rush(app, town) as rush:
        before = rush.admitted
        folder = back_up(url, first, tmp_path / "backups")
        after = rush.admitted + 1
    house.transactions.engine.dispose()

    second = tmp_path / "second"
    shutil.copytree(folder, second)
    again = make_app(settings_for(f"sqlite:///{second}/binfen.sqlite", second, log_level="ERROR"))
    restored: House = again.extensions[EXTENSION]
    assert before <= scans_in(restored, town.id) <= after
    assert restored.keys.tokens == house.keys.tokens
    assert (second / "uploads" / "picture").read_bytes() == b"a picture"
    audited = again.test_cli_runner().invoke(args=["ledger", "audit"])
    assert audited.exit_code == 0, audited.output
    restored.transactions.engine.dispose()


def back_up(url: str, instance: Path, folder: Path) -> Path:
    """The folder that deploy/backup/small-backup made, as the units run it."""
    folder.mkdir()
    (folder / "20200101T000000Z").mkdir()
    done = subprocess.run(
        [ROOT / "deploy" / "backup" / "small-backup", folder, "14"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATABASE_URL": url, "INSTANCE_DIR": str(instance)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *_, made = done.stdout.splitlines()
    assert [str(path) for path in folder.iterdir()] == [made]  # old ones are gone, and nothing half done is left
    return Path(made)


def file_with(path: Path, rows: int) -> Path:
    """A database with a log beside it that holds what was written last."""
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE thing (id INTEGER PRIMARY KEY, words TEXT)")
        database.executemany("INSERT INTO thing (words) VALUES (?)", [("x" * 500,)] * rows)
    database.close()
    return path


def test_a_copy_has_what_is_only_in_the_log_yet_and_is_one_file(tmp_path: Path) -> None:
    source, target = file_with(tmp_path / "a.sqlite", 100), tmp_path / "copy.sqlite"
    writer = sqlite3.connect(source)
    writer.execute("INSERT INTO thing (words) VALUES ('last')")
    writer.commit()
    half = writer.execute("INSERT INTO thing (words) VALUES ('never committed')")
    assert half.rowcount == 1
    assert copy_database(source, target) == target.stat().st_size
    writer.close()
    with sqlite3.connect(target) as copied:
        assert copied.execute("SELECT words FROM thing WHERE id > 100").fetchall() == [("last",)]
    copied.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.sqlite", "copy.sqlite"]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_a_damaged_database_gives_no_copy(tmp_path: Path) -> None:
    source = file_with(tmp_path / "a.sqlite", 1_000)
    with source.open("r+b") as file:
        file.seek(source.stat().st_size // 2)
        file.write(os.urandom(4096))
    with pytest.raises(BackupFailed, match="damaged"):
        copy_database(source, tmp_path / "copy.sqlite")
    assert list(tmp_path.glob("copy*")) == []


def test_no_copy_is_written_over_another(tmp_path: Path) -> None:
    source, target = file_with(tmp_path / "a.sqlite", 1), tmp_path / "copy.sqlite"
    target.write_text("the copy of yesterday")
    with pytest.raises(BackupFailed, match="is there already"):
        copy_database(source, target)
    assert target.read_text() == "the copy of yesterday"


def test_a_name_may_have_signs_that_mean_something_in_an_address(tmp_path: Path) -> None:
    source = file_with(tmp_path / "a?b#c%41.sqlite", 3)
    assert copy_database(source, tmp_path / "copy") > 0


def test_two_copies_to_one_name_at_once_do_not_mix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second begins, and ends, while the first is proved."""
    source, target, prove = file_with(tmp_path / "a.sqlite", 100), tmp_path / "copy", backup._prove
    drafts = []

    def prove_late(draft: Path) -> None:
        drafts.append(draft)
        if len(drafts) == 1:
            copy_database(source, target)
            target.unlink()
        prove(draft)

    monkeypatch.setattr(backup, "_prove", prove_late)
    assert copy_database(source, target) > 0
    assert len(set(drafts)) == 2
    assert list(tmp_path.glob(".*")) == [], "no draft is left"


def test_what_is_not_there_cannot_be_copied(tmp_path: Path) -> None:
    with pytest.raises(BackupFailed, match="could not be copied"):
        copy_database(tmp_path / "nothing.sqlite", tmp_path / "copy.sqlite")
    assert list(tmp_path.iterdir()) == []


def test_the_command_copies_a_file_and_says_what_postgresql_needs_instead(
    app: Flask, database: Transactions, tmp_path: Path
) -> None:
    said = app.test_cli_runner().invoke(args=["database", "backup", str(tmp_path / "copy")])
    if database.engine.dialect.name == "sqlite":
        assert said.exit_code == 0, said.output
        assert (tmp_path / "copy").stat().st_size > 100_000
    else:
        assert said.exit_code == 1
        assert "base-backup" in said.output
        assert not (tmp_path / "copy").exists()


def test_the_command_prints_how_the_tables_are_spread(app: Flask) -> None:
    said = app.test_cli_runner().invoke(args=["database", "distribution"])
    assert said.exit_code == 0
    assert "SELECT create_reference_table('town');" in said.output
    assert said.output.rstrip().endswith(";")

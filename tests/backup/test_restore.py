"""A server is restored to a chosen moment: every write that was acknowledged before it is there, and none that came after.

The backup is made and restored by the scripts of deploy/backup, as docs/deployment.md tells it, while people write.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from blueprints.edge.house import EXTENSION, House
from models.checkins import Scan
from rules.clock import local_day, utc_now
from rules.ledger.sealing import seal_day
from rules.work import SYSTEM, Work
from tests.apps import make_app
from tests.backup.conftest import DATABASE, Archived
from tests.backup.people import reserved
from tests.build import ApiClient, Person, TownBuilder, fresh_key, new_town, settings_for
from tests.checkins.doors import Door
from tests.cluster import Member, give_to_server, wait_until

ROOT = Path(__file__).resolve().parents[2]
WRITERS = 2
PAUSE_SECONDS = 0.02  #: between two writes: the backup needs the processor too
ENOUGH = 12  #: writes on each side of a moment
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Told:
    """A scan that was answered."""

    door: Door
    code: str
    nonce: str
    asked_at: datetime
    answered_at: datetime
    answer: dict[str, Any]


@dataclass
class Rush:
    """People who are let in one after the other, and what their devices were told."""

    app: Flask
    town: TownBuilder
    session: int
    told: list[Told] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def write(self) -> None:
        door = Door(self.town, ApiClient(self.app, self.town))
        while not self.over.is_set():
            resident = reserved(self.app, self.town, self.session)
            code, nonce, asked_at = self.town.code_of(resident), fresh_key(), datetime.now(UTC)
            answer = door.scan(code, self.session, nonce)
            assert (answer.status_code, answer.json["result"]) == (200, "admitted"), answer.text
            self.told.append(Told(door, code, nonce, asked_at, datetime.now(UTC), answer.json))
            self.over.wait(PAUSE_SECONDS)

    def await_more(self) -> None:
        """Wait until some more have been let in."""
        wanted = len(self.told) + ENOUGH
        wait_until(lambda: len(self.told) >= wanted, "nobody is let in")


@dataclass(frozen=True)
class Restored:
    """A server that was restored to a moment, and what had been told by whom on the first one."""

    server: Member
    app: Flask
    rush: Rush
    moment: datetime

    @property
    def house(self) -> House:
        return self.app.extensions[EXTENSION]

    def door(self, staff: Person | None) -> Door:
        """Somebody at the door, on the restored server."""
        town = replace(self.rush.town, house=self.house)
        return Door(town, ApiClient(self.app, town), staff)


@pytest.fixture(scope="module")
def restored(archived: Archived, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restored]:
    instance = tmp_path_factory.mktemp("instance")
    app = make_app(settings_for(archived.primary.url_of(DATABASE), instance, log_level="ERROR"))
    house = app.extensions[EXTENSION]
    town = new_town(house)
    keep_a_sealed_day(app, town)
    rush = Rush(app, town, town.session(capacity=100_000))
    writers = [threading.Thread(target=rush.write) for _ in range(WRITERS)]
    for writer in writers:
        writer.start()
    try:
        rush.await_more()
        backed_up = archived.run("base-backup", archived.folder, archived.primary.conninfo)
        assert backed_up.returncode == 0, backed_up.stderr
        rush.await_more()
        moment = datetime.now(UTC)
        rush.await_more()
    finally:
        rush.over.set()
        for writer in writers:
            writer.join()
    house.transactions.engine.dispose()
    archived.archive_the_rest()
    [base] = backed_up.stdout.splitlines()
    server = restore(archived, Path(base), moment)
    again = make_app(settings_for(server.url_of(DATABASE), instance, log_level="ERROR"))
    yield Restored(server, again, rush, moment)
    again.extensions[EXTENSION].transactions.engine.dispose()
    server.stop()


def keep_a_sealed_day(app: Flask, town: TownBuilder) -> None:
    """Points of the day before, under a seal."""
    keys, now = town.house.keys, utc_now()
    with time_machine.travel(now - DAY, tick=True):
        door, session = Door(town, ApiClient(app, town)), town.session()
        for _ in range(3):
            assert door.come(reserved(app, town, session), session)["points"]["awarded"] == 5
    town.database.write(town.id, SYSTEM, lambda work: seal_day(work, keys, local_day(now - DAY)))


def restore(archived: Archived, base: Path, moment: datetime) -> Member:
    """A server as of a moment, once it takes writes."""
    data = archived.folder / "restored"
    done = archived.run("restore", base, archived.wal, data, moment.isoformat(sep=" "))
    assert done.returncode == 0, done.stderr
    server = archived.servers.restored(data, name="restored")
    server.start()
    wait_until(lambda: server.ask("SELECT pg_is_in_recovery()") == [(False,)], "it never ends its recovery")
    return server


def nonces(restored: Restored) -> set[str]:
    """The scans that the restored server knows."""
    town_id = restored.rush.town.id

    def read(work: Work) -> set[str]:
        return set(work.db.scalars(select(Scan.nonce).where(Scan.town_id == town_id)))

    return restored.house.transactions.read(town_id, SYSTEM, read)


def test_every_write_that_was_acknowledged_before_the_moment_is_there_and_none_after(restored: Restored) -> None:
    there = nonces(restored)
    before = [told for told in restored.rush.told if told.answered_at <= restored.moment]
    after = [told for told in restored.rush.told if told.asked_at > restored.moment]
    assert len(before) >= 2 * ENOUGH
    assert len(after) >= ENOUGH - WRITERS
    assert [told for told in before if told.nonce not in there] == []
    assert [told for told in after if told.nonce in there] == []


def test_a_device_that_asks_again_is_told_what_it_was_told_before_the_server_was_lost(restored: Restored) -> None:
    before = [told for told in restored.rush.told if told.answered_at <= restored.moment]
    last = max(before, key=lambda told: told.answered_at)
    again = restored.door(last.door.staff).scan(last.code, restored.rush.session, last.nonce)
    assert again.json == last.answer | {"replayed": True}


def test_the_restored_ledger_is_right_and_its_seals_verify(restored: Restored, tmp_path: Path) -> None:
    runner, code = restored.app.test_cli_runner(), restored.rush.town.code
    audited = runner.invoke(args=["ledger", "audit"])
    assert audited.exit_code == 0, audited.output
    assert f"{code}: " in audited.output
    assert "all is well" in audited.output
    export, keys = tmp_path / "export.jsonl", tmp_path / "jwks.json"
    assert runner.invoke(args=["ledger", "export", "--town", code, str(export)]).exit_code == 0
    keys.write_bytes(restored.app.test_client().get("/.well-known/jwks.json").data)
    command = [sys.executable, "-m", "rules.ledger.verify", str(export), str(keys)]
    verified = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_the_restored_server_takes_writes_and_waits_for_no_standby(restored: Restored) -> None:
    town = replace(restored.rush.town, house=restored.house)
    resident = reserved(restored.app, town, restored.rush.session)
    scanned = restored.door(None).scan(town.code_of(resident), restored.rush.session)
    assert (scanned.status_code, scanned.json["points"]["awarded"]) == (200, 5)
    asked = "SELECT current_setting('archive_mode'), current_setting('synchronous_standby_names')"
    assert restored.server.ask(asked) == [("off", "")]


def test_nothing_is_restored_over_what_is_there(archived: Archived, tmp_path: Path) -> None:
    refused = archived.run("restore", archived.folder, archived.wal, archived.folder / "wal")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "is there already" in refused.stderr


def test_an_archived_file_is_never_replaced_by_another(archived: Archived) -> None:
    source = archived.folder / "segment"
    source.write_bytes(b"what the server wrote")
    give_to_server(archived.folder)
    kept = archived.wal / "000000FF0000000000000001"
    for _ in range(2):  # the server asks again after a crash
        assert archived.run("archive-wal", archived.wal, source, kept.name).returncode == 0
    source.write_bytes(b"what another server wrote")
    assert archived.run("archive-wal", archived.wal, source, kept.name).returncode != 0
    assert kept.read_bytes() == b"what the server wrote"
    kept.unlink()


def test_old_copies_go_with_the_wal_that_only_they_needed_and_the_last_one_stays(archived: Archived) -> None:
    folder = archived.folder / "others"
    old, needless = folder / "base" / "20200101T000000Z", folder / "wal" / "000000010000000000000000"
    for path in (old, needless.parent):
        path.mkdir(parents=True)
    needless.touch()
    give_to_server(folder)
    done = archived.run("base-backup", folder, archived.primary.conninfo, "14")
    assert done.returncode == 0, done.stderr
    assert [str(path) for path in (folder / "base").iterdir()] == done.stdout.splitlines()
    assert not needless.exists()


def test_a_copy_that_is_damaged_gets_no_name(archived: Archived) -> None:
    broken, folder = archived.scripts / "broken", archived.folder / "damaged"
    broken.mkdir()
    for name, says in {"pg_verifybackup": "exit 1", "pg_basebackup": "exit 0"}.items():
        (broken / name).write_text(f"#!/bin/sh\n{says}\n")
        (broken / name).chmod(0o755)
    refused = replace(archived, path=f"{broken}:{archived.path}").run("base-backup", folder, archived.primary.conninfo)
    assert refused.returncode == 1
    assert list((folder / "base").iterdir()) == []

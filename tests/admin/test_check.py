"""`flask admin check` finds what is wrong with a deployment, and `admin reload` does nothing then."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import text

from blueprints.edge.house import House
from commands.admin.checks import Level, look_at
from models.residents import Role
from rules.administration.checking import LeaderTimes
from rules.clock import utc_now
from rules.errors import Busy
from rules.work import SYSTEM, Work
from settings import Environment, SettingsInvalid, WechatMode, make_ready
from tests.admin.conftest import Call
from tests.build import PASSWORD, TownBuilder, settings_for
from wechat.refusals import Misconfigured, WechatBusy


@pytest.fixture(autouse=True)
def hasty_postgresql(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server of the tests keeps nothing when the power fails, on purpose; one test looks at that."""
    monkeypatch.setattr("commands.admin.checks.KEEPING", ())


def found(house: House) -> list[tuple[Level, str]]:
    return [(finding.level, finding.sentence) for finding in look_at(house)]


def with_settings(house: House, **changes: Any) -> House:
    return replace(house, settings=replace(house.settings, **changes))


def version_to(version: str) -> Callable[[House], None]:
    def change(house: House) -> None:
        house.transactions.write(
            0,
            SYSTEM,
            lambda work: work.core.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": version}),
        )

    return change


def test_nothing_is_an_error_where_all_is_well(own_house: House, call: Call) -> None:
    assert [sentence for level, sentence in found(own_house) if level is Level.ERROR] == []
    assert call("check").exit_code == 0
    assert call("check", "--strict").exit_code == 1


def test_a_server_that_loses_commits_is_an_error(own_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("commands.admin.checks.KEEPING", ("fsync",))
    said = [sentence for level, sentence in found(own_house) if level is Level.ERROR]
    if own_house.transactions.engine.dialect.name == "sqlite":
        assert said == []
    else:
        assert len(said) == 1
        assert "fsync = off" in said[0]


@pytest.mark.parametrize(("version", "says"), [("0001", "older version"), ("9999", "newer version")])
def test_a_schema_of_another_version_is_an_error_and_nothing_is_reloaded(
    own_house: House, call: Call, own_folder: Path, version: str, says: str
) -> None:
    engine = own_house.transactions.engine
    with engine.connect() as connection:
        current = str(connection.scalar(text("SELECT version_num FROM alembic_version")))
    version_to(version)(own_house)
    try:
        checked, reloaded = call("check"), call("reload")
    finally:
        version_to(current)(own_house)
    assert says in checked.output
    assert (checked.exit_code, reloaded.exit_code) == (1, 1)
    assert not (own_folder / "reload").exists()
    assert call("reload").exit_code == 0
    assert (own_folder / "reload").exists()
    (own_folder / "reload").unlink()


def test_a_keys_file_that_others_can_read_is_an_error_and_the_services_group_is_none_of_them(own_house: House) -> None:
    def is_wrong() -> bool:
        return any("KEYS_FILE" in sentence for level, sentence in found(own_house) if level is Level.ERROR)

    try:
        for mode, wrong in ((0o640, False), (0o644, True), (0o660, True), (0o600, False)):
            own_house.settings.keys_file.chmod(mode)
            assert is_wrong() == wrong, oct(mode)
    finally:
        own_house.settings.keys_file.chmod(0o600)


@pytest.mark.parametrize(
    ("changes", "environment", "says"),
    [
        ({"redis_url": "redis://127.0.0.1:1/0"}, {}, "REDIS_URL doesn't answer"),
        ({"town": "nowhere"}, {}, "TOWN is nowhere"),
        ({"database_pool_size": 2}, {}, "threads will wait"),
        ({"request_seconds": 16.0}, {}, "http-timeout"),
        ({}, {"WEB_PROCESSES": "2"}, "PROMETHEUS_MULTIPROC_DIR"),
        ({}, {"WEB_PROCESSES": "many"}, "whole numbers"),
        ({"environment": Environment.PRODUCTION}, {}, "PUBLIC_URL isn't https"),
        ({"environment": Environment.PRODUCTION, "log_level": "DEBUG"}, {}, "LOG_LEVEL is DEBUG"),
        ({"database_replica_url": "postgresql+psycopg://x@127.0.0.1:1/x"}, {}, "DATABASE_REPLICA_URL doesn't answer"),
    ],
)
def test_what_works_by_half_is_said(
    own_house: House, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], environment: dict[str, str], says: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert any(says in sentence for _, sentence in found(with_settings(own_house, **changes)))


def test_a_full_disk_is_an_error(own_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: SimpleNamespace(free=5 << 20))
    assert (Level.ERROR, "INSTANCE_DIR has 5 MiB left.") in found(own_house)


@pytest.mark.parametrize("hours", [-1, 1])
def test_clocks_that_differ_are_an_error(own_house: House, monkeypatch: pytest.MonkeyPatch, hours: int) -> None:
    if own_house.transactions.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has no clock of its own")
    monkeypatch.setattr("commands.admin.checks.utc_now", lambda: utc_now() + timedelta(hours=hours))
    [sentence] = [sentence for level, sentence in found(own_house) if level is Level.ERROR]
    assert "differ by 3600 seconds" in sentence or "differ by 3599 seconds" in sentence


def test_a_clock_that_was_set_back_is_an_error(own_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    later = LeaderTimes(utc_now(), utc_now() + timedelta(hours=1), is_there=False)
    monkeypatch.setattr("commands.admin.checks.leader_times", lambda _work: later)
    assert any(level is Level.ERROR and "it was set back" in sentence for level, sentence in found(own_house))


def test_a_storage_that_takes_nothing_or_gives_back_something_else_is_an_error(own_house: House) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError

    for change, says in (({"put": refuse}, "takes no file"), ({"get": lambda _key: b"?"}, "another file")):
        calls = {name: getattr(own_house.files, name) for name in ("put", "get", "delete")}
        files = cast(Any, SimpleNamespace(**calls | change))
        said = [sentence for level, sentence in found(replace(own_house, files=files)) if level is Level.ERROR]
        assert len(said) == 1
        assert says in said[0]


@pytest.mark.parametrize(
    ("refusal", "level", "says"),
    [
        (Misconfigured(), Level.ERROR, "refuses WECHAT_APPID"),
        (WechatBusy(), Level.WARNING, "doesn't answer"),
        (None, None, ""),
    ],
)
def test_what_wechat_says_to_the_secret_is_found_out_before_anybody_signs_in(
    own_house: House, refusal: Exception | None, level: Level | None, says: str
) -> None:
    def answer() -> str:
        if refusal is not None:
            raise refusal
        return "token"

    of = replace(own_house, wechat=cast(Any, SimpleNamespace(access_token=answer)))
    said = [each for each in found(with_settings(of, wechat=WechatMode.REAL)) if "WeChat" in each[1]]
    told = [each for each in said if "signs everybody in" not in each[1]]
    assert [each[0] for each in told] == ([level] if level else [])
    assert all(says in sentence for _, sentence in told)


def test_a_replica_that_is_no_standby_is_said(own_house: House, own_url: str) -> None:
    if own_house.transactions.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has no standbys")
    of = with_settings(own_house, database_replica_url=own_url)
    assert any("leads to no standby" in sentence for _, sentence in found(of))


def test_a_password_that_everybody_knows_is_an_error_in_production(own_house: House, own_town: TownBuilder) -> None:
    staff = own_town.staff(Role.SCANNER)
    of = with_settings(own_house, environment=Environment.PRODUCTION, demo_password=PASSWORD)
    [sentence] = [sentence for level, sentence in found(of) if level is Level.ERROR]
    assert staff.name in sentence


def test_more_connections_than_the_server_allows_are_an_error(
    own_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEB_PROCESSES", "100")
    said = [sentence for level, sentence in found(own_house) if level is Level.ERROR and "max_connections" in sentence]
    assert len(said) == (own_house.transactions.engine.dialect.name == "postgresql")


def test_a_database_that_can_not_be_asked_is_said_in_a_sentence(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_work: Work) -> None:
        raise Busy

    def find_no_table(work: Work) -> None:
        work.core.execute(text("SELECT * FROM what_was_never_migrated"))

    for answer, words in ((refuse, Busy.en), (find_no_table, "admin check says why")):
        monkeypatch.setattr("commands.towns.list_towns", answer)
        said = call("town", "list")
        assert said.exit_code == 1
        assert words in said.output
        assert isinstance(said.exception, SystemExit), said.exception


def test_a_name_that_is_no_text_and_a_number_without_end_are_refused(call: Call) -> None:
    assert "no member of staff" in call("unlock", "\udcff").output
    assert call("audit", "--days", str(10**12)).exit_code == 2


def test_a_reload_asked_for_by_root_leaves_the_file_to_the_service(call: Call, own_folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    service = 65534
    os.chown(own_folder, service, service)
    try:
        assert call("reload").exit_code == 0
        assert (own_folder / "reload").stat().st_uid == service
    finally:
        (own_folder / "reload").unlink(missing_ok=True)
        os.chown(own_folder, 0, 0)


def test_the_audit_proves_everything_in_one_go_and_names_what_is_wrong(
    call: Call, own_town: TownBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = call("audit", "--town", own_town.code)
    assert right.exit_code == 0, right.output
    assert right.output.count("all is well") == 5
    monkeypatch.setattr("commands.admin.proofs.verify_seals", lambda _work: ["seal 1 is forged"])
    wrong = call("audit", "--town", own_town.code)
    assert wrong.exit_code == 1
    assert "seal 1 is forged" in wrong.output


@pytest.mark.parametrize("broken", ["folder", "no database"])
def test_places_where_nothing_can_be_written_stop_the_start(tmp_path: Path, broken: str) -> None:
    (tmp_path / "file").write_text("not a folder, and no database at all")
    settings = {
        "folder": settings_for(f"sqlite:///{tmp_path / 'a.sqlite'}", tmp_path / "file" / "below"),
        "no database": settings_for(f"sqlite:///{tmp_path / 'file'}", tmp_path / "instance"),
    }[broken]
    with pytest.raises(SettingsInvalid, match="INSTANCE_DIR" if broken == "folder" else "DATABASE_URL"):
        make_ready(settings)
    make_ready(settings_for(f"sqlite:///{tmp_path / 'later' / 'a.sqlite'}", tmp_path / "instance"))
    assert not (tmp_path / "later").exists(), "a disk may be mounted there later"

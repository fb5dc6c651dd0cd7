"""`flask --app app admin check`: everything about a deployment that is wrong, or works by half, in one list.

What can't be right at all stops the start, and this command with it, by a message that names the setting (`settings.py`). An
error here is what lets the server start and then lose or refuse what it shouldn't; a warning is what works by half.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import click
import redis
from argon2.exceptions import InvalidHashError, VerificationError
from flask.cli import with_appcontext
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from blueprints.edge.house import House, house
from jobs.__main__ import CONNECTIONS
from rules.administration.checking import LeaderTimes, has_town, leader_times, oldest_staff
from rules.clock import utc_now
from rules.database import connect
from rules.errors import Busy, RuleError
from rules.readiness import SCHEMA_VERSION
from rules.residents.passwords import HASHER
from rules.work import SYSTEM
from settings import WechatMode
from wechat.refusals import Misconfigured, WechatBusy

FREE_BYTES_MIN = 1 << 30
CLOCK_OFF_MAX = timedelta(seconds=2)
KEYS_MODE_MAX = 0o640  #: root's own, and the service reads it by its group: docs/deployment.md
REQUEST_SECONDS_MAX = 15  #: uWSGI's router waits 20 (http-timeout in wsgi.ini), and harakiri ends a worker after 30
SPARE_CONNECTIONS = 5  #: for commands, backups and people
#: What keeps a commit that was acknowledged: without any of these a power failure loses some.
KEEPING = ("fsync", "full_page_writes", "synchronous_commit")


class Level(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong, in a sentence that says what to do."""

    level: Level
    sentence: str


@click.command()
@click.option("--strict", is_flag=True, help="End with 1 for warnings too.")
@with_appcontext
def check(strict: bool) -> None:
    """Look at settings, keys, disk, database, clock, Redis, storage and WeChat. Ends with 1 when there is an error."""
    findings = list(look_at(house()))
    for finding in findings:
        click.echo(f"{finding.level.value}: {finding.sentence}")
    errors = sum(finding.level is Level.ERROR for finding in findings)
    click.echo(f"{errors} errors, {len(findings) - errors} warnings")
    if errors or (strict and findings):
        sys.exit(1)


def look_at(of: House) -> Iterator[Finding]:
    """Everything that is found."""
    yield from _settings(of)
    yield from _files(of)
    yield from _database(of)
    yield from _replica(of)
    yield from _redis(of)
    yield from _storage(of)
    yield from _wechat(of)


def _error(sentence: str) -> Finding:
    return Finding(Level.ERROR, sentence)


def _warning(sentence: str) -> Finding:
    return Finding(Level.WARNING, sentence)


def _settings(of: House) -> Iterator[Finding]:
    settings = of.settings
    processes, threads = _number("WEB_PROCESSES", 1), _number("WEB_THREADS", 8)
    if processes is None or threads is None:
        yield _error("WEB_PROCESSES and WEB_THREADS must be whole numbers from 1 on.")
        return
    if settings.database_pool_size < threads:
        yield _warning(
            f"DATABASE_POOL_SIZE is {settings.database_pool_size} and WEB_THREADS {threads}: threads will wait."
        )
    if settings.request_seconds > REQUEST_SECONDS_MAX:
        yield _warning(
            f"REQUEST_SECONDS is {settings.request_seconds:g}: beyond {REQUEST_SECONDS_MAX}, callers lose their answers "
            "to http-timeout and harakiri of wsgi.ini."
        )
    if processes > 1 and settings.database_url.startswith("sqlite"):
        yield _warning("WEB_PROCESSES is more than 1 and the database is SQLite, which has one writer at a time.")
    if processes > 1 and "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        yield _warning("WEB_PROCESSES is more than 1 without PROMETHEUS_MULTIPROC_DIR: /metrics tells of one process.")
    if processes > 1 and not settings.redis_url:
        yield _warning("WEB_PROCESSES is more than 1 without REDIS_URL: each process counts for its own limits.")
    if not settings.is_production:
        yield _warning("ENVIRONMENT is development: the fake WeChat signs everybody in.")
        return
    if not settings.public_url.startswith("https://"):
        yield _warning(
            "PUBLIC_URL isn't https://…: WeChat can't fetch pictures to check, printed codes lead nowhere safe."
        )
    if not settings.https_only:
        yield _warning("HTTPS_ONLY isn't set: browsers aren't told to stay with TLS.")
    if not settings.wechat_push_token:
        yield _warning("WECHAT_PUSH_TOKEN is empty: no verdict on a picture arrives, each waits for staff.")
    if not settings.wechat_templates:
        yield _warning("WECHAT_TEMPLATES is empty: nothing goes out by WeChat.")
    if settings.log_level == "DEBUG":
        yield _warning("LOG_LEVEL is DEBUG: libraries may log what people send.")


def _number(name: str, default: int) -> int | None:
    value = os.environ.get(name, str(default))
    return int(value) if value.isascii() and value.isdigit() and int(value) > 0 else None


def _files(of: House) -> Iterator[Finding]:
    mode = stat.S_IMODE(of.settings.keys_file.stat().st_mode)
    if mode & ~KEYS_MODE_MAX:
        yield _error(
            f"KEYS_FILE {of.settings.keys_file} can be read by everybody, or written by its group ({mode:o}): chmod 640, "
            "and none but the service in its group; or 600."
        )
    free = shutil.disk_usage(of.settings.instance_dir).free
    if free < FREE_BYTES_MIN:
        yield _error(f"INSTANCE_DIR has {free // (1 << 20)} MiB left.")


def _database(of: House) -> Iterator[Finding]:
    engine = of.transactions.engine
    try:
        with engine.connect() as connection:
            is_ready = False
            for finding in _schema(connection):
                yield finding
                if finding.level is Level.ERROR:
                    return
            is_ready = True
            if engine.dialect.name == "postgresql":
                yield from _server(connection, of)
    except SQLAlchemyError as error:
        yield _error(f"DATABASE_URL doesn't answer: {type(error).__name__}.")
        return
    if is_ready:
        yield from _contents(of)


def _schema(connection: Connection) -> Iterator[Finding]:
    try:
        version = connection.scalar(text("SELECT version_num FROM alembic_version"))
    except SQLAlchemyError:
        version = None
    if version is None:
        yield _error("The database has no schema yet: flask --app app migrate.")
    elif version < SCHEMA_VERSION:
        yield _error(f"The database is of an older version ({version}, not {SCHEMA_VERSION}): flask --app app migrate.")
    elif version > SCHEMA_VERSION:
        yield _error(
            f"The database is of a newer version ({version}) than this code ({SCHEMA_VERSION}): install that one."
        )


def _server(connection: Connection, of: House) -> Iterator[Finding]:
    for name in KEEPING:
        value = str(connection.scalar(text(f"SHOW {name}")))
        if value == "off":
            yield _error(f"PostgreSQL runs with {name} = off: what was acknowledged is lost when the power fails.")
    if connection.scalar(text("SELECT pg_is_in_recovery()")):
        yield _error("DATABASE_URL leads to a standby, which takes no writes.")
    allowed = int(str(connection.scalar(text("SHOW max_connections"))))
    allowed -= int(str(connection.scalar(text("SHOW superuser_reserved_connections"))))
    wanted = (_number("WEB_PROCESSES", 1) or 1) * of.settings.database_pool_size + CONNECTIONS + 1
    if wanted + SPARE_CONNECTIONS > allowed:
        yield _error(
            f"This machine may open {wanted} connections (WEB_PROCESSES x DATABASE_POOL_SIZE, and {CONNECTIONS + 1} of the "
            f"scheduler); the server allows {allowed}: raise max_connections, or lower DATABASE_POOL_SIZE."
        )
    before = utc_now()
    theirs = connection.scalar(text("SELECT clock_timestamp()"))
    assert isinstance(theirs, datetime)
    off = max(before - theirs, theirs - utc_now())
    if off > CLOCK_OFF_MAX:
        yield _error(
            f"This machine's clock and the database's differ by {off.total_seconds():.0f} seconds: set up NTP."
        )


def _contents(of: House) -> Iterator[Finding]:
    read = of.transactions.read
    times: LeaderTimes = read(0, SYSTEM, leader_times)
    if times.seen_at is not None and times.seen_at > times.now + CLOCK_OFF_MAX:
        yield _error(
            f"The clock stands before what was written ({times.seen_at:%Y-%m-%d %H:%M:%S} UTC): it was set back."
        )
    elif not times.is_there:
        yield _warning(
            "No scheduler leads: jobs aren't run. `python -m jobs` is started by wsgi.ini, or by its own unit."
        )
    if not read(0, SYSTEM, has_town, of.settings.town):
        yield _warning(f"TOWN is {of.settings.town}, and there is no such town: visitors who name none get 404.")
    staff = read(0, SYSTEM, oldest_staff)
    if weak := [row.username for row in staff if _opens(row.password_hash, of.settings.demo_password)]:
        found = _error if of.settings.is_production else _warning
        yield found(f"The password of the demo (DEMO_PASSWORD) signs in: {', '.join(weak)}.")


def _opens(password_hash: str, password: str) -> bool:
    try:
        return HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _replica(of: House) -> Iterator[Finding]:
    if not of.settings.database_replica_url:
        return
    engine = connect(of.settings.database_replica_url, pool_size=1)
    try:
        with engine.connect() as connection:
            if not connection.scalar(text("SELECT pg_is_in_recovery()")):
                yield _warning("DATABASE_REPLICA_URL leads to no standby: the primary is asked.")
    except SQLAlchemyError as error:
        yield _warning(f"DATABASE_REPLICA_URL doesn't answer ({type(error).__name__}): the primary is asked.")
    finally:
        engine.dispose()


def _redis(of: House) -> Iterator[Finding]:
    if not of.settings.redis_url:
        return
    try:
        with redis.Redis.from_url(of.settings.redis_url, socket_timeout=2, socket_connect_timeout=2) as client:
            client.ping()
    except (redis.RedisError, OSError, ValueError) as error:
        yield _warning(f"REDIS_URL doesn't answer ({type(error).__name__}): each process counts for its own limits.")


def _storage(of: House) -> Iterator[Finding]:
    key, content = f"check/{secrets.token_hex(8)}", b"check"
    try:
        of.files.put(key, content, "text/plain")
        stored = of.files.get(key)
        of.files.delete(key)
    except (RuleError, OSError):
        yield _error("The storage of pictures takes no file: see STORAGE, and the log for why.")
        return
    if stored != content:
        yield _error("The storage of pictures gives back another file than it got.")


def _wechat(of: House) -> Iterator[Finding]:
    if of.settings.wechat is not WechatMode.REAL:
        return
    try:
        of.wechat.access_token()
    except Misconfigured as error:
        yield _error(f"WeChat refuses WECHAT_APPID and WECHAT_SECRET, or this address ({error.code}).")
    except (WechatBusy, Busy, SQLAlchemyError):
        yield _warning("WeChat doesn't answer: nobody can sign in by it now.")

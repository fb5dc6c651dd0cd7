"""The floors: the least that an answer could be, on the same server and the same database.

A bare Flask application. `write` is a scan without a house: one token, one UPDATE … RETURNING and two INSERTs through
prebuilt Core statements, one commit. `read` is one token and one row by its key, in a READ ONLY transaction from a pool.
`list` is a view that returns the very bytes of a list of activities, without looking at anything.
"""

from __future__ import annotations

import os
import uuid
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import jwt
from flask import Flask, Response, request
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Engine,
    MetaData,
    Table,
    Text,
    bindparam,
    create_engine,
    insert,
    select,
    update,
)

from bench.load import Ask, answers, get, post

WRITE, READ, LIST = "floor: write", "floor: read by key", "floor: list"  #: names of arms
PLACES = 10_000  #: rows that are written to and read, in turn
SECRET = b"the floor's own secret, 32 bytes"
CLAIMS = {"iss": "floor", "aud": "floor-api"}
LIST_FILE = "FLOOR_LIST_FILE"  #: the environment's name of the file whose bytes `list` returns

FLOOR = MetaData()
_place = Table(
    "floor_place", FLOOR, Column("id", BigInteger, primary_key=True, autoincrement=False), Column("taken", BigInteger)
)
_entry = Table(
    "floor_entry",
    FLOOR,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("place_id", BigInteger),
    Column("person_id", BigInteger),
    Column("entered_at", DateTime(timezone=True)),
)
_log = Table(
    "floor_log",
    FLOOR,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("nonce", Text, unique=True),
    Column("answer", Text),
    Column("logged_at", DateTime(timezone=True)),
)
_take = (
    update(_place)
    .where(_place.c.id == bindparam("place"))
    .values(taken=_place.c.taken + 1)
    .returning(_place.c.taken, _place.c.id)
)
_enter, _note = insert(_entry), insert(_log)
_look = select(_place.c.id, _place.c.taken).where(_place.c.id == bindparam("place"))


def make_floor_tables(engine: Engine) -> None:
    """The floors' own tables, beside those of the house."""
    FLOOR.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(_place), [{"id": n, "taken": 0} for n in range(PLACES)])


def make_floors() -> Flask:
    """What the floors' server loads."""
    app = Flask("floors")
    engine = create_engine(os.environ["DATABASE_URL"], pool_size=8, max_overflow=0)
    reading = engine.execution_options(postgresql_readonly=True)
    body = Path(os.environ[LIST_FILE]).read_bytes()

    @app.get("/ready")
    def is_there() -> dict[str, Any]:
        return {}

    @app.post("/write")
    def write() -> dict[str, Any]:
        person = read_token()
        wish = request.get_json()
        now = datetime.now(UTC)
        with engine.begin() as connection:
            row = connection.execute(_take, {"place": wish["place"]}).one()
            entry = {"id": wish["id"], "place_id": row.id, "person_id": person, "entered_at": now}
            connection.execute(_enter, entry)
            log = {"id": wish["id"], "nonce": wish["nonce"], "answer": "admitted", "logged_at": now}
            connection.execute(_note, log)
        return {"result": "admitted", "taken": row.taken}

    @app.get("/read")
    def read() -> dict[str, Any]:
        person = read_token()
        with reading.begin() as connection:
            row = connection.execute(_look, {"place": person}).one()
        return {"id": row.id, "taken": row.taken}

    @app.get("/list")
    def show_list() -> Response:
        return Response(body, mimetype="application/json")

    return app


def read_token() -> int:
    """Who asks."""
    token = request.headers["Authorization"].removeprefix("Bearer ")
    options = {"require": ["sub", "exp"]}
    return int(jwt.decode(token, SECRET, ["HS256"], options, issuer="floor", audience="floor-api")["sub"])


@cache
def token_of(person: int) -> str:
    expires_at = datetime.now(UTC) + timedelta(days=1)
    return jwt.encode({**CLAIMS, "sub": str(person), "exp": expires_at}, SECRET, "HS256")


def write_asking() -> Ask:
    ids = iter(range(1, 10**12))

    def ask(_client: int) -> bytes:
        id_ = next(ids)
        place = id_ % PLACES
        return post("/write", token_of(place), {"id": id_, "place": place, "nonce": uuid.uuid4().hex})

    return ask


def read_asking() -> Ask:
    people = iter(range(1, 10**12))
    return lambda _client: get("/read", token_of(next(people) * 7919 % PLACES))


def list_asking() -> Ask:
    return lambda _client: get("/list")


is_written = answers(200, lambda answer: answer["result"] == "admitted" and answer["taken"] > 0)
is_read = answers(200, lambda answer: 0 <= answer["id"] < PLACES)

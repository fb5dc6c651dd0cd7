"""Rights in the tests: what they say in one line each."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update
from werkzeug.test import TestResponse

from models.base import Base
from models.residents import Erasure
from rules.rights.erasing import Erased, erase_due
from rules.work import SYSTEM, Work
from tests.build import ApiClient, TownBuilder


def signed_in(api: ApiClient, code: str) -> tuple[ApiClient, int]:
    """Sign in with WeChat; the API as that resident, and their id."""
    answer = api.with_token(None).call("POST", "/auth/wechat", {"code": code})
    assert answer.status_code == 200, answer.text
    me = api.with_token(answer.json["access_token"])
    return me, int(me.get("/me").json["id"])


def unzipped(answer: TestResponse) -> dict[str, Any]:
    """The files of a copy: JSON as data, everything else as bytes."""
    assert answer.status_code == 200, answer.text
    archive = zipfile.ZipFile(io.BytesIO(answer.data))
    return {
        name: json.loads(archive.read(name)) if name.endswith(".json") else archive.read(name)
        for name in archive.namelist()
    }


def copy_of(me: ApiClient, **wish: Any) -> dict[str, Any]:
    """Everything about me."""
    asked = me.post("/me/exports", wish)
    assert asked.status_code == 201, asked.text
    return unzipped(me.get(f"/me/exports/{asked.json['id']}"))


def erase_now(town: TownBuilder, resident_id: int) -> Erased:
    """Let the time of reflection be over, and run the job."""

    def hurry(work: Work) -> None:
        late = {"due_at": work.now - timedelta(seconds=1)}
        work.core.execute(update(Erasure).where(Erasure.town_id == town.id).values(late))

    town.act(None, hurry)
    return erase_due(town.database, town.id)


def everything_in(town: TownBuilder) -> dict[str, str]:
    """All that the database holds, of every town, as text by table; bytes as they are."""

    def deed(work: Work) -> dict[str, str]:
        return {
            table.name: "\n".join(repr(tuple(row)) for row in work.core.execute(select(table)))
            for table in Base.metadata.sorted_tables
        }

    return town.database.read(town.id, SYSTEM, deed)


def ask_erasure(me: ApiClient, **wish: Any) -> TestResponse:
    return me.post("/me/erasure", {"confirmation": "注销账号"} | wish)

"""A town by the code that visitors name it by."""

from __future__ import annotations

from sqlalchemy import bindparam, select

from models.territory import Town
from rules.errors import Kind, RuleError
from rules.work import Work


class TownUnknown(RuleError):
    code = "town.unknown"
    kind = Kind.UNKNOWN
    zh = "没有代码为“{code}”的街道或未来社区。"
    en = "There is no town with the code “{code}”."


_town_by_code = select(Town.id).where(Town.code == bindparam("code"))


def find_town(work: Work, code: str) -> int:
    """The id of the town with this code, which never changes (by trigger). Raises TownUnknown."""
    town_id = work.db.scalar(_town_by_code, {"code": code})
    if town_id is None:
        raise TownUnknown(code=code)
    return town_id

"""Things to be found, and looking for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from models.search import FoundKind
from rules.search.indexing import Entry, put_entry
from rules.work import Work
from tests.build import ApiClient, TownBuilder


def there_are(town: TownBuilder, *entries: Entry) -> None:
    """Let these be found, put one after the other."""

    def deed(work: Work) -> None:
        for entry in entries:
            put_entry(work, entry)

    town.act(None, deed)


def groups_named(town: TownBuilder, *titles: str, **said: Any) -> None:
    """Groups with these titles, numbered from 1."""
    there_are(town, *(Entry(FoundKind.GROUP, n, title, **said) for n, title in enumerate(titles, 1)))


def found(api: ApiClient, q: str, **query: Any) -> dict[str, list[str]]:
    """The titles that are found, by kind."""
    answer = api.get("/search", q=q, **query)
    assert answer.status_code == 200, answer.json
    return {group["kind"]: titles(group["items"]) for group in answer.json["groups"]}


def titles(items: Sequence[dict[str, Any]]) -> list[str]:
    return [item["title"] for item in items]


def all_pages(api: ApiClient, q: str, kind: str, **query: Any) -> list[str]:
    """What page after page shows."""
    shown: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        [group] = api.get("/search", q=q, kind=kind, **query, **cursor).json["groups"]
        shown += titles(group["items"])
        if group["next_cursor"] is None:
            return shown
        cursor = {"cursor": group["next_cursor"]}

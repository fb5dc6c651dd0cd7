"""Previews: the same deed, and then undone. What it would do is what it did; nothing of it stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from rules.work import Work

P = ParamSpec("P")
T = TypeVar("T")


def preview(work: Work, deed: Callable[Concatenate[Work, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What a deed would return, with nothing of it kept. Raises what it would raise.

    It takes the locks that the deed takes until the caller's transaction ends, so it wants a transaction of its own. The
    ORM's session joins that transaction before the savepoint is opened: one that the deed were the first to ask for would
    join the savepoint, and end with it.
    """
    work.db.connection()
    with work.core.begin_nested() as savepoint:
        result = deed(work, *args, **kwargs)
        savepoint.rollback()
    return result

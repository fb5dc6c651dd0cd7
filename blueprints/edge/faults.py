"""Faults in the log: which, and where, but not what they say.

A message may quote what a person sent or what a row holds ("Failing row contains (…)"), so none is logged: the names of
the exceptions, the lines that they passed through, and what a database says of itself (state, constraint) are enough to
find the place.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import Any


def describe_fault(error: BaseException) -> list[dict[str, Any]]:
    """The exception and those that caused it, each with its name and its lines."""
    return [_describe(each) for each in _chain(error)]


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__


def _describe(error: BaseException) -> dict[str, Any]:
    lines = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    described = {"error": f"{type(error).__module__}.{type(error).__qualname__}", "lines": lines}
    for name in ("sqlstate", "sqlite_errorname"):
        if (value := getattr(error, name, None)) is not None:
            described[name] = value
    constraint = getattr(getattr(error, "diag", None), "constraint_name", None)
    return described | ({"constraint": constraint} if constraint else {})

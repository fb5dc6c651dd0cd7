"""A WSGI application that starts at once and takes its time for each answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

SECONDS = 0.1


def answer(_environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """200, after SECONDS."""
    time.sleep(SECONDS)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]

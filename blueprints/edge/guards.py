"""What is refused before anything is read, and what every answer says to the browser."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

from flask import Flask, abort
from flask.globals import request_ctx

from blueprints.edge.documentation import ASSETS_PATH, PAGE_PATH
from blueprints.edge.slow_bodies import Watch, WatchedBody
from settings import Settings

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication, WSGIEnvironment

API_POLICY = "default-src 'none'; frame-ancestors 'none'"
#: Swagger UI's page has a script of its own in the page; nothing else may run there but its local files.
DOCS_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'"
)
#: The one route that takes pictures has a limit of its own, and room for what goes around a file.
UPLOAD_ENDPOINT = "uploads.send_upload"
AROUND_A_FILE_BYTES = 16 * 1024
ALWAYS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
STRICT_TRANSPORT = "max-age=31536000; includeSubDomains"


def register_guards(app: Flask, settings: Settings) -> None:
    """Refuse bodies of unknown or too great length; send the security headers."""
    app.config["MAX_CONTENT_LENGTH"] = settings.body_bytes_max
    uwsgi = _web_server()
    watch = Watch(int(uwsgi.opt.get("threads", 1))) if uwsgi else None

    app.wsgi_app = SecurityHeaders(app.wsgi_app, https_only=settings.https_only)  # type: ignore[method-assign]

    @app.before_request
    def refuse_body_of_unknown_length() -> None:
        asked = request_ctx.request
        # Behind uWSGI a chunked body arrives as nothing at all, so it is refused by name.
        if "HTTP_TRANSFER_ENCODING" in asked.environ:
            abort(411)
        length = asked.content_length
        if not length:
            return
        bytes_max = settings.body_bytes_max
        if asked.endpoint == UPLOAD_ENDPOINT:
            bytes_max = asked.max_content_length = max(bytes_max, settings.upload_bytes_max + AROUND_A_FILE_BYTES)
        if length > bytes_max:
            abort(413)
        if uwsgi and watch:
            body = asked.environ["wsgi.input"]
            asked.environ["wsgi.input"] = WatchedBody(body, watch, uwsgi.connection_fd(), length)


class SecurityHeaders:
    """Around the application: what every answer says, whoever made it."""

    def __init__(self, answer: WSGIApplication, *, https_only: bool) -> None:
        self._answer = answer
        self._always = [*ALWAYS, *([("Strict-Transport-Security", STRICT_TRANSPORT)] if https_only else [])]

    def __call__(self, environ: WSGIEnvironment, start_response: Any) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            return start_response(status, [*headers, *self._missing(environ["PATH_INFO"], headers)], *exc_info)

        return self._answer(environ, start)

    def _missing(self, path: str, headers: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
        """What an answer doesn't say by itself."""
        said = {name for name, _ in headers}
        is_docs = path == PAGE_PATH or path.startswith(ASSETS_PATH)
        # The console's pages bring a policy of their own.
        if "Content-Security-Policy" not in said:
            yield "Content-Security-Policy", DOCS_POLICY if is_docs else API_POLICY
        if not is_docs and "Cache-Control" not in said:
            yield "Cache-Control", "no-store"
        yield from self._always


def _web_server() -> ModuleType | None:
    """What uWSGI tells of itself; None under another server."""
    try:
        return importlib.import_module("uwsgi")
    except ImportError:
        return None

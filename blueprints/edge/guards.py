"""What is refused before anything is read, and what every answer says to the browser."""

from __future__ import annotations

import importlib
from types import ModuleType

from flask import Flask, Response, abort, request

from blueprints.edge.api import ASSETS_PATH
from blueprints.edge.slow_bodies import Watch, WatchedBody
from settings import Settings

API_POLICY = "default-src 'none'; frame-ancestors 'none'"
#: Swagger UI's page has a script of its own in the page; nothing else may run there but its local files.
DOCS_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'"
)
#: The one route that takes pictures has a limit of its own, and room for what goes around a file.
UPLOAD_ENDPOINT = "uploads.send_upload"
AROUND_A_FILE_BYTES = 16 * 1024
STRICT_TRANSPORT = "max-age=31536000; includeSubDomains"


def register_guards(app: Flask, settings: Settings) -> None:
    """Refuse bodies of unknown or too great length; send the security headers."""
    app.config["MAX_CONTENT_LENGTH"] = settings.body_bytes_max
    uwsgi = _web_server()
    watch = Watch(int(uwsgi.opt.get("threads", 1))) if uwsgi else None

    @app.before_request
    def refuse_body_of_unknown_length() -> None:
        # Behind uWSGI a chunked body arrives as nothing at all, so it is refused by name.
        if "Transfer-Encoding" in request.headers:
            abort(411)
        bytes_max = settings.body_bytes_max
        if request.endpoint == UPLOAD_ENDPOINT:
            bytes_max = max(bytes_max, settings.upload_bytes_max + AROUND_A_FILE_BYTES)
        request.max_content_length = bytes_max
        length = request.content_length or 0
        if length > bytes_max:
            abort(413)
        if length and uwsgi and watch:
            body = request.environ["wsgi.input"]
            request.environ["wsgi.input"] = WatchedBody(body, watch, uwsgi.connection_fd(), length)

    @app.after_request
    def add_security_headers(response: Response) -> Response:
        is_docs = request.path == "/docs" or request.path.startswith(ASSETS_PATH)
        # The console's pages bring a policy of their own.
        response.headers.setdefault("Content-Security-Policy", DOCS_POLICY if is_docs else API_POLICY)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        if not is_docs:
            response.headers.setdefault("Cache-Control", "no-store")
        if settings.https_only:
            response.headers["Strict-Transport-Security"] = STRICT_TRANSPORT
        return response


def _web_server() -> ModuleType | None:
    """What uWSGI tells of itself; None under another server."""
    try:
        return importlib.import_module("uwsgi")
    except ImportError:
        return None

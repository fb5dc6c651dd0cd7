"""The pages under /console and the files that they load.

The pages hold no numbers. They are open to all, as a form to sign in has to be, and ask the API with the token of who
signed in. Every file comes from this host and under the Content-Security-Policy below: no script or style stands in a
page, and nothing is loaded from elsewhere.

The address of a file holds the version of all of them, so that browsers may keep it for good and never mix two releases.
An open page notices a new release by the page's own version (`page/release.js`).
"""

from __future__ import annotations

import hashlib
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, abort, redirect, send_from_directory

from settings import ROOT

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE_FILES = Path(__file__).parent / "page"
PAGES = {"monitor", "jobs", "sign-in"}
#: Files of packages that npm installed, by the name under which the pages load them.
PACKAGE_FILES = {"echarts.js": ROOT / "node_modules" / "echarts" / "dist" / "echarts.min.js"}
LOCK = ROOT / "package-lock.json"
FOR_GOOD = "public, max-age=31536000, immutable"
VERSION_MARK = "{{version}}"

console = Blueprint("console", __name__)


@console.get("/console")
def open_console() -> Any:
    """The first page of the console."""
    return redirect("/console/monitor", HTTPStatus.FOUND)


@console.get("/console/<string:name>")
def show_page(name: str) -> Response:
    """A page of the console."""
    if name not in PAGES:
        abort(404)
    text = (PAGE_FILES / f"{name}.html").read_text(encoding="utf-8").replace(VERSION_MARK, find_version())
    response = Response(text, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Cache-Control"] = "no-cache"
    return response


@console.get("/console/assets/<string:version>/<path:name>")
def show_asset(version: str, name: str) -> Response:
    """A file that a page loads."""
    if version != find_version() or name.endswith(".html"):
        abort(404)
    package_file = PACKAGE_FILES.get(name)
    folder = package_file.parent if package_file else PAGE_FILES
    response = send_from_directory(folder, package_file.name if package_file else name)
    response.headers["Cache-Control"] = FOR_GOOD
    return response


@cache
def find_version() -> str:
    """What names the files as they are now: the pages' own, and the lock of the packages."""
    digest = hashlib.sha256(LOCK.read_bytes())
    for path in sorted(PAGE_FILES.iterdir()):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]

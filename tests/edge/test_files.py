"""Protects answers that aren't JSON: what a browser calls them, and who is told that nothing changed."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

import pytest
from flask import Flask, Response
from werkzeug.http import parse_options_header

from blueprints.edge.files import CALENDAR, PDF, PUBLIC, send_file, send_version


@pytest.fixture
def request_of() -> Iterator[Flask]:
    return Flask("files")


def sent(app: Flask, name: str, *, has: str | None = None, **options: object) -> Response:
    headers = {} if has is None else {"If-None-Match": has}
    with app.test_request_context(headers=headers):
        return send_file(b"content", PDF, name=name, **options)


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("roster.xlsx", "roster.xlsx"),
        ("名单.xlsx", "名单.xlsx"),
        ("党群服务中心 多功能厅.ics", "党群服务中心 多功能厅.ics"),
        ('a"b.pdf', "a_b.pdf"),
        ("../../etc/passwd", ".._.._etc_passwd"),
        ("一\r\nSet-Cookie: x=1", "一__Set-Cookie: x=1"),
        ("名单.表格", "名单.表格"),
    ],
)
def test_a_file_is_called_what_it_is_called(request_of: Flask, name: str, called: str) -> None:
    header = sent(request_of, name).headers["Content-Disposition"]
    header.encode("latin-1")  # what a web server can send
    way, options = parse_options_header(header)
    assert way == "inline"
    assert unquote(options["filename"]) == called
    assert sent(request_of, name, inline=False).headers["Content-Disposition"].startswith("attachment; ")


def test_who_has_the_content_already_gets_none(request_of: Flask) -> None:
    first = sent(request_of, "x.pdf")
    assert (first.status_code, first.data, first.content_type) == (200, b"content", PDF)
    assert first.headers["Cache-Control"] == "private, no-cache"
    etag = first.headers["ETag"]
    for has in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = sent(request_of, "x.pdf", has=has)
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", etag)
    assert sent(request_of, "x.pdf", has='"other"').status_code == 200


def test_what_is_dear_is_made_only_for_who_needs_it(request_of: Flask) -> None:
    made = []

    def make() -> bytes:
        made.append(1)
        return b"dear"

    def ask(has: str | None) -> Response:
        with request_of.test_request_context(headers={} if has is None else {"If-None-Match": has}):
            return send_version("v1", make, CALENDAR, name="x.ics", caching=PUBLIC)

    assert ask(None).data == b"dear"
    assert ask('"v1"').status_code == 304
    assert len(made) == 1
    assert ask('"v0"').headers["Cache-Control"] == "public, max-age=300"
    assert len(made) == 2

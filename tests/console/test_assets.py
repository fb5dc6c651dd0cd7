"""Protects how the pages' files are served: under their version, for good, and nothing but them."""

from __future__ import annotations

import json
import re
from http import HTTPStatus

import pytest
from flask import Flask

from blueprints.console.routes import PACKAGE_FILES, PAGE_FILES, PAGES, POLICY, find_version
from settings import ROOT
from tests.edge.helpers import open_at

#: The files are the same on both engines.
pytestmark = pytest.mark.parametrize("databases", ["sqlite"], indirect=True, scope="session")


@pytest.mark.parametrize("page", sorted(PAGES))
def test_a_page_names_files_that_are_there_and_holds_no_script_or_style(app: Flask, page: str) -> None:
    answer = open_at(app, f"/console/{page}")
    assert (answer.status_code, answer.headers["Content-Security-Policy"]) == (HTTPStatus.OK, POLICY)
    assert answer.headers["Cache-Control"] == "no-cache"
    named = re.findall(r'(?:src|href)="(/console/assets/[^"]+)"', answer.text)
    assert len(named) >= 3
    for address in named:
        name = address.removeprefix(f"/console/assets/{find_version()}/")
        assert (PAGE_FILES / name).is_file() or name in PACKAGE_FILES
    assert re.search(r"<style|\sstyle=|\son\w+=|<script>|https?://", answer.text) is None


def test_a_file_is_kept_for_good_under_its_version_and_is_unknown_under_another(app: Flask) -> None:
    found = open_at(app, f"/console/assets/{find_version()}/monitor.js")
    assert (found.status_code, found.mimetype) == (HTTPStatus.OK, "text/javascript")
    assert "immutable" in found.headers["Cache-Control"]
    for address in (
        "/console/assets/0123456789abcdef/monitor.js",
        f"/console/assets/{find_version()}/../routes.py",
        f"/console/assets/{find_version()}/monitor.html",
        "/console/elsewhere",
    ):
        refused = open_at(app, address)
        assert (refused.status_code, refused.get_json()["code"]) == (HTTPStatus.NOT_FOUND, "route.unknown")
        assert "immutable" not in refused.headers["Cache-Control"]


def test_the_pages_ask_nobody_but_their_own_host(app: Flask) -> None:
    for path in PAGE_FILES.iterdir():
        found = re.findall(r"https?://[^\s\"'`]+", path.read_text(encoding="utf-8"))
        assert set(found) <= {"http://www.w3.org/2000/svg"}, path.name


def test_the_lock_of_the_packages_names_no_host(app: Flask) -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text())
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert "node_modules/echarts" in packages
    assert all("resolved" not in package and package["integrity"] for package in packages.values())

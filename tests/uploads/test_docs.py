"""docs/uploads.md and docs/wechat.md say what is so: every code exists, every number is the house's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from models.uploads import UploadPurpose
from rules.errors import RuleError
from rules.sharing import LINK_DAYS, SCENE_CHARACTERS
from rules.uploads import pictures
from rules.uploads.receiving import RESIDENTS_PURPOSES, UPLOADS_A_DAY
from rules.wechat_push import SIGNATURE_SECONDS
from rules.work import ActorKind
from settings import SETTING_NAMES
from tests.edge.test_permissions import MATRIX
from wechat import client
from wechat.messages import CHECKED_CHARACTERS_MAX

DOCS = Path(__file__).resolve().parents[2] / "docs"
UPLOADS, WECHAT = ((DOCS / name).read_text(encoding="utf-8") for name in ("uploads.md", "wechat.md"))


@pytest.mark.parametrize("text", [UPLOADS, WECHAT])
def test_every_code_and_every_setting_that_is_named_exists(text: str) -> None:
    codes = set(re.findall(r"`((?:upload|wechat|storage|share|request)\.[a-z_]+)`", text)) - {"request.too_large"}
    assert codes
    assert codes <= set(RuleError.registry)
    settings = set(re.findall(r"\b((?:WECHAT|S3|UPLOAD|STORAGE|PUBLIC)_?[A-Z_]*)(?==|`)", text))
    assert settings <= set(SETTING_NAMES)


def test_every_route_that_is_named_exists() -> None:
    known = {re.sub(r"<\w+:(\w+)>", "{}", route) for route in MATRIX}
    for method, path in re.findall(r"`(GET|POST|DELETE) (/api/v1/[^` ]+)`", UPLOADS + WECHAT):
        assert f"{method} {re.sub(r'{[a-z]+}', '{}', path)}" in known, path


def test_the_numbers_are_the_house_s() -> None:
    assert f"{UPLOADS_A_DAY[ActorKind.RESIDENT]} of a resident, {UPLOADS_A_DAY[ActorKind.STAFF]} of staff" in UPLOADS
    assert f"at most {pictures.DISPLAY_PIXELS} pixels for display and {pictures.THUMBNAIL_PIXELS}" in UPLOADS
    assert f"{pictures.PIXELS_MAX // 1_000_000} million" in UPLOADS
    words, staffs = re.search(r"`purpose` \((.*?); staff also (.*?)\)", UPLOADS, re.DOTALL).groups()
    assert re.findall(r"`(\w+)`", words) == [purpose.value for purpose in RESIDENTS_PURPOSES]
    assert set(re.findall(r"`(\w+)`", staffs)) == set(UploadPurpose) - set(RESIDENTS_PURPOSES)
    assert f"{CHECKED_CHARACTERS_MAX:,} characters" in WECHAT
    assert f"{SCENE_CHARACTERS} random letters" in WECHAT
    assert f"up to {LINK_DAYS} days" in WECHAT
    assert SIGNATURE_SECONDS == 600


def test_the_table_of_calls_says_what_each_call_refuses() -> None:
    tables = {
        "/wxa/business/getuserphonenumber": client.PHONE,
        "/cgi-bin/message/subscribe/send": client.SUBSCRIPTION,
        "/wxa/getwxacodeunlimit": client.CODE_IMAGE,
        "/wxa/msg_sec_check": client.CHECK,
        "/wxa/media_check_async": client.CHECK,
        "/wxa/generate_urllink": client.LINK,
        "/sns/jscode2session": client.SIGN_IN,
    }
    common = set(client.WITH_TOKEN.values())
    rows = re.findall(r"^\| `(\w+)\(.*?\)` \| `(/\S+)` \| (.*) \|$", WECHAT, re.MULTILINE)
    assert {path for _, path, _ in rows} == set(tables)
    for method, path, refusals in rows:
        assert hasattr(client.WechatClient, method)
        own = {refusal.code for refusal in tables[path].values() if refusal not in common}
        assert set(re.findall(r"`(wechat\.\w+)`", refusals)) - {"wechat.unanswered"} == own

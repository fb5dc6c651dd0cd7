"""The local filter sees a text as a reader does, and each kind of content has its own measure."""

from __future__ import annotations

import pytest

from models.moderation import ContentKind as Kind
from rules.moderation.filtering import Finding, look_at, look_harder, read_lists

FORBIDDEN = [
    ("办假证，快", Finding.FORBIDDEN_WORD),
    ("办 假\u200b-证", Finding.FORBIDDEN_WORD),
    ("打我电话13800138000", Finding.PHONE),
    ("打我电话１３８ ００１３ ８０００", Finding.PHONE),
    ("今年 2026 138-0013-8000", Finding.PHONE),
    ("幺三八零零一三八零零零", Finding.PHONE),
    ("身份证11010519491231002X", Finding.IDENTITY_CARD),
    ("看这里 HTTP://example.com/a", Finding.LINK),
    ("登录 ｗｗｗ．example．top", Finding.LINK),
    ("加 V X：abc_12345", Finding.CONTACT),
    ("微信号：zhang_san88", Finding.CONTACT),
]
HARMLESS = [
    "周六上午 9:30 到 11:00 打羽毛球，缺 2 人，3.5 级左右",
    "星民社区 3 幢 2 单元 601 室门口的灯坏了",
    "订单号 110105194912310021 写错了",  # eighteen digits whose check digit is wrong
    "二十四节气里，一三五七九月份我都有空",
    "微信小程序里报名就行",
]


@pytest.mark.parametrize(("text", "finding"), FORBIDDEN)
def test_what_is_forbidden_is_found_however_it_is_spelt(text: str, finding: Finding) -> None:
    assert finding in [found.finding for found in look_at(Kind.POST, text).forbidden]


@pytest.mark.parametrize("text", HARMLESS)
def test_what_neighbours_write_passes_the_filter(text: str) -> None:
    finds = look_at(Kind.POST, text)
    assert (finds.forbidden, finds.doubtful) == ((), ())


def test_a_repair_may_hold_a_number_to_call_back_and_a_complaint_may_quote_an_insult() -> None:
    call_back = "水管漏水，电话13800138000"
    assert look_at(Kind.REPAIR, call_back).forbidden == look_at(Kind.REPAIR, call_back).doubtful == ()
    quoting = look_at(Kind.COMPLAINT, "保安骂我傻逼")
    assert quoting.forbidden == ()
    assert [found.finding for found in quoting.doubtful] == [Finding.FORBIDDEN_WORD]
    assert look_at(Kind.POST, "保安骂我傻逼").forbidden


def test_the_second_filter_passes_plain_words_and_nothing_that_may_hide_something() -> None:
    assert look_harder(Kind.POST, "周六上午打羽毛球，缺2人。").doubtful == ()
    for text in ("群号 88765", "找 zhangsanfeng", "☎联系", "贷款请找我", "电话13800138000"):
        finds = look_harder(Kind.REPAIR, text)
        assert finds.doubtful or finds.forbidden, text


def test_every_kind_of_content_has_its_measures_and_no_word_stands_in_both_lists() -> None:
    lists = read_lists()
    assert lists.measures.keys() == set(Kind)
    assert set(lists.forbidden.pattern.split("|")).isdisjoint(lists.doubtful.pattern.split("|"))

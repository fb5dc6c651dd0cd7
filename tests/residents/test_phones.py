"""Protects telephone numbers: what is one, how it is found again, and that nobody reads it by accident."""

from __future__ import annotations

import re
import traceback

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from rules.keys import Keys, generate, read
from rules.residents.phones import (
    Phone,
    PhoneInvalid,
    masked_phone,
    open_phone,
    phone_columns,
    phone_index,
    read_phone,
)

MOBILE = "13800138000"


@pytest.fixture(scope="module")
def keys() -> Keys:
    return read(generate())


@pytest.mark.parametrize(
    "written",
    [
        "13800138000",
        "138 0013 8000",
        "138-0013-8000",
        "138–0013–8000",
        "+86 138 0013 8000",
        "+8613800138000",
        "0086 13800138000",
        "8613800138000",
        "(+86)13800138000",
        "１３８００１３８０００",
        "＋８６ 138 0013 8000",
        "\u202d13800138000\u202c",
        " 13800138000\n",
        "138.0013.8000",
    ],
)
def test_a_mobile_is_one_number_however_it_is_written(written: str) -> None:
    assert read_phone(written).number == MOBILE


@pytest.mark.parametrize(
    ("written", "number", "masked"),
    [
        ("0571-87654321", "057187654321", "0571****4321"),
        ("(0571) 8765 4321", "057187654321", "0571****4321"),
        ("+86 571 8765 4321", "057187654321", "0571****4321"),
        ("+86 (0)571 8765 4321", "057187654321", "0571****4321"),
        ("010-62345678", "01062345678", "010****5678"),
        ("+86 10 6234 5678", "01062345678", "010****5678"),
        ("021 5234 5678", "02152345678", "021****5678"),
        ("0574-7654321", "05747654321", "0574****4321"),
    ],
)
def test_a_landline_is_taken_with_its_area_code(written: str, number: str, masked: str) -> None:
    phone = read_phone(written)
    assert (phone.number, phone.masked, phone.is_mobile) == (number, masked, False)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "1380013800",
        "138001380000",
        "12800138000",
        "87654321",
        "0571-1234567",
        "0571-876543210",
        "010-6234567",
        "400-800-1234",
        "+1 202 555 0100",
        "+852 2345 6789",
        "+86 400 800 1234",
        "8657187654321",
        "一三八零零一三八零零零",
        "13800138000 转 2",
        "٠١٣٨٠٠١٣٨٠٠٠",
        "13800138000;DROP",
        "1" * 200,
    ],
)
def test_what_is_no_number_of_china_is_refused(written: str) -> None:
    with pytest.raises(PhoneInvalid):
        read_phone(written)


@given(st.text(max_size=40))
def test_whatever_is_written_is_a_number_or_refused(written: str) -> None:
    try:
        phone = read_phone(written)
    except PhoneInvalid:
        return
    assert re.fullmatch(r"1[3-9]\d{9}|0\d{9,11}", phone.number, re.ASCII)
    assert read_phone(phone.number) == phone


@given(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True))
def test_a_number_is_found_again_and_only_in_its_town_and_row(number: str) -> None:
    keys, phone = KEYS, read_phone(number)
    columns = phone_columns(keys, 7, 70, read_phone(f"+86 {number}"))
    assert columns["phone_index"] == phone_index(keys, 7, phone) != phone_index(keys, 8, phone)
    assert columns["phone_tail"] == number[-4:]
    assert open_phone(keys, 7, 70, columns["phone_sealed"]) == phone
    for town, resident in ((8, 70), (7, 71)):
        with pytest.raises(InvalidTag):
            open_phone(keys, town, resident, columns["phone_sealed"])


KEYS = read(generate())


def test_the_sealed_number_and_its_index_do_not_show_it(keys: Keys) -> None:
    first, again = (phone_columns(keys, 1, 2, Phone(MOBILE)) for _ in range(2))
    assert first["phone_sealed"] != again["phone_sealed"]
    assert first["phone_index"] == again["phone_index"]
    for column in ("phone_sealed", "phone_index"):
        assert MOBILE.encode() not in first[column]
        assert MOBILE[-4:].encode() not in first[column]
    assert phone_index(read(generate()), 1, Phone(MOBILE)) != first["phone_index"]


def test_no_number_has_no_columns(keys: Keys) -> None:
    assert phone_columns(keys, 1, 2, None) == {"phone_sealed": None, "phone_index": None, "phone_tail": None}
    assert masked_phone(keys, 1, 2, None) is None


def test_a_number_is_printed_masked(keys: Keys) -> None:
    phone = read_phone(MOBILE)
    for printed in (repr(phone), str(phone), f"{phone}", f"{[phone]}", repr({"phone": phone})):
        assert "138****8000" in printed
        assert MOBILE not in printed
    assert masked_phone(keys, 1, 2, keys.seal(MOBILE, "resident.phone:1:2")) == "138****8000"


def test_a_refusal_does_not_repeat_what_was_sent() -> None:
    with pytest.raises(PhoneInvalid) as refused:
        read_phone("1380013800123")
    told = "".join(traceback.format_exception_only(refused.value)) + refused.value.sentence("zh")
    assert "1380013800123" not in told
    assert refused.value.facts == {}

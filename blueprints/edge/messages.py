"""The messages of field validation, in Chinese.

marshmallow speaks English. Its messages are templates, and so are these: each English template becomes a pattern, and
what it matched fills the Chinese one. A test holds this list against the messages that the fields can give.
"""

from __future__ import annotations

import re
from typing import Any

TEMPLATES = {
    "Missing data for required field.": "缺少这个必填项。",
    "Field may not be null.": "不能为空值。",
    "Unknown field.": "没有这个字段。",
    "Invalid input type.": "类型不对，应为 JSON 对象。",
    "Invalid type.": "类型不对。",
    "Not a valid string.": "应为文字。",
    "Not a valid utf-8 string.": "不是有效的 UTF-8 文字。",
    "Not a valid integer.": "应为整数。",
    "Not a valid number.": "应为数字。",
    "Number too large.": "数字太大。",
    "Special numeric values (nan or infinity) are not permitted.": "不能是 NaN 或无穷大。",
    "Not a valid position. Use latitude,longitude, for example 30.1864,120.2105.": (
        "位置无效，请写成“纬度,经度”，例如 30.1864,120.2105。"
    ),
    "Needs near.": "须同时提供 near。",
    "Not together with from or to.": "不能与 from 或 to 同时使用。",
    "Give latitude and longitude, or neither.": "纬度和经度须同时提供，或都不提供。",
    "Give opens_at and a later closes_at, or neither.": "opens_at 与更晚的 closes_at 须同时提供，或都不提供。",
    "Not a valid boolean.": "应为 true 或 false。",
    "Not a valid list.": "应为列表。",
    "Not a valid mapping type.": "应为 JSON 对象。",
    "Not a file.": "应为文件。",
    "Not a valid id.": "编号无效，应为数字组成的文字。",
    "Not a valid moment. Use ISO 8601, for example 2026-05-01T09:00:00+08:00.": (
        "时间无效，请用 ISO 8601 格式，例如 2026-05-01T09:00:00+08:00。"
    ),
    "Not a valid day. Use ISO 8601, for example 2026-05-01.": "日期无效，请用 ISO 8601 格式，例如 2026-05-01。",
    "Not a valid cursor. Use next_cursor of the page before.": "游标无效，请使用上一页的 next_cursor。",
    "May not contain control characters.": "不能包含控制字符。",
    "May not be 0.": "不能为 0。",
    "Must be one of: {choices}.": "必须是以下之一：{choices}。",
    "Must be equal to {other}.": "必须等于 {other}。",
    "Must be greater than or equal to {min} and less than or equal to {max}.": "必须在 {min} 到 {max} 之间。",
    "Must be greater than or equal to {min}.": "不能小于 {min}。",
    "Must be less than or equal to {max}.": "不能大于 {max}。",
    "Length must be between {min} and {max}.": "长度必须在 {min} 到 {max} 之间。",
    "Shorter than minimum length {min}.": "长度不能小于 {min}。",
    "Longer than maximum length {max}.": "长度不能超过 {max}。",
    "String does not match expected pattern.": "格式不对。",
    "Facts are words with a text, a number, true or false each; at most 40 of them.": (
        "应为由词到文字、数字、true 或 false 的对应，最多 40 项。"
    ),
    "`kind` is the event's own word; call this fact something else.": "`kind` 是事件自己的种类，请给这项事实换一个名称。",
    "Lower-case letters, digits and _, up to 32.": "须为小写字母、数字和下划线，最多 32 个。",
    "A time of day, for example 09:30.": "应为时刻，例如 09:30。",
    "Send a code, or phone_tail with name.": "请提供 code，或 phone_tail 与 name。",
    "Give both ends of a time, the earlier first, or neither.": "请先后填写起止时间，或都不填。",
    "Give both hours or neither.": "请同时填写开始和结束时刻，或都不填。",
    "Give an estate or a company, not both.": "小区和公司只能填一个。",
    "Two categories have the same code.": "有两个类别的代码相同。",
    "A rulebook is a TOML document of at most 256 KiB.": "规则须为不超过 256 KiB 的 TOML 文件。",
}


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>.*)", re.escape(template)), re.DOTALL)


_PATTERNS = [(_pattern(english), chinese) for english, chinese in TEMPLATES.items()]


def in_chinese(messages: Any) -> Any:
    """The same messages in Chinese, in whatever lists and mappings they came. An unknown message stays as it is."""
    if isinstance(messages, dict):
        return {key: in_chinese(value) for key, value in messages.items()}
    if isinstance(messages, list):
        return [in_chinese(value) for value in messages]
    for pattern, chinese in _PATTERNS:
        if found := pattern.fullmatch(str(messages)):
            return chinese.format_map(found.groupdict())
    return messages

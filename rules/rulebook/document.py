"""The rulebook: what the sections make together, and what they must agree on.

`parse` turns a document into a `Rulebook` or says everything that is wrong with it. docs/rulebook.md is the reference;
`rules.rulebook.sections` declares every key.
"""

from __future__ import annotations

import re
import tomllib
from decimal import Decimal
from typing import Any

from rules.rulebook.agreement import check_agreement
from rules.rulebook.lines import Lines, line_of_long_key, line_of_syntax_error
from rules.rulebook.reading import Fault, Faults, RulebookInvalid, Section, Wrong, faults_of
from rules.rulebook.sections.rulebook import Rulebook

DOCUMENT_BYTES_MAX = 256 * 1024
KEY_PARTS_MAX = 40
_RULEBOOK = Section(Rulebook)


def parse(text: str) -> Rulebook:
    """A rulebook from its document. Raises RulebookInvalid with every fault: key, line, what is allowed."""
    if len(text.encode(errors="replace")) > DOCUMENT_BYTES_MAX:
        most = DOCUMENT_BYTES_MAX // 1024
        raise RulebookInvalid(
            [Fault("rulebook", 1, f"文件过大，最多 {most} KiB", f"is too large; at most {most} KiB are allowed")]
        )
    if (number := line_of_long_key(text, KEY_PARTS_MAX)) is not None:  # the reader takes quadratic time over it
        zh, en = f"键的层级过多，最多 {KEY_PARTS_MAX} 级", f"the key has too many parts; at most {KEY_PARTS_MAX}"
        raise RulebookInvalid([Fault("rulebook", number, zh, en)])
    try:
        document = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        where = line_of_syntax_error(error, text)
        zh, en = _hint(text, where)
        raise RulebookInvalid(
            [Fault("rulebook", where, f"不是有效的 TOML：{error}{zh}", f"not TOML: {error}{en}")]
        ) from None
    except (RecursionError, ArithmeticError, ValueError) as error:
        raise RulebookInvalid([Fault("rulebook", 1, "不是有效的 TOML", f"not TOML: {error}")]) from None
    try:
        rulebook = _RULEBOOK.read(document)
        check_agreement(rulebook)
        return rulebook
    except (Wrong, Faults) as error:
        raise RulebookInvalid(faults_of(error, Lines(text).line_of)) from None


#: What beginners write, and what TOML wants instead.
_MISTAKES = (
    (r"(?:^|[{,.])\s*[^\x00-\x7f\s\"'={]+\s*=", "中文的键须加引号", "a key in Chinese needs quotes"),
    (
        r"[\uff01-\uff5e\u201c\u201d\u3000]",
        "此处有全角符号，请改用半角",
        "a full-width sign stands here: use the plain one",
    ),
    (r"=\s*[0-9]+,[0-9]", "小数点请用 .", "a decimal point is a dot"),
    (r"=\s*[0-9.]+\s*%", "不用百分号，直接写数字", "no percent sign: write the number"),
    (r"=\s*(?:True|False|yes|no|on|off)\b", "是与否写 true、false", "yes and no are true and false"),
)


def _hint(text: str, line: int) -> tuple[str, str]:
    """What a beginner may have meant in a line that can't be read."""
    lines = text.split("\n")
    wrong = lines[line - 1] if line <= len(lines) else ""
    for pattern, zh, en in _MISTAKES:
        if re.search(pattern, wrong):
            return f"（{zh}）", f" ({en})"
    return "", ""


def as_document(rulebook: Rulebook) -> dict[str, Any]:
    """The same rulebook as a TOML document's tables: what `parse` would read back."""
    return _RULEBOOK.write(rulebook)


__all__ = ["DOCUMENT_BYTES_MAX", "Rulebook", "RulebookInvalid", "as_document", "parse"]

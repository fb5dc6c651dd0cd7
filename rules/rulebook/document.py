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
from rules.rulebook.lines import Lines, line_of_syntax_error
from rules.rulebook.reading import Fault, Faults, RulebookInvalid, Section, Wrong, faults_of
from rules.rulebook.sections.rulebook import Rulebook

DOCUMENT_BYTES_MAX = 256 * 1024
_RULEBOOK = Section(Rulebook)


def parse(text: str) -> Rulebook:
    """A rulebook from its document. Raises RulebookInvalid with every fault: key, line, what is allowed."""
    if len(text.encode(errors="replace")) > DOCUMENT_BYTES_MAX:
        most = DOCUMENT_BYTES_MAX // 1024
        raise RulebookInvalid(
            [Fault("rulebook", 1, f"文件过大，最多 {most} KiB", f"is too large; at most {most} KiB are allowed")]
        )
    try:
        document = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        line = line_of_syntax_error(error, text)
        zh, en = _hint(text, line)
        raise RulebookInvalid(
            [Fault("rulebook", line, f"不是有效的 TOML：{error}{zh}", f"not TOML: {error}{en}")]
        ) from None
    except (RecursionError, ArithmeticError, ValueError) as error:
        raise RulebookInvalid([Fault("rulebook", 1, "不是有效的 TOML", f"not TOML: {error}")]) from None
    try:
        rulebook = _RULEBOOK.read(document)
        check_agreement(rulebook)
        return rulebook
    except (Wrong, Faults) as error:
        raise RulebookInvalid(faults_of(error, Lines(text).line_of)) from None


def _hint(text: str, line: int) -> tuple[str, str]:
    """The first mistake that a Chinese town makes: TOML wants keys that aren't ASCII in quotes."""
    lines = text.split("\n")
    if line <= len(lines) and re.search(r"(?:^|[{,.])\s*[^\x00-\x7f\s\"'={]+\s*=", lines[line - 1]):
        return "（中文的键须加引号）", " (a key in Chinese needs quotes)"
    return "", ""


def as_document(rulebook: Rulebook) -> dict[str, Any]:
    """The same rulebook as a TOML document's tables: what `parse` would read back."""
    return _RULEBOOK.write(rulebook)


__all__ = ["DOCUMENT_BYTES_MAX", "Rulebook", "RulebookInvalid", "as_document", "parse"]

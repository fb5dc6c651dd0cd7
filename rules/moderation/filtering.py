"""The local filter: what is forbidden or doubtful in a text, found in words and patterns. Pure.

A text is looked at as it reads, not as it is spelt: NFKC (full-width becomes half-width), without what nobody sees
(zero-width characters, soft hyphens, variation selectors), small letters. Words are looked for with all spaces, dashes and
dots between characters taken out as well, since 办 假 证 reads like 办假证. Numbers are looked for in both forms, and with
Chinese digits (一三八…) read as digits.

`words.toml` says what is looked for and what each kind of content does about it. What is forbidden is refused with what to
change; what is doubtful waits for staff. The second filter is for authors whom WeChat can't check: it passes nothing that
is doubtful in the least.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from models.moderation import ContentKind
from rules.errors import InBoth


class Finding(StrEnum):
    """What was found."""

    FORBIDDEN_WORD = "forbidden_word"
    DOUBTFUL_WORD = "doubtful_word"
    PHONE = "phone"
    IDENTITY_CARD = "identity_card"
    LINK = "link"
    CONTACT = "contact"
    STRANGE = "strange"  #: for the second filter: numbers, letters or signs that may hide one of the above


class Measure(StrEnum):
    """What is done about it."""

    FORBID = "forbid"
    REVIEW = "review"
    ALLOW = "allow"


@dataclass(frozen=True, slots=True)
class Found:
    """Something in a text, and the word it was found by where there is one."""

    finding: Finding
    word: str = ""


@dataclass(frozen=True, slots=True)
class Finds:
    """What a text is to be refused for, and what staff have to look at."""

    forbidden: tuple[Found, ...] = ()
    doubtful: tuple[Found, ...] = ()

    def in_words(self) -> InBoth:
        """What to change."""
        return InBoth(
            zh="、".join(ZH[found.finding].format(word=found.word) for found in self.forbidden),
            en=", ".join(EN[found.finding].format(word=found.word) for found in self.forbidden),
        )


ZH = {
    Finding.FORBIDDEN_WORD: "“{word}”",
    Finding.DOUBTFUL_WORD: "“{word}”",
    Finding.PHONE: "电话号码",
    Finding.IDENTITY_CARD: "身份证号码",
    Finding.LINK: "链接",
    Finding.CONTACT: "微信号、QQ号等联系方式",
    Finding.STRANGE: "难以辨认的字符",
}
EN = {
    Finding.FORBIDDEN_WORD: "the word “{word}”",
    Finding.DOUBTFUL_WORD: "the word “{word}”",
    Finding.PHONE: "a telephone number",
    Finding.IDENTITY_CARD: "an identity card number",
    Finding.LINK: "a link",
    Finding.CONTACT: "a WeChat or QQ id",
    Finding.STRANGE: "characters that can't be made out",
}
#: What is done where a kind of content says nothing.
USUAL = {
    Finding.FORBIDDEN_WORD: Measure.FORBID,
    Finding.DOUBTFUL_WORD: Measure.REVIEW,
    Finding.PHONE: Measure.REVIEW,
    Finding.IDENTITY_CARD: Measure.FORBID,
    Finding.LINK: Measure.REVIEW,
    Finding.CONTACT: Measure.REVIEW,
    Finding.STRANGE: Measure.REVIEW,
}

CHINESE_DIGITS = str.maketrans("零〇一幺二两三四五六七八九", "0011223456789")
BETWEEN = re.compile(r"[\s\-_.,·•・—~*|/\\]+")
SPACES = re.compile(r"\s+")
#: With or without something between its digits.
PHONE = re.compile(r"(?<!\d)(?:\+?86[\s\-]*)?1[\s\-_.·]*[3-9](?:[\s\-_.·]*\d){9}(?!\d)")
IDENTITY_CARD = re.compile(r"(?<!\d)([1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dx])(?!\d)")
LINK = re.compile(r"https?:|www\.|(?<![a-z0-9@])[a-z0-9-]+\.(?:com|cn|net|org|top|xyz|vip|cc|shop|info|me|io)(?![a-z])")
CONTACT = re.compile(r"(?:微信|薇信|威信|v信|wechat|weixin|vx|wx|qq|扣扣)[号群:：是为加]{0,3}[a-z0-9][a-z0-9_-]{4,19}")
#: For the second filter: digits in a row, letters in a row, characters of no script that neighbours write.
STRANGE = re.compile(r"\d{5,}|[a-z]{8,}|[^\w\s\u3000-\u303f，。！？；：、“”‘’（）《》【】…—\-!?,.;:'\"()/%+~·&#@]")
#: Weights of the check digit of an identity card number (GB 11643-1999).
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECK_DIGITS = "10x98765432"


@dataclass(frozen=True, slots=True)
class Lists:
    """What `words.toml` says."""

    forbidden: re.Pattern[str]
    doubtful: re.Pattern[str]
    measures: dict[ContentKind, dict[Finding, Measure]]


@lru_cache(maxsize=1)
def read_lists() -> Lists:
    """The lists, read once."""
    document = tomllib.loads((Path(__file__).parent / "words.toml").read_text())
    kinds = {ContentKind(name): stated for name, stated in document["kinds"].items()}
    assert kinds.keys() == set(ContentKind), "words.toml says of each kind of content what is done"
    measures = {
        kind: USUAL | {Finding(name): Measure(measure) for name, measure in stated.items()}
        for kind, stated in kinds.items()
    }
    return Lists(_any_of(document["forbidden"]), _any_of(document["doubtful"]), measures)


def look_at(kind: ContentKind, text: str) -> Finds:
    """What is forbidden and what is doubtful in a text of this kind."""
    return _weigh(kind, _find(text))


def look_harder(kind: ContentKind, text: str) -> Finds:
    """The second filter: the same, and everything that may hide something."""
    found = _find(text)
    if STRANGE.search(_plain(text)) or STRANGE.search(_dense(_plain(text))):
        found.append(Found(Finding.STRANGE))
    # What a kind allows was allowed with WeChat's check in mind.
    finds = _weigh(kind, found)
    known = {each.finding for each in (*finds.forbidden, *finds.doubtful)}
    return Finds(finds.forbidden, (*finds.doubtful, *(each for each in found if each.finding not in known)))


def _weigh(kind: ContentKind, found: Iterable[Found]) -> Finds:
    measures = read_lists().measures[kind]
    sorted_out: dict[Measure, list[Found]] = {measure: [] for measure in Measure}
    for each in found:
        sorted_out[measures[each.finding]].append(each)
    return Finds(tuple(sorted_out[Measure.FORBID]), tuple(sorted_out[Measure.REVIEW]))


def _find(text: str) -> list[Found]:
    """Everything in a text that the lists and patterns know, each once."""
    lists = read_lists()
    plain = _plain(text)
    dense = _dense(plain)
    found = [Found(Finding.FORBIDDEN_WORD, word) for word in dict.fromkeys(lists.forbidden.findall(dense))]
    found += [Found(Finding.DOUBTFUL_WORD, word) for word in dict.fromkeys(lists.doubtful.findall(dense))]
    forms = {plain, dense, dense.translate(CHINESE_DIGITS)}
    if any(PHONE.search(form) for form in forms):
        found.append(Found(Finding.PHONE))
    if any(_is_identity_card(number) for form in forms for number in IDENTITY_CARD.findall(form)):
        found.append(Found(Finding.IDENTITY_CARD))
    if LINK.search(plain) or LINK.search(SPACES.sub("", plain)):
        found.append(Found(Finding.LINK))
    if CONTACT.search(SPACES.sub("", plain)):
        found.append(Found(Finding.CONTACT))
    return found


def _plain(text: str) -> str:
    """As it reads: half-width, small, without what nobody sees."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(
        character
        for character in folded
        if unicodedata.category(character) != "Cf" and not "\ufe00" <= character <= "\ufe0f"
    )


def _dense(plain: str) -> str:
    return BETWEEN.sub("", plain)


def _is_identity_card(number: str) -> bool:
    """Whether the check digit is right, so that a long order number isn't taken for one."""
    total = sum(int(digit) * weight for digit, weight in zip(number[:17], WEIGHTS, strict=True))
    return CHECK_DIGITS[total % 11] == number[17]


def _any_of(words: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(_dense(_plain(word))) for word in words))

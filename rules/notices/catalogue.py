"""What residents are told, in words: one entry for each topic of the outbox that ends in somebody's inbox."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Template(StrEnum):
    """The kinds of subscription messages; settings say which template of WeChat each is."""

    RESERVATION = "reservation"
    BOOKING = "booking"
    REPAIR = "repair"
    POINTS = "points"
    REDEMPTION = "redemption"
    GROUP = "group"
    ANNOUNCEMENT = "announcement"


@dataclass(frozen=True, slots=True)
class Wording:
    """How one topic reads. Titles and texts may name fields of the payload in braces."""

    title_zh: str
    title_en: str
    text_zh: str
    text_en: str
    page: str | None = None  #: where it leads in the mini-program, with fields of the payload: "pages/repair?id={repair_id}"
    template: Template | None = None  #: None: in the inbox only
    is_urgent: bool = False  #: sent in quiet hours too


CATALOGUE: dict[str, Wording] = {}

"""What is said to WeChat and what it answers, as the client's callers see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

#: The longest text that one text check takes, in characters.
CHECKED_CHARACTERS_MAX = 2500


@dataclass(frozen=True, slots=True)
class SubscriptionMessage:
    """One subscription message to one resident. An accepted subscription pays for one send."""

    openid: str = field(repr=False)
    template_id: str
    page: str | None  #: where it leads in the mini-program, with a query; None: nowhere
    data: Mapping[str, str] = field(repr=False)  #: "thing1": up to 20 characters; WeChat's own names and limits
    lang: str = "zh_CN"  #: or "en_US"


class Suggest(StrEnum):
    """What WeChat would do with what it checked."""

    PASS = "pass"  # noqa: S105  WeChat's own word
    REVIEW = "review"
    RISKY = "risky"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What WeChat thinks of a text."""

    suggest: Suggest
    label: int  #: 100 is normal, 20001 politics, 20002 indecent, 20006 crime, 20008 fraud, 20013 copyright, 21000 other
    trace_id: str


class CheckScene:
    """Where a text or a picture stands, in WeChat's numbers."""

    PROFILE = 1
    COMMENT = 2
    FORUM = 3
    SOCIAL_LOG = 4

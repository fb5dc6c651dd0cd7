"""Refusals: what a rule answers when something may not be done.

Every refusal is a subclass of `RuleError` with a dotted code that never changes, a kind that the edge turns into an HTTP
status, and one sentence for each language. The facts that a refusal is raised with fill the sentence's placeholders.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class Kind(StrEnum):
    """How a refusal is to be understood; the edge knows the HTTP status of each."""

    MALFORMED = "malformed"  #: the request can't be read
    INVALID = "invalid"  #: it can be read and can't be right
    UNAUTHENTICATED = "unauthenticated"  #: who is asking?
    FORBIDDEN = "forbidden"  #: not this one
    UNKNOWN = "unknown"  #: no such thing, or not for the caller's eyes
    CONFLICT = "conflict"  #: right in itself, but not as things stand
    TOO_MANY = "too_many"  #: so many within a time, and no more; raised with `retry_seconds`, until when to wait
    BUSY = "busy"  #: try again in a moment


@dataclass(frozen=True, slots=True)
class InBoth:
    """A fact that reads differently in each language."""

    zh: str
    en: str


class RuleError(Exception):
    """A refusal. It undoes the work it is raised in, unless the class says that it keeps it."""

    code: ClassVar[str]
    kind: ClassVar[Kind]
    zh: ClassVar[str]
    en: ClassVar[str]
    keeps_work: ClassVar[bool] = False  #: what was written before the refusal stays: a stolen token's family is revoked

    registry: ClassVar[dict[str, type[RuleError]]] = {}

    def __init_subclass__(cls) -> None:
        if "code" in cls.__dict__:
            if cls.code in RuleError.registry:
                raise TypeError(f"the code {cls.code} is taken by {RuleError.registry[cls.code].__name__}")
            RuleError.registry[cls.code] = cls

    def __init__(self, **facts: object) -> None:
        super().__init__(self.code, facts)
        self.facts = facts

    def sentence(self, language: str) -> str:
        """The refusal in words: in English for `en`, in Chinese for everything else."""
        return (self.en if language == "en" else self.zh).format_map(_in_language(self.facts, language))

    def details(self, language: str) -> dict[str, list[str]] | None:  # noqa: ARG002  for those that have some
        """What is wrong in which field, in words; None where the sentence says all."""
        return None


def _in_language(facts: Mapping[str, object], language: str) -> dict[str, object]:
    return {
        name: (fact.en if language == "en" else fact.zh) if isinstance(fact, InBoth) else fact
        for name, fact in facts.items()
    }


class Busy(RuleError):
    code = "server.busy"
    kind = Kind.BUSY
    zh = "系统正忙，请稍后再试，您的操作没有被记录两次。"
    en = "The system is busy. Please try again in a moment; nothing was done twice."


class StorageFull(RuleError):
    code = "server.storage_full"
    kind = Kind.BUSY
    zh = "系统的存储空间已满，您的操作没有被记录。请稍后再试，工作人员会尽快处理。"
    en = "The system's storage is full; nothing was recorded. Please try again later, the staff will see to it."

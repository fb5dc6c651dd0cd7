"""No address stands in what neighbours show to people whom they don't know: a building, a staircase or a door in numbers.

Telephone numbers and accounts elsewhere are found by moderation's filter. What two people who found each other write is
their own.
"""

from __future__ import annotations

import re
import unicodedata

from rules.errors import Kind, RuleError

ADDRESS = re.compile(r"[0-9零一二三四五六七八九十百]+\s*(?:幢|栋|号楼|单元|室|弄)")


class AddressInText(RuleError):
    code = "social.address_in_text"
    kind = Kind.INVALID
    zh = "请不要写楼栋、单元或门牌（“{found}”）。约好以后可以再私下告诉对方。"
    en = "Please leave out building, staircase and door (“{found}”). You can tell each other once you have met."


def refuse_address(*texts: str) -> None:
    """Raises AddressInText where one of them names a dwelling."""
    for text in texts:
        found = ADDRESS.search(unicodedata.normalize("NFKC", text))
        if found is not None:
            raise AddressInText(found=found[0])

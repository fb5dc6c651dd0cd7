"""Codes as pictures: QR codes in SVG, for a screen or for a printer.

The pictures scale with the page they are put on. Error correction M bears a smudge; the quiet zone of four modules that
readers need (ISO/IEC 18004) is a part of the picture.
"""

from __future__ import annotations

import unicodedata
from xml.sax.saxutils import escape

import segno

#: A card of the usual size (ISO/IEC 7810 ID-1), in millimetres: the code on the left, the words beside it.
CARD_WIDTH = 85.6
CARD_HEIGHT = 53.98
CODE_SIDE = 50
TEXT_LEFT = 54
TEXT_WIDTH = CARD_WIDTH - TEXT_LEFT - 3
NAME_SIZE_MAX = 7.0
NAMESPACE = 'xmlns="http://www.w3.org/2000/svg"'
FONT = "'Noto Sans SC','PingFang SC','Microsoft YaHei',sans-serif"


def qr_svg(code: str) -> str:
    """The QR code of a token, as wide as the page gives it room."""
    return _drawn(code, NAMESPACE)


def card_svg(code: str, name: str, number: str) -> str:
    """A card to print: the QR code with its resident's name and the card's number."""
    placed = _drawn(code, f'x="2" y="2" width="{CODE_SIDE}" height="{CODE_SIDE}"')
    return (
        f'<svg {NAMESPACE} width="{CARD_WIDTH}mm" height="{CARD_HEIGHT}mm"'
        f' viewBox="0 0 {CARD_WIDTH} {CARD_HEIGHT}" font-family="{FONT}">'
        f'<rect width="{CARD_WIDTH}" height="{CARD_HEIGHT}" fill="white"/>{placed}'
        f"{_line('签到卡', 12, 5)}{_line(name, 27, NAME_SIZE_MAX)}{_line(number, 47, 2.4)}</svg>"
    )


def _drawn(code: str, attributes: str) -> str:
    """The QR code as an element with these attributes besides its own."""
    drawn = segno.make_qr(code, error="m").svg_inline(
        omitsize=True, border=4, light="white", svgclass=None, lineclass=None
    )
    return str(drawn).replace("<svg ", f"<svg {attributes} ", 1)


def _line(text: str, y: float, size_max: float) -> str:
    """A line of words beside the code, as large as they fit."""
    shown = "".join(character for character in text if character.isprintable())
    size = min(size_max, TEXT_WIDTH / max(_widths(shown), 1))
    return f'<text x="{TEXT_LEFT}" y="{y}" font-size="{size:.2f}">{escape(shown)}</text>'


def _widths(text: str) -> float:
    """About how wide a text is, in widths of a Chinese character."""
    return sum(1.0 if unicodedata.east_asian_width(character) in "WFA" else 0.62 for character in text)

"""The few glyphs that a page needs, as a font that can be put into it.

A page that names a font and doesn't bring it shows boxes on phones that haven't got it. The fonts here are Noto Sans SC and
Noto Serif SC (SIL Open Font License 1.1, from the package pylopdf-fonts-zh-cn), whose outlines are PostScript's; the writer
of PDF files wants TrueType's. So the glyphs of the text are cut out and their curves turned: some milliseconds for a page.
"""

from __future__ import annotations

from enum import StrEnum
from importlib.resources import as_file, files
from io import BytesIO

from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont, newTable

PACKAGE = "pylopdf_fonts_zh_cn"
#: How far a turned curve may be from the drawn one, in thousandths of the type size.
ERROR_MAX = 1.0
TRUETYPE = "\x00\x01\x00\x00"
_NAMES = (1, 2, 4, 6)  #: of the font and its style
_UNUSED = ["BASE", "GDEF", "GPOS", "GSUB", "VORG", "vhea", "vmtx"]
#: What a TrueType font says beside its number of glyphs; these have no instructions, and the writer counts the rest.
_NOTHING = (
    "maxTwilightPoints",
    "maxStorage",
    "maxFunctionDefs",
    "maxInstructionDefs",
    "maxStackElements",
    "maxSizeOfInstructions",
    "maxComponentElements",
    "maxPoints",
    "maxContours",
    "maxCompositePoints",
    "maxCompositeContours",
    "maxComponentDepth",
)


class Face(StrEnum):
    SANS = "NotoSansSC-Regular.otf"
    SERIF = "NotoSerifSC-Regular.otf"


def font_for(text: str, face: Face) -> BytesIO:
    """A TrueType font with the characters of a text; one that the face lacks is a box."""
    with as_file(files(PACKAGE) / face.value) as path, TTFont(path, lazy=True, recalcTimestamp=False) as font:
        _cut(font, text)
        _turn(font)
        made = BytesIO()
        font.save(made)
    made.seek(0)
    return made


def _cut(font: TTFont, text: str) -> None:
    options = Options(
        layout_features=[],
        name_IDs=list(_NAMES),
        notdef_outline=True,
        hinting=False,
        desubroutinize=True,
        drop_tables=[*Options().drop_tables, *_UNUSED],
    )
    subsetter = Subsetter(options)
    subsetter.populate(text=text)
    subsetter.subset(font)


def _turn(font: TTFont) -> None:
    """PostScript's cubic curves become TrueType's quadratic ones."""
    drawn, turned = font.getGlyphSet(), {}
    for name in font.getGlyphOrder():
        pen = TTGlyphPen(drawn)
        drawn[name].draw(Cu2QuPen(pen, ERROR_MAX, reverse_direction=True))
        turned[name] = pen.glyph()
    font["loca"] = newTable("loca")
    outlines = font["glyf"] = newTable("glyf")
    outlines.glyphOrder, outlines.glyphs = font.getGlyphOrder(), turned
    profile = font["maxp"]
    profile.tableVersion, profile.numGlyphs, profile.maxZones = 0x00010000, len(turned), 1
    for name in _NOTHING:
        setattr(profile, name, 0)
    font["post"].formatType = 3.0
    font["head"].glyphDataFormat = 0
    del font["CFF "]
    font.sfntVersion = TRUETYPE

"""The reference part of docs/rulebook.md, made from the declarations: every section, every key.

    python -m rules.rulebook.reference

rewrites what stands between the two markers of the page. The prose around them is written by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, Field
from pathlib import Path
from typing import Any

from rules.rulebook.conditions import Bounds
from rules.rulebook.document import Rulebook
from rules.rulebook.reading import Either, Key, ListOf, Reader, Section, TableOf, keys_of

PAGE = Path(__file__).resolve().parents[2] / "docs" / "rulebook.md"
BEGIN, END = "<!-- reference: begin -->", "<!-- reference: end -->"
HEADER = "| key | meaning | allowed | default | example |\n|---|---|---|---|---|"


def sections() -> list[tuple[str, type[Any]]]:
    """Every section with the path by which a document names it: `earn`, `ladder.level`. What several share comes last."""
    paths: dict[type[Any], list[str]] = {}
    _collect(Section(Rulebook), "", paths)
    alone = [(found[0], section) for section, found in paths.items() if len(found) == 1]
    shared = [(_name_of(section, found), section) for section, found in paths.items() if len(found) > 1]
    return [*alone, *shared, ("bounds", Bounds)]


def _name_of(section: type[Any], paths: list[str]) -> str:
    """What a section is called that stands in several places: by its key, or by what it is, where it has several keys."""
    keys = {path.rpartition(".")[2] for path in paths}
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in section.__name__).strip()
    return keys.pop() if len(keys) == 1 and keys != {"amount"} else words


def _collect(reader: Reader, path: str, paths: dict[type[Any], list[str]]) -> None:
    for section in sections_in(reader):
        found = paths.setdefault(section, [])
        found.append(path)
        if len(found) == 1:
            for each, declared in keys_of(section):
                _collect(declared.reader, f"{path}.{each.name}".removeprefix("."), paths)


def sections_in(reader: Reader) -> Iterator[type[Any]]:
    """The sections that a reader reads itself, without those below them."""
    if isinstance(reader, Section):
        yield reader.section
    elif isinstance(reader, ListOf | TableOf):
        yield from sections_in(reader.reader)
    elif isinstance(reader, Either):
        for each in reader.readers:
            yield from sections_in(each)


def reference() -> str:
    """The whole reference."""
    titles = {section: title for title, section in sections()}
    return "\n\n".join(_section(title, section, titles) for title, section in sections())


def _section(title: str, section: type[Any], titles: dict[type[Any], str]) -> str:
    about = " ".join((section.__doc__ or "").split())
    rows = [_row(each, declared, titles) for each, declared in keys_of(section)]
    return "\n".join([f"### {heading_of(title)}", "", about, "", HEADER, *rows])


def heading_of(title: str) -> str:
    """What a section is called in its heading; the document itself has no name."""
    if not title:
        return "The document"
    declared = next((declared for each, declared in keys_of(Rulebook) if each.name == title), None)
    if declared is None:
        return f"`{title}`"
    return f"`[[{title}]]`" if isinstance(declared.reader, ListOf) else f"`[{title}]`"


def _row(each: Field[Any], declared: Key, titles: dict[type[Any], str]) -> str:
    cells = (
        f"`{each.name}`",
        declared.meaning,
        _allowed(declared.reader, titles),
        default_of(each, declared),
        f"`{declared.example}`",
    )
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _allowed(reader: Reader, titles: dict[type[Any], str]) -> str:
    """What the reader says of itself; of a table whose keys stand here, where."""
    if isinstance(reader, Section):
        return f"a table: {_link(titles[reader.section])}"
    if isinstance(reader, Either):
        return ", or ".join(_allowed(each, titles) for each in reader.readers)
    if isinstance(reader, ListOf):
        alone = "; one alone needs no brackets" if reader.or_one else ""
        return f"a list of {reader.least} to {reader.most}, each {_allowed(reader.reader, titles)}{alone}"
    return reader.en.replace("must be ", "")


def _link(title: str) -> str:
    anchor = "".join(letter for letter in title if letter.isalnum() or letter in "-_ ").replace(" ", "-")
    return f"[{heading_of(title)}](#{anchor})"


def default_of(each: Field[Any], declared: Key) -> str:
    """What holds where the key isn't given."""
    if each.default is MISSING:
        return "required"
    if each.default is None or each.default == ():
        return "none"
    if each.name == "currency" and isinstance(each.default, tuple):
        return "one called points, 积分"
    written = declared.reader.write(each.default)
    if isinstance(written, bool):
        return f"`{str(written).lower()}`"
    if isinstance(written, list):
        return f"`{written}`".replace("'", '"')
    if isinstance(written, dict):
        return "as if it were empty"
    return f'`"{written}"`' if isinstance(written, str) else f"`{written}`"


def rewritten(page: str) -> str:
    """The page with the reference of now."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin, "the page has the first marker"
    assert end, "the page has the second marker"
    return f"{before}{BEGIN}\n\n{reference()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

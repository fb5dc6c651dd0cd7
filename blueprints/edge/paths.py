"""What stands in paths."""

from __future__ import annotations

from flask import Flask
from werkzeug.routing import BaseConverter

from rules.ids import ID_MAX


def _numbers_up_to(maximum: int) -> str:
    """A regular expression for the numbers from 1 to a maximum of several digits."""
    digits = str(maximum)
    least = [1, *[0] * len(digits)]
    smaller = [
        f"{digits[:n]}[{least[n]}-{int(digit) - 1}][0-9]{{{len(digits) - n - 1}}}"
        for n, digit in enumerate(digits)
        if int(digit) > least[n]
    ]
    return "|".join([f"[1-9][0-9]{{0,{len(digits) - 2}}}", *smaller, digits])


class IdConverter(BaseConverter):
    """An id in a path: a number of 63 bits. Anything else is an unknown address.

    The expression has to say all of it: a number that only the converter refused would be an address that takes other
    methods (405) wherever another method's route has the same form.
    """

    regex = _numbers_up_to(ID_MAX)

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


def register_paths(app: Flask) -> None:
    """Let an application know ids in paths, and paths as they are written."""
    app.url_map.converters["id"] = IdConverter
    app.url_map.merge_slashes = False  # a doubled slash is an unknown address, not a redirect to whatever Host says

"""A picture's way in, step by step: what leaves the house or takes its time lies between two units of work."""

from __future__ import annotations

from blueprints.edge.house import house
from blueprints.edge.room import Parts
from models.uploads import UploadPurpose
from rules.errors import RuleError
from rules.uploads import receiving
from rules.uploads.links import Picture
from rules.uploads.pictures import JPEG, MadePicture, make_picture


def receive_picture(parts: Parts, purpose: UploadPurpose, source: bytes) -> Picture:
    """Admit, make, begin, store, finish. Raises what each of them raises."""
    repeated = parts.read(receiving.admit_upload, house().keys, purpose, source)
    if repeated is not None:
        return repeated
    made = _make(parts, source)
    begun = parts.write(receiving.begin_upload, purpose, source, made)
    if not begun.is_repeated:
        for key, content in begun.files_of(made).items():
            house().files.put(key, content, JPEG)
    return parts.write(receiving.finish_upload, house().keys, begun)


def _make(parts: Parts, source: bytes) -> MadePicture:
    try:
        return make_picture(source, house().settings.upload_bytes_max)
    except RuleError:
        parts.write(receiving.count_upload)
        raise

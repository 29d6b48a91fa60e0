"""A table's own form of files, kept in its properties: whoever writes to it finds it there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from madang.lake.writer import FileForm

FORM_PROPERTY: Final = "madang.files"


def form_of(properties: Mapping[str, str]) -> FileForm | None:
    """The form that a table's properties name, or None: as all tables."""
    text = properties.get(FORM_PROPERTY)
    return None if text is None else msgspec.json.decode(text, type=FileForm)


def form_properties(form: FileForm | None) -> dict[str, str]:
    """The properties of a new table."""
    return {} if form is None else {FORM_PROPERTY: msgspec.json.encode(form).decode()}

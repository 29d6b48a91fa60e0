"""How a stream's records were to be read when they arrived, written beside them.

A stream's format may change while records that came before wait to be delivered. So each appended
batch says, in the attribute ``reading``, what the stream said then: the name of a format, or a JSON
object of a format and its settings. Batches from before, and replayed ones, have what it says now.
"""

from __future__ import annotations

import orjson
from pydantic import ValidationError

from madang.project.stream_spec import RecordFormat, StreamSpec

READING = "reading"
"""The attribute of a chunk."""
_SETTINGS: dict[RecordFormat, tuple[str, ...]] = {
    RecordFormat.REGEX: ("pattern",),
    RecordFormat.CSV: ("header", "delimiter"),
}
_FORMATS = frozenset(RecordFormat)


def reading_of(spec: StreamSpec) -> str:
    """How ``spec`` says that bytes become columns, as the attribute has it."""
    names = _SETTINGS.get(spec.format, ())
    if not names:
        return spec.format.value
    settings = {name: getattr(spec, name) for name in names}
    return orjson.dumps({"format": spec.format.value, **settings}).decode()


def read_as(spec: StreamSpec, reading: str | None) -> StreamSpec:
    """``spec`` with format and settings of ``reading``; as it is where that says nothing."""
    if reading is None or reading == reading_of(spec):
        return spec
    try:
        said = {"format": reading} if reading in _FORMATS else orjson.loads(reading)
        wanted = StreamSpec.model_validate({"name": spec.name, **said})
    except (ValidationError, ValueError, TypeError):
        return spec
    update = {name: getattr(wanted, name) for name in ("format", "pattern", "header", "delimiter")}
    return spec.model_copy(update=update)

"""Access logs of nginx and Apache: the common and the combined format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from madang.process.engine import Engine
from madang.process.formats.regex import RegexSplitter, unescape_quotes
from madang.process.formats.split import Split, TextColumn
from madang.process.layout import Kind

_QUOTED = r'"(?P<{}>(?:[^"\\]|\\.)*)"'
_LINE = (
    # In front of a virtual host's line stands its name, never a dash behind it: that is the ident.
    r"^(?:(?P<vhost>\S+) (?P<of_vhost>[^\s-]\S*)|(?P<host>\S+)) (?P<ident>\S+)"
    r" (?P<user>\"[^\"]*\"|\S+(?: [^\[\s]\S*)*) +"
    r"\[(?P<time>[^\]]+)\] " + _QUOTED.format("request") + r" (?P<status>\d{3}|-) (?P<bytes>\d+|-)"
    r"(?: "
    + _QUOTED.format("referer")
    + " "
    + _QUOTED.format("agent")
    + r"(?: "
    + _QUOTED.format("forwarded_for")
    + r")?)?\s*(?P<extra>.*)$"
)
_REQUEST = r"^(?P<method>[A-Za-z]+) (?P<path>\S.*?)(?: (?P<protocol>HTTP/[0-9.]+))?$"
_KINDS = {
    "vhost": Kind.STRING,
    "host": Kind.STRING,
    "ident": Kind.STRING,
    "user": Kind.STRING,
    "time": Kind.TIMESTAMP,
    "method": Kind.STRING,
    "path": Kind.STRING,
    "protocol": Kind.STRING,
    "request": Kind.STRING,
    "status": Kind.LONG,
    "bytes": Kind.LONG,
    "referer": Kind.STRING,
    "agent": Kind.STRING,
    "forwarded_for": Kind.STRING,
    "extra": Kind.STRING,
}
"""The columns in their order. ``request`` is filled where it is no method and path,
``forwarded_for`` where a quoted text follows the agent (nginx's format ``main``), ``extra`` where
the line goes on, ``vhost`` in Apache's format with the virtual host in front."""


class CombinedSplitter:
    """Splits access log lines; ``-`` is null."""

    def __init__(self, engine: Engine) -> None:
        self._line = RegexSplitter(engine, _LINE, what="the combined log format")

    def split(self, text: pa.Array, attributes: Mapping[str, str]) -> Split:
        """The columns ``host, ident, user, time, method, path, protocol, status, …``."""
        split = self._line.split(text, attributes)
        found = {entry.name: _dash(entry.text) for entry in split.columns}
        found["host"] = pc.coalesce(found.pop("of_vhost"), found["host"])
        for name in ("request", "referer", "agent", "forwarded_for"):
            found[name] = unescape_quotes(found[name])
        parts = pc.extract_regex(found["request"], _REQUEST)
        for name in ("method", "path", "protocol"):
            values = pc.struct_field(parts, name)
            found[name] = pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), values)
        found["request"] = pc.if_else(
            parts.is_valid(), pa.scalar(None, pa.string()), found["request"]
        )
        columns = [TextColumn(name, found[name], kind) for name, kind in _KINDS.items()]
        return replace(split, columns=columns)


def _dash(values: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(values, "-"), pa.scalar(None, pa.string()), values)

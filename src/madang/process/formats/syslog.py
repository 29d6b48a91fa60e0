"""Syslog lines: RFC 5424, RFC 3164, and what files under /var/log hold."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from madang.process.engine import Engine, literal
from madang.process.formats.split import Split, TextColumn, column, matched
from madang.process.layout import Kind

_RFC5424 = (
    r"^<(\d{1,3})>[1-9]\d{0,2} (\S+) (\S+) (\S+) (\S+) (\S+)"
    r" (-|(?:\[(?:[^\]\"\\]|\"(?:[^\"\\]|\\.)*\")+\])+)(?: (?:\x{FEFF})?(.*))?$"
)
_RFC3164 = (
    r"^(?:<(\d{1,3})>)?([A-Z][a-z]{2} +\d{1,2} (?:\d{4} )?\d\d:\d\d:\d\d(?:\.\d+)?"
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)"
    # Without a host where its place holds what ends like a tag: ``su: message``.
    r" (?:(\S*[^\s:])(?: |$))?(?:([^\s:\[]+)(?:\[([^\]\s]*)\]:|:|\[([^\]\s]*)\]))?(?: ?(.*))?$"
)
_BARE = r"^<(\d{1,2}|1[0-8]\d|19[01])>(.*)$"
"""A priority and no header: RFC 3164, 4.3.3, takes all of it as the message."""
_DAMAGED = r"^<\d+>\d+ \d{4}-"
"""What begins as RFC 5424 and does not go on so, is damaged."""
_OLD = "['priority','time','host','app','pid','pid2','message']"
_NEW = "['priority','time','host','app','pid','msgid','structured_data','message']"
_FACILITIES = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron"),
    *("authpriv", "ftp", "ntp", "audit", "alert", "clock"),
    *(f"local{number}" for number in range(8)),
)
_SEVERITIES = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"]
# Possessive, and matched one behind the other: no text takes longer than its length.
_ELEMENT = re.compile(r'\[([^\s\]"=]++)((?: ++[^\s\]"=]++="(?:[^"\\]|\\.)*+")*+)\s*+\]', re.DOTALL)
_PARAMETER = re.compile(r' ++([^\s\]"=]++)="((?:[^"\\]|\\.)*+)"', re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\\]])')


class SyslogSplitter:
    """Splits syslog lines.

    Columns: ``time, host, app, pid, msgid, facility, severity, structured_data, message``; the
    facility and severity by name, from the priority where the line has one; structured data as JSON
    (element → parameter → value).
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def split(self, text: pa.Array, attributes: Mapping[str, str]) -> Split:
        """Split ``text``; lines of both formats may be mixed."""
        del attributes
        found = self._engine.query(
            "SELECT is_new OR is_old OR coalesce(b.priority <> '', false) AS m, is_new,"
            " CASE WHEN is_new THEN n.priority WHEN is_old THEN o.priority ELSE b.priority END"
            " AS priority,"
            " CASE WHEN is_new THEN n.time ELSE o.time END AS time,"
            " CASE WHEN is_new THEN n.host ELSE o.host END AS host,"
            " CASE WHEN is_new THEN n.app ELSE o.app END AS app,"
            " CASE WHEN is_new THEN n.pid ELSE o.pid || o.pid2 END AS pid,"
            " CASE WHEN is_new THEN n.msgid ELSE '' END AS msgid,"
            " CASE WHEN is_new THEN n.structured_data ELSE '' END AS structured_data,"
            " CASE WHEN is_new THEN n.message WHEN is_old THEN o.message ELSE b.message END"
            " AS message FROM (SELECT *, CASE WHEN NOT is_new AND NOT is_old"
            f" AND NOT regexp_matches(v, {literal(_DAMAGED)}) THEN"
            f" regexp_extract(v, {literal(_BARE)}, ['priority','message'], 's') END AS b"
            " FROM (SELECT *, coalesce(o.time <> '', false) AS is_old FROM (SELECT v, n, is_new,"
            f" CASE WHEN NOT is_new THEN regexp_extract(v, {literal(_RFC3164)}, {_OLD}, 's') END"
            " AS o FROM (SELECT v, n, n.priority <> '' AS is_new FROM (SELECT v,"
            f" regexp_extract(v, {literal(_RFC5424)}, {_NEW}, 's') AS n FROM t)))))",
            t=pa.table({"v": text}),
        )
        rows, dead = matched(column(found, "m"), "is no line of syslog (RFC 5424 or RFC 3164)")
        if dead:
            found = found.take(pa.array(rows))
        is_new = column(found, "is_new")
        values = {name: column(found, name) for name in found.column_names if name != "m"}
        for name in ("time", "host", "app", "pid", "msgid", "structured_data"):
            nothing = pc.or_(
                pc.equal(values[name], ""), pc.and_(is_new, pc.equal(values[name], "-"))
            )
            values[name] = pc.if_else(nothing, pa.scalar(None, pa.string()), values[name])
        facility, severity = _priority_names(values["priority"])
        columns = [
            TextColumn("time", values["time"], Kind.TIMESTAMP),
            TextColumn("host", values["host"], Kind.STRING),
            TextColumn("app", values["app"], Kind.STRING),
            TextColumn("pid", values["pid"], Kind.STRING),
            TextColumn("msgid", values["msgid"], Kind.STRING),
            TextColumn("facility", facility, Kind.STRING),
            TextColumn("severity", severity, Kind.STRING),
            TextColumn("structured_data", _structured(values["structured_data"]), Kind.JSON),
            TextColumn("message", values["message"], Kind.STRING),
        ]
        return Split(rows, columns, dead)


def _priority_names(priority: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Facility and severity of ``<priority>``; both null where there is none or it is above 191."""
    numbers = pc.cast(
        pc.if_else(pc.equal(priority, ""), pa.scalar(None, pa.string()), priority), pa.int64()
    )
    known = pc.fill_null(pc.less_equal(numbers, 191), False).to_numpy(zero_copy_only=False)
    codes = pc.fill_null(numbers, 0).to_numpy(zero_copy_only=False)
    facility = pa.array(_FACILITIES).take(pa.array(np.where(known, codes // 8, 0), mask=~known))
    severity = pa.array(_SEVERITIES).take(pa.array(np.where(known, codes % 8, 0), mask=~known))
    return facility, severity


def _structured(values: pa.Array) -> pa.Array:
    """Structured data as JSON text, read once per distinct text."""
    if values.null_count == len(values):
        return values
    encoded = pc.dictionary_encode(values)
    texts = [_elements(text) for text in encoded.dictionary.to_pylist()]
    return pa.array(texts, pa.string()).take(encoded.indices)


def _elements(text: str) -> str:
    """Element → parameter → value, or all its values; as it is written where it is not as ruled."""
    elements: dict[str, dict[str, str | list[str]]] = {}
    at = 0
    while at < len(text):
        found = _ELEMENT.match(text, at)
        if found is None or found[1] in elements:
            return _json(text)
        elements[found[1]] = _parameters(found[2])
        at = found.end()
    return _json(elements)


def _parameters(text: str) -> dict[str, str | list[str]]:
    values: dict[str, list[str]] = {}
    for found in _PARAMETER.finditer(text):
        values.setdefault(found[1], []).append(_ESCAPED.sub(r"\1", found[2]))
    return {name: all_[0] if len(all_) == 1 else all_ for name, all_ in values.items()}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

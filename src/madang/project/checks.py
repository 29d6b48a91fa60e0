"""What no single field can say: rules between the keys of a spec, and between specs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from madang.core.names import (
    DEFAULT_NAMESPACE,
    RULE,
    SAMPLES,
    is_name,
    is_own,
    near_match,
)
from madang.project.contract_schema import schema_flaws
from madang.project.document import Path
from madang.project.platform_spec import ServerSpec
from madang.project.problem import Severity
from madang.project.remote_write_spec import RemoteWriteSpec
from madang.project.source_spec import FilesSourceSpec, HostSourceSpec, SourceSpec
from madang.project.stream_spec import DeliverSpec, RecordFormat, StreamSpec
from madang.project.table_spec import TableSpec

OWN_COLUMNS = ("_time", "_partition", "_offset", "_rest")
"""Columns that every delivered table has; data may not bring its own."""

_TIME_FORMATS = ("auto", "iso8601", "epoch_s", "epoch_ms", "epoch_us", "epoch_ns")
_GROUP = re.compile(r"\(\?P?<([A-Za-z_]\w*)>")
_UNNAMED = re.compile(r"\(\?<(?=[A-Za-z_])")
_VARIABLE = re.compile(r"\$\{([^}]*)\}?")


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken rule, at a path of keys within the spec's file."""

    path: Path
    message: str
    hint: str | None = None
    severity: Severity = "error"


def check_server(spec: ServerSpec) -> Iterator[Finding]:
    """Each port of its own: by it the server knows what it is."""
    taken = {spec.port: "server.port"}
    for protocol, own in spec.ports.given().items():
        key = f"server.ports.{protocol}.port"
        if own.port and own.port in taken:
            yield Finding(
                ("server", "ports", protocol, "port"),
                f"{key}: {own.port} is {taken[own.port]} already",
                "give each its own",
            )
        taken.setdefault(own.port, key)


def check_stream(spec: StreamSpec) -> Iterator[Finding]:
    """Rules between the keys of one stream."""
    yield from _check_pattern(spec)
    yield from _check_csv(spec)
    yield from _check_columns(spec)
    yield from _check_deliver(spec)
    if spec.time is not None:
        yield from _check_time_format(spec.time.format)
    if spec.contract is not None and isinstance(spec.contract.json_schema, dict):
        for path, message, hint in schema_flaws(spec.contract.json_schema):
            within = "".join(f".{step}" for step in path)
            at = ("contract", "schema", *path)
            yield Finding(at, f"contract.schema{within}: {message}", hint)
    if spec.max_record_size == 0:
        yield Finding(("max_record_size",), "max_record_size: no record fits into 0 bytes")


def _check_pattern(spec: StreamSpec) -> Iterator[Finding]:
    if spec.format is not RecordFormat.REGEX:
        if spec.pattern is not None:
            yield Finding(
                ("pattern",),
                f"pattern has no meaning with format: {spec.format}",
                "write format: regex, or remove it",
            )
        return
    if spec.pattern is None:
        yield Finding(
            ("format",),
            "format: regex needs a pattern",
            r"such as pattern: '(?P<level>\w+) (?P<message>.*)'",
        )
        return
    reason = _not_re2(spec.pattern)
    if reason:
        yield Finding(("pattern",), f"pattern: not a regular expression: {reason}")
        return
    groups = _GROUP.findall(spec.pattern)
    if not groups:
        yield Finding(
            ("pattern",),
            "pattern has no named group, so no column",
            r"name groups: (?P<level>\w+)",
        )
    for name in groups:
        if name.lower() in OWN_COLUMNS:
            yield Finding(("pattern",), f"column {name!r} is Madang's own", "rename the group")


def _not_re2(pattern: str) -> str | None:
    # The engine that will run it says whether it can; imported only where there is a pattern.
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        pc.match_substring_regex(pa.array([""]), pattern=_UNNAMED.sub("(?P<", pattern))
    except pa.ArrowInvalid as error:
        return str(error).removeprefix("Invalid regular expression: ").splitlines()[0]
    return None


def _check_csv(spec: StreamSpec) -> Iterator[Finding]:
    csv = spec.format is RecordFormat.CSV
    if spec.header and not csv:
        yield Finding(("header",), "header has a meaning only with format: csv", "remove it")
    if spec.delimiter != "," and not csv:
        yield Finding(("delimiter",), "delimiter has a meaning only with format: csv", "remove it")
    if len(spec.delimiter) != 1 or spec.delimiter in '"\r\n':
        yield Finding(
            ("delimiter",),
            f"delimiter: {spec.delimiter!r} is not one character",
            r'such as ";" or "\t"',
        )
    seen: set[str] = set()
    for index, name in enumerate(spec.header):
        if not name or name.lower() in seen or name.lower() in OWN_COLUMNS:
            what = "is empty" if not name else "stands twice" if name.lower() in seen else ""
            yield Finding(("header", index), f"header: {name!r} {what or 'is a column of Madang'}")
        seen.add(name.lower())


def _check_columns(spec: StreamSpec) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for name in spec.columns:
        at = ("columns", name)
        if not name or len(name) > 255:
            yield Finding(at, "a column's name has 1 to 255 characters")
        elif name.lower() in OWN_COLUMNS:
            yield Finding(at, f"column {name!r} is Madang's own", "choose another name")
        elif name.lower() in seen:
            yield Finding(at, f"columns {seen[name.lower()]!r} and {name!r} differ only in case")
        seen.setdefault(name.lower(), name)


def _check_deliver(spec: StreamSpec) -> Iterator[Finding]:
    if not isinstance(spec.deliver, DeliverSpec) or spec.deliver.table is None:
        return
    table = spec.deliver.table
    at = ("deliver", "table")
    namespace, dot, name = table.partition(".")
    if not dot and is_name(table):
        yield Finding(
            at, f"deliver.table: {table!r} has no namespace", f"write {DEFAULT_NAMESPACE}.{table}"
        )
    elif not (is_name(namespace) and is_name(name)):
        yield Finding(
            at, f"deliver.table: {table!r} is not <namespace>.<table>", f"a name is {RULE}"
        )
    elif is_own(table) and not is_own(spec.name):
        yield Finding(
            at, f"deliver.table: {namespace!r} is Madang's own namespace", "choose another"
        )


def _check_time_format(form: str) -> Iterator[Finding]:
    if form in _TIME_FORMATS or "%" in form:
        return
    near = near_match(form, _TIME_FORMATS)
    hint = f"did you mean {near!r}?" if near else f"one of: {', '.join(_TIME_FORMATS)}, or %Y-%m-%d"
    yield Finding(("time", "format"), f"time.format: {form!r} is not known", hint)


def check_source(
    spec: SourceSpec, streams: Mapping[str, StreamSpec | None], own: Iterable[str]
) -> Iterator[Finding]:
    """Rules of one source.

    Args:
        spec: The source.
        streams: Every stream of the project; None for one whose file is broken.
        own: Names of Madang's own streams, which no source of a project feeds.
    """
    if spec.stream == SAMPLES and spec.kind != "files":
        pass
    elif spec.stream in own or is_own(spec.stream):
        yield Finding(("stream",), f"stream {spec.stream!r} is fed by Madang alone")
    elif spec.stream not in streams:
        near = near_match(spec.stream, streams)
        hint = f"did you mean {near!r}?" if near else f"write streams/{spec.stream}.yml"
        yield Finding(("stream",), f"there is no stream {spec.stream!r}", hint)
    else:
        yield from _check_target(spec, streams[spec.stream])
    if isinstance(spec, FilesSourceSpec):
        yield from _check_paths(spec)
    elif isinstance(spec, HostSourceSpec) and spec.interval < 0.1:
        yield Finding(("interval",), f"interval: {spec.interval:g}s is too short", "at least 100ms")


def _check_target(spec: SourceSpec, stream: StreamSpec | None) -> Iterator[Finding]:
    if stream is None:
        return
    typed = stream.format is RecordFormat.TYPED
    if spec.kind != "files" and not typed:
        yield Finding(
            ("stream",),
            f"kind: {spec.kind} needs a stream of format typed; {spec.stream!r} is {stream.format}",
            f"write format: typed in streams/{spec.stream}.yml",
        )
    if spec.kind == "files" and typed:
        yield Finding(
            ("stream",),
            f"kind: files brings lines; the stream {spec.stream!r} is typed",
            "choose a stream of another format, such as plain",
        )


def _check_paths(spec: FilesSourceSpec) -> Iterator[Finding]:
    for key, globs in (("paths", spec.paths), ("exclude", spec.exclude)):
        for index, glob in enumerate(globs):
            if not glob.strip() or "\0" in glob:
                yield Finding((key, index), f"{key}: {glob!r} is no path")
            for variable in _VARIABLE.finditer(glob):
                if variable[0] != "${data}":
                    yield Finding(
                        (key, index),
                        f"{key}: {variable[0]} is not known",
                        "only ${data}, the data directory",
                    )
    if spec.batch_size == 0:
        yield Finding(("batch_size",), "batch_size: nothing can be read in pieces of 0 bytes")
    if spec.poll_interval < 0.05:
        yield Finding(("poll_interval",), "poll_interval is too short", "at least 50ms")


def check_table(
    spec: TableSpec, filled: Mapping[str, str], *, doubtful: bool = False
) -> Iterator[Finding]:
    """Rules of one table.

    Args:
        spec: The table.
        filled: Table → the stream that fills it.
        doubtful: Some stream's file is broken, so its table is not known.
    """
    if spec.name in filled or doubtful:
        return
    near = near_match(spec.name, filled)
    yield Finding(
        (),
        f"no stream fills the table {spec.name!r}",
        f"did you mean {near!r}?" if near else None,
        "warning",
    )


def check_senders(senders: Sequence[RemoteWriteSpec], at: Path) -> Iterator[Finding]:
    """Two senders of one file need names that differ."""
    seen: set[str] = set()
    for place, one in enumerate(senders):
        if one.key in seen:
            what = "name" if one.name else "url"
            text = f"two of remote_write have the {what} {one.key!r}"
            yield Finding((*at, place), text, "each has a name of its own")
        seen.add(one.key)

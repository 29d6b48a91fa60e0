"""Madang's own streams: names that every part agrees on, and their specs."""

from __future__ import annotations

from madang.core.names import SAMPLES
from madang.project.source_spec import FilesSourceSpec, SourceSpec
from madang.project.stream_spec import RecordFormat, RetentionSpec, StreamSpec, TimeSpec

LOGS = "system.logs"
"""Log lines of every role: the JSON lines of ``logs/<role>.jsonl``."""
ACCESS_LOG = "system.access_log"
"""One record a request: the JSON lines of ``logs/access.jsonl``."""
QUERY_HISTORY = "system.query_history"
"""One record a query, typed; its Arrow schema belongs to ``query``."""
ACCESS_LOG_FILE = "access.jsonl"
"""The access log's file within the ``logs`` folder of the data directory."""

_RETENTION = RetentionSpec(age=2 * 86_400.0, size=512 * 2**20)
_SAMPLES_RETENTION = RetentionSpec(age=2 * 3_600.0, size=4 * 2**30)


def system_streams() -> dict[str, StreamSpec]:
    """The specs of Madang's own streams by name."""
    specs = (
        StreamSpec(
            name=LOGS,
            description="What Madang itself logs",
            time=TimeSpec(field="ts"),
            retention=_RETENTION,
        ),
        StreamSpec(
            name=ACCESS_LOG,
            description="Requests that Madang answered",
            time=TimeSpec(field="ts"),
            retention=_RETENTION,
        ),
        StreamSpec(
            name=QUERY_HISTORY,
            description="Who asked what, over which tables, how much and how long",
            format=RecordFormat.TYPED,
            retention=_RETENTION,
        ),
        StreamSpec(
            name=SAMPLES,
            description="Samples of metrics: scraped, pushed, and Madang's own",
            format=RecordFormat.TYPED,
            retention=_SAMPLES_RETENTION,
            deliver=False,  # the role that answers PromQL brings them into their tables
        ),
    )
    return {spec.name: spec for spec in specs}


def system_sources() -> dict[str, SourceSpec]:
    """The specs of the sources that feed Madang's own streams, by name."""
    specs = (
        FilesSourceSpec(
            kind="files",
            name=LOGS,
            description="Madang's own log files",
            stream=LOGS,
            paths=("${data}/logs/*.jsonl",),
            exclude=(f"${{data}}/logs/{ACCESS_LOG_FILE}",),
        ),
        FilesSourceSpec(
            kind="files",
            name=ACCESS_LOG,
            description="Madang's own access log",
            stream=ACCESS_LOG,
            paths=(f"${{data}}/logs/{ACCESS_LOG_FILE}",),
        ),
    )
    return {spec.name: spec for spec in specs}

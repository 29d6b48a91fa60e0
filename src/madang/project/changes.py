"""What a change may not do to streams that hold records already."""

from __future__ import annotations

from collections.abc import Iterator

from madang.project.checks import Finding
from madang.project.project import Project
from madang.project.stream_spec import RecordFormat, StreamSpec


def check_changes(before: Project, after: Project) -> Iterator[tuple[str, Finding]]:
    """Stream name and finding for every change that its log cannot follow."""
    for name, old in before.streams.items():
        new = after.streams.get(name)
        if new is not None:
            for finding in check_stream_change(old, new):
                yield name, finding


def check_stream_change(old: StreamSpec, new: StreamSpec) -> Iterator[Finding]:
    """Whether the log that was written under ``old`` can go on under ``new``."""
    if new.partitions < old.partitions:
        yield Finding(
            ("partitions",),
            f"partitions: {old.partitions} cannot become {new.partitions}",
            "a stream's partitions never shrink: they hold records",
        )
    was_typed, is_typed = (one.format is RecordFormat.TYPED for one in (old, new))
    if was_typed != is_typed:
        yield Finding(
            ("format",),
            f"format: {old.format} cannot become {new.format}",
            "a typed stream holds columns, others bytes; make a new stream",
        )

"""The project directory: YAML files → frozen specs → one checked :class:`Project`."""

from madang.project.platform_spec import PlatformSpec, QuerySpec, ServerSpec, StorageSpec
from madang.project.project import Project
from madang.project.source_spec import (
    FilesSourceSpec,
    HostSourceSpec,
    MultilineSpec,
    SourceSpec,
)
from madang.project.stream_spec import (
    ColumnType,
    ContractSpec,
    DeliverSpec,
    RecordFormat,
    RetentionSpec,
    StreamSpec,
    TimeSpec,
)
from madang.project.table_spec import CompactionSpec, TableSpec

__all__ = [
    "ColumnType",
    "CompactionSpec",
    "ContractSpec",
    "DeliverSpec",
    "FilesSourceSpec",
    "HostSourceSpec",
    "MultilineSpec",
    "PlatformSpec",
    "Project",
    "QuerySpec",
    "RecordFormat",
    "RetentionSpec",
    "ServerSpec",
    "SourceSpec",
    "StorageSpec",
    "StreamSpec",
    "TableSpec",
    "TimeSpec",
]

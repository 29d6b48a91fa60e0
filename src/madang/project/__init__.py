"""The project directory: YAML files → frozen specs → one checked :class:`Project`.

Entry: :func:`load_project`. The platform's writer is :class:`ProjectPublisher`; every process reads
through :class:`ProjectFollower`.
"""

from madang.project.edit import ProjectEditor
from madang.project.loader import LoadResult, check_directory, load_project
from madang.project.platform_spec import PlatformSpec, QuerySpec, ServerSpec, StorageSpec
from madang.project.ports_spec import OwnPortSpec, PortsSpec
from madang.project.problem import Problem, ProjectError
from madang.project.project import Project
from madang.project.publish import (
    ProjectFollower,
    ProjectPublisher,
    Published,
    PublishResult,
    read_problems,
)
from madang.project.schema import json_schema, write_schemas
from madang.project.scrape_spec import ScrapeJobSpec, ScrapeSourceSpec
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
    TimeFault,
    TimeSpec,
)
from madang.project.table_spec import CompactionSpec, TableSpec
from madang.project.watch import ProjectWatch
from madang.project.write import WrittenStream, stream_from_json, write_stream

__all__ = [
    "ColumnType",
    "CompactionSpec",
    "ContractSpec",
    "DeliverSpec",
    "FilesSourceSpec",
    "HostSourceSpec",
    "LoadResult",
    "MultilineSpec",
    "OwnPortSpec",
    "PlatformSpec",
    "PortsSpec",
    "Problem",
    "Project",
    "ProjectEditor",
    "ProjectError",
    "ProjectFollower",
    "ProjectPublisher",
    "ProjectWatch",
    "PublishResult",
    "Published",
    "QuerySpec",
    "RecordFormat",
    "RetentionSpec",
    "ScrapeJobSpec",
    "ScrapeSourceSpec",
    "ServerSpec",
    "SourceSpec",
    "StorageSpec",
    "StreamSpec",
    "TableSpec",
    "TimeFault",
    "TimeSpec",
    "WrittenStream",
    "check_directory",
    "json_schema",
    "load_project",
    "read_problems",
    "stream_from_json",
    "write_schemas",
    "write_stream",
]

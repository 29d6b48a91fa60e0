"""The whole project as one frozen value."""

from __future__ import annotations

from pydantic import Field

from madang.project.platform_spec import PlatformSpec
from madang.project.rule_spec import RuleFileSpec
from madang.project.source_spec import SourceSpec
from madang.project.stream_spec import StreamSpec
from madang.project.table_spec import TableSpec
from madang.project.types import Spec


class Project(Spec):
    """Everything that the project directory says, checked; keys are names."""

    directory: str
    """Absolute path of the project directory."""
    platform: PlatformSpec = PlatformSpec()
    """``madang.yml``."""
    streams: dict[str, StreamSpec] = Field(default_factory=dict)
    """``streams/*.yml``, and Madang's own ``system.*`` streams."""
    sources: dict[str, SourceSpec] = Field(default_factory=dict)
    """``sources/*.yml``."""
    tables: dict[str, TableSpec] = Field(default_factory=dict)
    """``tables/*.yml`` by full name (``lake.orders``)."""
    rules: dict[str, RuleFileSpec] = Field(default_factory=dict)
    """``rules/*.yml`` by path in the project, and by absolute path what ``rule_files`` of a
    ``prometheus.yml`` names; intervals and offsets with their defaults."""
    version: str = ""
    """Digest of the files it was read from."""

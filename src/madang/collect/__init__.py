"""Sources → batches: HTTP bodies, followed files, the host.

Entry for bodies: :func:`split_body`. Entry for the ``collect`` role: :class:`Collector`, which runs
each :class:`Source` of the project.
"""

from madang.collect.bodies import (
    ContentFormat,
    Media,
    SplitBody,
    UnsupportedMediaError,
    decompress,
    detect_media,
    split_body,
)
from madang.collect.collector import Collector, SourceState
from madang.collect.files import FilesSource
from madang.collect.host import HOST_SCHEMA, HostSource
from madang.collect.source import Source, SourceContext, SourceFactory, SourceStatus

__all__ = [
    "HOST_SCHEMA",
    "Collector",
    "ContentFormat",
    "FilesSource",
    "HostSource",
    "Media",
    "Source",
    "SourceContext",
    "SourceFactory",
    "SourceState",
    "SourceStatus",
    "SplitBody",
    "UnsupportedMediaError",
    "decompress",
    "detect_media",
    "split_body",
]

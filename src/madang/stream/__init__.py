"""The durable stream: a partitioned, segmented log of Arrow batches with exactly-once appends.

Port: :class:`Stream`. Entry: :class:`LogStore`, which opens the embedded :class:`LogStream`.
``docs/formats/segment.md`` draws the files.
"""

from madang.stream.log_store import LogStore
from madang.stream.log_stream import LogStream
from madang.stream.partitioning import append_partitioned, partition_of
from madang.stream.port import RECORD_SCHEMA, Appended, Bounds, Chunk, LogIdentity, Origin, Stream
from madang.stream.quarantine import QuarantinedFrame
from madang.stream.recovery import PartitionRecovery, RecoveryReport
from madang.stream.retention import HeldBack, RetentionReport

__all__ = [
    "RECORD_SCHEMA",
    "Appended",
    "Bounds",
    "Chunk",
    "HeldBack",
    "LogIdentity",
    "LogStore",
    "LogStream",
    "Origin",
    "PartitionRecovery",
    "QuarantinedFrame",
    "RecoveryReport",
    "RetentionReport",
    "Stream",
    "append_partitioned",
    "partition_of",
]

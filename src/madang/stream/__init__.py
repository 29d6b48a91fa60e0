"""The durable stream: a partitioned, segmented log of Arrow batches with exactly-once appends.

Port: :class:`Stream`. ``docs/formats/segment.md`` draws the files.
"""

from madang.stream.port import RECORD_SCHEMA, Appended, Bounds, Chunk, Origin, Stream

__all__ = ["RECORD_SCHEMA", "Appended", "Bounds", "Chunk", "Origin", "Stream"]

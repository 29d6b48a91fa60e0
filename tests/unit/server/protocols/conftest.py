"""A server, and what is in the stream of samples."""

from __future__ import annotations

import time

import pytest

from madang.core.samples import labels_of


class Stored:
    """The samples that were appended since the test began."""

    def __init__(self, server):
        self._stream = server.open_stream("metrics.samples")
        self._begin = self._stream.bounds(0).end
        self.known = {}

    def rows(self):
        """(labels, milliseconds, value, histogram), in order."""
        found = []
        for chunk in self._chunks(0):
            batch = chunk.batch
            said = batch.filter(batch.column("labels").is_valid())
            for number, labels in zip(
                said.column("series").to_pylist(), said.column("labels").to_pylist(), strict=True
            ):
                self.known[number] = labels
            for row in batch.slice(max(0, self._begin - chunk.base_offset)).to_pylist():
                time_ms = round(row["ts"].timestamp() * 1000)
                labels = labels_of(self.known[row["series"]])
                found.append((labels, time_ms, row["value"], row["histogram"]))
        return found

    def values(self):
        """Values by the metric's name."""
        return {labels["__name__"]: value for labels, _, value, _ in self.rows()}

    def sources(self):
        return {chunk.attributes["source"] for chunk in self._chunks(self._begin)}

    def _chunks(self, offset):
        end = self._stream.bounds(0).end
        while offset < end:
            for chunk in self._stream.read(0, offset):
                yield chunk
                offset = chunk.end_offset


@pytest.fixture
def stored(server):
    return Stored(server)


@pytest.fixture
def now_ms():
    return time.time_ns() // 1_000_000

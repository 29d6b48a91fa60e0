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
            for offset, row in enumerate(chunk.batch.to_pylist(), chunk.base_offset):
                if row["labels"] is not None:
                    self.known[row["series"]] = labels_of(row["labels"])
                if offset >= self._begin:
                    time_ms = round(row["ts"].timestamp() * 1000)
                    labels = self.known[row["series"]]
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

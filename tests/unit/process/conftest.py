"""Decodes lists of bytes, the way delivery does."""

from collections import Counter

import pytest

from madang.process import StreamDecoder
from madang.project import StreamSpec
from madang.stream import Chunk
from madang.testing.records import record_batch

ARRIVAL_US = 1_767_225_600_000_000  # 2026-01-01 00:00 UTC


def chunk_of(values, *, offset=0, partition=0, arrival_us=ARRIVAL_US, **attributes):
    raw = [value.encode() if isinstance(value, str) else value for value in values]
    return Chunk(partition, offset, record_batch(raw, ts_us=arrival_us), arrival_us, attributes)


@pytest.fixture
def decode(tmp_path):
    """decode(values, schema=None, attributes={}, zone=…, **spec fields) → Decoded."""

    def run(values, schema=None, *, attributes=None, zone="UTC", arrival_us=ARRIVAL_US, **spec):
        decoder = StreamDecoder(StreamSpec(name="s", **spec), zone=zone, project_dir=tmp_path)
        chunk = chunk_of(values, arrival_us=arrival_us, **(attributes or {}))
        return decoder.decode([chunk], schema)

    return run


@pytest.fixture
def row(decode):
    """The only row's columns that hold something, without Madang's own but ``_rest``."""

    def run(value, *args, **kwargs):
        decoded = decode([value], *args, **kwargs)
        assert decoded.dead.num_rows == 0, decoded.dead.to_pylist()
        return plain_rows(decoded)[0]

    return run


def plain_rows(decoded):
    own = ("_time", "_partition", "_offset")
    return [
        {name: value for name, value in entry.items() if name not in own and value is not None}
        for entry in decoded.rows.to_pylist()
    ]


def counted(decoded):
    """Misfits by field."""
    found = Counter()
    for misfit, tally in decoded.misfits.items():
        found[misfit.column] += tally.count
    return dict(found)

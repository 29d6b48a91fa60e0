"""Runs of chunks: bounded in records, nothing lost or moved."""

from hypothesis import given
from hypothesis import strategies as st

from madang.lake import row_buffer
from madang.lake.row_buffer import runs
from madang.stream import Chunk
from madang.testing.records import record_batch, values_of


@given(counts=st.lists(st.integers(0, 25), max_size=8))
def test_runs_are_bounded_and_keep_every_record_property(counts):
    chunks, offset = [], 7
    for count in counts:
        batch = record_batch([b"%d" % (offset + i) for i in range(count)])
        chunks.append(Chunk(0, offset, batch, 0))
        offset += count + 3
    before, row_buffer._RUN_RECORDS = row_buffer._RUN_RECORDS, 10
    try:
        found = [list(run) for run in runs(chunks)]
    finally:
        row_buffer._RUN_RECORDS = before
    assert all(sum(chunk.batch.num_rows for chunk in run) <= 10 for run in found)
    assert [pair for run in found for pair in values_of(run)] == values_of(chunks)

"""A typed stream says its columns itself: they are there before they have a value."""

from __future__ import annotations

import pyarrow as pa

from madang.process import StreamDecoder
from madang.project import RecordFormat, StreamSpec
from madang.stream import Chunk


def test_a_column_without_a_value_yet_is_a_column(tmp_path):
    schema = pa.schema([("id", pa.int64()), ("error", pa.string()), ("unknown", pa.null())])
    batch = pa.record_batch([[1, 2], [None, None], [None, None]], schema=schema)
    decoder = StreamDecoder(
        StreamSpec(name="history", format=RecordFormat.TYPED), zone="UTC", project_dir=tmp_path
    )
    rows = decoder.decode([Chunk(0, 0, batch, 1_700_000_000_000_000)], None).rows
    assert rows.schema.field("error").type == pa.string()
    assert rows["error"].null_count == 2
    assert "unknown" not in rows.column_names

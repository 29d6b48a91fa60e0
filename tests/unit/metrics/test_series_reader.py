"""What is kept of the series that selectors found in files."""

from types import SimpleNamespace

import pyarrow as pa

from madang.metrics.matcher import Matcher, MatchKind
from madang.metrics.tables import series_reader
from madang.metrics.tables.series_reader import SHAPE, SeriesReader


def test_selectors_that_find_nothing_take_bounded_memory(monkeypatch):
    monkeypatch.setattr(series_reader, "_KEPT_BYTES", 100 * series_reader._ENTRY_BYTES)
    monkeypatch.setattr(series_reader, "_matching", lambda *_: iter([SHAPE.empty_table()]))
    reader, file = SeriesReader(), SimpleNamespace(path="a.parquet")
    for number in range(500):
        found = reader.select([file], [Matcher("pod", MatchKind.EQUAL, f"pod-{number}")])
        assert len(found.ids) == 0
        assert len(reader._kept) <= 100


def test_files_beyond_a_limit_are_not_read(monkeypatch):
    def rows(path, _):
        for first in (0, 2):
            read.append((path, first))
            columns = [[first, first + 1], ["up", "up"], [[("pod", "a")], [("pod", "b")]]]
            yield pa.table(columns, schema=SHAPE)

    read = []
    monkeypatch.setattr(series_reader, "_matching", rows)
    files = [SimpleNamespace(path=path) for path in ("new", "old")]
    reader = SeriesReader()
    assert reader.select(files, [], limit=1).ids.tolist() == [0]
    assert reader.select(files, [], limit=3).ids.tolist() == [0, 1, 2]
    assert read == [("new", 0), ("new", 0), ("new", 2)]
    assert reader.select(files, []).ids.tolist() == [0, 1, 2, 3]
    read.clear()
    assert reader.select(files, []).ids.tolist() == [0, 1, 2, 3]
    assert read == []

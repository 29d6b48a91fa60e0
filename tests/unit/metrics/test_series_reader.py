"""What is kept of the series that selectors found in files."""

from types import SimpleNamespace

from madang.metrics.matcher import Matcher, MatchKind
from madang.metrics.tables import series_reader
from madang.metrics.tables.series_reader import SHAPE, SeriesReader


def test_selectors_that_find_nothing_take_bounded_memory(monkeypatch):
    monkeypatch.setattr(series_reader, "_KEPT_BYTES", 100 * series_reader._ENTRY_BYTES)
    monkeypatch.setattr(series_reader, "_matching", lambda *_: SHAPE.empty_table())
    reader, file = SeriesReader(), SimpleNamespace(path="a.parquet")
    for number in range(500):
        found = reader.select([file], [Matcher("pod", MatchKind.EQUAL, f"pod-{number}")])
        assert len(found.ids) == 0
        assert len(reader._kept) <= 100

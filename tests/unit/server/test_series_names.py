"""Samples of the stream with the name and labels of their series, where people look at it."""

from __future__ import annotations

import orjson
import pyarrow as pa

from madang.metrics.head.folder import HeadFolder
from madang.metrics.head.follower import HeadFollower
from madang.metrics.head.head import Head
from madang.metrics.tables.delivery import SampleDelivery, SampleTables
from madang.server import series_names
from madang.server.series_names import SeriesNames
from unit.metrics.pages import page


def test_samples_are_shown_with_the_name_and_labels_of_their_series(server):
    stream = server.open_stream("metrics.samples")

    def shown(limit):
        with server.client("read") as reader:
            answer = reader.get("/api/streams/metrics.samples/records", params={"limit": limit})
        found = answer.json()
        return [orjson.loads(row["value"]) for row in found["records"]]

    stream.submit(page(1_795_219_200_000, {("shown", "가"): 1.5})).result()
    first = shown(1)[0]
    assert list(first)[:3] == ["name", "labels", "value"]
    assert (first["name"], first["labels"], first["value"]) == ("shown", {"pod": "가"}, 1.5)
    stream.submit(page(1_795_219_200_001, {("shown", "가"): 2.5}, announce=False)).result()
    assert [row["name"] for row in shown(1)] == ["shown"]
    stream.submit(page(1_795_219_200_002, {("nobody", "b"): 2.5}, announce=False)).result()
    assert [(row["name"], row["labels"]) for row in shown(1)] == [(None, None)]


def test_series_names_come_from_the_stream_and_from_the_table(server):
    stream = server.open_stream("metrics.samples")
    stream.submit(page(1_795_219_200_000, {("elsewhere", "a"): 1.0})).result()
    batch = page(1_795_219_200_001, {("elsewhere", "a"): 1.0}, announce=False)
    names = SeriesNames(server.lake, lambda: stream)
    assert names.of(batch) == [{"name": "elsewhere", "labels": {"pod": "a"}}]
    tables = SampleTables(server.lake, stream)
    follower = HeadFollower(stream, Head(), HeadFolder(server.data.head), archive=tables)
    follower.restore()
    while follower.poll():
        pass
    follower.write()
    SampleDelivery(tables, follower).deliver()
    assert SeriesNames(server.lake, lambda: stream).of(batch) == names.of(batch)


def test_names_are_kept_within_bytes_and_those_of_a_batch_while_it_is_shown(server, monkeypatch):
    stream = server.open_stream("metrics.samples")
    pods = {("kept", f"{number}"): 1.0 for number in range(50)}
    stream.submit(page(1_795_219_300_000, pods)).result()
    names = SeriesNames(server.lake, lambda: stream)
    monkeypatch.setattr(series_names, "_MOST_KNOWN_BYTES", 1000)
    for number in range(20):
        # One is said beside its sample, the other has to be looked for.
        said = page(1_795_219_300_001, {("said", f"{number}"): 1.0})
        sought = page(1_795_219_300_001, {("kept", "7"): 1.0}, announce=False)
        both = pa.Table.from_batches([said, sought]).combine_chunks().to_batches()[0]
        shown = names.of(both)
        assert shown[0] == {"name": "said", "labels": {"pod": f"{number}"}}
        if not number:
            assert shown[1] == {"name": "kept", "labels": {"pod": "7"}}
    assert len(names._known) < 10

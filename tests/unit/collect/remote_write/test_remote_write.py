from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.collect.bodies import UnsupportedMediaError
from madang.collect.pushed import Exemplar, FamilyMetadata
from madang.collect.remote_write import (
    CONTENT_TYPES,
    V1_PROTO,
    V2_PROTO,
    RemoteWriteDecoder,
    RemoteWriteEncoder,
    proto_of,
    refusal_text,
    written_headers,
)
from madang.collect.wire_messages import build_messages
from madang.core.errors import InvalidInputError, TooLargeError
from madang.core.samples import STALE_NAN, Samples, canonical_labels, is_stale, series_id

T0 = 1_700_000_000_000
HISTOGRAM = ["uint64 count = 1", "double sum = 3", "sint32 schema = 4", "int64 timestamp = 15"]
SENT = build_messages(
    "sent",
    {
        "WriteRequest": ["repeated TimeSeries timeseries = 1"],
        "TimeSeries": [
            "repeated Label labels = 1",
            "repeated Sample samples = 2",
            "repeated Exemplar exemplars = 3",
            "repeated Histogram histograms = 4",
        ],
        "Label": ["bytes name = 1", "bytes value = 2"],
        "Sample": ["double value = 1", "int64 timestamp = 2"],
        "Exemplar": ["repeated Label labels = 1", "double value = 2", "int64 timestamp = 3"],
        "Histogram": HISTOGRAM,
        "Request": ["repeated bytes symbols = 4", "repeated TimeSeries2 timeseries = 5"],
        "TimeSeries2": [
            "repeated uint32 labels_refs = 1",
            "repeated Sample samples = 2",
            "repeated Histogram histograms = 3",
            "repeated Exemplar2 exemplars = 4",
            "Metadata2 metadata = 5",
            "int64 created_timestamp = 6",
        ],
        "Exemplar2": ["repeated uint32 labels_refs = 1", "double value = 2", "int64 timestamp = 3"],
        "Metadata2": ["int32 type = 1", "uint32 help_ref = 3", "uint32 unit_ref = 4"],
    },
)


def pack(message) -> bytes:
    wire = message if isinstance(message, bytes) else message.SerializeToString()
    return pa.compress(wire, codec="snappy", asbytes=True)


def rows(pushed):
    """Samples by series, in the order of each; equal whatever the order of series."""
    samples = pushed.samples
    assert len(set(samples.labels)) == len(samples.labels)
    assert pushed.series_ids.tolist() == [series_id(labels) for labels in samples.labels]
    found: dict[bytes, list] = {}
    bits = samples.values.view(np.uint64).tolist()
    for place, ts, value in zip(samples.series.tolist(), samples.ts_ms.tolist(), bits, strict=True):
        found.setdefault(samples.labels[place], []).append((ts, value))
    return found


def told(pushed):
    """Everything that two decoders must agree on."""
    return (
        rows(pushed),
        [(one.position, one.reason) for one in pushed.refused],
        pushed.refused_count,
        sorted(pushed.exemplars, key=repr),
        sorted(pushed.metadata, key=repr),
        sorted(zip(pushed.histograms.ts_ms.tolist(), pushed.histograms.messages, strict=True)),
        pushed.left_out,
    )


def v1(*series):
    """A request of (labels, samples) or of TimeSeries."""
    request = SENT["WriteRequest"]()
    for labels, samples, *more in series:
        one = request.timeseries.add(
            labels=[SENT["Label"](name=name, value=value) for name, value in labels],
            samples=[SENT["Sample"](value=value, timestamp=ts) for value, ts in samples],
        )
        for field, value in (more[0] if more else {}).items():
            getattr(one, field).extend(value)
    return request


def labels_of_v2(request, pairs):
    refs = []
    for text in [text for pair in pairs for text in pair]:
        if text not in request.symbols:
            request.symbols.append(text)
        refs.append(list(request.symbols).index(text))
    return refs


def v2(*series, symbols=(b"",)):
    request = SENT["Request"](symbols=symbols)
    for labels, samples in series:
        request.timeseries.add(
            labels_refs=labels_of_v2(request, labels),
            samples=[SENT["Sample"](value=value, timestamp=ts) for value, ts in samples],
        )
    return request


UP = [(b"__name__", b"up"), (b"job", b"a")]
DOWN = [(b"__name__", b"down"), (b"job", b"b")]


@pytest.fixture
def decoder():
    return RemoteWriteDecoder()


@pytest.mark.parametrize(("make", "proto"), [(v1, V1_PROTO), (v2, V2_PROTO)])
def test_samples_of_both_versions(decoder, make, proto):
    up, down = canonical_labels({"__name__": "up", "job": "a"}), b"__name__\xffdown\xffjob\xffb"
    one = np.float64(1).view(np.uint64)
    for ts in (T0, T0 + 15_000, T0 + 30_000):
        body = pack(make((UP, [(1, ts)]), (DOWN, [(0, ts), (1, ts + 1)])))
        pushed = decoder.decode(body, proto)
        assert rows(pushed) == {up: [(ts, one)], down: [(ts, 0), (ts + 1, one)]}
        assert refusal_text(pushed) is None


@pytest.mark.parametrize(("make", "proto"), [(v1, V1_PROTO), (v2, V2_PROTO)])
def test_the_stale_marker_keeps_its_bits(decoder, make, proto):
    for count in (1, 1, 2, 2):
        body = pack(make((UP, [(STALE_NAN, T0 + i) for i in range(count)])))
        assert is_stale(decoder.decode(body, proto).samples.values).all()


BAD_LABELS = {
    "no label __name__": [(b"job", b"a")],
    "the label 'job' is repeated": [*UP, (b"job", b"b")],
    "a label's name is empty": [*UP, (b"", b"b")],
    "the label text '\\xff' is not UTF-8": [*UP, (b"x", b"\xff")],
    "the label text 'x\\xc3' is not UTF-8": [*UP, (b"x\xc3", b"\xa9")],
}


@pytest.mark.parametrize(("make", "proto"), [(v1, V1_PROTO), (v2, V2_PROTO)])
@pytest.mark.parametrize("reason", BAD_LABELS)
def test_a_series_with_wrong_labels_is_told_and_the_rest_is_taken(decoder, make, proto, reason):
    for _ in range(2):
        body = pack(make((UP, [(1, T0)]), (BAD_LABELS[reason], [(2, T0)]), (DOWN, [(3, T0)])))
        pushed = decoder.decode(body, proto)
        assert sorted(pushed.samples.values.tolist()) == [1, 3]
        assert [(one.position, one.reason) for one in pushed.refused] == [(2, reason)]
        assert refusal_text(pushed).startswith(f"series 2: {reason}: ")
        assert written_headers(pushed)["X-Prometheus-Remote-Write-Samples-Written"] == "2"


@pytest.mark.parametrize(("make", "proto"), [(v1, V1_PROTO), (v2, V2_PROTO)])
def test_labels_are_sorted_and_empty_ones_left_away(decoder, make, proto):
    mixed = [(b"job", b"a"), (b"__name__", b"up"), (b"env", b"")]
    for _ in range(2):
        pushed = decoder.decode(pack(make((mixed, [(1, T0)]), (UP, [(2, T0 + 1)]))), proto)
        assert list(rows(pushed)) == [canonical_labels({"__name__": "up", "job": "a"})]
        assert len(pushed.samples) == 2


def test_histograms_are_kept_as_they_came(decoder):
    histogram = SENT["Histogram"](count=5, sum=2.5, schema=3, timestamp=T0)
    other = SENT["Histogram"](count=5, sum=2.5, schema=9, timestamp=T0)
    nhcb = SENT["Histogram"](count=5, sum=2.5, schema=-53, timestamp=T0)
    pushed = decoder.decode(
        pack(
            v1(
                (UP, [], {"histograms": [histogram, nhcb]}),
                (DOWN, [], {"histograms": [other]}),
            )
        )
    )
    kept = pushed.histograms
    assert list(kept.messages) == [histogram.SerializeToString(), nhcb.SerializeToString()]
    assert kept.sums.tolist() == [2.5, 2.5]
    assert kept.ts_ms.tolist() == [T0, T0]
    assert [pushed.samples.labels[place] for place in kept.series] == [canonical(UP)] * 2
    assert pushed.refused[0].reason == "a native histogram has the schema 9"
    assert written_headers(pushed)["X-Prometheus-Remote-Write-Histograms-Written"] == "2"


def canonical(pairs):
    return canonical_labels([(name.decode(), value.decode()) for name, value in pairs])


def test_exemplars_of_both_versions(decoder):
    good = [SENT["Label"](name=b"trace_id", value=b"abc")]
    twice = good * 2
    exemplars = [SENT["Exemplar"](labels=one, value=7, timestamp=T0) for one in (good, twice)]
    expected = Exemplar(canonical(UP), b"trace_id\xffabc", 7.0, T0)
    for _ in range(2):
        pushed = decoder.decode(pack(v1((UP, [(1, T0)], {"exemplars": exemplars}))))
        assert pushed.exemplars == [expected]
        assert len(pushed.samples) == 1
        assert pushed.refused[0].reason == "an exemplar: the label 'trace_id' is repeated"
    request = v2((UP, [(1, T0)]), symbols=(b"", b"trace_id", b"abc"))
    for refs in ([1, 2], [1], [1, 99]):
        request.timeseries[0].exemplars.add(labels_refs=refs, value=7, timestamp=T0)
    for _ in range(2):
        pushed = decoder.decode(pack(request), V2_PROTO)
        assert pushed.exemplars == [expected]
        assert [one.reason for one in pushed.refused] == [
            "an exemplar: an odd number of references: a label has no value",
            "an exemplar: refers to the symbol 99; the request has 7",
        ]


def test_metadata(decoder):
    samples = Samples(
        [canonical(UP), canonical(DOWN)],
        np.array([0, 1], np.int32),
        np.array([T0, T0]),
        np.array([1.0, 0.0]),
    )
    metadata = [
        FamilyMetadata("up", "gauge", "Is it up?", "boolean"),
        FamilyMetadata("down", "stateset"),
    ]
    encoder = RemoteWriteEncoder()
    for _ in range(2):
        assert decoder.decode(encoder.v1(samples, metadata)).metadata == metadata
        assert sorted(decoder.decode(encoder.v2(samples, metadata), V2_PROTO).metadata, key=repr)
        assert len(decoder.decode(encoder.v2(samples, metadata), V2_PROTO).samples) == 2


def test_what_2_0_adds_is_checked(decoder):
    request = v2((UP, [(1, T0)]), (DOWN, [(1, T0)]), (UP, [(2, T0)]), (UP, []), (UP, [(3, T0)]))
    request.timeseries[1].labels_refs[0] = 7
    request.timeseries[2].labels_refs.append(1)
    request.timeseries[4].created_timestamp = T0
    histogram = request.timeseries.add(labels_refs=request.timeseries[0].labels_refs)
    histogram.samples.add(value=1, timestamp=T0)
    histogram.histograms.add(sum=1)
    for _ in range(2):
        pushed = decoder.decode(pack(request), V2_PROTO)
        assert sorted(pushed.samples.values.tolist()) == [1, 3]
        assert pushed.left_out == {"created timestamp": 1}
        assert [(one.position, one.reason) for one in pushed.refused] == [
            (2, "refers to the symbol 7; the request has 7"),
            (3, "an odd number of references: a label has no value"),
            (4, "neither samples nor histograms"),
            (6, "both samples and histograms"),
        ]


def test_references_may_come_one_by_one(decoder):
    wire = b"\x22\x00\x22\x08__name__\x22\x02up\x2a\x0f\x08\x01\x08\x02\x12\x09\x09" + b"\0" * 8
    for _ in range(2):
        pushed = decoder.decode(pack(wire), V2_PROTO)
        assert rows(pushed) == {b"__name__\xffup": [(0, 0)]}


def test_labels_behind_samples_count_too(decoder):
    """Fields of protobuf come in any order: a head alone does not tell the series."""
    plain = v1((UP, [(1, T0)])).timeseries[0].SerializeToString()
    more = v1(([(b"z", b"1")], [])).timeseries[0].SerializeToString()
    for tail in (b"", more):
        wire = plain + tail
        for _ in range(2):
            pushed = decoder.decode(pack(b"\x0a" + bytes([len(wire)]) + wire))
            labels = UP + ([(b"z", b"1")] if tail else [])
            assert pushed.samples.labels == [canonical(labels)]


def test_a_broken_series_is_told(decoder):
    good = v1((UP, [(1, T0)])).SerializeToString()
    for _ in range(2):
        pushed = decoder.decode(pack(b"\x0a\x02\x0a\x7f" + good))
        assert [(one.position, one.reason) for one in pushed.refused] == [(1, "no TimeSeries")]
        assert len(pushed.samples) == 1


@pytest.mark.parametrize("proto", [V1_PROTO, V2_PROTO])
def test_bodies_that_are_something_else(decoder, proto):
    for body in (b"", b"\xff" * 10, b"{}", pack(b"\x0a\xff"), pack(b"\x2a\xff")[:-1]):
        with pytest.raises(InvalidInputError):
            decoder.decode(body, proto)


def test_what_unpacks_to_too_much_is_refused_before_it_is_unpacked():
    decoder = RemoteWriteDecoder(limit_bytes=1000)
    with pytest.raises(TooLargeError, match="would unpack to 4294967295 bytes; 1000 are the most"):
        decoder.decode(b"\xff\xff\xff\xff\x0f" + b"x" * 10)
    with pytest.raises(TooLargeError):
        decoder.decode(pack(b"\0" * 1001))
    with pytest.raises(InvalidInputError):
        decoder.decode(b"\x05" + pack(b"\0" * 1001)[2:])


def test_small_bodies_that_would_take_much_memory(decoder):
    for proto, tag in ((V1_PROTO, b"\x0a\x00"), (V2_PROTO, b"\x2a\x00")):
        with pytest.raises(TooLargeError, match="more than 200000 series"):
            decoder.decode(pack(tag * 200_001), proto)
    series = v1((UP, [])).timeseries[0].SerializeToString() + b"\x12\x00" * 600_000
    wire = SENT["WriteRequest"](timeseries=[SENT["TimeSeries"].FromString(series)])
    pushed = decoder.decode(pack(wire))
    assert [one.reason for one in pushed.refused] == [
        f"a series of {len(series)} bytes; 1048576 are the most"
    ]
    series = series[: 1 << 20]
    part = v1().SerializeToString() + b"\x0a\x80\x80\x40" + series
    with pytest.raises(TooLargeError, match="more than 2000000 samples"):
        decoder.decode(pack(part * 4))


def test_content_types():
    assert proto_of("", "") == V1_PROTO
    assert proto_of("application/x-protobuf", "snappy") == V1_PROTO
    assert proto_of(CONTENT_TYPES[V2_PROTO], "Snappy") == V2_PROTO
    for wrong in ("text/plain", "application/x-protobuf;proto=other"):
        with pytest.raises(UnsupportedMediaError):
            proto_of(wrong, "snappy")
    with pytest.raises(UnsupportedMediaError):
        proto_of("application/x-protobuf", "gzip")


def test_series_are_forgotten_when_they_are_too_many():
    decoder = RemoteWriteDecoder(known_limit_bytes=5000)
    for turn in range(30):
        labels = [[(b"__name__", b"m"), (b"n", b"%d" % (turn + i))] for i in range(10)]
        for make, proto in ((v1, V1_PROTO), (v2, V2_PROTO)):
            pushed = decoder.decode(pack(make(*((one, [(1, T0)]) for one in labels))), proto)
            assert sorted(rows(pushed)) == sorted(map(canonical, labels))


names = st.sampled_from([b"__name__", b"a", b"b", b"job", b"", b"\xff", "é".encode()])
texts = st.sampled_from([b"", b"x", b"y", b"\xff", b"z" * 200, "한글".encode()])
samples_ = st.tuples(
    st.sampled_from([0.0, 1.5, -1.0, STALE_NAN, float("inf")]),
    st.one_of(st.integers(T0, T0 + 10), st.integers(-(1 << 63), (1 << 63) - 1)),
)
series_ = st.tuples(
    st.one_of(st.just(UP), st.just(DOWN), st.lists(st.tuples(names, texts), max_size=3)),
    st.one_of(st.lists(samples_, min_size=1, max_size=1), st.lists(samples_, max_size=3)),
)


@given(st.lists(st.lists(series_, max_size=4), min_size=1, max_size=3), st.data())
def test_who_knows_the_series_decodes_as_who_does_not(requests, data):
    for make, proto in ((v1, V1_PROTO), (v2, V2_PROTO)):
        decoder = RemoteWriteDecoder()
        for request in requests:
            wire = make(*request).SerializeToString()
            decoder.decode(pack(wire), proto)
            if wire and data.draw(st.booleans()):
                at = data.draw(st.integers(0, len(wire) - 1))
                wire = wire[:at] + data.draw(st.binary(max_size=2)) + wire[at + 1 :]
            results = []
            for one in (decoder, RemoteWriteDecoder()):
                try:
                    results.append(told(one.decode(pack(wire), proto)))
                except InvalidInputError as error:
                    results.append(error.message)
            assert results[0] == results[1]


@given(st.binary(max_size=200))
def test_any_bytes(wire):
    decoder = RemoteWriteDecoder()
    for proto in (V1_PROTO, V2_PROTO):
        for body in (wire, pack(wire)):
            try:
                decoder.decode(body, proto)
            except (InvalidInputError, TooLargeError):
                continue


label_sets = st.dictionaries(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=5),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=5),
    max_size=4,
).map(lambda labels: canonical_labels({**labels, "__name__": "m"}))


@given(
    st.lists(label_sets, unique=True, min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 3), samples_), max_size=20),
)
def test_samples_round_trip(labels, given_samples):
    samples = Samples(
        labels,
        np.array([place % len(labels) for place, _ in given_samples], np.int32),
        np.array([ts for _, (_, ts) in given_samples], np.int64),
        np.array([value for _, (value, _) in given_samples], np.float64),
    )
    expected: dict[bytes, list] = {}
    for place, ts, bits in zip(
        samples.series, samples.ts_ms.tolist(), samples.values.view(np.uint64).tolist(), strict=True
    ):
        expected.setdefault(labels[place], []).append((ts, bits))
    encoder, decoder = RemoteWriteEncoder(), RemoteWriteDecoder()
    for _ in range(2):
        assert rows(decoder.decode(encoder.v1(samples))) == expected
        assert rows(decoder.decode(encoder.v2(samples), V2_PROTO)) == expected

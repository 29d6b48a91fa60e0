import contextlib
import io

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.collect.bodies import ContentFormat, SplitBody, split_body
from madang.core.errors import InvalidInputError, MadangError, TooLargeError
from madang.project import RecordFormat
from madang.stream import RECORD_SCHEMA

NOW = 1_767_225_600_000_000


def split(body, media="ndjson", **more) -> SplitBody:
    more.setdefault("max_record_size_bytes", 2**20)
    return split_body(body, media=ContentFormat(media), arrived_at_us=NOW, **more)


def values(body, media="ndjson", **more) -> list[bytes]:
    return split(body, media, **more).batch["value"].to_pylist()


def ipc(table: pa.Table, *, file: bool = False, **options) -> bytes:
    sink = io.BytesIO()
    new = pa.ipc.new_file if file else pa.ipc.new_stream
    with new(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return sink.getvalue()


def test_a_batch_has_the_record_schema():
    done = split(b'{"a":1}\n\n{"a":2}\r\n{"a":3}')
    assert done.batch.schema == RECORD_SCHEMA
    done.batch.validate(full=True)
    assert done.batch["value"].to_pylist() == [b'{"a":1}', b'{"a":2}', b'{"a":3}']
    assert done.batch["ts"].cast(pa.int64()).to_pylist() == [NOW] * 3
    assert done.attributes == {"source": "http"}


@pytest.mark.parametrize("media", ["json", "ndjson", "csv", "plain"])
@pytest.mark.parametrize("body", [b"", b"\n\r\n\n"])
def test_nothing_is_refused(body, media):
    with pytest.raises(InvalidInputError, match="no record"):
        split(body, media)


def test_an_empty_array_is_refused():
    with pytest.raises(InvalidInputError, match="no record"):
        split(b" [ ] ", "json")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'[{"a": 1.0},\n 123456789012345678901234567890 ,"x,]"]',
         [b'{"a": 1.0}', b"123456789012345678901234567890", b'"x,]"']),
        (b'{"a":\n 1}', [b'{"a":\n 1}']),
        (b'{"a":1}\n{"a":2}\n', [b'{"a":1}', b'{"a":2}']),
        (b'[{"a":NaN}, {"b":"\\\\"}, {"c":"\\",["}]',
         [b'{"a":NaN}', b'{"b":"\\\\"}', b'{"c":"\\",["}']),
        (b'[{"a":"\xff"},{"b":2}]', [b'{"a":"\xff"}', b'{"b":2}']),
        (b'{"a":NaN,\n"b":1}', [b'{"a":NaN,\n"b":1}']),
        (b'{"a":', [b'{"a":']),
        (b"17", [b"17"]),
        (b'[{"a":1,"a":2}]', [b'{"a":1,"a":2}']),
    ],
)  # fmt: skip
def test_json_is_taken_apart_byte_for_byte(body, expected):
    assert values(body, "json") == expected


def test_deep_nesting_passes():
    deep = b"[" * 5000 + b"]" * 5000
    assert values(b'[{"a":1},' + deep + b"]", "json") == [b'{"a":1}', deep]


@pytest.mark.parametrize("body", [b'[{"a":1}', b'[{"a":1}]]', b'[{"a":"}]', b"[1}", b"[1] 2"])
def test_an_array_that_cannot_be_told_apart_is_refused(body):
    with pytest.raises(InvalidInputError, match="array is broken"):
        split(body, "json")


def test_csv_keeps_quoted_line_ends():
    done = split(b'a,b\r\n1,"x\r\ny"\r\n2,"say ""hi\n"""\n3,z', "csv")
    assert done.attributes == {"source": "http", "header": "a,b", "format": "csv"}
    assert done.batch["value"].to_pylist() == [b'1,"x\r\ny"', b'2,"say ""hi\n"""', b"3,z"]


def test_a_stray_quote_costs_its_own_record():
    assert values(b'1,"x\n2,y\n3,z\n', "csv", csv_header=False) == [b'1,"x', b"2,y", b"3,z"]


def test_csv_for_a_csv_stream_needs_no_override():
    done = split(b"a,b\n1,2\n", "csv", stream_format=RecordFormat.CSV)
    assert done.attributes == {"source": "http", "header": "a,b"}


def test_a_header_alone_is_refused():
    with pytest.raises(InvalidInputError, match="no record"):
        split(b"a,b\n", "csv")


@pytest.mark.parametrize(
    ("stream", "expected"), [("json", "plain"), ("syslog", None), ("csv", "plain")]
)
def test_plain_lines_are_read_as_the_stream_says(stream, expected):
    done = split(b"x\ny\n", "plain", stream_format=RecordFormat(stream))
    assert done.attributes.get("format") == expected


def test_a_large_record_lands_beside_the_others():
    done = split(b'{"a":1}\n' + b"x" * 2000 + b"\n", max_record_size_bytes=1000)
    assert (done.batch.num_rows, done.oversized) == (2, 1)


def test_a_large_record_alone_is_refused():
    with pytest.raises(TooLargeError, match=r"record 0 takes 2.0 KiB.*limit of 1000 B"):
        split(b"x" * 2000, max_record_size_bytes=1000)


def test_keys_come_from_the_field():
    body = b'{"u":"a"}\n{"u":7}\nbroken\n{"u":null}\n{}\n{"u":"\xff"}\n{"u":{"b":1}}'
    done = split(body, key_field="u")
    assert done.batch["key"].to_pylist() == [b"a", b"7", None, None, None, None, b'{"b":1}']
    assert split(b'{"u":{"b.c":1}}\n{"u":{"b":{"c":2}}}', key_field="u.b.c").batch[
        "key"
    ].to_pylist() == [None, b"2"]


def test_a_key_for_all():
    assert split(b"1\n2", key=b"k").batch["key"].to_pylist() == [b"k", b"k"]


@pytest.mark.parametrize("options", [{}, {"compression": "zstd"}, {"file": True}])
def test_arrow_rows_become_json(options):
    table = pa.table({"a": [1, 2**63 - 1], "b": ["x", None], "c": [[1], []]})
    done = split(ipc(table, **options), "arrow")
    assert done.batch["value"].to_pylist() == [
        b'{"a":1,"b":"x","c":[1]}',
        b'{"a":9223372036854775807,"b":null,"c":[]}',
    ]


TYPED = pa.schema([pa.field("ts", pa.timestamp("us", "UTC"), nullable=False), ("v", pa.float64())])


def test_typed_streams_take_arrow_in_their_schema():
    stamps = pa.array([1, 2], pa.timestamp("ms", "UTC"))
    table = pa.table({"v": pa.array([1, 2], pa.int32()), "ts": stamps})
    done = split(ipc(table), "arrow", schema=TYPED, stream_format=RecordFormat.TYPED)
    assert done.batch.schema == TYPED
    assert done.batch["v"].to_pylist() == [1.0, 2.0]


@pytest.mark.parametrize("media", ["json", "ndjson"])
def test_typed_streams_take_json(media):
    done = split(b'{"ts":"2026-01-01T00:00:00Z","v":1.5}', media, schema=TYPED)
    assert done.batch.schema == TYPED
    assert done.batch["v"].to_pylist() == [1.5]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"v": ["x"], "ts": [1]}, "column 'v'"),
        ({"v": [1.0]}, "column 'ts' must not be null"),
        ({"ts": [1], "w": [1]}, "no column 'w'"),
    ],
)
def test_a_column_that_does_not_fit_is_named(columns, message):
    with pytest.raises(InvalidInputError, match=message):
        split(ipc(pa.table(columns)), "arrow", schema=TYPED)


def test_text_for_a_typed_stream_is_refused():
    with pytest.raises(InvalidInputError, match="typed stream"):
        split(b"x", "plain", schema=TYPED)


@given(
    body=st.lists(
        st.sampled_from([b'"', b"\\", b"[", b"]", b"{", b"}", b",", b"\n", b"\r", b"a", b"1", b" ",
                         b"\xff", b"\0", b":", b"\xef\xbb\xbf", b"NaN"])
    ).map(b"".join) | st.binary(),
    media=st.sampled_from(ContentFormat),
    prefix=st.sampled_from([b"", b"[", b"{", b"ARROW1\0\0", b"\xff\xff\xff\xff"]),
    schema=st.sampled_from([RECORD_SCHEMA, TYPED]),
)  # fmt: skip
def test_any_body_splits_or_gives_a_madang_error(body, media, prefix, schema):
    try:
        done = split(prefix + body, media, schema=schema, key_field="a", max_record_size_bytes=9)
    except MadangError:
        return
    done.batch.validate(full=True)
    assert done.batch.num_rows > 0


@given(at=st.integers(0, 2000), value=st.integers(0, 255))
def test_a_damaged_arrow_body_gives_a_madang_error_or_rows(at, value):
    table = pa.table({"a": [1, 2], "b": ["x", None], "c": [[1], []]})
    body = bytearray(ipc(table, compression="zstd"))
    body[at % len(body)] = value
    with contextlib.suppress(MadangError):
        split(bytes(body), "arrow").batch.validate(full=True)

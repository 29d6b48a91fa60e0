"""Whatever comes in, each record ends in one table, and every value can be read back exactly."""

import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyiceberg.schema import Schema

from madang.lake.evolution import evolve
from madang.lake.types import to_arrow
from madang.process import StreamDecoder, json_records
from madang.project import StreamSpec
from madang.stream import Chunk
from madang.testing.records import record_batch


class Number(str):
    """A number as it was written."""


def read(text):
    """The slow obvious way: JSON with numbers as text; repeated keys as a list of pairs."""
    return json.loads(
        text, parse_int=Number, parse_float=Number, parse_constant=refuse, object_pairs_hook=pairs
    )


def refuse(constant):
    raise ValueError(constant)


def pairs(found):
    return Pairs(found) if len({name for name, _ in found}) != len(found) else dict(found)


class Pairs(list):
    """An object that repeats a key."""


names = st.one_of(
    st.sampled_from(
        ["a", "b", "c", "A", "id", "ID", "", "a.b", "_time", "_rest", "한글", '"', "~/"]
    ),
    st.text(max_size=4).filter(lambda name: not any("\ud800" <= c <= "\udfff" for c in name)),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-100, 100),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([2**63 - 1, 2**63, 2**64, -(2**63), -(2**63) - 1, 2**53 + 1, 1e300, 3.0, -0.0]),
    st.text(max_size=6).filter(lambda text: not any("\ud800" <= c <= "\udfff" for c in text)),
    st.sampled_from(["12", "1.5", "true", "2026-01-01", "NaN", ":NaN", "\x00"]),
)
numbers = st.one_of(
    st.integers(-(2**70), 2**70),
    st.sampled_from([2**53 + 1, 2**63, 2**64 - 1, 2**64, 2**70, -(2**63) - 1, 10**30, 0.5, 1e300]),
    st.none(),
)
values = st.recursive(
    st.one_of(scalars, st.lists(numbers, max_size=3), st.dictionaries(names, numbers, max_size=2)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(names, inner, max_size=4)),
    max_leaves=12,
)
objects = st.dictionaries(names, values, max_size=5)
records = st.one_of(
    objects.map(lambda value: json.dumps(value).encode()),
    objects.map(lambda value: json.dumps(value, ensure_ascii=False, indent=1).encode()),
    st.tuples(objects, st.integers(0, 40)).map(lambda it: json.dumps(it[0]).encode()[: it[1]]),
    st.binary(max_size=12),
    values.map(lambda value: json.dumps(value).encode()),
    st.sampled_from(
        [
            b'{"a":NaN}',
            b'{"b":[1,-Infinity]}',
            b'{"c":{"d":{"e":{"f":NaN}}}}',
            b'{"a":1,}',
            b'{"a":[1, ]}',
            b'{"a":1e400}',
            b'{"a":[1e400]}',
            b'{"a":1,"a":2}',
            b'{"c":{"x":1,"x":"y"}}',
            b'{"a":"\\ud800"}',
            b'{"a":1}{"a":2}',
            b"\xef\xbb\xbf{}",
            b'{"a":12345678901234567890123}',
            b'{"a":' * 500 + b"1" + b"}" * 500,
        ]
    ),
)


def is_fine(record):
    """Whether the record is a JSON object, the obvious way."""
    try:
        value = read(record.decode())
        json.dumps(value, ensure_ascii=False).encode()  # A lone surrogate is no text.
        return isinstance(value, dict | Pairs)
    except (ValueError, RecursionError):
        return False


def same(wanted, got):
    """Whether ``got``, of a column, is what the record says."""
    if isinstance(wanted, Number):
        if isinstance(got, bool) or not isinstance(got, int | float):
            return False
        try:
            return int(wanted) == got
        except ValueError:
            return float(wanted) == got
    if isinstance(wanted, list):
        return isinstance(got, list) and len(wanted) == len(got) and all(map(same, wanted, got))
    return type(wanted) is type(got) and wanted == got


def same_json(wanted, got):
    """Whether two JSON values, numbers as text, are the same."""
    if isinstance(wanted, Number) and isinstance(got, Number):
        try:
            return int(wanted) == int(got)
        except ValueError:
            return float(wanted) == float(got) or wanted == got
    if isinstance(wanted, dict) and isinstance(got, dict):
        return wanted.keys() == got.keys() and all(same_json(wanted[k], got[k]) for k in wanted)
    if isinstance(wanted, list | tuple) and type(wanted) is type(got):
        return len(wanted) == len(got) and all(map(same_json, wanted, got))
    return type(wanted) is type(got) and wanted == got


def assert_kept(wanted, columns, rest, fields):
    """Each value of the record stands in its column or in ``_rest``, never in both."""
    for name, value in wanted.items():
        left = rest.get(name) if isinstance(rest, dict) else None
        field = fields.get(name)
        column = (columns or {}).get(name) if name in fields else None
        if value is None:
            continue
        if field is not None and pa.types.is_struct(field.type) and isinstance(value, dict):
            assert isinstance(column, dict), (name, value, column, rest)
            inner = {child.name: child for child in field.type}
            assert_kept(value, column, left, inner)
        elif column is None:
            assert isinstance(rest, dict) and name in rest, (name, value, columns, rest)
            assert same_json(value, left), (value, left)
        else:
            assert left is None, (name, left)
            if (field.metadata or {}).get(b"doc") == b"JSON":
                assert same_json(value, read(column))
            else:
                assert same(value, column), (name, value, column)


def check(decoded, batch):
    assert len(batch) == decoded.rows.num_rows + decoded.dead.num_rows
    rows = {row["_offset"]: row for row in decoded.rows.to_pylist()}
    dead = {row["offset"]: row for row in decoded.dead.to_pylist()}
    assert list(rows) == sorted(rows)
    assert rows.keys() | dead.keys() == set(range(len(batch)))
    fields = {
        field.name: field
        for field in decoded.rows.schema
        if field.name not in ("_time", "_partition", "_offset", "_rest")
    }
    for offset, record in enumerate(batch):
        if not is_fine(record):
            assert dead[offset]["value"] == record, record
            assert dead[offset]["code"] in ("invalid_json", "invalid_utf8", "not_an_object")
            assert dead[offset]["reason"]
            continue
        row = rows[offset]
        rest = read(row["_rest"]) if row["_rest"] else {}
        if "_record" in rest:
            assert rest["_record"] == record.decode()
        else:
            assert_kept(read(record.decode()), row, rest, fields)


@pytest.fixture(params=[json_records._WIDE, -1], ids=["as it comes", "as of a wide table"])
def width(request, monkeypatch):
    monkeypatch.setattr(json_records, "_WIDE", request.param)
    if request.param < 0:
        monkeypatch.setattr(json_records, "is_sparse", lambda *_: True)


@pytest.mark.usefixtures("width")
@given(batches=st.lists(st.lists(records, min_size=1, max_size=8), min_size=1, max_size=3))
def test_every_record_in_one_table_and_every_value_kept(batches):
    decoder = StreamDecoder(StreamSpec(name="s"), zone="UTC", project_dir=".")
    table = Schema()
    for batch in batches:
        schema = to_arrow(table) if table.fields else None
        decoded = decoder.decode([Chunk(0, 0, record_batch(batch), 0)], schema)
        check(decoded, batch)
        if schema is not None:
            known = [name for name in schema.names if name != "_rest"]
            assert [name for name in decoded.rows.schema.names if name in known] == known
        # The lake takes the new columns, and its schema is what comes back.
        table = evolve(table, decoded.rows.schema, last_id=table.highest_field_id)


@pytest.mark.usefixtures("width")
@given(batch=st.lists(records, min_size=1, max_size=10))
def test_the_same_input_gives_the_same_output(batch):
    chunks = [Chunk(0, 0, record_batch(batch), 0)]
    first, second = (
        StreamDecoder(StreamSpec(name="s"), zone="UTC", project_dir=".").decode(chunks, None)
        for _ in range(2)
    )
    assert first.rows.equals(second.rows)
    assert first.dead.equals(second.dead)
    assert first.misfits == second.misfits

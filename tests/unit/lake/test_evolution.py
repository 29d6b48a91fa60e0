"""Evolution: nothing is lost, old rows keep their values, types only widen."""

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lake_fixtures import NOW_US
from madang.core.datadir import DataDir
from madang.core.errors import InvalidInputError
from madang.lake import Lake
from madang.lake.evolution import conform, evolve, new_schema
from madang.lake.types import to_arrow


def grow(*schemas):
    known = new_schema(schemas[0])
    for arriving in schemas[1:]:
        known = evolve(known, arriving, last_id=known.highest_field_id)
    return known


def fields(**types):
    return pa.schema(list(types.items()))


@pytest.mark.parametrize(
    ("before", "after", "result"),
    [
        (pa.int32(), pa.int64(), pa.int64()),
        (pa.int64(), pa.int32(), pa.int64()),
        (pa.int8(), pa.uint16(), pa.int32()),
        (pa.float32(), pa.float64(), pa.float64()),
        (pa.float64(), pa.float32(), pa.float64()),
        (pa.large_string(), pa.string(), pa.string()),
        (pa.string(), pa.null(), pa.string()),
        (pa.dictionary(pa.int8(), pa.string()), pa.string(), pa.string()),
        (pa.decimal128(10, 2), pa.decimal128(12, 2), pa.decimal128(12, 2)),
        (pa.list_(pa.int32()), pa.large_list(pa.int64()), pa.list_(pa.int64())),
        (pa.timestamp("ns", "Asia/Seoul"), pa.timestamp("s", "UTC"), pa.timestamp("us", "UTC")),
        (
            pa.struct([("a", pa.int32())]),
            pa.struct([("b", pa.string()), ("a", pa.int64())]),
            pa.struct([("a", pa.int64()), ("b", pa.string())]),
        ),
        (
            pa.map_(pa.string(), pa.int32()),
            pa.map_(pa.string(), pa.int64()),
            pa.map_(pa.string(), pa.int64()),
        ),
    ],
)
def test_widens(before, after, result):
    assert to_arrow(grow(fields(c=before), fields(c=after))).field("c").type == result


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (pa.int64(), pa.float64()),
        (pa.int64(), pa.string()),
        (pa.string(), pa.int64()),
        (pa.string(), pa.struct([("a", pa.int64())])),
        (pa.struct([("a", pa.int64())]), pa.struct([("a", pa.string())])),
        (pa.list_(pa.string()), pa.string()),
        (pa.timestamp("us"), pa.timestamp("us", "UTC")),
        (pa.bool_(), pa.int64()),
        (pa.decimal128(10, 2), pa.decimal128(10, 3)),
        (pa.map_(pa.int64(), pa.string()), pa.map_(pa.string(), pa.string())),
    ],
)
def test_refuses(before, after):
    with pytest.raises(InvalidInputError, match="'c"):
        grow(fields(c=before), fields(c=after))


def test_nothing_new_is_the_same_schema():
    known = new_schema(fields(a=pa.int64(), b=pa.string()))
    assert evolve(known, fields(b=pa.string()), last_id=2) is known


def test_ids_are_never_used_twice():
    known = grow(
        fields(a=pa.struct([("x", pa.int64())])),
        fields(a=pa.struct([("y", pa.int64())]), b=pa.list_(pa.int64())),
        fields(c=pa.map_(pa.string(), pa.string())),
    )
    ids = [field.field_id for field in known._lazy_id_to_field.values()]
    assert len(ids) == len(set(ids))
    assert known.find_field("a.x").field_id == 2


def test_columns_of_one_name_are_refused():
    with pytest.raises(InvalidInputError, match="more than one"):
        new_schema(pa.schema([("a", pa.int64()), ("a", pa.string())]))


def test_conform_keeps_sliced_lists_of_structs():
    narrow = pa.list_(pa.struct([("a", pa.int32())]))
    wide = pa.list_(pa.struct([("a", pa.int64()), ("b", pa.string())]))
    values = [[{"a": 1}], None, [{"a": 2}, None], []]
    rows = pa.table({"c": pa.array(values, narrow)}).slice(1)
    found = conform(rows, pa.schema([("c", wide)]))["c"].to_pylist()
    assert found == [None, [{"a": 2, "b": None}, None], []]


SCALARS = {
    "int": [
        (pa.int32(), st.integers(-(2**31), 2**31 - 1)),
        (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    ],
    "float": [
        (pa.float32(), st.floats(width=32, allow_nan=False)),
        (pa.float64(), st.floats(allow_nan=False)),
    ],
    "text": [(pa.string(), st.text(max_size=20))],
    "time": [(pa.timestamp("us", "UTC"), st.integers(-(2**55), 2**55))],
}


@st.composite
def columns(draw, kind):
    """A type of the kind and a strategy for its values; kinds only ever widen among themselves."""
    if kind == "struct":
        inner = {
            name: draw(columns(child))
            for name, child in (("a", "int"), ("b", "text"), ("c", "list"))
            if draw(st.booleans())
        } or {"a": draw(columns("int"))}
        values = st.fixed_dictionaries(
            {name: st.none() | values for name, (_, values) in inner.items()}
        )
        return pa.struct([(name, kind) for name, (kind, _) in inner.items()]), values
    if kind == "list":
        element, values = draw(columns("float"))
        return pa.list_(element), st.lists(st.none() | values, max_size=3)
    return draw(st.sampled_from(SCALARS[kind]))


NAMES = {
    "i": "int",
    "f": "float",
    "s": "text",
    "t": "time",
    "o": "struct",
    "l": "list",
    "a.b": "int",
}


@st.composite
def batches(draw):
    found = []
    for _ in range(draw(st.integers(1, 5))):
        count = draw(st.integers(0, 4))
        chosen = draw(st.lists(st.sampled_from(sorted(NAMES)), unique=True))
        arrays = {}
        for name in chosen:
            kind, values = draw(columns(NAMES[name]))
            drawn = draw(st.lists(st.none() | values, min_size=count, max_size=count))
            arrays[name] = pa.array(drawn, kind)
        arrays["_time"] = pa.array([NOW_US] * count, pa.timestamp("us", "UTC"))
        found.append(pa.table(arrays))
    return found


def expected(value, kind):
    """A value as a table of the type gives it back: fields that it lacks are null."""
    if value is None or not pa.types.is_struct(kind):
        return value
    return {field.name: expected(value.get(field.name), field.type) for field in kind}


@settings(max_examples=60, deadline=None)
@given(batches())
def test_any_history_keeps_every_value(history):
    known, kept = None, []
    for rows in history:
        before = known
        known = (
            new_schema(rows.schema)
            if known is None
            else evolve(known, rows.schema, last_id=known.highest_field_id)
        )
        if before is not None:
            ids = {field.name: field.field_id for field in before.fields}
            assert [field.name for field in known.fields][: len(ids)] == list(ids)
            assert all(known.find_field(i).name == name for name, i in ids.items())
        kept.append(rows)
    target = to_arrow(known)
    for rows in kept:
        shaped = conform(rows, target)
        for field in target:
            found = shaped[field.name].to_pylist()
            given_values = rows[field.name].to_pylist() if field.name in rows.column_names else None
            wanted = given_values or [None] * rows.num_rows
            assert found == [expected(value, field.type) for value in wanted]


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batches())
def test_any_history_is_read_back_from_files(tmp_path_factory, history):
    lake = Lake(DataDir(tmp_path_factory.mktemp("lake")))
    table = lake.create("lake.t", pa.schema([("_time", pa.timestamp("us", "UTC"))]))
    position = {}
    for number, rows in enumerate(history, 1):
        table.commit(rows, expected=position, reached={"s/0": number})
        position = {"s/0": number}
    schema = table.schema
    scanned = lake._catalog.open().load_table("lake.t").scan().to_arrow()
    lake.close()
    assert scanned.num_rows == sum(rows.num_rows for rows in history)
    for field in schema:
        wanted = []
        for rows in history:
            has = field.name in rows.column_names
            wanted += rows[field.name].to_pylist() if has else [None] * rows.num_rows
        found = scanned[field.name].to_pylist()
        key = repr
        assert sorted(found, key=key) == sorted([expected(v, field.type) for v in wanted], key=key)

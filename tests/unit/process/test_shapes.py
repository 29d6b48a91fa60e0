"""Counting keys without parsing, and what depends on it: that no field is overlooked."""

import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.process.engine import Engine
from madang.process.layout import Kind, Layout, Node
from madang.process.shapes import ShapeFinder, count_keys

NAMES = st.text(st.sampled_from('ab:" \\é'), max_size=3)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.sampled_from('a:" \\{}é')),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=4)
COLONS = st.sampled_from([":", ": ", " :", "\t:\n", " \r\n : "])


def keys_in(value: object) -> int:
    if isinstance(value, dict):
        return len(value) + sum(map(keys_in, value.values()))
    return sum(map(keys_in, value)) if isinstance(value, list) else 0


@given(st.lists(st.tuples(OBJECTS, COLONS), max_size=8), st.integers(0, 2))
def test_there_are_never_more_keys_than_counted(records, cut: int) -> None:
    texts = [json.dumps(record, separators=(",", colon)) for record, colon in records]
    counted = count_keys(pa.array(texts, pa.string()).slice(cut))
    for (record, _), text, count in zip(records[cut:], texts[cut:], counted, strict=True):
        assert count >= keys_in(record)
        if text.count(":") == keys_in(record):
            assert count == keys_in(record)


@pytest.mark.parametrize(
    ("record", "extra"),
    [
        ('{"a":[1],"zz":5}', "zz"),  # "/a/0" is there, and is no key
        ('{"a":{"0":1},"zz" : 5}', "zz"),
        ('{"a":[{"x":1}],"zz":5}', "zz"),
        ('{"a":"b","zz":"\\":"}', "zz"),
        ('{"a":{"0":{"x":1}},"":5}', ""),
    ],
)
def test_a_further_field_is_seen(record: str, extra: str) -> None:
    layout = Layout()
    layout.add(Node(("a",), Kind.STRUCT))
    layout.add(Node(("a", "0"), Kind.STRUCT))
    layout.add(Node(("a", "0", "x"), Kind.LONG))
    found = ShapeFinder(Engine(), layout).find(pa.array([record]))
    assert (extra,) in found.paths or found.extras.get(()) == [found.codes[0]]


def test_a_repeated_key_is_seen() -> None:
    layout = Layout()
    layout.add(Node(("a",), Kind.LONG))
    found = ShapeFinder(Engine(), layout).find(pa.array(['{"a":1}', '{"a":1,"a":2}']))
    assert list(found.repeats.values()) == [("a",)]
    assert found.codes[0] not in found.repeats

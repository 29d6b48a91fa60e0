"""How large the rows of an Arrow table become as text, without making them.

A dictionary, a run, a view or a column of nulls says a lot in few bytes; as rows it is written out.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_TEXT_BYTES = 2
_FIELD_BYTES = 4
_LONGEST = ((pa.types.is_boolean, 6), (pa.types.is_null, 5), (pa.types.is_date, 14))
_OTHERS_BYTES = 40
"""The longest time, number or interval."""
_INTEGERS = {8: 5, 16: 7, 32: 12, 64: 21}


def text_bytes(table: pa.Table) -> int:
    """About how many bytes the rows of ``table`` take as JSON; strings without their escapes."""
    total = 0
    for name, column in zip(table.column_names, table.columns, strict=True):
        total += table.num_rows * (len(name) + _FIELD_BYTES)
        total += sum(_of(chunk) for chunk in column.chunks)
    return total


def _of(array: pa.Array) -> int:
    kind, size = array.type, len(array)
    if isinstance(array, pa.ExtensionArray):
        return _of(array.storage)
    if _is_text(kind):
        return int(_lengths(array).sum()) + size * _TEXT_BYTES
    if pa.types.is_dictionary(kind):
        return _of_dictionary(array)
    if pa.types.is_run_end_encoded(kind):
        return size * _largest(array.values)
    if pa.types.is_struct(kind):
        named = sum(len(field.name) + _FIELD_BYTES for field in kind)
        return size * named + sum(_of(array.field(i)) for i in range(kind.num_fields))
    if pa.types.is_union(kind):
        return size * 4 + sum(size * _largest(array.field(i)) for i in range(kind.num_fields))
    if pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind):
        # Views may overlap: written out, each has its elements to itself.
        return size * _TEXT_BYTES + int(pc.sum(array.sizes).as_py() or 0) * _largest(array.values)
    if _is_list(kind):
        return size * _TEXT_BYTES + _of(_elements(array))
    return size * _fixed(kind)


def _of_dictionary(array: pa.DictionaryArray) -> int:
    indices = array.indices.drop_null().to_numpy(zero_copy_only=False)
    values = array.dictionary
    if not _is_text(values.type):
        return len(array) * _largest(values)
    lengths = _lengths(values)
    inside = indices[(indices >= 0) & (indices < len(lengths))]
    return int(lengths[inside].sum()) + len(array) * _TEXT_BYTES


def _largest(values: pa.Array) -> int:
    """At least what the largest of ``values`` takes."""
    if _is_text(values.type):
        return int(_lengths(values).max(initial=0)) + _TEXT_BYTES
    if pa.types.is_nested(values.type) or pa.types.is_dictionary(values.type):
        return _of(values)
    return _fixed(values.type)


def _fixed(kind: pa.DataType) -> int:
    if pa.types.is_integer(kind):
        return _INTEGERS[kind.bit_width]
    if pa.types.is_fixed_size_binary(kind):
        return int(kind.byte_width) + _TEXT_BYTES
    return next((size for test, size in _LONGEST if test(kind)), _OTHERS_BYTES)


def _elements(array: pa.Array) -> pa.Array:
    kind, size = array.type, len(array)
    if pa.types.is_fixed_size_list(kind):
        return array.values.slice(array.offset * kind.list_size, size * kind.list_size)
    if not size:
        return array.values.slice(0, 0)
    first, end = (int(array.offsets[i].as_py()) for i in (0, size))
    return array.values.slice(first, end - first)


def _lengths(array: pa.Array) -> np.ndarray:
    if pa.types.is_string_view(array.type) or pa.types.is_binary_view(array.type):
        views = np.frombuffer(array.buffers()[1], np.int32)[::4]
        return views[array.offset : array.offset + len(array)].astype(np.int64)
    lengths: np.ndarray = pc.fill_null(pc.binary_length(array), 0).to_numpy(zero_copy_only=False)
    return lengths.astype(np.int64)


def _is_text(kind: pa.DataType) -> bool:
    tests = (
        pa.types.is_string,
        pa.types.is_binary,
        pa.types.is_large_string,
        pa.types.is_large_binary,
        pa.types.is_string_view,
        pa.types.is_binary_view,
    )
    return any(test(kind) for test in tests)


def _is_list(kind: pa.DataType) -> bool:
    tests = (
        pa.types.is_list,
        pa.types.is_large_list,
        pa.types.is_fixed_size_list,
        pa.types.is_map,
    )
    return any(test(kind) for test in tests)

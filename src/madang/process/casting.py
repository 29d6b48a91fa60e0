"""Values → the table's own, narrower type (int32, float, timestamps without a zone)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


def narrowed(
    values: pa.Array, wanted: pa.DataType
) -> tuple[pa.Array, npt.NDArray[np.bool_] | None]:
    """``values`` in the type ``wanted``, null where one does not fit.

    Returns:
        The values, and the mask of those that were lost; None if none was.
    """
    if values.type.equals(wanted):
        return values, None
    try:
        return pc.cast(values, wanted, safe=not pa.types.is_floating(wanted)), None
    except pa.ArrowException:
        pass
    fitted: list[pa.Array] = []
    for i in range(len(values)):
        try:
            fitted.append(pc.cast(values.slice(i, 1), wanted))
        except pa.ArrowException:
            fitted.append(pa.nulls(1, wanted))
    result = pa.concat_arrays(fitted)
    lost = pc.and_(values.is_valid(), result.is_null()).to_numpy(zero_copy_only=False)
    return result, lost

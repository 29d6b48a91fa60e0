"""What the tables of samples and series look like.

Both are partitioned by the day of ``_time`` and sorted by name and series, so that what a query
names lies together, and any one series in a page of each file.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from madang.lake.writer import FileForm

TIME: Final = pa.timestamp("us", "UTC")
LABELS: Final = pa.map_(pa.string(), pa.string())

SAMPLES_TABLE: Final = pa.schema(
    [
        pa.field("name", pa.string()),
        pa.field("series", pa.int64()),
        pa.field("_time", TIME, nullable=False),
        pa.field("value", pa.float64()),
    ]
)
"""``metrics.samples``: ``name`` is the metric's, ``series`` the number of its labels."""

SERIES_TABLE: Final = pa.schema(
    [
        pa.field("name", pa.string()),
        pa.field("series", pa.int64()),
        pa.field("_time", TIME, nullable=False),
        pa.field("last_seen", TIME),
        pa.field("labels", LABELS),
    ]
)
"""``metrics.series``: a row for each day on which a series has samples.

``_time`` is its first sample of that day, ``last_seen`` the last one that came with it; ``labels``
are those beside the name.
"""

_KEYS: Final = ("name", "series", "_time")
SAMPLES_FORM: Final = FileForm(
    _KEYS,
    # Times rise by equal steps, so that their differences are of one kind; of doubles the high
    # bytes repeat, of counters of whole numbers the low ones are zero.
    {"_time": "DELTA_BINARY_PACKED", "value": "BYTE_STREAM_SPLIT"},
    ("name",),
)
SERIES_FORM: Final = FileForm(
    _KEYS,
    {
        "_time": "DELTA_BINARY_PACKED",
        "last_seen": "DELTA_BINARY_PACKED",
        "series": "PLAIN",
    },
    ("name",),
    # Labels are long to read, and a query wants those of one name.
    group_rows=16_384,
)

"""Bodies of line protocol → samples."""

from __future__ import annotations

import threading

from madang.collect.line_protocol.body import BodyReader
from madang.collect.line_protocol.templates import KnownTemplates
from madang.collect.pushed import Pushed
from madang.collect.series_table import SeriesTable
from madang.core.errors import TooLargeError

_NS_PER_MS = 1_000_000


class LineProtocolDecoder:
    """Decodes ``/write`` bodies; keeps the series it has met, so one serves many bodies.

    Safe across threads: bodies are decoded one after the other.

    Floats, integers and booleans (1 and 0) become samples; strings are no samples and are counted
    in ``Pushed.left_out``. Times are milliseconds; what is finer is cut off. Of a field that a line
    gives twice the last one counts. Names: see ``naming``. A line that is wrong is refused with its
    number and the reason, and the others are taken; a string that is never closed reaches to the
    end of the body, as strings may hold line ends. After 100,000 lines that are wrong the rest of
    the body is not read.

    Args:
        limit_bytes: The most that a body may have.
        known_limit_bytes: About how much memory the known series may take.
    """

    def __init__(self, limit_bytes: int = 32 << 20, known_limit_bytes: int = 256 << 20) -> None:
        self._limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._series = SeriesTable(known_limit_bytes)
        self._forget()

    def decode(self, body: bytes, *, unit_ns: int, arrived_at_ms: int) -> Pushed:
        """Decode one body.

        Args:
            body: The text, uncompressed.
            unit_ns: The nanoseconds of one unit of its timestamps (``precision_ns``).
            arrived_at_ms: The time of lines without one; cut to the unit, as InfluxDB does.

        Raises:
            TooLargeError: it is larger than ``limit_bytes``, or brings too many new series.
        """
        if len(body) > self._limit_bytes:
            raise TooLargeError(
                f"the body has {len(body)} bytes; {self._limit_bytes} are the most",
                hint="send fewer lines in a request (Telegraf: metric_batch_size)",
            )
        arrived_ns = arrived_at_ms * _NS_PER_MS
        arrived_at_ms = arrived_ns // unit_ns * unit_ns // _NS_PER_MS
        with self._lock:
            if self._series.begin():
                self._forget()
            reader = BodyReader(body, unit_ns, arrived_at_ms, self._series, self._templates)
            return reader.pushed()

    def _forget(self) -> None:
        self._templates = KnownTemplates(self._series)

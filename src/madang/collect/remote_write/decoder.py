"""Bodies of remote write → samples."""

from __future__ import annotations

import threading

from madang.collect.gathered import Gathered
from madang.collect.pushed import Pushed
from madang.collect.remote_write.exchange import V1_PROTO, V2_PROTO
from madang.collect.remote_write.snappy import unpack
from madang.collect.remote_write.symbols import KnownSymbols
from madang.collect.remote_write.v1 import KnownHeads, decode_v1
from madang.collect.remote_write.v2 import decode_v2
from madang.collect.series_table import SeriesTable


class RemoteWriteDecoder:
    """Decodes bodies of both versions; keeps the series it has met, so one serves many bodies.

    Safe across threads: bodies are decoded one after the other.

    A series that is wrong is refused with its place (from 1) and the reason, and the others are
    taken; so is an exemplar that is wrong, without its series. As in Prometheus, labels that are
    not sorted are sorted, labels with empty values are no labels, and names may be any UTF-8 text.
    Native histograms are kept as they came, if their schema is one (-4 to 8, or -53).

    Args:
        limit_bytes: The most that a body may unpack to; Prometheus's limit by default.
        known_limit_bytes: About how much memory the known series may take.
    """

    def __init__(self, limit_bytes: int = 32 << 20, known_limit_bytes: int = 256 << 20) -> None:
        self._limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._series = SeriesTable(known_limit_bytes)
        self._forget()

    def decode(self, body: bytes, proto: str = V1_PROTO) -> Pushed:
        """Decode one body.

        Args:
            body: As received, packed with snappy.
            proto: The parameter ``proto`` of its content type (``proto_of``).

        Raises:
            InvalidInputError: it is not snappy's block format, or not that message.
            TooLargeError: it would unpack to more than ``limit_bytes``.
        """
        wire = unpack(body, self._limit_bytes)
        with self._lock:
            if self._series.begin():
                self._forget()
            gathered = Gathered(self._series)
            if proto == V2_PROTO:
                decode_v2(wire, self._symbols, gathered)
            else:
                decode_v1(wire, self._heads, gathered)
            return gathered.pushed()

    def _forget(self) -> None:
        self._heads = KnownHeads()
        self._symbols = KnownSymbols(self._series)

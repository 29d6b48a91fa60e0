"""When a group is evaluated: at multiples of its interval, moved by an offset of its own.

The offset spreads groups over time. It is Prometheus's (the xxHash of file and name), so that
whoever brings a rule file from there keeps the times of its samples.
"""

from __future__ import annotations

from dataclasses import dataclass

import xxhash

_NS = 1_000_000


@dataclass(frozen=True, slots=True)
class EvaluationTimes:
    """The times of a group, as milliseconds since 1970; its interval is at least 1 ms."""

    interval_ns: int
    offset_ns: int

    @classmethod
    def of(cls, file: str, name: str, interval_s: float) -> EvaluationTimes:
        """Those of the group ``name`` of ``file``."""
        interval_ns = max(round(interval_s * 1000), 1) * _NS
        parts = (b"file", file.encode(), b"name", name.encode())
        text = b"".join(part + b"\xff" for part in parts)
        return cls(interval_ns, xxhash.xxh64_intdigest(text) % interval_ns)

    @property
    def interval_ms(self) -> int:
        """From one evaluation to the next."""
        return self.interval_ns // _NS

    def last(self, now_ms: int) -> int:
        """The last time that is not after ``now_ms``."""
        number = ((now_ms + 1) * _NS - 1 - self.offset_ns) // self.interval_ns
        return (number * self.interval_ns + self.offset_ns) // _NS

    def after(self, at_ms: int) -> int:
        """The first time that is after ``at_ms``."""
        return self.last(at_ms + self.interval_ms)

    def count(self, first_ms: int, until_ms: int) -> int:
        """How many times there are from ``first_ms``, which is one, to ``until_ms``."""
        return max(0, (self.last(until_ms) - first_ms) // self.interval_ms + 1)

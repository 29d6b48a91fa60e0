"""Points in time as Prometheus's API writes them in JSON."""

from __future__ import annotations

from madang.core.clock import from_us

NEVER = "0001-01-01T00:00:00Z"


def moment_text(us: int | None) -> str:
    """A time as RFC 3339 with as many decimals as it needs; ``NEVER`` for none.

    Args:
        us: Microseconds since 1970.
    """
    if us is None:
        return NEVER
    whole, part = divmod(us, 1_000_000)
    text = from_us(whole * 1_000_000).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{part:06}".rstrip("0") + "Z" if part else f"{text}Z"

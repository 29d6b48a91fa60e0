"""The time zone in which days and times without a zone are read."""

from __future__ import annotations

import os
from pathlib import Path
from zoneinfo import available_timezones

_LOCALTIME = Path("/etc/localtime")


def zone_name(configured: str | None) -> str:
    """The configured IANA zone, else the machine's, else UTC."""
    if configured:
        return configured
    if named := os.environ.get("TZ", "").lstrip(":"):
        return named if named in available_timezones() else "UTC"
    try:
        _, found, name = str(_LOCALTIME.resolve(strict=True)).partition("zoneinfo/")
    except OSError:
        return "UTC"
    return name if found and name in available_timezones() else "UTC"

"""Content types: what to ask a target for, and which parser its answer means."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from madang.core.errors import InvalidInputError, Place


class Exposition(StrEnum):
    """A format that pages are in."""

    TEXT = "text/plain"
    OPENMETRICS = "application/openmetrics-text"
    PROTOBUF = "application/vnd.google.protobuf"


_PROTOCOLS: dict[str, tuple[Exposition, str]] = {
    "PrometheusProto": (
        Exposition.PROTOBUF,
        "proto=io.prometheus.client.MetricFamily;encoding=delimited",
    ),
    "PrometheusText0.0.4": (Exposition.TEXT, "version=0.0.4"),
    "PrometheusText1.0.0": (Exposition.TEXT, "version=1.0.0;escaping=allow-utf-8"),
    "OpenMetricsText0.0.1": (Exposition.OPENMETRICS, "version=0.0.1"),
    "OpenMetricsText1.0.0": (Exposition.OPENMETRICS, "version=1.0.0;escaping=allow-utf-8"),
}
SCRAPE_PROTOCOLS: tuple[str, ...] = tuple(_PROTOCOLS)
"""The names that ``scrape_protocols`` and ``fallback_scrape_protocol`` may have."""

DEFAULT_SCRAPE_PROTOCOLS: tuple[str, ...] = (
    "OpenMetricsText1.0.0",
    "OpenMetricsText0.0.1",
    "PrometheusText1.0.0",
    "PrometheusText0.0.4",
)
TEXT_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS_CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def accept_header(protocols: Sequence[str] = DEFAULT_SCRAPE_PROTOCOLS) -> str:
    """The ``Accept`` header to scrape with, letter for letter as Prometheus 3 sends it.

    Args:
        protocols: Names as in ``scrape_protocols``, the most wanted first.

    Raises:
        InvalidInputError: a name that is none of ``SCRAPE_PROTOCOLS``.
    """
    weight = len(_PROTOCOLS) + 1
    parts = []
    for name in protocols:
        media, parameters = _protocol(name)
        parts.append(f"{media};{parameters};q=0.{weight}")
        weight -= 1
    parts.append(f"*/*;q=0.{weight}")
    return ",".join(parts)


def exposition_of(content_type: str | None, fallback: str | None = None) -> Exposition:
    """The format that a target's ``Content-Type`` means.

    Args:
        content_type: The header as it came; None or blank if there was none.
        fallback: ``fallback_scrape_protocol``: what a page is in whose content type is missing,
            unreadable or of no known format.

    Raises:
        InvalidInputError: no known format, and no fallback.
    """
    media = (content_type or "").split(";", 1)[0].strip().lower()
    try:
        return Exposition(media)
    except ValueError:
        pass
    if fallback:
        return _protocol(fallback)[0]
    said = f"unsupported Content-Type {content_type!r}" if media else "no Content-Type"
    raise InvalidInputError(
        f"the target answers with {said}",
        hint="set fallback_scrape_protocol, e.g. to PrometheusText0.0.4",
        where=Place("content-type"),
    )


def _protocol(name: str) -> tuple[Exposition, str]:
    try:
        return _PROTOCOLS[name]
    except KeyError:
        raise InvalidInputError(
            f"unknown scrape protocol {name!r}", hint=f"one of {', '.join(_PROTOCOLS)}"
        ) from None

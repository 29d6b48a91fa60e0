"""Pages that targets expose → samples: text 0.0.4, OpenMetrics 1.0, Prometheus's protobuf.

Entry: :func:`parse_page`, with a :class:`PageCache` for each target: pages repeat the one before,
so that a steady page costs one comparison in bulk and the reading of its values.
"""

from madang.collect.exposition.known import PageCache
from madang.collect.exposition.media import (
    DEFAULT_SCRAPE_PROTOCOLS,
    SCRAPE_PROTOCOLS,
    Exposition,
    accept_header,
    exposition_of,
)
from madang.collect.exposition.page import (
    NO_TIMESTAMP,
    Created,
    Exemplar,
    Family,
    MetricType,
    NativeHistogram,
    Page,
    PageLimits,
)
from madang.collect.exposition.parse import parse_page

__all__ = [
    "DEFAULT_SCRAPE_PROTOCOLS",
    "NO_TIMESTAMP",
    "SCRAPE_PROTOCOLS",
    "Created",
    "Exemplar",
    "Exposition",
    "Family",
    "MetricType",
    "NativeHistogram",
    "Page",
    "PageCache",
    "PageLimits",
    "accept_header",
    "exposition_of",
    "parse_page",
]

"""Pages that targets expose → samples: text 0.0.4, OpenMetrics 1.0, Prometheus's protobuf.

Entry: :func:`parse_page`, with a :class:`PageCache` for each target: pages repeat the one before,
so that a steady page costs one comparison in bulk and the reading of its values.
"""

from madang.collect.exposition.known import PageCache
from madang.collect.exposition.media import (
    DEFAULT_SCRAPE_PROTOCOLS,
    OPENMETRICS_CONTENT_TYPE,
    SCRAPE_PROTOCOLS,
    TEXT_CONTENT_TYPE,
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
from madang.collect.exposition.write_openmetrics import write_openmetrics
from madang.collect.exposition.write_text import write_text

__all__ = [
    "DEFAULT_SCRAPE_PROTOCOLS",
    "NO_TIMESTAMP",
    "OPENMETRICS_CONTENT_TYPE",
    "SCRAPE_PROTOCOLS",
    "TEXT_CONTENT_TYPE",
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
    "write_openmetrics",
    "write_text",
]

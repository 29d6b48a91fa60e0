"""Pages of metrics, fetched from targets at intervals, as Prometheus does.

Entry: :class:`ScrapeSource`. Targets are found (``discovery``), their labels relabelled
(``target``), their pages fetched (``http_client``) and turned into batches (``target_series``),
which wait for the stream (``outbox``). :func:`read_targets` and :func:`read_metadata` tell other
processes what is scraped.
"""

from madang.collect.families_file import read_metadata
from madang.collect.scrape.source import ScrapeSource
from madang.collect.scrape.target_list import read_targets

__all__ = ["ScrapeSource", "read_metadata", "read_targets"]

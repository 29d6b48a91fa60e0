"""Metrics that other programs leave in files, as node exporter's textfile collector reads them."""

from __future__ import annotations

import logging
from pathlib import Path

from madang.collect.exposition import PageCache, parse_page
from madang.collect.host.samples import Samples
from madang.core.errors import InvalidInputError, MadangError
from madang.core.samples import METRIC_NAME, labels_of

_log = logging.getLogger(__name__)


class TextFiles:
    """Reads ``*.prom`` of a folder at every poll: text in Prometheus's format, without times.

    A file with an error in it is left out and told; the others count.

    Args:
        folder: Where they are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._caches: dict[str, PageCache] = {}
        self.problems: dict[str, str] = {}
        """By file, what is wrong with it."""

    def read(self, samples: Samples) -> None:
        """Add what the files say, when each was written, and whether any was wrong."""
        known, self._caches = self._caches, {}
        before, self.problems = self.problems, {}
        try:
            files = sorted(self._folder.glob("*.prom"))
            self._folder.stat()
        except OSError as error:
            files = []
            self.problems[str(self._folder)] = error.strerror or str(error)
        for file in files:
            cache = self._caches[file.name] = known.get(file.name) or PageCache()
            try:
                _read(file, cache, samples)
            except (MadangError, OSError) as error:
                self.problems[str(file)] = str(error)
        for name, text in self.problems.items():
            if before.get(name) != text:
                _log.warning("%s: %s", name, text)
        samples.add("node_textfile_scrape_error", float(bool(self.problems)))


def _read(file: Path, cache: PageCache, samples: Samples) -> None:
    page = parse_page(file.read_bytes(), cache=cache)
    if page.ts_ms is not None:
        raise InvalidInputError("its samples have times of their own; a file here may not give any")
    for place, value in zip(page.series.tolist(), page.values.tolist(), strict=True):
        labels = labels_of(page.labels[place])
        samples.add(labels.pop(METRIC_NAME), value, **labels)
    written_s = file.stat().st_mtime
    samples.add("node_textfile_mtime_seconds", written_s, file=str(file))

"""Remote read: other servers take samples as they are, and evaluate themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from madang.collect.remote_read import CONTENT_TYPE, ReadQuery, read_request, write_response
from madang.core.errors import MadangError, TooLargeError
from madang.core.samples import is_opaque
from madang.metrics.api.answers import Answer, in_words
from madang.metrics.matcher import Matcher, MatchKind
from madang.metrics.promql import Budget
from madang.metrics.storage import SampleStorage, SeriesSet


class RemoteRead:
    """Answers requests of remote read with samples, one by one; native histograms are left out.

    Args:
        storage: What is read.
        external_labels: Of this server: series come with them, and a matcher that asks for one of
            them is met by all series.
    """

    def __init__(
        self, storage: SampleStorage, external_labels: Callable[[], Mapping[str, str]] = dict
    ) -> None:
        self._storage = storage
        self._external_labels = external_labels

    def answer(self, body: bytes, budget: Budget) -> Answer:
        """The answer to a request; an error is plain text, as readers expect it."""
        try:
            added = self._external_labels()
            request = read_request(body)
            results = [self._result(query, added, budget) for query in request.queries]
            return Answer(200, write_response(results, added), CONTENT_TYPE, "snappy")
        except TooLargeError as error:
            answer = in_words(error)
            return Answer(400, answer.body, answer.media_type)
        except MadangError as error:
            return in_words(error)

    def _result(self, query: ReadQuery, added: Mapping[str, str], budget: Budget) -> SeriesSet:
        budget.check_time()
        matchers = list(_matchers(query, added))
        found = self._storage.select(matchers, query.start_ms, query.end_ms, limit=budget.left)
        budget.read(found.samples, len(found))
        budget.series += len(found)
        return _plain(found)


def _matchers(query: ReadQuery, added: Mapping[str, str]) -> Iterator[Matcher]:
    for name, sign, value in query.matchers:
        if sign != MatchKind.EQUAL.value or added.get(name) != value:
            yield Matcher(name, MatchKind(sign), value)


def _plain(series: SeriesSet) -> SeriesSet:
    """The samples that are numbers."""
    kept = ~is_opaque(series.values)
    if series.histograms is not None:
        kept &= series.histograms == None  # noqa: E711 - of each element
    if kept.all():
        return series
    offsets = np.append(0, np.cumsum(kept))[series.offsets]
    return SeriesSet(series.labels, offsets, series.ts_ms[kept], series.values[kept])

"""The endpoints that tell of the server itself: settings, what it runs on, what it holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from madang.core.clock import Clock
from madang.core.errors import InvalidInputError
from madang.metrics.api.answers import Answer, told
from madang.metrics.api.features import features_of
from madang.metrics.api.knowledge import Knowledge
from madang.metrics.api.moments import moment_text
from madang.metrics.api.params import Params
from madang.metrics.head.cardinality import Counted

_MOST_COUNTED = 10_000
_NEVER_MIN, _NEVER_MAX = 2**63 - 1, -(2**63)
"""The times of a head without samples."""


class StatusEndpoints:
    """Answers from what the process knows of itself."""

    def __init__(self, clock: Clock, knowledge: Knowledge) -> None:
        self._clock = clock
        self._knowledge = knowledge

    def endpoints(self) -> Mapping[str, Callable[[Params], Answer]]:
        """By path behind ``/api/v1/``."""
        return {
            "status/config": lambda _: told({"yaml": self._knowledge.config()}),
            "status/flags": lambda _: told(self._knowledge.flags()),
            "status/buildinfo": self._build,
            "status/runtimeinfo": self._runtime,
            "status/tsdb": self._tsdb,
            "status/walreplay": self._replay,
            "notifications": lambda _: told([]),
            "features": lambda params: told(features_of(params.budget.options)),
        }

    def _build(self, params: Params) -> Answer:
        build = self._knowledge.build
        return told(
            {
                "version": build.version,
                "revision": build.revision,
                "branch": build.branch,
                "buildUser": build.build_user,
                "buildDate": build.build_date,
                "goVersion": "",
            }
        )

    def _runtime(self, params: Params) -> Answer:
        runtime = self._knowledge.runtime()
        if runtime is None:
            return told({"serverTime": moment_text(self._clock.now_us())})
        return told(
            {
                "startTime": moment_text(runtime.start_us),
                "CWD": runtime.folder,
                "hostname": runtime.hostname,
                "serverTime": moment_text(self._clock.now_us()),
                "reloadConfigSuccess": runtime.reloaded,
                "lastConfigTime": moment_text(runtime.reloaded_us),
                "corruptionCount": runtime.corruptions,
                "goroutineCount": runtime.threads,
                "GOMAXPROCS": runtime.cores,
                "GOMEMLIMIT": 0,
                "GOGC": "",
                "GODEBUG": "",
                "storageRetention": runtime.retention,
            }
        )

    def _tsdb(self, params: Params) -> Answer:
        limit = params.number("limit", 10)
        if limit < 1:
            raise InvalidInputError("limit must be a positive number")
        if limit > _MOST_COUNTED:
            raise InvalidInputError(f"limit must not exceed {_MOST_COUNTED}")
        found = self._knowledge.cardinality(limit)
        if found is None:
            raise InvalidInputError("this server holds no samples")
        return told(
            {
                "headStats": {
                    "numSeries": found.series,
                    "numLabelPairs": found.label_pairs,
                    "chunkCount": found.chunks,
                    "minTime": _NEVER_MIN if found.oldest_ms is None else found.oldest_ms,
                    "maxTime": _NEVER_MAX if found.newest_ms is None else found.newest_ms,
                },
                "seriesCountByMetricName": _counted(found.by_metric),
                "labelValueCountByLabelName": _counted(found.values_by_label),
                "memoryInBytesByLabelName": _counted(found.bytes_by_label),
                "seriesCountByLabelValuePair": _counted(found.by_pair),
                "refusedSeriesByJob": [
                    {"name": one.job, "value": one.series, "label": one.label, "text": one.message}
                    for one in found.refused[:limit]
                ],
            }
        )

    def _replay(self, params: Params) -> Answer:
        replay = self._knowledge.replay()
        return told({"min": replay.begin, "max": replay.end, "current": replay.current})


def _counted(counted: Sequence[Counted]) -> list[dict[str, str | int]]:
    return [{"name": one.name, "value": one.count} for one in counted]

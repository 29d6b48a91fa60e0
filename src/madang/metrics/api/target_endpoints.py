"""The endpoints that tell what is scraped, and what scraped pages say of their metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from madang.core.clock import Clock
from madang.core.samples import METRIC_NAME
from madang.metrics.api.answers import Answer, told
from madang.metrics.api.knowledge import Knowledge
from madang.metrics.api.params import Params
from madang.metrics.matcher import Matcher, MatchKind
from madang.metrics.storage import SampleStorage

_RECENT_MS = 3_600_000
_PARTS = ("", "_total", "_bucket", "_count", "_sum", "_created", "_info", "_gcount", "_gsum")
"""What the samples of a family may have behind its name."""


class TargetEndpoints:
    """Answers from what the scrape sources wrote down."""

    def __init__(self, storage: SampleStorage, clock: Clock, knowledge: Knowledge) -> None:
        self._storage = storage
        self._clock = clock
        self._knowledge = knowledge

    def endpoints(self) -> Mapping[str, Callable[[Params], Answer]]:
        """By path behind ``/api/v1/``."""
        return {
            "targets": self._targets,
            "targets/metadata": self._targets_metadata,
            "scrape_pools": self._scrape_pools,
            "metadata": self._metadata,
        }

    def _targets(self, params: Params) -> Answer:
        state, pool = params.text("state").lower(), params.text("scrapePool")
        found = self._knowledge.targets()
        data: dict[str, Any] = {"activeTargets": [], "droppedTargets": []}
        if state in {"", "any", "active"}:
            data["activeTargets"] = _of_pool(found.get("activeTargets", ()), pool)
        if state in {"", "any", "dropped"}:
            data["droppedTargets"] = _of_pool(found.get("droppedTargets", ()), pool)
            data["droppedTargetCounts"] = found.get("droppedTargetCounts", {})
        else:
            data["droppedTargetCounts"] = None
        return told(data)

    def _scrape_pools(self, params: Params) -> Answer:
        found = self._knowledge.targets()
        active = found.get("activeTargets", ())
        names = {
            *found.get("droppedTargetCounts", {}),
            *(target["scrapePool"] for target in active),
        }
        return told({"scrapePools": sorted(names)})

    def _metadata(self, params: Params) -> Answer:
        limit, metric = params.number("limit", -1), params.text("metric")
        params.number("limit_per_metric", -1)
        known = self._knowledge.metadata()
        if metric:
            known = {metric: known[metric]} if metric in known else {}
        names = sorted(known)
        if limit >= 0:
            names = names[:limit]
        return told({name: [_described(known[name])] for name in names})

    def _targets_metadata(self, params: Params) -> Answer:
        limit, metric = params.number("limit", -1), params.text("metric")
        wanted = params.matchers("match_target")
        known = self._knowledge.metadata()
        if metric:
            known = {metric: known[metric]} if metric in known else {}
        found: list[dict[str, Any]] = []
        for target in _of_pool(self._knowledge.targets().get("activeTargets", ()), ""):
            params.budget.check_time()
            if 0 <= limit <= len(found):
                break
            labels = target["labels"]
            if not wanted or any(_match(labels, matchers) for matchers in wanted):
                for name in self._families(labels, known):
                    one = {"target": labels, **_described(known[name])}
                    found.append(one if metric else {**one, "metric": name})
        return told(found)

    def _families(
        self, labels: Mapping[str, str], known: Mapping[str, Mapping[str, str]]
    ) -> Iterator[str]:
        """Those of the families of which a target has samples."""
        matchers = [Matcher(name, MatchKind.EQUAL, value) for name, value in labels.items()]
        now_ms = self._clock.now_us() // 1000
        names = set(self._storage.label_values(METRIC_NAME, matchers, now_ms - _RECENT_MS, now_ms))
        for family in known:
            if any(family + part in names for part in _PARTS):
                yield family


def _of_pool(targets: Iterable[Mapping[str, Any]], pool: str) -> list[Mapping[str, Any]]:
    """The targets of a pool, or of all where none is named, sorted by pool."""
    kept = (target for target in targets if not pool or target["scrapePool"] == pool)
    return sorted(kept, key=lambda target: str(target["scrapePool"]))


def _match(labels: Mapping[str, str], matchers: Sequence[Matcher]) -> bool:
    return all(matcher.matches(labels.get(matcher.name, "")) for matcher in matchers)


def _described(family: Mapping[str, str]) -> dict[str, str]:
    return {key: family.get(key, "") for key in ("type", "help", "unit")}

"""The targets as the API and the UI show them, handed over in a file of the source's folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from madang.collect.families_file import (
    HELP_LENGTH,
    METADATA_FILE,
    MOST_FAMILIES,
    replace_quickly,
    write_families,
)
from madang.collect.scrape.job_pool import JobPool
from madang.collect.scrape.scrape_loop import ScrapeLoop
from madang.collect.scrape.target import NoTarget
from madang.core.clock import from_us
from madang.project.prometheus_types import duration_text

TARGETS_FILE = "targets.json"
_NEVER = "0001-01-01T00:00:00Z"


def write_targets(folder: Path, pools: Iterable[JobPool]) -> None:
    """Write ``targets.json``: ``activeTargets``, ``droppedTargets``, ``droppedTargetCounts``.

    The fields are those of Prometheus's ``/api/v1/targets``, with ``lastSamples``, ``series`` and
    ``duplicates`` beside them.
    """
    pools = list(pools)
    document = {
        "activeTargets": [_active(loop) for pool in pools for loop in pool.loops()],
        "droppedTargets": [_dropped(one) for pool in pools for one in pool.dropped],
        "droppedTargetCounts": {pool.job.job_name: pool.dropped_count for pool in pools},
        "misfits": [
            {**_dropped(one), "error": one.error} for pool in pools for one in pool.misfits[:1000]
        ],
    }
    replace_quickly(folder / TARGETS_FILE, document)


def write_metadata(folder: Path, pools: Iterable[JobPool]) -> None:
    """Write ``metadata.json``: name → what pages say of it: ``type``, ``unit``, ``help``."""
    found: dict[str, dict[str, str]] = {}
    for pool in pools:
        for loop in pool.loops():
            for family in loop.series.families:
                if family.name not in found and len(found) < MOST_FAMILIES:
                    found[family.name] = {
                        "type": family.type.value,
                        "unit": family.unit,
                        "help": family.help[:HELP_LENGTH],
                    }
    write_families(folder, found)


def read_targets(collect: Path) -> dict[str, Any]:
    """The targets of all scrape sources; ``collect`` is that folder of the data directory."""
    together: dict[str, Any] = {
        "activeTargets": [],
        "droppedTargets": [],
        "droppedTargetCounts": {},
        "misfits": [],
    }
    for path in sorted(collect.glob(f"*/{TARGETS_FILE}")):
        try:
            document = orjson.loads(path.read_bytes())
        except (OSError, ValueError):
            continue  # just being removed
        for key, value in document.items():
            if isinstance(value, list):
                together[key] += value
            else:
                together[key] |= value
    return together


def remove_lists(folder: Path) -> None:
    """The source has stopped: it has no targets."""
    for name in (TARGETS_FILE, METADATA_FILE):
        (folder / name).unlink(missing_ok=True)


def _active(loop: ScrapeLoop) -> dict[str, Any]:
    target, state = loop.target, loop.state
    return {
        "discoveredLabels": dict(target.discovered),
        "labels": dict(target.labels),
        "scrapePool": target.job,
        "scrapeUrl": target.url,
        "globalUrl": target.url,
        "lastError": state.last_error,
        "lastScrape": _time(state.last_scrape_us),
        "lastScrapeDuration": state.last_duration_s,
        "health": state.health,
        "scrapeInterval": duration_text(target.interval_s),
        "scrapeTimeout": duration_text(target.timeout_s),
        "lastSamples": state.samples,
        "series": state.series,
        "duplicates": state.duplicates,
    }


def _dropped(one: NoTarget) -> dict[str, Any]:
    return {"discoveredLabels": dict(one.discovered), "scrapePool": one.job}


def _time(us: int) -> str:
    return from_us(us).isoformat().replace("+00:00", "Z") if us else _NEVER

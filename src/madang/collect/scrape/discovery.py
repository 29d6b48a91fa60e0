"""Finds targets: those that are written down, in files, and told by servers."""

from __future__ import annotations

import asyncio
import glob
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from madang.collect.scrape.http_client import HttpClient, reason_of
from madang.collect.scrape.target import ADDRESS
from madang.core.errors import InvalidInputError, MadangError
from madang.project import ScrapeJobSpec
from madang.project.discovery_spec import FileSdSpec, HttpSdSpec
from madang.project.prometheus_yml import read_go_values

Found = Sequence[Mapping[str, str]]
"""Labels of targets, ``__address__`` among them."""

_MOST_FILE_BYTES = 16 * 2**20
_MOST_ANSWER_BYTES = 64 * 2**20
_LOOK_S = 1.0
_JSON = re.compile(r'application/json(;\s*charset=("utf-8"|utf-8))?', re.IGNORECASE)


class Discovery:
    """What one job's configuration finds; changes are told.

    A file that is broken and a server that does not answer leave what they had said before.

    Args:
        job: With its defaults.
        changed: Called, in the loop's thread, when something else was found.
    """

    def __init__(self, job: ScrapeJobSpec, changed: Callable[[], None]) -> None:
        self._job = job
        self._changed = changed
        self._found: dict[str, Found] = {
            f"static {number}": _targets(config.targets, config.labels)
            for number, config in enumerate(job.static_configs)
        }
        self.problems: dict[str, str] = {}
        """Where discovery fails, and why."""

    def targets(self) -> Iterator[Mapping[str, str]]:
        """Labels of everything that was found, in a steady order."""
        for key in sorted(self._found):
            yield from self._found[key]

    async def run(self) -> None:
        """Watch files and ask servers until cancelled."""
        async with asyncio.TaskGroup() as group:
            for number, files in enumerate(self._job.file_sd_configs):
                group.create_task(self._watch(f"file {number}", files))
            for number, server in enumerate(self._job.http_sd_configs):
                group.create_task(self._ask(f"http {number}", server))

    def look(self) -> None:
        """Read all files once, at once."""
        for number, spec in enumerate(self._job.file_sd_configs):
            for file in _files(spec):
                self._read(f"file {number} {file}", file)

    async def _watch(self, key: str, spec: FileSdSpec) -> None:
        loop = asyncio.get_running_loop()
        seen: dict[str, tuple[int, ...]] = {file: _stamp(file) for file in _files(spec)}
        refresh_at_s = loop.time() + spec.refresh_interval
        while True:
            await asyncio.sleep(_LOOK_S)
            now = {file: _stamp(file) for file in _files(spec)}
            again = loop.time() >= refresh_at_s
            if again:
                refresh_at_s = loop.time() + spec.refresh_interval
            for file, mark in now.items():
                if again or seen.get(file) != mark:
                    self._read(f"{key} {file}", file)
            for file in seen.keys() - now.keys():
                self._set(f"{key} {file}", None)
            seen = now

    def _read(self, key: str, file: str) -> None:
        try:
            groups = _groups(_load(Path(file)))
            found = [{**one, "__meta_filepath": file} for group in groups for one in group]
        except (OSError, ValueError, MadangError) as error:
            self.problems[key] = f"{file}: {reason_of(error)}"
            return
        self.problems.pop(key, None)
        self._set(key, found)

    async def _ask(self, key: str, spec: HttpSdSpec) -> None:
        client = HttpClient(spec)
        interval_s = max(spec.refresh_interval, 0.1)
        headers = {
            "User-Agent": "Madang",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "X-Prometheus-Refresh-Interval-Seconds": f"{interval_s:g}",
        }
        try:
            while True:
                try:
                    async with asyncio.timeout(interval_s):
                        response = await client.get(spec.url, headers, _MOST_ANSWER_BYTES)
                    kind = response.headers.get("content-type", "").strip()
                    if not _JSON.fullmatch(kind):
                        raise InvalidInputError(f"the answer is {kind[:80]!r}, not JSON")
                    groups = _groups(orjson.loads(response.body))
                    found = [{**one, "__meta_url": spec.url} for group in groups for one in group]
                except TimeoutError:
                    self.problems[key] = f"{spec.url}: no answer within {interval_s:g} s"
                except (OSError, ValueError, MadangError) as error:
                    self.problems[key] = f"{spec.url}: {reason_of(error)}"
                else:
                    self.problems.pop(key, None)
                    self._set(key, found)
                await asyncio.sleep(interval_s)
        finally:
            client.close()

    def _set(self, key: str, found: Found | None) -> None:
        if found is None:
            self.problems.pop(key, None)
        if self._found.get(key) == found:
            return
        if found is None:
            self._found.pop(key, None)
        else:
            self._found[key] = found
        self._changed()


def _targets(targets: Sequence[str], labels: Mapping[str, str]) -> Found:
    return [{**labels, ADDRESS: target} for target in targets]


def _files(spec: FileSdSpec) -> list[str]:
    return sorted({found for file in spec.files for found in glob.glob(file)})  # noqa: PTH207 - text


def _stamp(file: str) -> tuple[int, ...]:
    try:
        status = Path(file).stat()
    except OSError:
        return ()
    return (status.st_ino, status.st_size, status.st_mtime_ns)


def _load(path: Path) -> Any:  # noqa: ANN401 - any JSON
    # O_NONBLOCK: a named pipe must not be waited for.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise InvalidInputError("it is not a plain file")
        data = file.read(_MOST_FILE_BYTES + 1)
    if len(data) > _MOST_FILE_BYTES:
        raise InvalidInputError(f"it is larger than {_MOST_FILE_BYTES // 2**20} MiB")
    if path.suffix.lower() == ".json":
        return orjson.loads(data)
    return read_go_values(path.name, data)


def _groups(value: Any) -> list[Found]:  # noqa: ANN401 - any JSON
    """What a file or a server tells: a list of ``{targets: […], labels: {…}}``."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidInputError("it is not a list of groups of targets")
    return [_group(one, f"group {number}") for number, one in enumerate(value)]


def _group(value: Any, where: str) -> Found:  # noqa: ANN401 - any JSON
    if not isinstance(value, dict):
        raise InvalidInputError(f"{where} is not a mapping of targets and labels")
    unknown = value.keys() - {"targets", "labels"}
    if unknown:
        raise InvalidInputError(f"{where}: unknown key {min(unknown)!r}")
    targets, labels = value.get("targets") or [], value.get("labels") or {}
    if not isinstance(targets, list) or not all(isinstance(one, str) for one in targets):
        raise InvalidInputError(f"{where}: targets is not a list of text")
    if not isinstance(labels, dict) or not all(
        isinstance(part, str) for pair in labels.items() for part in pair
    ):
        raise InvalidInputError(f"{where}: labels is not a mapping to text")
    return _targets(targets, labels)
